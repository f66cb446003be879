"""Holes that are wider than a square sees: filled at half the size first, then refined where there is something to see.

A pixel that lies farther from everything known than the network is given as context would be restored differently in
the squares on both sides of an edge, for want of what the other one sees. Such deep pixels are taken from the picture
at half its size, which is restored in the same manner; the others are then restored at full size, between what is
known and what was taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from spikefill.images.content import Pixels
from spikefill.inpainting.regions import Region, plan
from spikefill.masks.adjust import dilated

OVERLAP = 32
"""Pixels over which one square fades into the next: enough for no edge to be seen in a smooth hole."""

_ROWS = 64
"""How many are worked on at a time; even, so that those of half the size are whole."""


@dataclass(frozen=True, eq=False)
class Stage:
    """What is restored at one size of a picture.

    Attributes:
        holes: (H, W), True where nothing is known, nor taken from a coarser stage.
        wanted: (H, W), True in the holes that are to be restored.
        deep: (H, W), True where the picture of half the size gives the pixels; None where none is needed.
        regions: That cover what is wanted.
    """

    holes: NDArray[np.bool_]
    wanted: NDArray[np.bool_]
    deep: NDArray[np.bool_] | None
    regions: Sequence[Region]


def plan_stages(
    holes: NDArray[np.bool_], context: int, tile: int, wanted: NDArray[np.bool_] | None = None
) -> list[Stage]:
    """The stages in which a picture is restored.

    Args:
        holes: (H, W), True where nothing is known.
        context: Pixels that the network is given on each side of what it restores.
        tile: Side of the squares that the picture is divided into.
        wanted: (H, W), True in the holes to restore; None for all of them.

    Returns:
        The stage at full size and, where it has deep pixels, those at half of it, a quarter and so on.
    """
    wanted = holes if wanted is None else wanted
    regions = plan(wanted, context, tile, overlap=OVERLAP)
    deep = _deep(holes, wanted, regions, context) if len(regions) > 1 else None
    if deep is None:
        return [Stage(holes, wanted, None, regions)]
    if max(holes.shape) <= tile + OVERLAP + 2 * context:  # no more than one square with its context
        return [Stage(holes, wanted, None, plan(wanted, context, max(holes.shape)))]
    smaller = _in_each_four(holes, all_of_them=True)
    needed = cv2.dilate(_in_each_four(deep, all_of_them=False).view(np.uint8), np.ones((3, 3), np.uint8)).view(bool)
    shallow, rest = holes & ~deep, wanted & ~deep
    first = Stage(shallow, rest, deep, plan(rest, context, tile, overlap=OVERLAP))
    return [first, *plan_stages(smaller, context, tile, needed & smaller)]


def _deep(
    holes: NDArray[np.bool_], wanted: NDArray[np.bool_], regions: Sequence[Region], context: int
) -> NDArray[np.bool_] | None:
    """The wanted pixels that are farther than ``context`` from all that is known; None if there are none."""
    deep: NDArray[np.bool_] | None = None
    for region in regions:
        part = holes[region.outer]
        if not _maybe_deep(part, context):
            continue
        found = ~dilated(~part, context)[region.inner_in_outer] & wanted[region.inner]
        if found.any():
            deep = np.zeros_like(holes) if deep is None else deep
            deep[region.inner] = found
    return deep


def _maybe_deep(holes: NDArray[np.bool_], context: int) -> bool:
    """Whether a pixel may be farther than ``context`` from all that is known, by a look at few pixels.

    Around such a pixel lies at least a quarter of a circle of holes, in a corner of the picture, and in that a square
    with 3 x 3 of the pixels looked at, or as many as the picture has.
    """
    apart = max(1, context // 5)
    spots = np.ascontiguousarray(holes[::apart, ::apart]).view(np.uint8)
    return bool(cv2.erode(spots, np.ones((3, 3), np.uint8)).any())


def _in_each_four(mask: NDArray[np.bool_], *, all_of_them: bool) -> NDArray[np.bool_]:
    """The mask at half the size: whether all of 2 x 2 pixels are True, or any; what is outside does not count."""
    bottom, right = (side % 2 for side in mask.shape)
    whole = np.pad(mask, ((0, bottom), (0, right)), constant_values=all_of_them) if bottom or right else mask
    join = np.logical_and if all_of_them else np.logical_or
    rows = join(whole[::2], whole[1::2])
    return np.asarray(join(rows[:, ::2], rows[:, 1::2]))


def halved(colours: Pixels, holes: NDArray[np.bool_]) -> Pixels:
    """A picture at half its size: each pixel the mean of what is known of 2 x 2, and 0 where nothing is.

    Args:
        colours: (H, W, C), uint8, uint16 or floating point.
        holes: (H, W), True where nothing is known.

    Returns:
        (H / 2, W / 2, C), rounded up, of the same dtype.
    """
    height, width, channels = colours.shape
    result = np.empty(((height + 1) // 2, (width + 1) // 2, channels), colours.dtype)
    for top in range(0, height, _ROWS):
        known = ~holes[top : top + _ROWS]
        values = np.where(known[..., None], colours[top : top + _ROWS], 0)
        counts = _sum_of_four(known[..., None].astype(np.float32))
        means = _sum_of_four(values.astype(np.float32)) / np.maximum(counts, 1)
        result[top // 2 : (top + _ROWS) // 2] = np.rint(means) if colours.dtype.kind == "u" else means
    return result


def _sum_of_four(values: NDArray[np.float32]) -> NDArray[np.float32]:
    bottom, right = (side % 2 for side in values.shape[:2])
    whole = np.pad(values, ((0, bottom), (0, right), (0, 0)))
    rows = whole[::2] + whole[1::2]
    return np.asarray(rows[:, ::2] + rows[:, 1::2])


def take_over(colours: Pixels, smaller: Pixels, deep: NDArray[np.bool_]) -> None:
    """Gives deep pixels the values of a picture of half the size, by bilinear interpolation.

    Args:
        colours: (H, W, C), which is written into.
        smaller: (H / 2, W / 2, C), rounded up.
        deep: (H, W), True where to write.
    """
    for top in range(0, len(deep), _ROWS):
        rows, columns = np.nonzero(deep[top : top + _ROWS])
        if rows.size:
            values = taken_from(smaller, rows + top, columns)
            colours[rows + top, columns] = np.rint(values) if colours.dtype.kind == "u" else values


def taken_from(smaller: Pixels, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Pixels:
    """What a picture of half the size has at pixels of the whole, by bilinear interpolation: (N, C), not rounded."""
    above, below, down = _between(rows, smaller.shape[0])
    left, right, across = _between(columns, smaller.shape[1])
    upper = smaller[above, left] * (1 - across) + smaller[above, right] * across
    lower = smaller[below, left] * (1 - across) + smaller[below, right] * across
    return np.asarray(upper * (1 - down) + lower * down)


def _between(
    position: NDArray[np.int64], length: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """The two pixels of the smaller picture around one of the larger, and how far it is between them."""
    source = np.clip(position / 2 - 0.25, 0, length - 1)
    first = source.astype(np.int64)
    return first, np.minimum(first + 1, length - 1), (source - first).astype(np.float32)[:, None]
