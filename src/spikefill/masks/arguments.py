"""Checks that the tools for masks share."""

from __future__ import annotations

import numpy as np

from spikefill.errors import InputError


def check_whole(argument: str, value: int, low: int, high: int) -> None:
    """Raises `InputError` unless ``value`` is a whole number from ``low`` to ``high``."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or not low <= value <= high:
        raise InputError(f"{argument} is {value!r}; it must be a whole number from {low} to {high}")
