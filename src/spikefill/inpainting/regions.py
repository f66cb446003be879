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


def plan(holes: NDArray[np.bool_], context: int | None, tile: int = TILE, *, least_known: float = 0.0) -> list[Region]:
    """Regions that cover all holes once.

    A network whose output depends on ``context`` pixels on each side, and which pads with zeros, gives within each
    region what it gives there for the whole picture: beyond the border of a region lie ``context`` pixels of its
    neighbours, or the border of the picture.

    Args:
        holes: (H, W), True where something is to be restored.
        context: Pixels of context on each side; None for a network that looks at the whole picture.
        tile: Side of the squares of the grid that holes are grouped by.
        least_known: Share of every region's outer rectangle that must be known.

    Returns:
        For each square that has holes, the smallest rectangle around them. With ``context`` None, or where one of the
        regions has too little known, the whole picture.
    """
    height, width = holes.shape
    whole = (slice(0, height), slice(0, width))
    if context is None:
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
    if any(1 - holes[region.outer].mean() < least_known for region in regions):
        return [Region(whole, whole)]
    return regions


def _wider(span: slice, by: int, limit: int) -> slice:
    return slice(max(0, span.start - by), min(limit, span.stop + by))
