"""HEIC files, with the optional package and without it."""

from __future__ import annotations

import io
import sys
from typing import Any

import numpy as np
import pytest

from spikefill import InputError
from spikefill.images import decode
from tests.images import samples
from tests.images.samples import photograph, pillow_file, png_file

NEEDS = "HEIC needs a further package: pip install 'spikefill[heif]'"


def heic(pixels: np.ndarray, mode: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    pytest.importorskip("pillow_heif").encode(mode, pixels.shape[1::-1], pixels.tobytes(), buffer, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_heic_file_is_read_and_written(channels: int) -> None:
    pixels = photograph(channels)
    file = decode(heic(pixels, {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[channels], quality=90, chroma=444))
    if channels == 2:  # libheif gives grey with alpha as three colours with alpha
        pixels = pixels[..., [0, 0, 0, 1]]
    assert file.format == "HEIF"
    assert file.pixels.dtype == np.uint8
    assert np.abs(file.pixels.astype(int) - pixels).mean() < 4
    changed = file.pixels.copy()
    changed[9:20, 15:33, ...] = 0
    again = decode(file.encode(changed)).pixels
    assert again.shape == changed.shape
    assert np.abs(again.astype(int) - changed).mean() < 3


def test_ten_bits_stay_more_than_eight() -> None:
    pixels = photograph(3, "16")
    file = decode(heic(pixels, "RGB;16", quality=95, chroma=444))
    assert file.pixels.dtype == np.uint16
    assert np.abs(file.pixels.astype(int) - pixels).mean() < 4 * 257
    again = decode(file.encode(file.pixels))
    assert again.pixels.dtype == np.uint16
    assert np.abs(again.pixels.astype(int) - file.pixels).mean() < 3 * 257
    assert np.array_equal(decode(file.encode(file.pixels, "PNG")).pixels, file.pixels)
    with pytest.raises(InputError, match="the photograph has 16 bits, which HEIC cannot hold; write PNG"):
        decode(png_file(pixels)).check_format("HEIF")


def test_colours_that_are_numbers_stay() -> None:
    """Display P3, as telephones say it without a profile."""
    library = pytest.importorskip("pillow_heif")
    colours = {"color_primaries": 12, "transfer_characteristics": 13, "matrix_coefficients": 6, "full_range_flag": 1}
    file = decode(heic(photograph(3), "RGB", quality=90, **colours))
    profile = library.open_heif(file.encode(file.pixels)).info["nclx_profile"]
    assert {key: profile[key] for key in colours} == colours


def test_a_picture_that_lies_is_read_upright() -> None:
    source = heic(photograph(3), "RGB", exif=samples.exif(6).tobytes(), quality=90)
    file = decode(source)
    assert file.orientation == 1
    assert file.pixels.shape == (53, 37, 3)
    assert np.abs(file.pixels.astype(int) - np.rot90(photograph(3), -1)).mean() < 6


def test_without_the_package_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    source = heic(photograph(3), "RGB")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    for call in (
        lambda: decode(source, "photo.heic"),
        lambda: decode(pillow_file(photograph(3), "PNG")).check_format("HEIF"),
    ):
        with pytest.raises(InputError) as error:
            call()
        assert str(error.value) == NEEDS


def test_damaged_files_are_refused_in_one_line() -> None:
    source = heic(photograph(3), "RGB", exif=samples.exif(1).tobytes())
    for length in range(12, len(source) - 40, 97):
        with pytest.raises(InputError) as error:
            decode(source[:length], "photo")
        assert str(error.value).startswith("photo ")
        assert "\n" not in str(error.value)
