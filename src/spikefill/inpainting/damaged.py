"""A damaged photograph: its file and its holes, and the restored file."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

from spikefill import masks
from spikefill.inpainting.checks import check_something_known, displayed_size, stored_mask
from spikefill.inpainting.files.orientation import stored_to_displayed
from spikefill.inpainting.image_file import ImageFile, Pixels, decode, encode
from spikefill.inpainting.pipeline import Inpainter, Progress
from spikefill.masks.convert import LARGEST_MEGAPIXELS

_PLAIN = masks.MaskSettings()

_MIXED_AT_ONCE = 1 << 18
"""Pixels that fade from damaged to restored at a time."""


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
        mask: str | Path | bytes | NDArray[np.bool_] | None,
        settings: masks.MaskSettings = _PLAIN,
        *,
        name: str | None = None,
        largest_megapixels: float = LARGEST_MEGAPIXELS,
        max_memory: int | None = None,
    ) -> Self:
        """Reads both.

        Args:
            photo: A path, or a file's bytes.
            mask: The same for the mask, or a bool array (H, W), as the photograph is displayed; None where it is found
                in the photograph.
            settings: Where the holes come from, and what is done to them.
            name: What to call bytes in errors.
            largest_megapixels: Of either, as for `decode`.
            max_memory: The same.

        Raises:
            InputError: One of the two cannot be read, or they differ in size, or no pixel is known; or a mask is
                missing, or one too many.
        """
        file = decode(photo, name, largest_megapixels=largest_megapixels, max_memory=max_memory)
        settings.check_source(mask)
        if mask is None:
            holes = settings.found(file.appearance)
        else:
            if isinstance(mask, np.ndarray):
                displayed = masks.as_mask(mask)
            else:
                displayed = masks.read(
                    io.BytesIO(mask) if isinstance(mask, bytes) else mask,
                    largest_megapixels=largest_megapixels,
                    max_memory=max_memory,
                )
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
        picture = np.asarray(masks.preview(self.file.appearance, self.holes))
        return encode(np.ascontiguousarray(stored_to_displayed(picture, self.file.orientation)), format or "PNG")

    def restored(
        self,
        inpainter: Callable[[], Inpainter],
        format: str | None = None,  # noqa: A002
        *,
        keep_palette: bool = False,
        in_place: bool = False,
        progress: Progress | None = None,
    ) -> bytes:
        """The restored file; the source's bytes where there is no hole and the format stays.

        Args:
            inpainter: Gives what restores; called if there is a hole.
            format: Of the restored file, of `image_file.FORMATS`; None for the source's.
            keep_palette: As for `ImageFile.write`.
            in_place: Restore in the pixels of `file` itself, without a copy; they are not the damaged ones any more.
            progress: As for `Inpainter.inpaint`.

        Raises:
            InputError: The format cannot hold the photograph, or the inpainter cannot be had or cannot restore it.
        """
        self.file.check_format(format or self.file.format, keep_palette=keep_palette)
        pixels = self.restored_pixels(inpainter, in_place=in_place, progress=progress)
        encoded = io.BytesIO()
        self.write(encoded, pixels, format, keep_palette=keep_palette)
        return encoded.getvalue()

    def restored_pixels(
        self, inpainter: Callable[[], Inpainter], *, in_place: bool = False, progress: Progress | None = None
    ) -> Pixels:
        """The photograph's pixels, restored; those of the file where there is no hole.

        The arguments are those of `restored`.
        """
        before = self.file.pixels
        if not self.holes.any():
            return before
        damaged = before[self.holes] if self.feather else None
        pixels = inpainter().restore(before, self.holes, cmyk=self.file.cmyk, in_place=in_place, progress=progress)
        if damaged is not None:
            weights = masks.feathered(self.holes, self.feather)[self.holes]
            pixels[self.holes] = mixed(damaged, pixels[self.holes], weights)
        if self.opaque:
            pixels[self.holes, -1] = opaque_value(pixels.dtype)
        return pixels

    def write(
        self,
        file: IO[bytes],
        pixels: Pixels,
        format: str | None = None,  # noqa: A002
        *,
        keep_palette: bool = False,
    ) -> None:
        """Writes the file that `restored` gives.

        Args:
            file: Open to be written and read, and empty.
            pixels: What `restored_pixels` gave.
            format: As for `restored`.
            keep_palette: The same.
        """
        if not self.holes.any() and format in (None, self.file.format):
            file.write(self.file.encoded)
        else:
            self.file.write(file, pixels, format, keep_palette=keep_palette, holes=self.holes)


def mixed(before: Pixels, restored: Pixels, weights: NDArray[np.float32]) -> Pixels:
    """Restored pixels (N) or (N, C) with a weight from 0 to 1, mixed with those before, if these are numbers."""
    result = np.empty_like(before)
    for start in range(0, len(before), _MIXED_AT_ONCE):
        part = slice(start, start + _MIXED_AT_ONCE)
        share = weights[part].reshape(-1, *[1] * (before.ndim - 1))
        old, new = before[part].astype(np.float64), restored[part].astype(np.float64)
        mixed = np.where(np.isfinite(old), old + share * (new - old), new)
        result[part] = np.floor(mixed + 0.5) if before.dtype.kind == "u" else mixed
    return result


def opaque_value(dtype: np.dtype[Any]) -> int:
    """What alpha is where nothing shines through."""
    return int(np.iinfo(dtype).max) if dtype.kind == "u" else 1
