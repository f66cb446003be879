"""What an image file holds, whatever its format: pixels, what kind they are of, and what goes with them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikefill import memory
from spikefill.errors import InputError
from spikefill.images.palette import Palette

Pixels = NDArray[Any]

LARGEST_MEGAPIXELS = 500
"""Million pixels up to which a file is decoded unless told otherwise: a small one may claim to hold any number."""

_MASK = 1
"""Bytes a pixel of the mask that will go with a picture; it is there when the picture is encoded again."""

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

    @property
    def has_alpha(self) -> bool:
        """Whether the last channel is alpha."""
        return self.channels in (2, 4) and not self.cmyk

    def _kinds(self) -> Iterator[str]:
        if self.pixels.dtype.kind == "f":
            yield _FLOAT
        if self.pixels.dtype == np.uint16:
            yield _DEEP
        if self.cmyk:
            yield _INKS
        if self.has_alpha:
            yield _PREMULTIPLIED if self.premultiplied else _ALPHA

    def check_fits(self, target: str, source: str) -> None:
        """Raises `InputError` if a file of format ``target`` cannot hold the pixels of one of format ``source``."""
        kinds = list(self._kinds())
        for kind in kinds:
            # HEIC has 10 or 12 bits: what came from such a file goes back into one, and no other 16 bits do.
            if target not in _HOLDERS[kind] and not (kind == _DEEP and target == source == "HEIF"):
                other = next(name for name in _HOLDERS[kind] if all(name in _HOLDERS[each] for each in kinds))
                raise InputError(f"the photograph has {kind}, which {NAMES[target]} cannot hold; write {NAMES[other]}")


@contextmanager
def damage_is_said(name: str) -> Iterator[None]:
    """Makes an `InputError` of whatever the formats' libraries raise on a damaged file, which may be anything."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{name} is damaged: {reason}") from error


@dataclass(frozen=True)
class Limit:
    """How large a picture may be that is decoded.

    Attributes:
        megapixels: Million pixels.
        memory: Bytes that the process may take while it decodes; None for any number.
        held: Bytes that it holds beside, such as the file.
    """

    megapixels: float
    memory: int | None = None
    held: int = 0

    def check(self, width: int, height: int, name: str, bytes_a_pixel: int) -> None:
        """Raises `InputError` if a header promises too many pixels, or none; called before any is decoded.

        Args:
            width: Of the picture.
            height: The same.
            name: What to call the file in errors.
            bytes_a_pixel: That decoding takes.
        """
        if width < 1 or height < 1:
            raise InputError(f"{name} is damaged: it is {width} x {height} px")
        megapixels = width * height / 1e6
        if megapixels > self.megapixels:
            raise InputError(
                f"{name} is {width} x {height} px, {megapixels:.4g} megapixels; "
                f"more than {self.megapixels:.4g} are read only where largest_megapixels says so"
            )
        needed = self.held + width * height * (bytes_a_pixel + _MASK)
        memory.check_fits(f"{name} is {width} x {height} px; decoding it", needed, self.memory)
