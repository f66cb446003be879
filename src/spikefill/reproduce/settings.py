"""The settings of an experiment: full or quick, with changes asked for on the command line."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, ValidationError

from spikefill.errors import InputError, check_choice
from spikefill.training.recipe import Settings
from spikefill.training.recipe_files import change_setting
from spikefill.validation import first_problem

S = TypeVar("S", bound=Settings)
T = TypeVar("T")


def unique(values: tuple[T, ...]) -> tuple[T, ...]:
    """The values, of which no two may be the same: each stands for trials of its own."""
    if len(set(values)) < len(values):
        raise ValueError("each may be named once")
    return values


def one_of(choices: Collection[str]) -> AfterValidator:
    """Checks a name, which must be a choice."""

    def check(name: str) -> str:
        if name not in choices:
            raise ValueError(f"it must be one of: {', '.join(choices)}")
        return name

    return AfterValidator(check)


def each_of(argument: str, choices: Iterable[str]) -> AfterValidator:
    """Checks names, of which each must be a choice, and no two the same; ``argument`` says what they name."""

    def check(names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            check_choice(argument, name, choices)
        return unique(names)

    return AfterValidator(check)


Seeds = Annotated[tuple[Annotated[int, Field(ge=0, lt=1 << 32)], ...], Field(min_length=1), AfterValidator(unique)]
"""Settings that name seeds, a training for each."""
TimeSteps = Annotated[tuple[Annotated[int, Field(ge=1)], ...], AfterValidator(unique)]
"""Settings that name values of T."""


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
