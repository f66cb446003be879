"""The picture of limited size that the page shows in place of a file."""

from __future__ import annotations

import io

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spikefill.images import ImageFile
from spikefill.images.orientation import stored_to_displayed
from spikefill.masks.photograph import as_8_bit
from spikefill.service.page.editing import shown_size

_JPEG_QUALITY = 90
_PROFILES = {b"RGB ": (3, 4), b"GRAY": (1, 2)}
"""What kind of profile goes with how many channels."""

_WHOLE = (slice(None), slice(None))


def upright(file: ImageFile) -> NDArray[np.uint8]:
    """The pixels of a file as it is displayed, (H, W, 1 to 4), 8 bit; two and four channels: the last is alpha."""
    displayed = stored_to_displayed(as_8_bit(file.appearance), file.orientation)
    return np.ascontiguousarray(displayed.reshape(*displayed.shape[:2], -1))


def preview(file: ImageFile, part: tuple[slice, slice] = _WHOLE) -> tuple[bytes, str]:
    """A file that every browser shows, upright, at the size of `shown_size`, in the photograph's colour space.

    Args:
        file: The photograph.
        part: Its rows and columns, as it is displayed, that are shown.

    Returns:
        The file's bytes, and its suffix: ``".png"`` where there is transparency, else ``".jpg"``.
    """
    pixels = np.ascontiguousarray(upright(file)[part])
    height, width = shown_size(*pixels.shape[:2])
    if (height, width) != pixels.shape[:2]:
        reduced = np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        pixels = reduced.reshape(height, width, -1)
    channels = pixels.shape[2]
    profile = file.kept.get("icc_profile") or b""
    fitting = None if file.cmyk or channels not in _PROFILES.get(profile[16:20], ()) else profile
    image = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
    buffer = io.BytesIO()
    if channels in (2, 4):
        image.save(buffer, "PNG", icc_profile=fitting, compress_level=1)
        return buffer.getvalue(), ".png"
    image.save(buffer, "JPEG", icc_profile=fitting, quality=_JPEG_QUALITY, subsampling=0)
    return buffer.getvalue(), ".jpg"
