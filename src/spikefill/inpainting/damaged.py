"""A damaged photograph: its file and its holes, and the restored file."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

from spikefill import masks, memory
from spikefill.images import LARGEST_MEGAPIXELS, ImageFile, Pixels, decode, encode
from spikefill.images.image_file import encoding
from spikefill.images.orientation import stored_to_displayed
from spikefill.inpainting import holes as finding
from spikefill.inpainting.checks import check_something_known
from spikefill.inpainting.feathering import check_feathering, feather_in
from spikefill.inpainting.in_holes import InHoles
from spikefill.inpainting.pipeline import Inpainter
from spikefill.inpainting.progress import Progress
from spikefill.masks.preview import previewing

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
            holes = finding.found(file, settings, file.held, max_memory)
        else:
            if isinstance(mask, np.ndarray):
                displayed = masks.as_mask(mask)
            else:
                displayed = masks.read(
                    io.BytesIO(mask) if isinstance(mask, bytes) else mask,
                    largest_megapixels=largest_megapixels,
                    max_memory=max_memory,
                    held=file.held,
                )
            holes = finding.of_mask(displayed, file.pixels.shape, file.orientation, settings, file.held, max_memory)
        if holes.any():
            check_something_known(holes)
        return cls(file, holes, settings.feather, opaque=settings.transparent and not settings.invert)

    def preview(self, format: str | None = None) -> bytes:  # noqa: A002
        """A file of the photograph as it is displayed, its holes in red.

        Args:
            format: As for `restored`; None for PNG.
        """
        target = format or "PNG"
        height, width = self.holes.shape
        held = self.file.held + self.holes.nbytes + self.file.seeing
        needed = held + max(previewing(height, width), encoding(self.file.pixels, target))
        memory.check_fits(f"a preview of {width} x {height} px", needed, self.file.max_memory)
        picture = np.asarray(masks.preview(self.file.appearance, self.holes))
        return encode(np.ascontiguousarray(stored_to_displayed(picture, self.file.orientation)), target)

    def check_format(self, format: str | None = None, *, keep_palette: bool = False) -> None:  # noqa: A002
        """`ImageFile.check_format` for what `write` writes: the source's bytes always fit."""
        if not self._is_copied(format):
            self.file.check_format(format or self.file.format, keep_palette=keep_palette)

    def _is_copied(self, format: str | None) -> bool:  # noqa: A002
        return format in (None, self.file.format) and not self.holes.any()

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
            format: Of the restored file, of `images.FORMATS`; None for the source's.
            keep_palette: As for `ImageFile.write`.
            in_place: Restore in the pixels of `file` itself, without a copy; they are not the damaged ones any more.
            progress: As for `Inpainter.inpaint`.

        Raises:
            InputError: The format cannot hold the photograph, or the inpainter cannot be had or cannot restore it.
        """
        self.check_format(format, keep_palette=keep_palette)
        pixels = self.restored_pixels(inpainter, in_place=in_place, progress=progress)
        encoded = io.BytesIO()
        self.write(encoded, pixels, format, keep_palette=keep_palette)
        return encoded.getvalue()

    def restored_pixels(
        self,
        inpainter: Callable[[], Inpainter],
        *,
        in_place: bool = False,
        held: int = 0,
        progress: Progress | None = None,
    ) -> Pixels:
        """The photograph's pixels, restored; those of the file where there is no hole.

        The arguments are those of `restored`; ``held`` are bytes that the process holds beside.
        """
        before = self.file.pixels
        if not self.holes.any():
            return before
        restores = inpainter()
        held += self.file.held - before.nbytes
        damaged: InHoles | None = None
        if self.feather:
            pictures = before.nbytes * (1 if in_place else 2) + self.holes.nbytes
            check_feathering(self.holes, self.feather, held + pictures, before[0, 0].nbytes, restores.max_memory)
            damaged = InHoles.of(before, self.holes)
            held += damaged.values.nbytes
        pixels = restores.restore(
            before, self.holes, cmyk=self.file.cmyk, in_place=in_place, held=held, progress=progress
        )
        if damaged is not None:
            feather_in(pixels, damaged, self.feather)
        if self.opaque:
            pixels[..., -1][self.holes] = opaque_value(pixels.dtype)
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
        if self._is_copied(format):
            file.write(self.file.encoded)
        else:
            self.file.write(file, pixels, format, keep_palette=keep_palette, holes=self.holes)


def opaque_value(dtype: np.dtype[Any]) -> int:
    """What alpha is where nothing shines through."""
    return int(np.iinfo(dtype).max) if dtype.kind == "u" else 1
