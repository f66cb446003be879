"""What to compute: the parts of a picture around its holes, so that cost and memory follow the holes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikefill.masks.squares import Square, wider

TILE = 256
"""Side, in pixels, of the squares into which a picture is divided."""


@dataclass(frozen=True)
class Region(Square):
    """A rectangle to restore, and the larger one, with the context on each side, that the network must see for it.

    Attributes:
        fades: The first rows and the first columns of its square, over which it fades in, from what the regions above
            and on the left gave; None where there are none.
    """

    fades: tuple[slice | None, slice | None] = (None, None)

    def weights(self) -> NDArray[np.float32]:
        """How much of the region counts at each pixel of ``inner``, in [0, 1]; the rest is what is there already."""
        rows, columns = (
            np.ones(inner.stop - inner.start, np.float32)
            if fade is None
            else np.clip((np.arange(inner.start, inner.stop) - fade.start + 0.5) / (fade.stop - fade.start), 0, 1)
            for inner, fade in zip(self.inner, self.fades, strict=True)
        )
        return np.outer(rows, columns).astype(np.float32)


def plan(holes: NDArray[np.bool_], context: int | None, tile: int = TILE, *, overlap: int = 0) -> list[Region]:
    """Regions that cover all holes, and each of them once but for the overlap.

    A network whose output depends on ``context`` pixels on each side, and which pads with zeros, gives within each
    region what it gives there for the whole picture: beyond the border of a region lie ``context`` pixels of its
    neighbours, or the border of the picture.

    Args:
        holes: (H, W), True where something is to be restored.
        context: Pixels of context on each side; None for a network that looks at the whole picture.
        tile: Side of the squares of the grid that holes are grouped by.
        overlap: Pixels by which a square reaches into the next ones, to the right and below, which fade in there. A
            network that depends on more than the context then leaves no edge between squares.

    Returns:
        For each square that has holes, the smallest rectangle around them. With ``context`` None the whole picture.
    """
    height, width = holes.shape
    whole = (slice(0, height), slice(0, width))
    if context is None:
        return [Region(whole, whole)] if holes.any() else []
    regions: dict[tuple[int, int], Region] = {}
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            if not holes[top : top + tile, left : left + tile].any():
                continue
            part = holes[top : top + tile + overlap, left : left + tile + overlap]
            rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
            inner = (
                slice(top + int(rows[0]), top + int(rows[-1]) + 1),
                slice(left + int(columns[0]), left + int(columns[-1]) + 1),
            )
            outer = (wider(inner[0], context, height), wider(inner[1], context, width))
            fades = (
                slice(top, top + overlap) if overlap and (top - tile, left) in regions else None,
                slice(left, left + overlap) if overlap and (top, left - tile) in regions else None,
            )
            regions[top, left] = Region(inner, outer, fades)
    return list(regions.values())
