"""Pictures with a palette or 1 bit, which become colours unless they are to stay."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile
from PIL import Image

from spikefill import InputError
from spikefill.images import decode
from spikefill.images.palette import Palette
from tests.images import samples
from tests.images.samples import photograph, pillow_file

HOLES = np.zeros(samples.SHAPE, bool)
HOLES[9:20, 15:33] = True


def quantised(colours: int = 24) -> Image.Image:
    return Image.fromarray(photograph(3)).quantize(colours, dither=Image.Dither.NONE)


def restored(pixels: np.ndarray) -> np.ndarray:
    """Other colours in the holes, with the alpha that was there."""
    result = pixels.copy()
    colours = result[..., :3] if pixels.ndim == 3 else result
    colours[HOLES] = np.random.default_rng(5).integers(0, 256, colours[HOLES].shape)
    return result


@pytest.mark.parametrize("target", ["PNG", "BMP", "TIFF"])
@pytest.mark.parametrize("source", ["PNG", "BMP", "TIFF"])
def test_known_pixels_keep_their_entry(source: str, target: str) -> None:
    image = quantised()
    file = decode(pillow_file(image, source))
    assert np.array_equal(file.pixels, np.array(image.convert("RGB")))
    written = samples.opened(file.encode(restored(file.pixels), target, keep_palette=True, holes=HOLES))
    assert written.mode == "P"
    assert np.array_equal(np.array(written)[~HOLES], np.array(image)[~HOLES])
    entries = np.array(image.getpalette()).reshape(-1, 3)
    wanted, got = restored(file.pixels)[HOLES].astype(int), np.array(written.convert("RGB"))[HOLES].astype(int)
    for pixel, found in zip(wanted, got, strict=True):
        best = min(int(((pixel - entry) ** 2).sum()) for entry in entries)
        assert ((pixel - found) ** 2).sum() == best


@pytest.mark.parametrize("target", ["PNG", "BMP", "TIFF"])
@pytest.mark.parametrize("source", ["PNG", "BMP", "TIFF"])
def test_one_bit_stays_one_bit(source: str, target: str) -> None:
    bits = photograph(1) > 110
    file = decode(pillow_file(Image.fromarray(bits), source))
    assert np.array_equal(file.pixels, bits * np.uint8(255))
    grey = restored(file.pixels)
    written = samples.opened(file.encode(grey, target, keep_palette=True, holes=HOLES))
    assert written.mode == "1"
    assert np.array_equal(np.array(written)[~HOLES], bits[~HOLES])
    assert np.array_equal(np.array(written)[HOLES], (grey >= 128)[HOLES])
    promoted = samples.opened(file.encode(grey, target))
    assert np.array_equal(np.array(promoted.convert("L")), grey)


def test_transparent_entries_keep_their_alpha() -> None:
    image = quantised()
    alpha = bytes(np.linspace(0, 255, 24).astype(np.uint8))
    file = decode(pillow_file(image, "PNG", transparency=alpha))
    assert file.pixels.shape == (*samples.SHAPE, 4)
    written = samples.opened(file.encode(restored(file.pixels), keep_palette=True, holes=HOLES))
    assert written.mode == "P"
    assert np.array_equal(np.array(written)[~HOLES], np.array(image)[~HOLES])
    assert np.array_equal(np.array(written.convert("RGBA"))[..., 3], file.pixels[..., 3])
    with pytest.raises(
        InputError, match="keep_palette is True, but TIFF has no transparent entries of palettes; write"
    ):
        file.check_format("TIFF", keep_palette=True)


def test_a_palette_becomes_colours_unless_it_is_to_stay() -> None:
    file = decode(pillow_file(quantised(), "PNG"))
    written = samples.opened(file.encode(restored(file.pixels)))
    assert written.mode == "RGB"
    assert np.array_equal(np.array(written), restored(file.pixels))
    with pytest.raises(InputError, match="keep_palette is True, but JPEG has no palettes; write PNG, BMP, TIFF"):
        file.encode(file.pixels, "JPEG", keep_palette=True)


def test_a_picture_without_a_palette_is_written_as_ever() -> None:
    file = decode(pillow_file(photograph(3), "PNG"))
    assert file.encode(file.pixels, keep_palette=True) == file.encode(file.pixels)
    file.check_format("JPEG", keep_palette=True)


def test_without_holes_the_pixels_that_changed_get_new_entries() -> None:
    image = quantised()
    file = decode(pillow_file(image, "PNG"))
    written = samples.opened(file.encode(restored(file.pixels), keep_palette=True))
    assert np.array_equal(np.array(written)[~HOLES], np.array(image)[~HOLES])
    assert (np.array(written)[HOLES] != np.array(image)[HOLES]).any()


def test_what_lies_under_the_mask_has_no_influence() -> None:
    """Entries 0 and 2 are one colour: in the hole, the first is taken, whichever was there."""
    colours = np.array([[9, 9, 9], [200, 0, 0], [9, 9, 9]], np.uint8)
    results = []
    for under in (0, 2):
        palette = Palette(np.array([[under, 2]], np.uint8), colours)
        results.append(palette.nearest(palette.pixels, np.array([[True, False]])).tolist())
    assert results == [[[0, 2]], [[0, 2]]]


def test_the_nearest_entry_of_three() -> None:
    palette = Palette(np.zeros((1, 4), np.uint8), np.array([[0, 0, 0], [100, 0, 0], [0, 250, 0]], np.uint8))
    pixels = np.array([[[49, 0, 0], [51, 0, 0], [50, 0, 0], [0, 255, 9]]], np.uint8)
    assert palette.nearest(pixels, np.ones((1, 4), bool)).tolist() == [[0, 1, 0, 2]]


def test_entries_that_the_file_does_not_have_are_not_taken() -> None:
    """Black would be nearest, but there are white and red alone."""
    image = Image.fromarray(np.eye(8, dtype=np.uint8)).convert("P")
    image.putpalette([255, 255, 255, 200, 0, 0])
    file = decode(pillow_file(image, "PNG"))
    black = np.zeros((8, 8, 3), np.uint8)
    written = samples.opened(file.encode(black, keep_palette=True))
    assert np.array_equal(np.array(written.convert("RGB")), np.broadcast_to(np.uint8([200, 0, 0]), (8, 8, 3)))


def test_a_palette_of_tiff_has_sixteen_bits() -> None:
    image = quantised()
    file = decode(pillow_file(image, "PNG"))
    written = file.encode(file.pixels, "TIFF", keep_palette=True)
    table = tifffile.TiffFile(io.BytesIO(written)).pages[0].colormap
    assert np.array_equal(table[:, :24].T, np.array(image.getpalette()).reshape(-1, 3).astype(int) * 257)
