"""What the service's processes do: a task is data that goes to a process, is done there, and gives data back."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spikefill import masks
from spikefill.images import decode
from spikefill.inpainting import Damaged
from spikefill.masks import MaskSettings
from spikefill.masks.convert import displayed
from spikefill.service.toolbox import Toolbox

MEDIA_TYPES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "WEBP": "image/webp",
    "BMP": "image/bmp",
    "TIFF": "image/tiff",
    "HEIF": "image/heic",
}
"""Of the formats of `images.FORMATS`."""

OPERATIONS = ("expand", "shrink", "reverse")
"""What `AdjustMask` does."""

_BRUSH = (255, 203, 0, 186)
"""The colour of holes, red to alpha, in an adjusted mask: that of IOPaint's brush."""

Result = TypeVar("Result", covariant=True)


class Task(Protocol[Result]):
    """A picklable object that is sent to a process; so is its result."""

    def run(self, toolbox: Toolbox) -> Result:
        """Does it, in a process of `Workers`.

        Raises:
            InputError: What a user sent is of no use.
            Cancelled: From `Toolbox.progress`.
        """


@dataclass(frozen=True)
class Answer:
    """A restored photograph.

    Attributes:
        encoded: The file.
        media_type: Such as ``"image/png"``.
        seconds: By what they were spent on: ``queue``, ``decode``, ``restore``, ``encode``.
    """

    encoded: bytes = field(repr=False)
    media_type: str
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class Work:
    """A photograph to restore.

    Attributes:
        image: The file: PNG, JPEG, WebP, BMP, TIFF, HEIC.
        mask: That of its mask, in one of the same formats, as the photograph is displayed; None where ``holes`` says
            that they are found in the photograph.
        holes: Where holes come from, and what becomes of them.
        method: As for `Toolbox.inpainter`.
        format: Of the answer, of `images.FORMATS`; None for the photograph's own.
    """

    image: bytes = field(repr=False)
    mask: bytes | None = field(repr=False, default=None)
    holes: MaskSettings = field(default_factory=MaskSettings)
    method: str | None = None
    format: str | None = None

    def run(self, toolbox: Toolbox) -> Answer:
        """Restores it.

        Raises:
            InputError: A file cannot be read, or has too many pixels, or the two do not fit.
            Cancelled: From `Toolbox.progress`.
        """
        start = time.perf_counter()
        largest = toolbox.largest_megapixels
        mask = None if self.mask is None else read_mask(self.mask, largest)
        damaged = Damaged.read(self.image, mask, self.holes, name="the image", largest_megapixels=largest)
        decoded = restored = time.perf_counter()

        def progress(done: int, total: int) -> None:
            nonlocal restored
            toolbox.progress(done, total)
            restored = time.perf_counter()

        progress(0, 1)
        encoded = damaged.restored(lambda: toolbox.inpainter(self.method), self.format, progress=progress)
        seconds = {
            "decode": decoded - start,
            "restore": restored - decoded,
            "encode": time.perf_counter() - restored,
        }
        kind = MEDIA_TYPES[self.format or damaged.file.format]
        return Answer(encoded, kind, seconds)


@dataclass(frozen=True)
class AdjustMask:
    """A mask whose holes are to grow, to shrink, or to change places with what is known.

    Attributes:
        mask: A file, as in `Work`.
        operation: Of `OPERATIONS`.
        pixels: By which holes grow or shrink, 0 to `masks.LARGEST_MARGIN`.
    """

    mask: bytes = field(repr=False)
    operation: str
    pixels: int

    def run(self, toolbox: Toolbox) -> bytes:
        """A PNG file, RGBA: transparent black, and an amber brush in the holes.

        Raises:
            InputError: The mask cannot be read, or ``pixels`` is out of its range.
        """
        holes = read_mask(self.mask, toolbox.largest_megapixels)
        if self.operation == "reverse":
            holes = ~holes
        else:
            holes = (masks.dilated if self.operation == "expand" else masks.shrunk)(holes, self.pixels)
        drawn = np.zeros((*holes.shape, 4), np.uint8)
        drawn[holes] = _BRUSH
        file = io.BytesIO()
        Image.fromarray(drawn).save(file, "PNG", compress_level=1)
        return file.getvalue()


def read_mask(encoded: bytes, largest_megapixels: float) -> NDArray[np.bool_]:
    """The holes in a mask's file, as it is displayed; see `masks.as_mask`.

    It is read as photographs are, not as `masks.read` does: in their formats alone, and with their limit.

    Args:
        encoded: The file.
        largest_megapixels: As for `images.decode`.

    Raises:
        InputError: It cannot be read, or has too many pixels.
    """
    return displayed(decode(encoded, "the mask", largest_megapixels=largest_megapixels))
