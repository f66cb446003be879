"""HEIC files, through the optional package pillow-heif, whose wheels hold GPL code.

libheif turns a picture upright as it decodes it, so the pixels are as displayed and the orientation is 1. What is
written is compressed with loss: quality 95 without subsampling.
"""

from __future__ import annotations

import importlib
from typing import IO, Any

import numpy as np

from spikefill.errors import InputError
from spikefill.images.content import Content, Limit

_COMPRESSION = {"quality": 95, "chroma": 444}
_MODES = ("L", "LA", "RGB", "RGBA", "I;16", "I;16L", "L;16", "LA;16", "RGB;16", "RGBA;16")
"""The modes of pillow-heif that are served."""

_DECODING = 16
"""Bytes a pixel that decoding takes: those of libheif, and an array of up to 4 x 16 bits."""


def package() -> Any:
    """pillow-heif.

    Raises:
        InputError: It is not installed.
    """
    try:
        return importlib.import_module("pillow_heif")
    except ImportError as error:
        raise InputError("HEIC needs a further package: pip install 'spikefill[heif]'") from error


def read(encoded: bytes, name: str, limit: Limit) -> Content:
    """Decodes a file's main picture; 10 and 12 bits become 16.

    Raises:
        InputError: The package is missing, the picture too large or of a kind that is not served.
        Exception: Whatever pillow-heif raises on a damaged file.
    """
    library = package()
    picture = library.open_heif(encoded, convert_hdr_to_8bit=False)
    width, height = picture.size
    limit.check(width, height, name, _DECODING)
    if picture.mode not in _MODES:
        raise InputError(f"{name} has mode {picture.mode}; it must be one of: {', '.join(_MODES)} (convert it first)")
    info = dict(picture.info)
    library.set_orientation(info)
    kept = {key: info[key] for key in ("exif", "icc_profile", "xmp") if info.get(key)}
    if "exif" in kept and not kept["exif"].startswith(b"Exif\0\0"):
        kept["exif"] = b"Exif\0\0" + kept["exif"]
    own = {key: info[key] for key in ("bit_depth", "nclx_profile") if key in info}
    return Content(pixels=np.array(picture), kept=kept, compression=own)


def write(file: IO[bytes], content: Content, compression: dict[str, Any]) -> None:
    """Writes a file.

    Args:
        file: Open to be written.
        content: What to write; it fits the format.
        compression: That of a HEIC file: its depth, and its colours where they are numbers instead of a profile.

    Raises:
        InputError: The package is missing, or cannot encode the picture.
    """
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[content.channels]
    options: dict[str, Any] = {key: content.kept[key] for key in ("exif", "icc_profile", "xmp") if key in content.kept}
    options |= compression
    if content.pixels.dtype == np.uint16:
        mode = f"{mode};16"
    size, data = content.pixels.shape[1::-1], np.ascontiguousarray(content.pixels).tobytes()
    try:
        package().encode(mode, size, data, file, **_COMPRESSION, **options)
    except (ValueError, RuntimeError, OSError) as error:
        raise InputError(f"the photograph cannot be written as HEIC: {error}") from error
