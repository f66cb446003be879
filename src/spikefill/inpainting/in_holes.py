"""Values of the pixels in holes alone, without those between."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from spikefill.images import Pixels
from spikefill.masks.squares import Rectangle, bands


class InHoles:
    """Values in the holes of a picture, row by row from left to right.

    Args:
        holes: (H, W), True where there are values.
        values: (N, ...), one for each hole.
    """

    def __init__(self, holes: NDArray[np.bool_], values: Pixels) -> None:
        self.holes, self.values = holes, values
        self._before = np.concatenate([[0], np.cumsum(np.count_nonzero(holes, axis=1))])

    @classmethod
    def of(cls, pixels: Pixels, holes: NDArray[np.bool_]) -> Self:
        """A copy of what a picture (H, W) or (H, W, C) has in its holes."""
        found = cls(holes, np.empty((np.count_nonzero(holes), *pixels.shape[2:]), pixels.dtype))
        for rows in bands(holes.shape):
            found.values[found.within(rows)] = pixels[rows][holes[rows]]
        return found

    def __getitem__(self, area: Rectangle) -> Pixels:
        """The values in a rectangle, in the same order."""
        return self.values[self._places(area)]

    def __setitem__(self, area: Rectangle, values: Pixels) -> None:
        """Replaces them."""
        self.values[self._places(area)] = values

    def within(self, rows: slice) -> slice:
        """Which of the values those of some rows are."""
        return slice(int(self._before[rows.start]), int(self._before[rows.stop]))

    def _places(self, area: Rectangle) -> NDArray[np.int64]:
        rows, columns = area
        inside = np.count_nonzero(self.holes[area], axis=1)
        first = self._before[rows] + np.count_nonzero(self.holes[rows, : columns.start], axis=1)
        ended = np.cumsum(inside)
        places: NDArray[np.int64] = np.repeat(first - (ended - inside), inside) + np.arange(inside.sum())
        return places
