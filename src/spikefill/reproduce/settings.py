"""The settings of an experiment: full or quick, with changes asked for on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from spikefill.errors import InputError
from spikefill.training.recipe import Settings
from spikefill.training.recipe_files import change_setting
from spikefill.validation import first_problem

if TYPE_CHECKING:
    from collections.abc import Iterable

S = TypeVar("S", bound=Settings)


def changed(settings: S, changes: Iterable[str], origin: str) -> S:
    """The settings with some of them changed.

    Args:
        settings: Of an experiment.
        changes: As ``"training.steps=2000"``; the value is read as YAML.
        origin: Whose settings they are, for the message.

    Raises:
        InputError: A change names no setting, or its value is wrong.
    """
    values = settings.model_dump(mode="json")
    for change in changes:
        change_setting(values, change)
    try:
        return type(settings).model_validate(values)
    except ValidationError as error:
        raise InputError(f"{origin}: {first_problem(error, lambda place: _fields(type(settings), place))}") from error


def _fields(settings: type[Settings], place: tuple[int | str, ...]) -> Iterable[str]:
    for part in place:
        inner = settings.model_fields[str(part)].annotation
        assert isinstance(inner, type)
        assert issubclass(inner, Settings)
        settings = inner
    return settings.model_fields
