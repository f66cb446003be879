"""From the orientation in which people see a picture to that in which its file stores it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spikefill.images.content import Pixels

TAG = 0x0112
"""The EXIF and TIFF tag of the orientation."""

UPRIGHT = 1


def valid(value: object) -> int:
    """An orientation read from a file, or `UPRIGHT` where it is none."""
    return value if isinstance(value, int) and 1 <= value <= 8 else UPRIGHT


def displayed_shape(stored: tuple[int, ...], orientation: int) -> tuple[int, int]:
    """Height and width of a picture as it is displayed."""
    height, width = stored[:2]
    return (height, width) if orientation < 5 else (width, height)


def displayed_to_stored(array: Pixels, orientation: int) -> Pixels:
    """An array in displayed orientation (H, W) or (H, W, C) turned as a file of this EXIF orientation stores it."""
    turns: dict[int, Callable[[Pixels], Pixels]] = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a),
        7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
        8: lambda a: np.rot90(a, -1),
    }
    return turns[orientation](array)


def stored_to_displayed(array: Pixels, orientation: int) -> Pixels:
    """Undoes `displayed_to_stored`."""
    inverse = {6: 8, 8: 6}
    return displayed_to_stored(array, inverse.get(orientation, orientation))
