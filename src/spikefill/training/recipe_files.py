"""Recipes by name or file, settings changed by ``key=value``, and one line for what is wrong."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from spikefill.errors import InputError
from spikefill.training.recipe import Recipe, Settings
from spikefill.validation import first_problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic.fields import FieldInfo


class _Loader(yaml.SafeLoader):
    """Safe YAML, where ``1e-4`` is a number as in YAML 1.2 and JSON; YAML 1.1 asks for ``1.0e-4``."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def built_in_recipes() -> tuple[str, ...]:
    """Names of the recipes inside the package, sorted."""
    folder = resources.files("spikefill.training") / "recipes"
    return tuple(sorted(file.name[: -len(".yaml")] for file in folder.iterdir() if file.name.endswith(".yaml")))


def load_recipe(name_or_file: str | Path, changes: Iterable[str] = ()) -> Recipe:
    """Reads and validates a recipe.

    Args:
        name_or_file: The name of a recipe inside the package, or a YAML file.
        changes: Settings to change, as ``"optimiser.learning_rate=1e-4"``; the value is read as YAML.

    Raises:
        InputError: There is no such recipe, or it or a change is wrong; the line names the setting.
    """
    text, origin = _read(name_or_file)
    try:
        values = _parse(text)
    except yaml.YAMLError as error:
        raise InputError(f"{origin} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise InputError(f"{origin} holds no settings; it must be a YAML mapping such as 'name: mine'")
    if isinstance(name_or_file, Path) or name_or_file not in built_in_recipes():
        values.setdefault("name", Path(name_or_file).stem)
    for change in changes:
        change_setting(values, change)
    return _validated(values, origin)


def change_recipe(recipe: Recipe, changes: Iterable[str]) -> Recipe:
    """A recipe with settings changed as by `load_recipe`."""
    values = recipe.model_dump(mode="json")
    for change in changes:
        change_setting(values, change)
    return _validated(values, "the recipe")


def _read(name_or_file: str | Path) -> tuple[str, str]:
    if isinstance(name_or_file, str) and name_or_file in built_in_recipes():
        file = resources.files("spikefill.training") / "recipes" / f"{name_or_file}.yaml"
        return file.read_text(encoding="utf-8"), f"recipe {name_or_file!r}"
    path = Path(name_or_file)
    try:
        return path.read_text(encoding="utf-8"), str(path)
    except OSError as error:
        raise InputError(
            f"recipe is {str(name_or_file)!r} ({error.strerror or error}); it must be a YAML file or one of: "
            f"{', '.join(built_in_recipes())}"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not text; a recipe is a YAML file in UTF-8") from error


def _parse(text: str) -> Any:
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def change_setting(values: dict[str, Any], change: str) -> None:
    """Changes one setting in place, making the mappings on the way to it."""
    key, equals, text = change.partition("=")
    names = key.strip().split(".")
    if not equals or not all(names):
        raise InputError(f"--set is {change!r}; it must be key=value, such as optimiser.learning_rate=1e-4")
    try:
        value = _parse(text)
    except yaml.YAMLError as error:
        raise InputError(f"--set is {change!r}; its value is not YAML: {' '.join(str(error).split())}") from error
    for depth, name in enumerate(names[:-1]):
        inner = values.setdefault(name, {})
        if not isinstance(inner, dict):
            raise InputError(f"--set is {change!r}; {'.'.join(names[: depth + 1])} is a value without settings inside")
        values = inner
    values[names[-1]] = value


def _validated(values: dict[str, Any], origin: str) -> Recipe:
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{origin}: {first_problem(error, _fields)}") from error


def _fields(place: tuple[int | str, ...]) -> Iterable[str]:
    settings: type[Settings] = Recipe
    for part in place:
        field: FieldInfo = settings.model_fields[str(part)]
        assert isinstance(field.annotation, type)
        assert issubclass(field.annotation, Settings)
        settings = field.annotation
    return settings.model_fields
