from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from spikefill import InputError
from spikefill.images import decode
from spikefill.images.content import Content
from tests.images import samples
from tests.images.samples import inks, photograph, pillow_file, png_file, tiff_file

KINDS = {
    "16 bits": {"pixels": np.zeros((2, 2, 3), np.uint16)},
    "16 bits of grey": {"pixels": np.zeros((2, 2), np.uint16)},
    "transparency": {"pixels": np.zeros((2, 2, 4), np.uint8)},
    "transparency of grey": {"pixels": np.zeros((2, 2, 2), np.uint8)},
    "colours multiplied by their transparency": {"pixels": np.zeros((2, 2, 4), np.uint8), "premultiplied": True},
    "CMYK colours": {"pixels": np.zeros((2, 2, 4), np.uint8), "cmyk": True},
    "floating-point values": {"pixels": np.zeros((2, 2, 3), np.float32)},
}
WRITE = {
    "16 bits": {"JPEG": "PNG", "WEBP": "PNG", "BMP": "PNG", "HEIF": "PNG"},
    "16 bits of grey": {"JPEG": "PNG", "WEBP": "PNG", "BMP": "PNG", "HEIF": "PNG"},
    "transparency": {"JPEG": "PNG", "BMP": "PNG"},
    "transparency of grey": {"JPEG": "PNG", "BMP": "PNG"},
    "colours multiplied by their transparency": dict.fromkeys(("PNG", "JPEG", "WEBP", "BMP", "HEIF"), "TIFF"),
    "CMYK colours": dict.fromkeys(("PNG", "WEBP", "BMP", "HEIF"), "TIFF"),
    "floating-point values": dict.fromkeys(("PNG", "JPEG", "WEBP", "BMP", "HEIF"), "TIFF"),
}
CALLED = {"WEBP": "WebP", "HEIF": "HEIC"}


@pytest.mark.parametrize("target", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "HEIF"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_a_format_cannot_hold_is_said_in_one_line(kind: str, target: str) -> None:
    content = Content(**KINDS[kind])
    if target not in WRITE[kind]:
        content.check_fits(target, "TIFF")
        return
    with pytest.raises(InputError) as error:
        content.check_fits(target, "TIFF")
    what = kind.removesuffix(" of grey")
    assert str(error.value) == (
        f"the photograph has {what}, which {CALLED.get(target, target)} cannot hold; write {WRITE[kind][target]}"
    )


def test_what_is_suggested_holds_all_of_it() -> None:
    deep_inks = Content(pixels=np.zeros((2, 2, 4), np.uint16), cmyk=True)
    with pytest.raises(InputError, match="the photograph has 16 bits, which JPEG cannot hold; write TIFF"):
        deep_inks.check_fits("JPEG", "TIFF")


def test_plain_pictures_go_into_every_format() -> None:
    for pixels in (photograph(1), photograph(3)):
        for target in ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "HEIF"):
            Content(pixels=pixels).check_fits(target, "PNG")


SMALL: dict[str, Callable[[], bytes]] = {
    "PNG": lambda: pillow_file(photograph(3), "PNG"),
    "PNG 16": lambda: png_file(photograph(3, "16")),
    "JPEG": lambda: pillow_file(photograph(3), "JPEG"),
    "WEBP": lambda: pillow_file(photograph(3), "WEBP"),
    "BMP": lambda: pillow_file(photograph(3), "BMP"),
    "TIFF": lambda: tiff_file(inks(), photometric="separated"),
    "HEIF": lambda: heic_file(),
}


def heic_file() -> bytes:
    pytest.importorskip("pillow_heif")
    file = decode(pillow_file(photograph(3), "PNG"))
    return file.encode(file.pixels, "HEIF")


@pytest.mark.parametrize("kind", SMALL)
def test_too_many_pixels_are_refused_by_the_header(kind: str) -> None:
    source = SMALL[kind]()
    assert decode(source, largest_megapixels=37 * 53 / 1e6).pixels.shape[:2] == (37, 53)
    with pytest.raises(InputError) as error:
        decode(source, "photo.x", largest_megapixels=0.0015)
    assert str(error.value) == (
        "photo.x is 53 x 37 px, 0.001961 megapixels; more than 0.0015 are read only where largest_megapixels says so"
    )


def test_a_bomb_is_refused_before_it_goes_off() -> None:
    """Headers of 30,000 x 30,000 px over a few bytes."""
    png = bytearray(pillow_file(photograph(3), "PNG"))
    png[16:33] = samples.png_chunk(b"IHDR", (30000).to_bytes(4, "big") * 2 + b"\x08\2\0\0\0")[8:]
    bmp = bytearray(pillow_file(photograph(3), "BMP"))
    bmp[18:26] = (30000).to_bytes(4, "little") * 2
    tiff = bytearray(tiff_file(photograph(1)))
    for tag in (256, 257):
        place = tiff.index(tag.to_bytes(2, "little") + b"\4\0\1\0\0\0") + 8
        tiff[place : place + 4] = (30000).to_bytes(4, "little")
    for source in (bytes(png), bytes(bmp), bytes(tiff)):
        with pytest.raises(InputError, match="photo is 30000 x 30000 px, 900 megapixels; more than 500 are read only"):
            decode(source, "photo")
        with pytest.raises(InputError, match="photo is damaged"):
            decode(source, "photo", largest_megapixels=1000)
