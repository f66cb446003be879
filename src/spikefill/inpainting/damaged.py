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
from spikefill.inpainting.image_file import ImageFile, decode
from spikefill.inpainting.pipeline import Inpainter, Progress, check_something_known, stored_mask


@dataclass(frozen=True, eq=False)
class Damaged:
    """A photograph's file with what is to be restored in it.

    Attributes:
        file: The decoded file.
        holes: (H, W), True where something is to be restored, in the orientation of the file's pixels.
    """

    file: ImageFile
    holes: NDArray[np.bool_]

    @classmethod
    def read(cls, photo: str | Path | bytes, mask: str | Path | bytes, *, name: str | None = None) -> Self:
        """Reads both.

        Args:
            photo: A path, or a file's bytes.
            mask: The same for the mask, as the photograph is displayed.
            name: What to call bytes in errors.

        Raises:
            InputError: One of the two cannot be read, or they differ in size, or no pixel is known.
        """
        file = decode(photo, name)
        holes = stored_mask(file, masks.read(io.BytesIO(mask) if isinstance(mask, bytes) else mask))
        if holes.any():
            check_something_known(holes)
        return cls(file, holes)

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
            return file.encode(pixels, format, keep_palette=keep_palette, holes=self.holes)
        if format in (None, file.format):
            return file.encoded
        return file.encode(file.pixels, format, keep_palette=keep_palette, holes=self.holes)
