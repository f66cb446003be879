"""Pictures of every size, mode and depth, files of them, and masks."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from tests.images.samples import DTYPES, inks_file, pillow_file, png_file, tiff_file

LONG, SHORT = 3000, 17
"""Sides, in pixels, of the longest picture."""

MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16")
"""Of PIL images."""

MASKS = ("none", "single", "all but one", "random", "soft")

KINDS = (
    *((mode, "PNG") for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
    *((mode, "TIFF") for mode in ("1", "L", "P", "RGB", "CMYK", "I;16")),
    *((mode, "BMP") for mode in ("1", "L", "P", "RGB")),
    ("RGB", "WEBP"), ("RGBA", "WEBP"),
    ("L", "JPEG"), ("RGB", "JPEG"), ("CMYK", "JPEG"),
    *((f"{channels} of 16", kind) for channels in (1, 2, 3, 4) for kind in ("PNG", "TIFF")),
    *((f"{channels} of float", "TIFF") for channels in (1, 2, 3, 4)),
    ("inks of 16", "TIFF"),
)  # fmt: skip
"""Of files: a mode of PIL, or the number of channels and their depth; and the format."""

Generator = np.random.Generator

sizes = st.one_of(
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.tuples(st.integers(1, SHORT), st.integers(1, LONG)),
    st.tuples(st.integers(1, LONG), st.integers(1, SHORT)),
    st.sampled_from([(1, 1), (1, LONG), (LONG, 1), (SHORT, LONG), (LONG, SHORT)]),
)
"""Height and width."""


@dataclass(frozen=True)
class PictureFile:
    """A file, and the pixels in it as another reader sees them.

    Attributes:
        encoded: Its bytes.
        pixels: (H, W) or (H, W, C), a palette and 1 bit as colours; of JPEG what the file holds.
        lossy: Whether the format cannot keep pixels.
    """

    encoded: bytes
    pixels: NDArray[Any]
    lossy: bool


def array(generator: Generator, size: tuple[int, int], channels: int | None, dtype: str) -> NDArray[Any]:
    """Noise (H, W), or (H, W, C) with a number of channels; floating point in [0, 1]."""
    shape = size if channels is None else (*size, channels)
    if np.dtype(dtype).kind == "f":
        return generator.random(shape).astype(dtype)
    native = np.dtype(dtype).newbyteorder("=")
    return generator.integers(0, np.iinfo(dtype).max, shape, native, endpoint=True).astype(dtype)


def pil_image(generator: Generator, size: tuple[int, int], mode: str) -> Image.Image:
    """Noise of a mode of PIL."""
    if mode == "I;16":
        return Image.fromarray(array(generator, size, None, "uint16"))
    if mode in ("1", "L"):
        return Image.fromarray(array(generator, size, None, "uint8")).convert(mode)
    if mode == "P":
        image = Image.fromarray(array(generator, size, None, "uint8") % 32).convert("P")
        image.putpalette(generator.integers(0, 256, 96).tolist())
        return image
    channels = {"LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}[mode]
    pixels = array(generator, size, channels, "uint8")
    return Image.frombytes(mode, size[::-1], pixels.tobytes())


def picture_file(generator: Generator, size: tuple[int, int], kind: tuple[str, str]) -> PictureFile:
    """Noise in a file of one of `KINDS`."""
    what, target = kind
    if " of " in what:
        channels, depth = what.split(" of ")
        inks = channels == "inks"
        count = 4 if inks else int(channels)
        pixels = array(generator, size, None if count == 1 else count, np.dtype(DTYPES[depth]).name)
        photometric = {"photometric": "separated"} if inks else {}
        encoded = png_file(pixels) if target == "PNG" else tiff_file(pixels, compression="zlib", **photometric)
        return PictureFile(encoded, pixels, lossy=False)
    image = pil_image(generator, size, what)
    options = {"lossless": True, "exact": True} if target == "WEBP" else {}
    if what == "CMYK":
        encoded = inks_file(np.asarray(image), target, **options)
    else:
        encoded = pillow_file(image, target, **options)
    return PictureFile(encoded, seen(encoded), lossy=target == "JPEG")


def seen(encoded: bytes) -> NDArray[Any]:
    """The pixels of a file by another reader than ours; a palette and 1 bit as colours."""
    if encoded[:2] in (b"II", b"MM"):
        with tifffile.TiffFile(io.BytesIO(encoded)) as file:
            page = file.pages.first
            if page.photometric not in (tifffile.PHOTOMETRIC.PALETTE, tifffile.PHOTOMETRIC.MINISWHITE):
                pixels = page.asarray()
                return pixels.astype(np.uint8) * np.uint8(255) if pixels.dtype == bool else pixels
    elif encoded[1:4] == b"PNG" and encoded[24] == 16:
        pixels = imagecodecs.png_decode(encoded)
        return pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    with Image.open(io.BytesIO(encoded)) as image:
        return np.asarray(image.convert({"1": "L", "P": "RGB"}.get(image.mode, image.mode)))


def mask(generator: Generator, size: tuple[int, int], kind: str) -> NDArray[np.uint8]:
    """A mask of one of `MASKS`, (H, W), from 0 to 255: a hole from 128."""
    one = generator.integers(0, size[0]), generator.integers(0, size[1])
    if kind == "soft":  # where the largest value is 1, it stands for a hole
        return np.maximum(array(generator, size, None, "uint8"), 2)
    if kind == "random":
        holes = generator.random(size) < generator.random()
    else:
        holes = np.full(size, kind == "all but one")
        if kind != "none":
            holes[one] = kind == "single"
    return holes.astype(np.uint8) * np.uint8(255)
