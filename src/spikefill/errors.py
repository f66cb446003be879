"""The one exception that means: the call or the input is wrong, and here is what would do."""

from __future__ import annotations

from collections.abc import Iterable


class InputError(ValueError):
    """A wrong argument or an unusable input.

    The message is one line that names the argument, its value and what would do. The command line prints it and
    exits with code 2; in Python it is an ordinary `ValueError`.
    """


class UnreadableError(InputError):
    """A file could not be read, such as over a network that is down; what is in it is not known to be wrong."""


def check_choice(argument: str, value: str, choices: Iterable[str]) -> None:
    """Raises `InputError` unless ``value`` is one of ``choices``."""
    choices = tuple(choices)
    if value not in choices:
        raise InputError(f"{argument} is {value!r}; it must be one of: {', '.join(choices)}")
