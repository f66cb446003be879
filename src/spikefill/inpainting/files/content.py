"""What an image file holds, whatever its format: pixels, what kind they are of, and what goes with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikefill.errors import InputError
from spikefill.inpainting.files.palette import Palette

Pixels = NDArray[Any]

NAMES = {"PNG": "PNG", "JPEG": "JPEG", "WEBP": "WebP", "BMP": "BMP", "TIFF": "TIFF", "HEIF": "HEIC"}
"""What people call the formats."""

_FLOAT = "floating-point values"
_DEEP = "16 bits"
_INKS = "CMYK colours"
_ALPHA = "transparency"
_PREMULTIPLIED = "colours multiplied by their transparency"

_HOLDERS = {
    _FLOAT: ("TIFF",),
    _DEEP: ("PNG", "TIFF"),
    _INKS: ("TIFF", "JPEG"),
    _ALPHA: ("PNG", "TIFF", "WEBP", "HEIF"),
    _PREMULTIPLIED: ("TIFF",),
}
"""The formats that hold what not every format does, the one to suggest first."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Content:
    """A decoded picture.

    Attributes:
        pixels: As stored: (H, W) or (H, W, 2 to 4), uint8, uint16 or float32 in [0, 1]. Two and four channels: the
            last is alpha, unless the four are `cmyk`.
        orientation: The EXIF orientation, 1 (upright) to 8.
        kept: What is written back with the pixels: Pillow's save arguments for EXIF, ICC profile, XMP, resolution.
        compression: How the source was compressed: the arguments of its own format's writer.
        cmyk: The four channels are inks: 0 is no ink.
        premultiplied: The colours are multiplied by alpha.
        palette: Of a picture with a palette or 1 bit, whose `pixels` are the colours.
    """

    pixels: Pixels
    orientation: int = 1
    kept: dict[str, Any] = field(default_factory=dict)
    compression: dict[str, Any] = field(default_factory=dict)
    cmyk: bool = False
    premultiplied: bool = False
    palette: Palette | None = None

    @property
    def channels(self) -> int:
        """Values a pixel."""
        return 1 if self.pixels.ndim == 2 else int(self.pixels.shape[2])

    def _kinds(self) -> Iterator[str]:
        if self.pixels.dtype.kind == "f":
            yield _FLOAT
        if self.pixels.dtype == np.uint16:
            yield _DEEP
        if self.cmyk:
            yield _INKS
        elif self.channels in (2, 4):
            yield _PREMULTIPLIED if self.premultiplied else _ALPHA

    def check_fits(self, target: str, source: str) -> None:
        """Raises `InputError` if a file of format ``target`` cannot hold the pixels of one of format ``source``."""
        kinds = list(self._kinds())
        for kind in kinds:
            # HEIC has 10 or 12 bits: what came from such a file goes back into one, and no other 16 bits do.
            if target not in _HOLDERS[kind] and not (kind == _DEEP and target == source == "HEIF"):
                other = next(name for name in _HOLDERS[kind] if all(name in _HOLDERS[each] for each in kinds))
                raise InputError(f"the photograph has {kind}, which {NAMES[target]} cannot hold; write {NAMES[other]}")


def check_size(width: int, height: int, name: str, largest_megapixels: float) -> None:
    """Raises `InputError` if a header promises too many pixels, or none; called before any is decoded."""
    if width < 1 or height < 1:
        raise InputError(f"{name} is damaged: it is {width} x {height} px")
    megapixels = width * height / 1e6
    if megapixels > largest_megapixels:
        raise InputError(
            f"{name} is {width} x {height} px, {megapixels:.4g} megapixels; "
            f"more than {largest_megapixels:.4g} are read only where largest_megapixels says so"
        )
