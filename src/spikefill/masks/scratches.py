"""Scratches and dust found in the photograph itself: a first mask, to look at and to correct.

Steps, for bright scratches and, with the values inverted, for dark ones:

1. A level of the surroundings: the median in a window, its largest value near by, smoothed. What exceeds it is
   brighter than everything near it that is not thin: a top-hat whose opening is by a median, which noise and the edges
   of things disturb less.
2. Lines: in many directions, the mean of the excess along a segment, where each pixel counts up to the threshold and no
   more. One bright spot or a short edge does not make a line; a faint one that goes on does. On a segment that is
   marked so, the pixels from half of the threshold are holes.
3. Dust: compact spots that exceed the level more, where little else exceeds it. In texture none is looked for.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from spikefill.errors import InputError
from spikefill.masks.adjust import dilated
from spikefill.masks.arguments import check_whole
from spikefill.masks.photograph import as_8_bit, check_photograph, colours
from spikefill.masks.squares import Rectangle, bands, largest, squares

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

SCRATCH_THRESHOLD = 20
"""The default of ``threshold`` in `scratches`: less finds more, in undamaged photographs as well.

On 12 photographs of BSDS with which nothing was tuned, damaged by scratches drawn with `sample`, bright and dark, at
opacities from 0.5 to 1, with hard and soft edges: 76 % of the pixels of lines and 37 % of those of specks are found, of
those that the damage changed by 20 grey levels or more, and 85 % of what is found is damage, each to within a pixel.
Undamaged, 0.9 % of the pixels are found in the mean and 0.5 % in the median. With 15 it is 79, 43, 81, 1.2 and 0.7 %;
with 30, 70, 25, 93, 0.4 and 0.1 %.
"""

_LEAST_WIDTH = 4
_SIDE_PER_WIDTH = 300
"""Unless told, the widest line is a 300th of the shorter side."""

_LARGEST_WIDTH = 60
_CELLS_PER_WIDTH = 2

# In cells, which are squares of half of the widest line: small enough for its shape, and few enough to be fast.
# Medians and means are over squares of _WINDOW, the largest value is that of a square of _SPREAD.
_WINDOW = 9
_SPREAD = 7
_SEGMENT = 71

_BLOCK = 1024
"""Columns of cells that are searched at once: shifted, they take memory and time by the square of their number."""

_LONGEST_SIDE = 60_000
"""Pixels: OpenCV shifts no more than 32,767 rows of cells."""

_SLOPES = 72
"""Steps from 45 degrees below level to 45 degrees above, and as many from upright to either side; level and upright are
among them, since many scratches of films and scanners are."""

_PRESENT = 0.75
"""How much of the threshold a segment reaches in the mean."""

_FAINTEST = 0.5
"""Times the threshold: the pixels of a segment that belong to it."""

_DUST = 3.5
"""Times the threshold: by how much a speck exceeds its surroundings."""

_SMALLEST_SPECK = 3
"""Pixels."""

_FILLED = 0.4
"""The least share of its bounding box that a speck fills."""

_CROWDED = 0.07
"""The largest share of pixels around a speck, itself included, that stand out as the faintest of a line do."""

_CROWD = 18
"""Times the widest line: the side of the square around a speck that must not be crowded, but for a pixel."""

_CELL, _DUSTING = 8, 24
"""Bytes that all cells take, each, and the pixels in which specks are looked for at a time."""


def scratches(pixels: NDArray[Any], threshold: int = SCRATCH_THRESHOLD, width: int | None = None) -> NDArray[np.bool_]:
    """Long thin lines and small specks that are brighter, or darker, than all that is near them.

    It works on the luminance, rounded to 8 bit. Thin and long things that belong to the picture, such as wires and
    masts, are found as well, and scratches in strong texture are missed: look at the result (`preview`).

    Args:
        pixels: (H, W) or (H, W, 1 to 4), uint8, uint16 or floating point in [0, 1]. Two and four channels: the last is
            alpha, which does not count.
        threshold: By how many grey levels, of 255, a line must stand out from the brightest, or darkest, of what is
            near it and not thin; 1 to 255. A quarter of its length may lack, or all of it a quarter of the threshold.
            Specks must stand out 3.5 times as much.
        width: The widest line, in pixels, 4 to 60; somewhat wider ones may be found as well. A line must be 27 times
            as long, in a small picture half of the longer side, and specks measure at most 3 times as much. None: a
            300th of the shorter side, at least 4 and at most 60.

    Returns:
        A bool array (H, W), True in what was found and in a margin of one pixel, for soft edges.

    Raises:
        InputError: ``pixels`` is of another kind or too long, or an argument is not a whole number in its range.
    """
    photograph = check_photograph(pixels)
    check_whole("threshold", threshold, 1, 255)
    height, columns = photograph.shape[:2]
    if max(height, columns) > _LONGEST_SIDE:
        raise InputError(
            f"the photograph is {columns} x {height} px; scratches are found up to {_LONGEST_SIDE} px a side"
        )
    if width is None:
        width = _widest(height, columns)
    check_whole("width", width, _LEAST_WIDTH, _LARGEST_WIDTH)
    grey = _luminance(photograph)
    found = np.zeros(grey.shape, bool)
    for inverted in (False, True):
        excess = _Excess(grey, inverted=inverted, side=width // _CELLS_PER_WIDTH)
        lines = _Lines(excess, threshold)
        for square in squares(grey.shape, _margin(width)):
            values = excess[square.outer]
            on_line = lines.among(values, square.outer)
            marked = on_line | _dust(values, on_line, threshold, width)
            found[square.inner] |= marked[square.inner_in_outer]
    return dilated(found, 1)


def searching(height: int, width: int) -> int:
    """The bytes that `scratches` takes beside the photograph, lines being as wide as it chooses."""
    widest = _widest(height, width)
    cells = height * width // (widest // _CELLS_PER_WIDTH) ** 2
    return 3 * height * width + _CELL * cells + _DUSTING * largest(height, width, _margin(widest))


def _widest(height: int, width: int) -> int:
    return min(max(_LEAST_WIDTH, min(height, width) // _SIDE_PER_WIDTH), _LARGEST_WIDTH)


def _margin(width: int) -> int:
    """What must be seen around a speck: those beside it in a window, and whether it goes on. Even."""
    return (3 + _CROWD // 2) * width + 2


def _luminance(photograph: NDArray[Any]) -> NDArray[np.uint8]:
    grey = np.empty(photograph.shape[:2], np.uint8)
    for rows in bands(grey.shape):
        values = np.ascontiguousarray(as_8_bit(colours(photograph[rows])))
        grey[rows] = cv2.cvtColor(values, cv2.COLOR_RGB2GRAY) if values.shape[2] == 3 else values[..., 0]
    return grey


class _Excess:
    """By how much each pixel exceeds the level of its surroundings, or 0; computed where it is asked for.

    Args:
        grey: The luminance.
        inverted: Whether what is darker is looked for.
        side: Of the cells, in pixels.
    """

    def __init__(self, grey: NDArray[np.uint8], *, inverted: bool, side: int) -> None:
        self._grey, self._inverted, self.side = grey, inverted, side
        self.shape = grey.shape
        level = cv2.medianBlur(_in_cells(self._values, self.shape, side), _WINDOW)
        level = cv2.blur(cv2.dilate(level, np.ones((_SPREAD, _SPREAD), np.uint8)), (_WINDOW, _WINDOW))
        self._level = np.asarray(level, np.uint8)

    def __getitem__(self, area: Rectangle) -> NDArray[np.uint8]:
        return np.asarray(cv2.subtract(self._values(area), _in_pixels(self._level, self.side, area)), np.uint8)

    def _values(self, area: Rectangle) -> NDArray[np.uint8]:
        return 255 - self._grey[area] if self._inverted else self._grey[area]


class _Lines:
    """The cells that lie on a line.

    Args:
        excess: In which lines are looked for.
        threshold: As for `scratches`.
    """

    def __init__(self, excess: _Excess, threshold: int) -> None:
        self._side, self._threshold = excess.side, threshold

        def counted_in(area: Rectangle) -> NDArray[np.uint8]:
            return np.asarray(cv2.convertScaleAbs(excess[area], alpha=255 / threshold), np.uint8)

        counted = _in_cells(counted_in, excess.shape, self._side)
        self._marked = np.zeros_like(counted)
        length = min(_SEGMENT, max(3, 2 * max(counted.shape) // 3))  # in a small picture, what fits
        for grid, marks in ((counted, self._marked), (counted.T, self._marked.T)):
            for start in range(0, grid.shape[1], _BLOCK):
                left, stop = max(0, start - 2 * _SEGMENT), start + _BLOCK
                part = np.ascontiguousarray(grid[:, left : stop + 2 * _SEGMENT])
                for slope in np.linspace(-1, 1, _SLOPES + 1):
                    found = _segments(part, float(slope), length, _PRESENT * 255)
                    marks[:, start:stop] |= found[:, start - left : stop - left]

    def among(self, excess: NDArray[np.uint8], area: Rectangle) -> NDArray[np.bool_]:
        """Which pixels of an area, whose excess is given, are on a line."""
        on_line = _in_pixels(self._marked, self._side, area).astype(bool)
        return np.asarray(on_line & (excess >= _FAINTEST * self._threshold))


def _in_cells(values: Callable[[Rectangle], NDArray[np.uint8]], shape: tuple[int, ...], side: int) -> NDArray[np.uint8]:
    """The largest value of each cell, so that a line of one pixel is not lost.

    Args:
        values: Gives those of a rectangle.
        shape: Height and width of the picture.
        side: Of the cells.
    """
    height, width = shape
    cells = np.empty((-(-height // side), -(-width // side)), np.uint8)
    for rows in bands((len(cells), width * side)):
        part = values((slice(rows.start * side, min(rows.stop * side, height)), slice(0, width)))
        below, right = -len(part) % side, -width % side
        filled = np.asarray(cv2.copyMakeBorder(part, 0, below, 0, right, cv2.BORDER_REPLICATE))
        tall = filled.reshape(-1, side, filled.shape[1]).max(axis=1)
        cells[rows] = tall.reshape(len(tall), -1, side).max(axis=2)
    return cells


def _in_pixels(cells: NDArray[np.uint8], side: int, area: Rectangle) -> NDArray[np.uint8]:
    """The values of cells at the pixels of a rectangle."""
    rows, columns = (np.arange(span.start, span.stop) // side for span in area)
    return cells[rows][:, columns]


def _segments(counted: NDArray[np.uint8], slope: float, length: int, least: float) -> NDArray[np.uint8]:
    """1 on all segments of a slope, from -1 to 1, and a length, whose mean is at least ``least``.

    The columns are shifted so that such segments lie level, and back.
    """
    height, width = counted.shape
    along = round(length / math.hypot(1, slope)) | 1
    taller = height + math.ceil(abs(slope) * width)
    shift = min(0.0, -slope * width)
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    level = cv2.warpAffine(counted, np.array(((1, 0, 0), (slope, 1, shift))), (width, taller), flags=flags)
    mean = cv2.blur(level, (along, 1), borderType=cv2.BORDER_CONSTANT)
    _, middles = cv2.threshold(mean, least, 1, cv2.THRESH_BINARY)
    marks = cv2.dilate(middles, np.ones((3, along), np.uint8))  # a cell to either side: slopes differ a little
    back = cv2.warpAffine(marks, np.array(((1, 0, 0), (-slope, 1, -shift))), (width, height), flags=flags)
    return np.asarray(back, np.uint8)


def _dust(excess: NDArray[np.uint8], lines: NDArray[np.bool_], threshold: int, width: int) -> NDArray[np.bool_]:
    """Compact spots of at most twice the width, with little around them that stands out and is not on a line."""
    strong = (excess >= min(255, _DUST * threshold)).astype(np.uint8)
    _, labels, boxes, centres = cv2.connectedComponentsWithStats(strong, connectivity=8)
    sides, area = boxes[1:, 2:4], boxes[1:, 4]  # without the ground, which is number 0
    column, row = np.rint(centres[1:]).astype(int).T
    window = _CROWD * width + 1
    other = ((excess >= _FAINTEST * threshold) & ~lines).astype(np.float32)
    crowd = cv2.blur(other, (window, window))[row, column]
    compact = (sides.max(axis=1) <= 3 * width) & (area >= _SMALLEST_SPECK) & (area >= _FILLED * sides.prod(axis=1))
    kept = np.concatenate([[False], compact & (crowd <= _CROWDED)])
    return np.asarray(kept[labels])
