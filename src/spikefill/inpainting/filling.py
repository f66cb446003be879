"""What a network gives in the holes of a picture, a region at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from spikefill.errors import InputError
from spikefill.images import Pixels
from spikefill.inpainting.checks import LARGEST_VALUE
from spikefill.inpainting.planning import strip
from spikefill.masks.squares import Rectangle
from spikefill.models.pyramid import Level
from spikefill.models.stored import Stored
from spikefill.models.windows import Window, averaged
from spikefill.peak_memory import resident
from spikefill.processes import give_memory_back

if TYPE_CHECKING:
    from spikefill.inpainting.pipeline import Inpainter
    from spikefill.inpainting.planning import Plan
    from spikefill.inpainting.regions import Region

Reader = Callable[[slice, slice], Pixels]
"""Gives the pixels (H, W, 1 or 3) of some rows and columns: uint8, uint16 or floating point in [0, 1]."""


class Filled(NamedTuple):
    """What the network gives in the holes of a part of a picture, row by row.

    Attributes:
        area: The part.
        rows: int64 (N,), of the picture.
        columns: The same.
        values: float32 (N, 3); 1 is white, and values may lie beyond.
    """

    area: Rectangle
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: Pixels


def filled(
    read: Reader,
    holes: NDArray[np.bool_],
    plan: Plan,
    inpainter: Inpainter,
    tell: Callable[[], None],
    *,
    by_columns: bool = False,
) -> Iterator[Filled]:
    """One after the other, the parts of a picture that cover each hole once.

    Args:
        read: Gives parts of the picture. What lies in holes has no influence, and may change meanwhile.
        holes: (H, W), True where to restore.
        plan: Made for these holes.
        inpainter: Has the network.
        tell: Called before each of ``plan.parts`` is computed.
        by_columns: Read from left to right rather than from the top to the bottom.
    """
    given = None
    regions: Iterable[Region | Window] = plan.regions
    if plan.coarse:
        tell()
        level = _coarse_level(read, holes, plan.coarse, by_columns=by_columns)
        given = inpainter.coarse(level, plan.coarse)
        del level
    if by_columns:
        regions = sorted(regions, key=lambda region: (region.inner[1].start, region.inner[0].start))
    for region in regions:
        tell()
        if inpainter.max_memory is not None and resident() + plan.needed > inpainter.max_memory:
            give_memory_back()
        picture = _stored(read(*region.outer), holes[region.outer])
        rows, columns, asked = _places(picture, region)
        if given is not None and isinstance(region, Window):
            found = inpainter.in_window(picture, region, given)
        else:
            found = inpainter.in_holes(picture)[:, torch.from_numpy(asked)]
        yield Filled(region.inner, rows[asked], columns[asked], found.numpy().T)


def as_pixels(values: NDArray[np.float32], channels: int, dtype: np.dtype[np.generic]) -> Pixels:
    """(N, 3), as a network gives them, as colours or grey values (N, 1) of a picture.

    Raises:
        InputError: The network answered with what is not a number.
    """
    values = values.clip(0, 1)
    if np.isnan(values).any():
        raise InputError("model answers with values that are not a number; its weights are damaged")
    if channels == 1:
        values = values.mean(axis=1, keepdims=True)
    largest = _largest(dtype)
    return (np.floor(values * largest + 0.5) if largest > 1 else values).astype(dtype)


def _coarse_level(read: Reader, holes: NDArray[np.bool_], number: int, *, by_columns: bool) -> Level:
    """A coarser level of a picture of which no more than a strip is read at a time."""
    axis = 1 if by_columns else 0
    length, step = holes.shape[axis], strip(holes.shape[:: -1 if by_columns else 1], number)
    whole = slice(0, holes.shape[1 - axis])
    strips = []
    for first in range(0, length, step):
        span = slice(first, min(first + step, length))
        area = (whole, span) if by_columns else (span, whole)
        strips.append(averaged(_stored(read(*area), holes[area]), number))
    light, known = zip(*strips, strict=True)
    return Level(torch.cat(light, dim=2 + axis), torch.cat(known, dim=2 + axis))


def _stored(colours: Pixels, holes: NDArray[np.bool_]) -> Stored:
    """A part of a picture for the network, which may lie in memory in any way and have any kind of numbers."""
    if colours.dtype == np.uint8:
        pixels = _in_one_piece(colours)
    else:
        pixels = np.array(colours, np.float32, order="C")
        pixels /= _largest(colours.dtype)
    return Stored(pixels, _in_one_piece(holes))


def _in_one_piece(array: NDArray[Any]) -> NDArray[Any]:
    """The array, or a copy that torch takes: to numpy an axis of length 1 may go backwards, too."""
    whole = np.ascontiguousarray(array)
    return whole.copy() if min(whole.strides) < 0 else whole


def copied(dtype: np.dtype[np.generic], channels: int) -> int:
    """Bytes a pixel that numbers other than uint8 take for the network, beside those that are read."""
    return 0 if dtype == np.uint8 else 4 * channels


def _largest(dtype: np.dtype[np.generic]) -> int:
    """What stands for 1."""
    return LARGEST_VALUE.get(dtype.newbyteorder("="), 1)


def _places(picture: Stored, region: Region | Window) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Rows and columns of a region's holes, in the whole picture, and which of them lie in its inner part."""
    rows, columns = np.divmod(picture.places, picture.holes.shape[1])
    rows, columns = (part + span.start for part, span in zip((rows, columns), region.outer, strict=True))
    asked = np.ones(len(rows), bool)
    for position, span in zip((rows, columns), region.inner, strict=True):
        asked &= (position >= span.start) & (position < span.stop)
    return rows, columns, asked
