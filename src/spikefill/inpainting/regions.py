"""What to compute: the parts of a picture around its holes, so that cost and memory follow the holes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikefill.masks.squares import Square, wider

TILE = 256
"""Side, in pixels, of the squares into which a picture is divided."""


class Region(Square):
    """A rectangle to restore, and the larger one, with the context on each side, that the network must see for it."""


def plan(holes: NDArray[np.bool_], context: int | None, tile: int = TILE) -> list[Region]:
    """Regions that cover each hole once.

    A network whose output depends on ``context`` pixels on each side, and which pads with zeros, gives within each
    region what it gives there for the whole picture: beyond the border of a region lie ``context`` pixels of its
    neighbours, or the border of the picture.

    Args:
        holes: (H, W), True where something is to be restored.
        context: Pixels of context on each side; None for a network that looks at the whole picture.
        tile: Side of the squares of the grid that holes are grouped by.

    Returns:
        For each square that has holes, the smallest rectangle around them. With ``context`` None the whole picture.
    """
    height, width = holes.shape
    whole = (slice(0, height), slice(0, width))
    if context is None:
        return [Region(whole, whole)] if holes.any() else []
    regions = []
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            part = holes[top : top + tile, left : left + tile]
            if not part.any():
                continue
            rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
            inner = (
                slice(top + int(rows[0]), top + int(rows[-1]) + 1),
                slice(left + int(columns[0]), left + int(columns[-1]) + 1),
            )
            regions.append(Region(inner, (wider(inner[0], context, height), wider(inner[1], context, width))))
    return regions
