"""Small files of every format, made by other writers than ours, from a crop of a real photograph."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import tifffile
from PIL import Image, ImageCms, PngImagePlugin
from PIL.TiffImagePlugin import IFDRational

from spikefill.data.embedded import embedded_files

_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
RGB_PROFILE = _PROFILE[:24] + bytes(12) + _PROFILE[36:]
"""Without its date: the same in every run."""
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF/></x:xmpmeta>'
SHAPE = (37, 53)
DTYPES = {"8": np.uint8, "16": np.uint16, "float": np.float32}


def photograph(channels: int, depth: str = "8") -> np.ndarray:
    """A crop of the cat, with 1 to 4 channels; the fourth, or the second of two, is a ramp."""
    (path,) = (file for file in embedded_files("val") if file.name == "chelsea.png")
    with Image.open(path) as image:
        crop = np.array(image)[100 : 100 + SHAPE[0], 150 : 150 + SHAPE[1]]
    ramp = np.broadcast_to(np.linspace(0, 255, SHAPE[1]).astype(np.uint8)[None, :, None], (*SHAPE, 1))
    colours = crop if channels > 2 else crop[..., 1:2]
    whole = np.concatenate([colours, ramp], axis=2) if channels in (2, 4) else colours
    if depth == "16":  # the lower byte is not that of a picture of 8 bits
        lower = np.random.default_rng(7).integers(0, 256, whole.shape)
        whole = (whole.astype(np.uint16) << 8) + lower.astype(np.uint16)
    elif depth == "float":
        whole = whole.astype(np.float32) / np.float32(255)
    return np.ascontiguousarray(whole[..., 0] if channels == 1 else whole)


def inks(depth: str = "8") -> np.ndarray:
    """The crop in CMYK, with half of the black that can be."""
    largest = np.iinfo(DTYPES[depth]).max
    colours = photograph(3, "float").astype(float)
    black = 0.5 * (1 - colours.max(axis=2, keepdims=True))
    whole = np.concatenate([1 - colours / (1 - black), black], axis=2)
    return np.round(whole * largest).astype(DTYPES[depth])


def exif(orientation: int = 8) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x010F] = "A camera"
    tags.get_ifd(0x8769)[0x829A] = IFDRational(1, 250)  # exposure time
    tags.get_ifd(0x8769)[0x927C] = b"The maker's own"
    tags.get_ifd(0x8825)[0x0001] = "N"
    return tags


def pillow_file(image: Image.Image | np.ndarray, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(buffer, kind, **options)
    return buffer.getvalue()


def inks_file(pixels: np.ndarray, kind: str, **options: Any) -> bytes:
    return pillow_file(Image.frombytes("CMYK", pixels.shape[1::-1], pixels.tobytes()), kind, **options)


def tiff_file(pixels: np.ndarray, **options: Any) -> bytes:
    buffer = io.BytesIO()
    if "photometric" not in options:
        options["photometric"] = "minisblack" if pixels.ndim == 2 or pixels.shape[2] == 2 else "rgb"
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4) and options["photometric"] != "separated":
        options.setdefault("extrasamples", [2])
    if pixels.ndim == 3:
        options.setdefault("planarconfig", "contig")
    tifffile.imwrite(buffer, pixels, metadata=None, **options)
    return buffer.getvalue()


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_file(pixels: np.ndarray, *chunks: bytes) -> bytes:
    """A PNG of 16 bits, without filters, with further chunks before its pixels."""
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    colour_type = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 16, colour_type, 0, 0, 0)
    body = (png_chunk(b"IHDR", head), *chunks, png_chunk(b"IDAT", zlib.compress(rows)), png_chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def png_texts() -> PngImagePlugin.PngInfo:
    texts = PngImagePlugin.PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", XMP.decode())
    return texts


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def bases() -> dict[str, bytes]:
    """A file of each format and kind, to damage."""
    rgb, grey = photograph(3), photograph(1)
    full = {"exif": exif(), "icc_profile": RGB_PROFILE}
    return {
        "png": pillow_file(rgb, "PNG", pnginfo=png_texts(), dpi=(300, 300), **full),
        "png 16": png_file(photograph(4, "16")),
        "png palette": pillow_file(Image.fromarray(rgb).quantize(32), "PNG", transparency=3),
        "png 1 bit": pillow_file(Image.fromarray(grey > 128), "PNG"),
        "jpeg": pillow_file(rgb, "JPEG", xmp=XMP, **full),
        "jpeg progressive": pillow_file(rgb, "JPEG", progressive=True),
        "jpeg cmyk": inks_file(inks(), "JPEG"),
        "webp": pillow_file(rgb, "WEBP", quality=60, xmp=XMP, **full),
        "webp lossless": pillow_file(photograph(4), "WEBP", lossless=True),
        "bmp": pillow_file(rgb, "BMP"),
        "bmp palette": pillow_file(Image.fromarray(rgb).quantize(16), "BMP"),
        "tiff": pillow_file(rgb, "TIFF", dpi=(300, 300), **{**full, "exif": exif().tobytes()}),
        "tiff lzw": tiff_file(photograph(3, "16"), compression="lzw", predictor=True, rowsperstrip=8),
        "tiff tiles": tiff_file(photograph(4, "16"), compression="zlib", tile=(16, 16)),
        "tiff float": tiff_file(photograph(3, "float"), compression="zlib", predictor=3, bigtiff=True),
        "tiff jpeg": tiff_file(rgb, compression="jpeg", rowsperstrip=16),
        "tiff cmyk": tiff_file(inks(), photometric="separated", byteorder=">"),
        "tiff palette": pillow_file(Image.fromarray(rgb).quantize(32), "TIFF"),
        "tiff 1 bit": pillow_file(Image.fromarray(grey > 128), "TIFF", compression="group4"),
    }
