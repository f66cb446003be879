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

if TYPE_CHECKING:
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
    grey = _luminance(photograph)
    if width is None:
        width = min(max(_LEAST_WIDTH, min(grey.shape) // _SIDE_PER_WIDTH), _LARGEST_WIDTH)
    check_whole("width", width, _LEAST_WIDTH, _LARGEST_WIDTH)
    found = np.zeros(grey.shape, bool)
    for values in (grey, 255 - grey):
        excess = _excess(values, width // _CELLS_PER_WIDTH)
        lines = _lines(excess, threshold, width // _CELLS_PER_WIDTH)
        found |= lines | _dust(excess, lines, threshold, width)
    return dilated(found, 1)


def _luminance(photograph: NDArray[Any]) -> NDArray[np.uint8]:
    values = np.ascontiguousarray(as_8_bit(colours(photograph)))
    return np.asarray(cv2.cvtColor(values, cv2.COLOR_RGB2GRAY) if values.shape[2] == 3 else values[..., 0], np.uint8)


def _in_cells(values: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The largest value of each cell, so that a line of one pixel is not lost."""
    height, width = values.shape
    filled = np.asarray(cv2.copyMakeBorder(values, 0, -height % side, 0, -width % side, cv2.BORDER_REPLICATE))
    rows = filled.reshape(-1, side, filled.shape[1]).max(axis=1)
    return np.ascontiguousarray(rows.reshape(len(rows), -1, side).max(axis=2))


def _in_pixels(cells: NDArray[np.uint8], side: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    return cells.repeat(side, axis=0)[: shape[0]].repeat(side, axis=1)[:, : shape[1]]


def _excess(values: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """By how much each pixel exceeds the level of its surroundings; 0 where it does not."""
    level = cv2.medianBlur(_in_cells(values, side), _WINDOW)
    level = cv2.blur(cv2.dilate(level, np.ones((_SPREAD, _SPREAD), np.uint8)), (_WINDOW, _WINDOW))
    return np.asarray(cv2.subtract(values, _in_pixels(np.asarray(level, np.uint8), side, values.shape)), np.uint8)


def _lines(excess: NDArray[np.uint8], threshold: int, side: int) -> NDArray[np.bool_]:
    counted = _in_cells(np.asarray(cv2.convertScaleAbs(excess, alpha=255 / threshold), np.uint8), side)
    marked = np.zeros_like(counted)
    length = min(_SEGMENT, max(3, 2 * max(counted.shape) // 3))  # in a small picture, what fits
    for grid, marks in ((counted, marked), (counted.T, marked.T)):
        for start in range(0, grid.shape[1], _BLOCK):
            left, stop = max(0, start - 2 * _SEGMENT), start + _BLOCK
            part = np.ascontiguousarray(grid[:, left : stop + 2 * _SEGMENT])
            for slope in np.linspace(-1, 1, _SLOPES + 1):
                found = _segments(part, float(slope), length, _PRESENT * 255)
                marks[:, start:stop] |= found[:, start - left : stop - left]
    on_line = _in_pixels(marked, side, excess.shape).astype(bool)
    return np.asarray(on_line & (excess >= _FAINTEST * threshold))


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
    window = 18 * width + 1
    other = ((excess >= _FAINTEST * threshold) & ~lines).astype(np.float32)
    crowd = cv2.blur(other, (window, window))[row, column]
    compact = (sides.max(axis=1) <= 3 * width) & (area >= _SMALLEST_SPECK) & (area >= _FILLED * sides.prod(axis=1))
    kept = np.concatenate([[False], compact & (crowd <= _CROWDED)])
    return np.asarray(kept[labels])
