"""What a network gives in the holes of a picture, a region at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from spikefill.errors import InputError
from spikefill.images import Pixels
from spikefill.inpainting.checks import LARGEST_VALUE
from spikefill.inpainting.planning import strip
from spikefill.masks.squares import Rectangle
from spikefill.memory import give_back
from spikefill.models.pyramid import Level
from spikefill.models.stored import Stored
from spikefill.models.windows import Window, averaged

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
    read: Reader, holes: NDArray[np.bool_], plan: Plan, inpainter: Inpainter, tell: Callable[[], None]
) -> Iterator[Filled]:
    """One after the other, the parts of a picture that cover each hole once.

    Args:
        read: Gives parts of the picture. What lies in holes has no influence, and may change meanwhile.
        holes: (H, W), True where to restore.
        plan: Made for these holes.
        inpainter: Has the network.
        tell: Called before each of ``plan.parts`` is computed.
    """
    limited = inpainter.max_memory is not None
    given = None
    if plan.coarse:
        tell()
        given = inpainter.coarse(_coarse_level(read, holes, plan.coarse), plan.coarse)
    for region in plan.regions:
        tell()
        if limited and len(plan.regions) > 1:
            give_back()
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


def _coarse_level(read: Reader, holes: NDArray[np.bool_], number: int) -> Level:
    """A coarser level of a picture of which no more than a strip is read at a time."""
    height, width = holes.shape
    rows = strip(holes.shape, number)
    strips = (
        averaged(_stored(read(part, slice(0, width)), holes[part]), number)
        for part in (slice(top, min(top + rows, height)) for top in range(0, height, rows))
    )
    light, known = zip(*strips, strict=True)
    return Level(torch.cat(light, dim=2), torch.cat(known, dim=2))


def _stored(colours: Pixels, holes: NDArray[np.bool_]) -> Stored:
    """A part of a picture for the network, which may lie in memory in any way and have any kind of numbers."""
    if colours.dtype == np.uint8:
        pixels = np.ascontiguousarray(colours)
    else:
        pixels = colours.astype(np.float32, order="C")
        pixels /= _largest(colours.dtype)
    return Stored(pixels, np.ascontiguousarray(holes))


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
