"""Pictures whose pixels are numbers of colours: a palette, or black and white in 1 bit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikefill.errors import InputError

FORMATS = ("PNG", "BMP", "TIFF")
"""The formats that have palettes."""

_ALPHA_COUNTS = 1 << 20
"""How much more a difference of alpha weighs than one of colour: no entry of another alpha is ever taken."""


@dataclass(frozen=True, eq=False)
class Palette:
    """The palette of a picture.

    Attributes:
        indices: (H, W), uint8: each pixel's entry.
        colours: (N, C), uint8: the entries, grey (C 1), RGB (3) or RGBA (4).
        bilevel: The picture has 1 bit: entry 0 is black and 1 is white.
    """

    indices: NDArray[np.uint8]
    colours: NDArray[np.uint8]
    bilevel: bool = False

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """The colours of all pixels: (H, W) for grey, else (H, W, 3 or 4)."""
        return np.squeeze(self.colours[self.indices], axis=2) if self.bilevel else self.colours[self.indices]

    def check_fits(self, target: str) -> None:
        """Raises `InputError` if a file of a format cannot hold the palette."""
        if target not in FORMATS:
            raise InputError(f"keep_palette is True, but {target} has no palettes; write {', '.join(FORMATS)}")
        if self.colours.shape[1] == 4 and target != "PNG":
            raise InputError(f"keep_palette is True, but {target} has no transparent entries of palettes; write PNG")

    def nearest(self, pixels: NDArray[Any], where: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Entries for restored pixels.

        Args:
            pixels: As `pixels`.
            where: (H, W), the pixels to find entries for; the others keep theirs.

        Returns:
            (H, W), uint8. In the holes the entry of least squared distance in RGB among those of the same alpha; of
            equal ones the first.
        """
        found = self.indices.copy()
        wanted, position = np.unique(pixels[where].reshape(-1, self.colours.shape[1]), axis=0, return_inverse=True)
        weights = np.array([1, 1, 1, _ALPHA_COUNTS])[: self.colours.shape[1]]
        nearest = np.empty(len(wanted), np.uint8)
        for start in range(0, len(wanted), 4096):  # a table of all colours by all entries would be large
            part = wanted[start : start + 4096, None].astype(np.int64) - self.colours[None]
            nearest[start : start + 4096] = (part**2 * weights).sum(axis=2).argmin(axis=1)
        found[where] = nearest[position.reshape(-1)]
        return found
