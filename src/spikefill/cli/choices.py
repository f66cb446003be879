"""Options that several commands have: lists of names, the size of what is measured, numbers from one on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spikefill.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

_FULL = "full"


def listed(option: str, text: str, choices: Sequence[str]) -> list[str]:
    """The names in a list with commas, each a choice and named once."""
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in choices:
            raise InputError(f"{option} names {name!r}; it takes, separated by commas: {', '.join(choices)}")
        if names.count(name) > 1:
            raise InputError(f"{option} names {name!r} twice; once is enough")
    return names


def crop_side(text: str, smallest: int) -> int | str:
    """The side of a centre crop in pixels, or ``"full"``, from ``--size``."""
    if text == _FULL:
        return text
    if not (text.isascii() and text.isdigit() and int(text) >= smallest):
        raise InputError(f"--size is {text!r}; it must be a number of pixels from {smallest}, or '{_FULL}'")
    return int(text)


def at_least_one(option: str, value: int | None) -> None:
    """Raises `InputError` if a number is below 1."""
    if value is not None and value < 1:
        raise InputError(f"{option} is {value}; it must be at least 1")
