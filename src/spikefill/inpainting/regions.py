"""What to compute: the parts of a picture around its holes, so that cost and memory follow the holes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TILE = 256
"""Side, in pixels, of the squares into which a picture is divided."""


@dataclass(frozen=True)
class Region:
    """A rectangle to restore, and the larger one that the network must see for it.

    Attributes:
        inner: Rows and columns to restore.
        outer: The same with the context on each side, cut at the picture's border.
    """

    inner: tuple[slice, slice]
    outer: tuple[slice, slice]

    @property
    def inner_in_outer(self) -> tuple[slice, slice]:
        """Where ``inner`` lies within ``outer``."""
        rows, columns = (
            slice(i.start - o.start, i.stop - o.start) for i, o in zip(self.inner, self.outer, strict=True)
        )
        return rows, columns


def plan(holes: NDArray[np.bool_], context: int | None, tile: int = TILE) -> list[Region]:
    """Regions that cover all holes once.

    A network whose output depends on ``context`` pixels on each side, and which pads with zeros, gives within each
    region what it gives there for the whole picture: beyond the border of a region lie ``context`` pixels of its
    neighbours, or the border of the picture.

    Args:
        holes: (H, W), True where something is to be restored.
        context: Pixels of context on each side; None for a network that looks at the whole picture.
        tile: Side of the squares of the grid that holes are grouped by.

    Returns:
        For each square that has holes, the smallest rectangle around them. With ``context`` None, the whole picture.
    """
    height, width = holes.shape
    if context is None:
        whole = (slice(0, height), slice(0, width))
        return [Region(whole, whole)] if holes.any() else []
    regions = []
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            part = holes[top : top + tile, left : left + tile]
            rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
            if rows.size:
                inner = (
                    slice(top + int(rows[0]), top + int(rows[-1]) + 1),
                    slice(left + int(columns[0]), left + int(columns[-1]) + 1),
                )
                regions.append(Region(inner, (_wider(inner[0], context, height), _wider(inner[1], context, width))))
    return regions


def _wider(span: slice, by: int, limit: int) -> slice:
    return slice(max(0, span.start - by), min(limit, span.stop + by))
