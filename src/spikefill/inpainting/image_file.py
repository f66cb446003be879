"""Image files and PIL images as arrays and back: pixels as they are stored, with what else the file holds.

A photograph that is stored lying on its side stays so, with its EXIF tag; masks are given as people see the picture,
so `displayed_to_stored` turns them.
"""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin, PngImagePlugin, UnidentifiedImageError

from spikefill.errors import InputError

Pixels = NDArray[Any]

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
"""Formats of files, by suffix."""

MODES = ("L", "LA", "RGB", "RGBA", "I;16")
"""Modes of PIL that are restored as they are; ``1`` and ``P`` are promoted first."""

_EXIF_ORIENTATION = 0x0112
_UPRIGHT = 1
_XMP_IN_PNG = "XML:com.adobe.xmp"
_EXIF_MARK = b"Exif\0\0"
_EXIF_AS_TEXT = "Raw profile type exif"

_PILLOW_WARNS = threading.Lock()
"""Held while warnings of Pillow are caught, since the list of filters belongs to the whole process."""


@dataclass(frozen=True, eq=False)
class ImageFile:
    """A decoded file.

    Attributes:
        pixels: As stored: (H, W) or (H, W, 2 to 4), uint8, or uint16 for a grey picture of 16 bits.
        format: ``"PNG"``, ``"JPEG"`` or ``"WEBP"``.
        orientation: The EXIF orientation, 1 (upright) to 8.
        encoded: The file's bytes.
        kept: What is written back with the pixels: Pillow's save arguments for EXIF, ICC profile, XMP, resolution.
        compression: How the source was compressed: Pillow's save arguments for its own format.
    """

    pixels: Pixels
    format: str
    orientation: int
    encoded: bytes
    kept: dict[str, Any] = field(default_factory=dict)
    compression: dict[str, Any] = field(default_factory=dict)

    def check_format(self, format: str) -> None:  # noqa: A002
        """Raises `InputError` if a file of ``format`` cannot hold the pixels; call it before long work."""
        mode = Image.fromarray(self.pixels[:1, :1]).mode
        if format == "JPEG" and mode not in ("L", "RGB"):
            what = "16 bits" if mode == "I;16" else "transparency"
            raise InputError(f"the photograph has {what}, which JPEG cannot hold; write PNG")
        if format == "WEBP" and mode == "I;16":
            raise InputError("the photograph has 16 bits, which WebP cannot hold; write PNG")

    def encode(self, pixels: Pixels, format: str | None = None) -> bytes:  # noqa: A002
        """A file with other pixels of the same shape, and all else as in this one.

        JPEG is compressed with the source's quantisation tables and chroma subsampling, where the source was JPEG
        (else quality 95 without subsampling); WebP without loss, unless the source was lossy WebP (then quality 95).

        Args:
            pixels: As `pixels`.
            format: The format to write; None for the source's.

        Raises:
            InputError: The format cannot hold the pixels, or what goes with them.
        """
        target = format or self.format
        self.check_format(target)
        image = Image.fromarray(pixels)
        options = {**self.kept, **(self.compression if target == self.format else _DEFAULT_COMPRESSION[target])}
        if target == "WEBP" and image.mode in ("L", "LA"):
            image = image.convert("RGB" if image.mode == "L" else "RGBA")
            if options.get("icc_profile", b"")[16:20] == b"GRAY":
                del options["icc_profile"]  # a profile for grey does not fit colour
        if target == "PNG":
            options["pnginfo"] = _png_texts(options.pop("xmp", None))
        buffer = io.BytesIO()
        try:
            image.save(buffer, target, **options)
        except (OSError, ValueError) as error:  # too many pixels a side, too much EXIF
            raise InputError(f"the photograph cannot be written as {target}: {error}") from error
        return buffer.getvalue()


_DEFAULT_COMPRESSION: dict[str, dict[str, Any]] = {
    "PNG": {},
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"lossless": True, "exact": True},
}


def decode(source: str | Path | bytes, name: str | None = None) -> ImageFile:
    """Reads a PNG, JPEG or WebP file.

    Args:
        source: A path, or the file's bytes.
        name: What to call it in errors; None for the path.

    Raises:
        InputError: The file is missing, damaged, too large to be honest, of another format, or of a kind that would
            not come back whole (CMYK, 16-bit colour, animation).
    """
    name = name or (str(source) if not isinstance(source, bytes) else "the photograph")
    try:
        encoded = source if isinstance(source, bytes) else Path(source).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror or error}") from error
    if not encoded:
        raise InputError(f"{name} is empty")
    try:
        with _PILLOW_WARNS, warnings.catch_warnings():
            # Of what is large, which any photograph may be, and of damaged EXIF, which is kept as it is.
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(encoded))
            orientation = _orientation(image)
        with image:
            _check_kind(image, encoded, name)
            image.load()
            return _from_pil(image, orientation, encoded, name)
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        raise InputError(f"{name} is larger than is safe to decode: {error}") from error
    except UnidentifiedImageError as error:
        raise InputError(f"{name} is not an image that can be read (PNG, JPEG or WebP)") from error
    except Exception as error:  # Pillow's plugins raise anything on damaged files
        raise InputError(f"{name} is damaged: {error}") from error


