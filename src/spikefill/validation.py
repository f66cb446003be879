"""One line for what pydantic finds wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError

Place = tuple[int | str, ...]
"""Where a value is: the names of the mappings around it, and its own."""

_LONGEST = 120
"""Characters of a value that are shown."""


def first_problem(error: ValidationError, fields: Callable[[Place], Iterable[str]], *, kind: str = "setting") -> str:
    """The first thing that is wrong: its name, its value, and what would do.

    Args:
        error: What was raised.
        fields: Gives the names that there are at a place.
        kind: What a name stands for.
    """
    problem = error.errors(include_url=False)[0]
    place = problem["loc"]
    name = ".".join(str(part) for part in place)
    if problem["type"] == "extra_forbidden":
        return f"{name} is no {kind}; there are: {', '.join(fields(place[:-1]))}"
    if problem["type"] == "missing":
        return f"{name} is missing"
    message = problem["msg"].removeprefix("Value error, ").replace("Input should", "it must")
    if not place:  # it is about several of them
        return message
    value = repr(problem["input"])
    shown = value if len(value) <= _LONGEST else f"{value[:_LONGEST]}..."
    return f"{name} is {shown}; {message}"
