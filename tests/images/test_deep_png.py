"""PNG files of 16 bits."""

from __future__ import annotations

import io
import logging
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from spikefill import InputError
from spikefill.images import decode, deep_png
from tests.images.samples import photograph, png_chunk, png_file

LIKE = png_file(np.zeros((1, 1, 3), np.uint16), png_chunk(b"pHYs", struct.pack(">IIB", 9000, 9001, 1)))


@settings(max_examples=40, deadline=None)
@given(arrays.arrays(np.uint16, st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(2, 4))))
def test_every_bit_comes_back(pixels: np.ndarray) -> None:
    file = io.BytesIO()
    deep_png.write(file, pixels, like=LIKE)
    written = file.getvalue()
    assert deep_png.is_deep(written)
    assert np.array_equal(deep_png.read(written), pixels)
    assert written.count(png_chunk(b"pHYs", struct.pack(">IIB", 9000, 9001, 1))) == 1


def test_one_transparent_colour_becomes_alpha() -> None:
    for channels in (1, 3):
        pixels = photograph(channels, "16")
        key = pixels[5, 7]
        file = decode(png_file(pixels, png_chunk(b"tRNS", np.asarray(key, ">u2").tobytes())))
        assert file.pixels.dtype == np.uint16
        assert np.array_equal(file.pixels[..., :-1].reshape(pixels.shape), pixels)
        transparent = (pixels == key).reshape(*pixels.shape[:2], -1).all(axis=2)
        assert np.array_equal(file.pixels[..., -1], np.where(transparent, 0, 65535))
        assert np.array_equal(decode(file.encode(file.pixels)).pixels, file.pixels)


def test_a_byte_that_does_not_fit_its_sum_is_said() -> None:
    source = bytearray(png_file(photograph(3, "16")))
    source[len(source) // 2] ^= 255
    with pytest.raises(InputError, match="photo is damaged: "):
        decode(bytes(source), "photo")


def test_nothing_is_said_of_more_rows_than_the_header_promises(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """imagecodecs logs it: where nobody listens to what is logged, that goes to standard error."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    pixels = photograph(4, "16")
    source, fewer = png_file(pixels), png_file(pixels[:11])
    head = slice(8, 33)
    assert np.array_equal(decode(source[: head.start] + fewer[head] + source[head.stop :]).pixels, pixels[:11])
    assert capfd.readouterr() == ("", "")


def test_a_file_without_its_end_is_said() -> None:
    with pytest.raises(InputError, match="photo is damaged: "):
        decode(png_file(photograph(3, "16"))[:6000], "photo")