def _check_kind(image: Image.Image, encoded: bytes, name: str) -> None:
    if _format(image) not in FORMATS.values():
        raise InputError(f"{name} is {image.format}; it must be PNG, JPEG or WebP")
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        raise InputError(f"{name} is animated; give a single picture")
    if image.format == "PNG" and encoded[24:25] == b"\x10":
        if not image.mode.startswith("I"):
            raise InputError(f"{name} has 16 bits a colour channel, which would be lost; give it 8 bits first")
        if "transparency" in image.info:
            raise InputError(f"{name} has a transparent grey of 16 bits, which would be lost; give it 8 bits first")


def _format(image: Image.Image) -> str:
    """The format; JPEGs of telephones, which carry further pictures (MPO), count as what they show."""
    return "JPEG" if image.format == "MPO" else str(image.format)


def _from_pil(image: Image.Image, orientation: int, encoded: bytes, name: str) -> ImageFile:
    info = image.info
    kept = {key: info[key] for key in ("exif", "icc_profile", "xmp", "dpi", "comment") if info.get(key)}
    if isinstance(image, PngImagePlugin.PngImageFile) and _EXIF_AS_TEXT in info and "exif" not in info:
        kept["exif"] = image.getexif().tobytes()
    if "exif" in kept and not kept["exif"].startswith(_EXIF_MARK):  # WebP leaves it out, JPEG needs it
        kept["exif"] = _EXIF_MARK + kept["exif"]
    compression: dict[str, Any] = {}
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        sampling = JpegImagePlugin.get_sampling(image)  # -1 for what Pillow cannot write, and for grey
        compression = {
            "qtables": image.quantization,
            "subsampling": max(sampling, 0),
            "progressive": bool(info.get("progressive")),
        }
    elif image.format == "WEBP":
        compression = {"quality": 95, "exact": True} if _is_lossy_webp(encoded) else _DEFAULT_COMPRESSION["WEBP"]
    if "transparency" in info and image.mode != "P":  # one colour that counts as transparent
        pixels = pil_to_array(image.convert("RGBA" if image.mode == "RGB" else "LA"), name)
    else:
        pixels = pil_to_array(image, name)
    return ImageFile(
        pixels=pixels,
        format=_format(image),
        orientation=orientation,
        encoded=encoded,
        kept=kept,
        compression=compression,
    )


def _is_lossy_webp(encoded: bytes) -> bool:
    """Whether the picture's chunk is ``VP8 ``; that of a picture without loss is ``VP8L``."""
    position = 12
    while position + 8 <= len(encoded):
        kind = encoded[position : position + 4]
        if kind in (b"VP8 ", b"VP8L"):
            return kind == b"VP8 "
        size = int.from_bytes(encoded[position + 4 : position + 8], "little")
        position += 8 + size + size % 2
    return True


def _png_texts(xmp: bytes | None) -> PngImagePlugin.PngInfo:
    texts = PngImagePlugin.PngInfo()
    if xmp:
        texts.add_itxt(_XMP_IN_PNG, xmp.decode("utf-8", "replace"))
    return texts


def _orientation(image: Image.Image) -> int:
    orientation = image.getexif().get(_EXIF_ORIENTATION, _UPRIGHT)
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else _UPRIGHT


def pil_to_array(image: Image.Image, name: str = "image") -> Pixels:
    """The pixels of a PIL image of `MODES`; a palette becomes RGB or RGBA, 1 bit becomes greyscale.

    Raises:
        InputError: The mode is another one, such as CMYK.
    """
    if image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    elif image.mode == "1":
        image = image.convert("L")
    if image.mode not in MODES:
        raise InputError(f"{name} has mode {image.mode}; it must be one of: {', '.join(MODES)} (convert it first)")
    return np.array(image)


def displayed_to_stored(array: Pixels, orientation: int) -> Pixels:
    """An array in displayed orientation (H, W) turned as a file of this EXIF orientation stores it."""
    turns: dict[int, Callable[[Pixels], Pixels]] = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.T,
        6: lambda a: np.rot90(a),
        7: lambda a: a[::-1, ::-1].T,
        8: lambda a: np.rot90(a, -1),
    }
    return turns[orientation](array)
