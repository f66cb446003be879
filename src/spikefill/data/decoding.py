"""Files of photographs as arrays, and what their headers say; of every kind of pixel 8-bit RGB is made."""

from __future__ import annotations

import time
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from spikefill.data.shards import Member
from spikefill.errors import InputError, UnreadableError

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")
SMALLEST_SIDE = 16
"""A photograph with a shorter side is left out. (One that is smaller than a crop is enlarged to it.)"""

_PAUSES = (1.0, 4.0)
"""Seconds before a file that could not be read is tried again."""


def inspect(file: Path | BytesIO) -> tuple[str | None, bool]:
    """What is wrong with a file by its header, or None; and whether it has no colour."""
    try:
        with Image.open(file) as image:
            size, mode = image.size, image.mode
    except UnidentifiedImageError:
        return "is not an image of a known format, or its first bytes are damaged", False
    except Exception as error:  # Pillow's plugins raise anything on damaged files
        return f"cannot be read: {error}", False
    if min(size) < SMALLEST_SIDE:
        return f"is {size[0]} x {size[1]} px; the shorter side must be at least {SMALLEST_SIDE}", False
    return None, mode in ("1", "L", "LA", "F") or mode.startswith("I")


def decode(file: Path | Member | BytesIO) -> NDArray[np.uint8]:
    """The photograph, upright, uint8 RGB (H, W, 3).

    Raises:
        UnreadableError: It cannot be read, after some attempts.
        InputError: It is damaged.
    """
    source = file if isinstance(file, BytesIO) else BytesIO(_content(file))
    try:
        with Image.open(source) as opened:
            image = ImageOps.exif_transpose(opened)
            if image.mode == "F" or image.mode.startswith("I"):
                return np.repeat(_eight_bits(np.asarray(image))[..., None], 3, axis=2)
            if image.mode in ("P", "PA"):  # Pillow warns of palettes with transparency on the way to RGB
                image = image.convert("RGBA")
            return np.array(image.convert("RGB"))
    except UnidentifiedImageError as error:  # its message names the bytes in memory
        raise InputError(f"{file} cannot be decoded: it is not an image of a known format") from error
    except Exception as error:  # Pillow's plugins raise anything on damaged files
        raise InputError(f"{file} cannot be decoded: {error}") from error


def _content(file: Path | Member) -> bytes:
    """A file's bytes; it is tried again for a while, unless it is not there."""
    for pause in _PAUSES:
        try:
            return _read(file)
        except UnreadableError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise
        time.sleep(pause)
    return _read(file)


def _read(file: Path | Member) -> bytes:
    if isinstance(file, Member):
        return file.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise UnreadableError(f"cannot read {file}: {error.strerror or error}") from error


def _eight_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Scales what Pillow would clip: 16-bit values, and floating point up to 1."""
    wide = np.nan_to_num(values.astype(np.float64))
    largest = wide.max()
    if largest > 255:
        wide = wide / 257
    elif largest <= 1 and np.issubdtype(values.dtype, np.floating):
        wide = wide * 255
    return wide.round().clip(0, 255).astype(np.uint8)
