"""Filling the holes of a picture with what a network gives, a region at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from spikefill.errors import InputError
from spikefill.images import Pixels
from spikefill.inpainting.checks import LARGEST_VALUE
from spikefill.inpainting.regions import Region
from spikefill.inpainting.stages import Stage, halved, take_over
from spikefill.models.stored import Stored


def fill(
    colours: Pixels, stages: Sequence[Stage], restored: Callable[[Stored], Tensor], tell: Callable[[], None]
) -> None:
    """Restores what the first of some stages wants.

    What is restored is in a hole, and holes are never read: the regions do not depend on one another.

    Args:
        colours: (H, W, 1 or 3), uint8, uint16 or floating point in [0, 1]; written into.
        stages: As `plan_stages` gives them.
        restored: What a network gives in the holes of a picture, 3 x N, row by row.
        tell: Called at each region.

    Raises:
        InputError: The network answers with what is not a number.
    """
    stage, *coarser = stages
    if stage.deep is not None:
        smaller = halved(colours, stage.holes | stage.deep)
        fill(smaller, coarser, restored, tell)
        take_over(colours, smaller, stage.deep)
        del smaller
    largest = LARGEST_VALUE.get(colours.dtype.newbyteorder("="), 1)
    for region in stage.regions:
        tell()
        picture = _stored(colours[region.outer], stage.holes[region.outer], largest)
        found = restored(picture)
        rows, columns, here = _wanted(picture, region, stage.wanted)
        values = found.numpy().T[here].clip(0, 1)
        if np.isnan(values).any():
            raise InputError("model answers with values that are not a number; its weights are damaged")
        if colours.shape[2] == 1:
            values = values.mean(axis=1, keepdims=True)
        values *= largest
        if region.fades != (None, None):
            weights = region.weights()[rows - region.inner[0].start, columns - region.inner[1].start][:, None]
            soft = weights[:, 0] < 1  # the others may have nothing yet that is a number
            before = colours[rows[soft], columns[soft]].astype(np.float32)
            values[soft] = weights[soft] * values[soft] + (1 - weights[soft]) * before
        colours[rows, columns] = (np.floor(values + 0.5) if largest > 1 else values).astype(colours.dtype)


def _stored(colours: Pixels, holes: NDArray[np.bool_], largest: int) -> Stored:
    """A part of a picture for the network, which may lie in memory in any way and have any kind of numbers."""
    if colours.dtype == np.uint8:
        pixels = np.ascontiguousarray(colours)
    else:
        pixels = colours.astype(np.float32, order="C")
        pixels /= largest
    return Stored(pixels, np.ascontiguousarray(holes))


def _wanted(
    picture: Stored, region: Region, wanted: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Rows and columns of the holes that a region restores, in the whole picture, and which of its holes they are."""
    top, left = (span.start for span in region.outer)
    rows, columns = np.divmod(picture.places, picture.holes.shape[1])
    rows, columns = rows + top, columns + left
    here = wanted[rows, columns]
    for span, position in zip(region.inner, (rows, columns), strict=True):
        here &= (position >= span.start) & (position < span.stop)
    return rows[here], columns[here], here
