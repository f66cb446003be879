"""A damaged photograph: its file and its holes, and the restored file."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from spikefill import masks
from spikefill.errors import InputError
from spikefill.inpainting import inks
from spikefill.inpainting.checks import check_something_known, displayed_size, stored_mask
from spikefill.inpainting.files.orientation import stored_to_displayed
from spikefill.inpainting.image_file import ImageFile, Pixels, decode, encode
from spikefill.inpainting.pipeline import Inpainter, Progress

_PLAIN = masks.MaskSettings()


@dataclass(frozen=True, eq=False)
class Damaged:
    """A photograph's file with what is to be restored in it.

    Attributes:
        file: The decoded file.
        holes: (H, W), True where something is to be restored, in the orientation of the file's pixels.
        feather: Pixels over which the photograph's own pixels fade into the restored ones, from a hole's edge inward.
        opaque: Whether restored pixels are opaque, whatever their alpha was.
    """

    file: ImageFile
    holes: NDArray[np.bool_]
    feather: int = 0
    opaque: bool = False

    @classmethod
    def read(
        cls,
        photo: str | Path | bytes,
        mask: str | Path | bytes | None,
        settings: masks.MaskSettings = _PLAIN,
        *,
        name: str | None = None,
    ) -> Self:
        """Reads both.

        Args:
            photo: A path, or a file's bytes.
            mask: The same for the mask, as the photograph is displayed; None where it is found in the photograph.
            settings: Where the holes come from, and what is done to them.
            name: What to call bytes in errors.

        Raises:
            InputError: One of the two cannot be read, or they differ in size, or no pixel is known; or a mask is
                missing, or one too many.
        """
        file = decode(photo, name)
        if settings.from_photograph:
            if mask is not None:
                raise InputError("a mask is given, but the holes are to be found in the photograph; leave one out")
            holes = settings.found(_seen(file))
        else:
            if mask is None:
                raise InputError("a mask is missing; name one, or say what in the photograph is a hole")
            displayed = masks.read(io.BytesIO(mask) if isinstance(mask, bytes) else mask)
            if settings.resize:
                displayed = masks.resized(displayed, *displayed_size(file))
            holes = stored_mask(file, displayed)
        holes = settings.adjusted(holes)
        if holes.any():
            check_something_known(holes)
        return cls(file, holes, settings.feather, opaque=settings.transparent and not settings.invert)

    def preview(self, format: str | None = None) -> bytes:  # noqa: A002
        """A file of the photograph as it is displayed, its holes in red.

        Args:
            format: As for `restored`; None for PNG.
        """
        picture = np.asarray(masks.preview(_seen(self.file), self.holes))
        return encode(np.ascontiguousarray(stored_to_displayed(picture, self.file.orientation)), format or "PNG")

    def restored(
        self,
        inpainter: Callable[[], Inpainter],
        format: str | None = None,  # noqa: A002
        *,
        keep_palette: bool = False,
        progress: Progress | None = None,
    ) -> bytes:
        """The restored file; the source's bytes where there is no hole and the format stays.

        Args:
            inpainter: Gives what restores; called if there is a hole.
            format: Of the restored file, of `image_file.FORMATS`; None for the source's.
            keep_palette: As for `ImageFile.encode`.
            progress: As for `Inpainter.inpaint`.

        Raises:
            InputError: The format cannot hold the photograph, or the inpainter cannot be had or cannot restore it.
        """
        file = self.file
        file.check_format(format or file.format, keep_palette=keep_palette)
        if self.holes.any():
            pixels = inpainter().restore(file.pixels, self.holes, cmyk=file.cmyk, progress=progress)
            if self.feather:
                pixels = _faded(file.pixels, pixels, masks.feathered(self.holes, self.feather))
            if self.opaque:
                pixels[self.holes, -1] = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1
            return file.encode(pixels, format, keep_palette=keep_palette, holes=self.holes)
        if format in (None, file.format):
            return file.encoded
        return file.encode(file.pixels, format, keep_palette=keep_palette, holes=self.holes)


def _seen(file: ImageFile) -> Pixels:
    """The pixels of a file as grey or RGB, with alpha if it has it."""
    return inks.appearance(file.pixels) if file.cmyk else file.pixels


def _faded(before: Pixels, restored: Pixels, weights: NDArray[np.float32]) -> Pixels:
    """Restored pixels with a weight from 0 to 1, mixed with those before; where these are no numbers, alone."""
    inside = weights > 0
    share = weights[inside].reshape(-1, *[1] * (before.ndim - 2))
    old, new = before[inside].astype(np.float64), restored[inside].astype(np.float64)
    mixed = np.where(np.isfinite(old), old + share * (new - old), new)
    result = restored.copy()
    result[inside] = np.floor(mixed + 0.5) if before.dtype.kind == "u" else mixed
    return result
