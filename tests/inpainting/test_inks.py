"""Pictures in CMYK, restored by a network of three colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from spikefill import InputError
from spikefill.images import decode
from spikefill.inpainting import Damaged, Inpainter, inks
from tests.images import samples

HOLES = np.zeros(samples.SHAPE, bool)
HOLES[9:20, 15:33] = True


def seen(pixels: np.ndarray) -> np.ndarray:
    """What ideal inks look like: (H, W, 3) in [0, 1]."""
    share = pixels / np.iinfo(pixels.dtype).max
    return (1 - share[..., :3]) * (1 - share[..., 3:])


@pytest.mark.parametrize("depth", ["8", "16"])
def test_colours_that_are_restored_are_those_of_the_inks(depth: str) -> None:
    """With the true colours and the true black as what the network says, the true inks come back."""
    source = samples.inks(depth)
    damaged = source.copy()
    damaged[HOLES] = 77
    answers = {3: seen(source).astype(np.float32), 2: source[..., 3]}
    asked: list[tuple[int, int]] = []

    def restore(pixels: np.ndarray, number: int) -> np.ndarray:
        asked.append((pixels.ndim, number))
        return np.where(HOLES if pixels.ndim == 2 else HOLES[..., None], answers[pixels.ndim], pixels)

    result = inks.restore(restore, damaged, HOLES)
    assert asked == [(3, 0), (2, 1)]
    assert result.dtype == source.dtype
    assert np.array_equal(result[~HOLES], source[~HOLES])
    assert np.abs(result.astype(int) - source).max() <= 1


def test_there_is_no_more_black_than_the_colour_allows() -> None:
    """A light colour, and black that would hide it."""
    source = np.full((1, 2, 4), 10, np.uint8)
    holes = np.array([[True, False]])
    colours = np.float32([[[0.8, 0.6, 0.4], [0.5, 0.5, 0.5]]])
    result = inks.restore(lambda pixels, number: np.full((1, 2), 200, np.uint8) if number else colours, source, holes)
    assert np.abs(seen(result)[0, 0] - colours[0, 0]).max() < 1 / 255
    assert result[0, 0].tolist() == [0, 64, 128, 51]
    assert result[0, 1].tolist() == [10] * 4


def test_black_alone_gives_no_division_by_nothing() -> None:
    source = np.full((1, 1, 4), 255, np.uint8)
    result = inks.restore(
        lambda pixels, _: np.zeros_like(pixels) + 255 * (pixels.ndim == 2), source, np.ones((1, 1), bool)
    )
    assert seen(result).max() == 0


def test_known_inks_stay_and_hidden_ones_have_no_influence(inpainter: Inpainter) -> None:
    source = samples.inks()
    other = source.copy()
    other[HOLES] = 255 - other[HOLES]
    told: list[tuple[int, int]] = []
    result = inpainter.restore(source, HOLES, cmyk=True, progress=lambda done, total: told.append((done, total)))
    assert np.array_equal(result[~HOLES], source[~HOLES])
    assert (result[HOLES] != source[HOLES]).any()
    assert np.array_equal(result, inpainter.restore(other, HOLES, cmyk=True))
    assert told == [(0, 2), (1, 2), (1, 2), (2, 2)]
    assert np.array_equal(inpainter.restore(source, HOLES & False, cmyk=True), source)


def test_the_holes_look_as_the_network_says(inpainter: Inpainter) -> None:
    source = samples.inks()
    result = inpainter.restore(source, HOLES, cmyk=True)
    colours = inpainter.restore(seen(source).astype(np.float32), HOLES)
    assert np.abs(seen(result) - colours)[HOLES].max() < 2 / 255


def test_inks_must_be_four(inpainter: Inpainter) -> None:
    with pytest.raises(
        InputError, match=r"image has shape \(37, 53, 3\), uint8; CMYK must be \(H, W, 4\), uint8 or uint16"
    ):
        inpainter.restore(samples.photograph(3), HOLES, cmyk=True)


def test_files_and_pil_images_in_cmyk(inpainter: Inpainter, tmp_path: Path) -> None:
    expected = inpainter.restore(samples.inks(), HOLES, cmyk=True)
    (tmp_path / "photo.tif").write_bytes(samples.tiff_file(samples.inks(), photometric="separated"))
    Image.fromarray(HOLES).save(tmp_path / "mask.png")
    written = Damaged.read(tmp_path / "photo.tif", tmp_path / "mask.png").restored(lambda: inpainter)
    (tmp_path / "new.tif").write_bytes(written)
    assert np.array_equal(tifffile.imread(tmp_path / "new.tif"), expected)
    for given in (tmp_path / "photo.tif", Image.open(tmp_path / "photo.tif")):
        image = inpainter.inpaint(given, HOLES)
        assert image.mode == "CMYK"
        assert np.array_equal(np.array(image), expected)
        assert "before" in image._repr_html_()


def test_a_file_that_no_pil_image_holds_is_restored_as_a_file(inpainter: Inpainter, tmp_path: Path) -> None:
    pixels = samples.photograph(3, "16")
    path = tmp_path / "photo.png"
    path.write_bytes(samples.png_file(pixels))
    Image.fromarray(HOLES).save(tmp_path / "mask.png")
    with pytest.raises(
        InputError, match="photo.png has 16 bits a colour channel, which no PIL image holds; restore it"
    ):
        inpainter.inpaint(path, HOLES)
    written = Damaged.read(path, tmp_path / "mask.png").restored(lambda: inpainter)
    restored = decode(written).pixels
    assert np.array_equal(restored, inpainter.restore(pixels, HOLES))
    assert np.array_equal(restored[~HOLES], pixels[~HOLES])
    assert (restored[HOLES] != pixels[HOLES]).any()


def test_a_palette_stays_where_it_is_asked_for(inpainter: Inpainter, tmp_path: Path) -> None:
    image = Image.fromarray(samples.photograph(3)).quantize(24)
    image.save(tmp_path / "photo.png")
    Image.fromarray(HOLES).save(tmp_path / "mask.png")
    damaged = Damaged.read(tmp_path / "photo.png", tmp_path / "mask.png")
    written = samples.opened(damaged.restored(lambda: inpainter, keep_palette=True))
    assert written.mode == "P"
    assert np.array_equal(np.array(written)[~HOLES], np.array(image)[~HOLES])
    with pytest.raises(InputError, match="keep_palette is True, but WEBP has no palettes"):
        damaged.restored(lambda: pytest.fail("restored for nothing"), "WEBP", keep_palette=True)
