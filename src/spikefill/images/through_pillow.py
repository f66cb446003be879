"""PNG, JPEG, WebP and BMP, through Pillow.

Pillow's classes are called by what the file starts with, not through `PIL.Image.open`: that refuses from 179 megapixels
on, for the whole process, and tries formats that are not served. 16 bits of colour are left to `deep_png`.
"""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import BmpImagePlugin, Image, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from spikefill.errors import InputError
from spikefill.images import deep_png, orientation
from spikefill.images.content import Content, Limit, Pixels
from spikefill.images.palette import Palette

MODES = ("L", "LA", "RGB", "RGBA", "CMYK", "I;16")
"""Modes of PIL that are restored as they are; ``1`` and ``P`` are promoted first."""

OPENERS: dict[str, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
    "PNG": PngImagePlugin.PngImageFile,
    "JPEG": JpegImagePlugin.jpeg_factory,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
}

DEFAULT_COMPRESSION: dict[str, dict[str, Any]] = {
    "PNG": {},
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"lossless": True, "exact": True},
    "BMP": {},
}
"""For pictures that come from another format."""

_LIBRARY = 8
"""Bytes a pixel that libwebp, and libjpeg for a progressive file, hold beside Pillow."""

_AT_A_TIME = 1 << 20
"""How many pixels are copied."""

_HOLE = 128
"""The least value of a hole in a mask of 8 bits."""

_XMP_IN_PNG = "XML:com.adobe.xmp"
_EXIF_MARK = b"Exif\0\0"
_EXIF_AS_TEXT = "Raw profile type exif"

_PILLOW_WARNS = threading.Lock()
"""Held while warnings of Pillow are caught, since the list of filters belongs to the whole process."""


@contextmanager
def quiet() -> Iterator[None]:
    """Without warnings of Pillow: of damaged EXIF, which is kept as it is, and of sizes, which are checked here."""
    with _PILLOW_WARNS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def read(encoded: bytes, kind: str, name: str, limit: Limit) -> Content:
    """Decodes a file of format ``kind``, one of `OPENERS`.

    Raises:
        InputError: The picture is too large, animated, or of a mode that is not served.
        Exception: Whatever Pillow raises on a damaged file.
    """
    with quiet():
        image = OPENERS[kind](io.BytesIO(encoded))
    with image:
        limit.check(*image.size, name, _decoding(image, kind, encoded))
        # Telephones put further pictures behind a JPEG (MPO): a gain map, a preview.
        if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
            raise InputError(f"{name} is animated; give a single picture")
        image.load()
        with quiet():  # after the pixels, behind which PNG may have its EXIF
            turn = orientation.valid(image.getexif().get(orientation.TAG))
        palette = _palette(image)
        if palette is not None:
            pixels: Pixels = palette.pixels
        elif kind == "PNG" and deep_png.is_deep(encoded):
            pixels = deep_png.read(encoded)
        elif "transparency" in image.info and image.mode != "P":  # one colour that counts as transparent
            pixels = pil_to_array(image.convert("RGBA" if image.mode == "RGB" else "LA"), name)
        else:
            pixels = pil_to_array(image, name)
        return Content(
            pixels=pixels,
            orientation=turn,
            kept=_kept(image),
            compression=_compression(image, encoded),
            cmyk=image.mode == "CMYK",
            palette=palette,
        )


def read_mask(encoded: bytes, name: str, limit: Limit) -> NDArray[np.bool_] | None:
    """The holes in a PNG file of 1 bit or grey, with no array of its numbers: half the memory of `read`.

    Args:
        encoded: The file.
        name: What to call it in errors.
        limit: As for `read`.

    Returns:
        Bool (H, W), as it is displayed, see `masks.as_mask`; None for a file of another kind.

    Raises:
        InputError: The picture is too large.
        Exception: Whatever Pillow raises on a damaged file.
    """
    with quiet():
        image = OPENERS["PNG"](io.BytesIO(encoded))
    with image:
        if image.mode not in ("1", "L") or "transparency" in image.info or getattr(image, "n_frames", 1) > 1:
            return None
        limit.check(*image.size, name, 1)
        image.load()
        least = 1 if image.getextrema()[1] == 1 else _HOLE
        holes = np.empty(image.size[::-1], bool)
        for rows, part in _bands(image):
            holes[rows] = part >= least if image.mode == "L" else part
        with quiet():
            turn = orientation.valid(image.getexif().get(orientation.TAG))
    return orientation.stored_to_displayed(holes, turn)


def _decoding(image: Image.Image, kind: str, encoded: bytes) -> int:
    """Bytes a pixel that decoding takes: Pillow's picture, the array, and what the format's library holds of it."""
    palette = image.mode in ("1", "P")
    stored = 1 if image.mode in ("1", "L", "P") else 2 if image.mode == "I;16" else 4
    array = 1 if image.mode == "1" else 4 if palette else len(image.getbands()) * (2 if image.mode == "I;16" else 1)
    if kind == "PNG" and deep_png.is_deep(encoded):
        array *= 2
    whole = kind == "WEBP" or image.info.get("progressive")
    return stored + array + (1 if palette else 0) + (_LIBRARY if whole else 0)


def name_of(encoded: bytes) -> str | None:
    """What Pillow takes a file for; None for what it does not know."""
    try:
        with quiet(), Image.open(io.BytesIO(encoded)) as image:
            return image.format
    except Exception:  # Pillow's plugins raise anything on damaged files
        return None


def write(file: IO[bytes], content: Content, kind: str, compression: dict[str, Any]) -> None:
    """Writes a file of format ``kind``, one of `OPENERS`.

    JPEG changes what is outside of the holes, too: every block is transformed and rounded again (see docs/large.md);
    `jpeg_blocks` undoes that.

    Args:
        file: Open to be written.
        content: What to write; it fits the format.
        kind: The format.
        compression: Pillow's save arguments.

    Raises:
        InputError: There are too many pixels a side, or too much EXIF, for the format.
    """
    image = to_image(content.pixels, cmyk=content.cmyk)
    options = {**content.kept, **compression}
    if content.palette is not None:
        image, options = _with_palette(content.palette, options)
    elif kind == "WEBP" and image.mode in ("L", "LA"):
        image = image.convert("RGB" if image.mode == "L" else "RGBA")
        if options.get("icc_profile", b"")[16:20] == b"GRAY":
            del options["icc_profile"]  # a profile for grey does not fit colour
    if kind == "PNG":
        options["pnginfo"] = _png_texts(options.pop("xmp", None))
    _save(image, file, kind, options)


def write_deep_png(file: IO[bytes], content: Content) -> None:
    """Writes a PNG file of 16 bits and 2 to 4 channels, with what Pillow writes about the pixels."""
    options = {**content.kept, "pnginfo": _png_texts(content.kept.get("xmp"))}
    options.pop("xmp", None)
    like = io.BytesIO()
    _save(Image.new("RGB", (1, 1)), like, "PNG", options)
    deep_png.write(file, content.pixels, like=like.getvalue())


def _save(image: Image.Image, file: IO[bytes], kind: str, options: dict[str, Any]) -> None:
    try:
        image.save(file, kind, **options)
    except (OSError, ValueError) as error:  # too many pixels a side, too much EXIF
        raise InputError(f"the photograph cannot be written as {kind}: {error}") from error


def pil_to_array(image: Image.Image, name: str = "image") -> Pixels:
    """The pixels of a PIL image of `MODES`; a palette becomes RGB or RGBA, 1 bit becomes greyscale.

    Raises:
        InputError: The mode is another one, such as HSV.
    """
    if image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    elif image.mode == "1":
        image = image.convert("L")
    if image.mode not in MODES:
        raise InputError(f"{name} has mode {image.mode}; it must be one of: {', '.join(MODES)} (convert it first)")
    return _array(image)


def _array(image: Image.Image) -> Pixels:
    """`numpy.array` of an image, which would hold the pixels three times: of a large one, a few rows at a time."""
    width, height = image.size
    if width * height <= _AT_A_TIME:
        return np.array(image)
    pixel = np.asarray(image.crop((0, 0, 1, 1)))
    pixels: Pixels = np.empty((height, width, *pixel.shape[2:]), pixel.dtype)
    for rows, part in _bands(image):
        pixels[rows] = part
    return pixels


def _bands(image: Image.Image) -> Iterator[tuple[slice, Pixels]]:
    """The pixels of an image, some rows at a time."""
    width, height = image.size
    rows = max(1, _AT_A_TIME // width)
    if rows >= height:
        yield slice(0, height), np.asarray(image)
        return
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        yield slice(top, bottom), np.asarray(image.crop((0, top, width, bottom)))


def to_image(pixels: Pixels, *, cmyk: bool = False) -> Image.Image:
    """A PIL image of pixels; four channels are RGBA, unless they are ``cmyk``."""
    if cmyk:
        return Image.frombuffer("CMYK", pixels.shape[1::-1], np.ascontiguousarray(pixels), "raw", "CMYK", 0, 1)
    return Image.fromarray(pixels)


def _kept(image: Image.Image) -> dict[str, Any]:
    info = image.info
    kept = {key: info[key] for key in ("exif", "icc_profile", "xmp", "dpi", "comment") if info.get(key)}
    if isinstance(image, PngImagePlugin.PngImageFile) and _EXIF_AS_TEXT in info and "exif" not in info:
        kept["exif"] = image.getexif().tobytes()
    if "exif" in kept and not kept["exif"].startswith(_EXIF_MARK):  # WebP leaves it out, JPEG needs it
        kept["exif"] = _EXIF_MARK + kept["exif"]
    return kept


def _compression(image: Image.Image, encoded: bytes) -> dict[str, Any]:
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        sampling = JpegImagePlugin.get_sampling(image)  # -1 for what Pillow cannot write, for grey and for CMYK
        return {
            "qtables": image.quantization,
            "subsampling": max(sampling, 0),
            "progressive": bool(image.info.get("progressive")),
        }
    if image.format == "WEBP":
        return {"quality": 95, "exact": True} if _is_lossy_webp(encoded) else DEFAULT_COMPRESSION["WEBP"]
    return {}


def _palette(image: Image.Image) -> Palette | None:
    """The palette of a picture of mode P or 1; None for others, and where one of two colours is transparent."""
    if image.mode == "1" and "transparency" not in image.info:
        return Palette(_array(image).astype(np.uint8), np.array([[0], [255]], np.uint8), bilevel=True)
    if image.mode != "P":
        return None
    indices = _array(image)
    probe = Image.frombytes("P", (256, 1), bytes(range(256)))
    probe.info = image.info
    colours = image.getpalette() or []
    probe.putpalette(colours)
    entries = max(len(colours) // 3, int(indices.max()) + 1)
    return Palette(indices, pil_to_array(probe)[0, :entries])


def _with_palette(palette: Palette, options: dict[str, Any]) -> tuple[Image.Image, dict[str, Any]]:
    if palette.bilevel:
        return Image.fromarray(palette.indices.astype(bool)), options
    image = Image.frombytes("P", palette.indices.shape[::-1], palette.indices.tobytes())
    image.putpalette(palette.colours[:, :3].tobytes())
    if palette.colours.shape[1] == 4:
        options = {**options, "transparency": palette.colours[:, 3].tobytes()}
    return image, options


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
