"""A photograph's file and its holes: where these come from, what is shown and what is written."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from spikefill import InputError, data, masks, models
from spikefill.images import decode
from spikefill.inpainting import Damaged, Inpainter
from spikefill.inpainting.feathering import mixed
from spikefill.masks import MaskSettings


@pytest.fixture(scope="module")
def inpainter() -> Inpainter:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return Inpainter(models.create("scnn", width=4, steps=2))


@pytest.fixture
def pixels() -> np.ndarray:
    """40 x 60 out of a photograph."""
    return np.ascontiguousarray(data.open_photographs("embedded")[0][100:140, 100:160])


def encoded(pixels: np.ndarray, file_format: str = "PNG", **options: Any) -> bytes:
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, file_format, **options)
    return written.getvalue()


def decoded(file: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(file)) as image:
        return np.array(image)


def hole(shape: tuple[int, ...], *where: Any) -> np.ndarray:
    holes = np.zeros(shape[:2], bool)
    holes[where] = True
    return holes


def oriented(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def test_holes_of_a_color_grow_and_are_restored(pixels: np.ndarray, inpainter: Inpainter) -> None:
    holes = hole(pixels.shape, slice(10, 13), slice(20, 40))
    pixels[holes] = (0, 255, 0)
    damaged = Damaged.read(encoded(pixels), None, MaskSettings(colour="#00ff00", dilate=2))
    assert np.array_equal(damaged.holes, masks.dilated(holes, 2))
    restored = decoded(damaged.restored(lambda: inpainter))
    assert np.array_equal(restored[~damaged.holes], pixels[~damaged.holes])
    assert (restored[damaged.holes] != pixels[damaged.holes]).any(axis=1).mean() > 0.9


def test_transparent_pixels_and_their_opposite(pixels: np.ndarray) -> None:
    holes = hole(pixels.shape, slice(5, 9), slice(6, 30))
    clear = np.dstack([pixels, np.where(holes, 0, 255).astype(np.uint8)])
    assert np.array_equal(Damaged.read(encoded(clear), None, MaskSettings(transparent=True)).holes, holes)
    inverted = Damaged.read(encoded(clear), None, MaskSettings(transparent=True, invert=True))
    assert np.array_equal(inverted.holes, ~holes)


@pytest.mark.parametrize("invert", [False, True])
def test_what_was_transparent_can_be_seen_when_it_is_restored(
    pixels: np.ndarray, inpainter: Inpainter, invert: bool
) -> None:
    holes = hole(pixels.shape, slice(5, 9), slice(6, 30))
    clear = np.dstack([pixels, np.where(holes, 0, 200).astype(np.uint8)])
    damaged = Damaged.read(encoded(clear), None, MaskSettings(transparent=True, invert=invert))
    alpha = decoded(damaged.restored(lambda: inpainter))[..., 3]
    assert (alpha[holes] == (0 if invert else 255)).all()
    assert (alpha[~holes] == 200).all()
    by_mask = Damaged.read(encoded(clear), encoded(holes))
    assert (decoded(by_mask.restored(lambda: inpainter))[..., 3] == clear[..., 3]).all()


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "HEIF"])
def test_previews_in_every_format(pixels: np.ndarray, file_format: str) -> None:
    if file_format == "HEIF":
        pytest.importorskip("pillow_heif")
    damaged = Damaged.read(encoded(pixels), encoded(hole(pixels.shape, 5, slice(3, 30))))
    assert decode(damaged.preview(file_format)).format == file_format


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_mask_of_another_size_is_resized_as_the_photograph_is_displayed(pixels: np.ndarray, orientation: int) -> None:
    shown = (40, 60) if orientation < 5 else (60, 40)
    holes = hole((shown[0] * 2, shown[1] * 2), 11, slice(0, 4))
    photo = encoded(pixels, "JPEG", exif=oriented(orientation))
    with pytest.raises(InputError, match="they must be of one size"):
        Damaged.read(photo, encoded(holes))
    found = Damaged.read(photo, encoded(holes), MaskSettings(resize=True)).holes
    same = Damaged.read(photo, encoded(hole(shown, 5, slice(0, 2)))).holes
    assert np.array_equal(found, same)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_preview_is_upright_and_red_in_the_holes(pixels: np.ndarray, orientation: int) -> None:
    shown = (40, 60) if orientation < 5 else (60, 40)
    holes = hole(shown, slice(4, 9), slice(2, 30))
    photo = encoded(pixels, "PNG", exif=oriented(orientation))
    preview = decoded(Damaged.read(photo, encoded(holes)).preview())
    with Image.open(io.BytesIO(photo)) as image:
        upright = np.asarray(ImageOps.exif_transpose(image))
    assert preview.shape == upright.shape
    assert np.array_equal(preview[~holes], upright[~holes])
    assert (preview[holes][:, 0] >= upright[holes][:, 0]).all()
    assert (preview[4, 2:30] == (255, 0, 0)).all()  # the contour


def test_a_preview_of_what_is_printed_in_four_inks(pixels: np.ndarray) -> None:
    with Image.fromarray(pixels).convert("CMYK") as image:
        written = io.BytesIO()
        image.save(written, "TIFF")
    holes = hole(pixels.shape, slice(4, 9), slice(2, 30))
    preview = decoded(Damaged.read(written.getvalue(), encoded(holes)).preview("JPEG"))
    assert preview.shape == pixels.shape
    assert np.abs(preview[15:].astype(int) - pixels[15:]).mean() < 6  # as JPEG has it


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_feathering_fades_inwards_from_the_photograph(pixels: np.ndarray, inpainter: Inpainter, dtype: Any) -> None:
    pixels = pixels.astype(dtype) * (257 if dtype == np.uint16 else 1)
    holes = hole(pixels.shape, slice(10, 30), slice(10, 50))
    restored = inpainter.restore(pixels, holes)
    weights = masks.feathered(holes, 4)
    faded = restored.copy()
    faded[holes] = mixed(pixels[holes], restored[holes], weights[holes])
    assert np.array_equal(faded[~holes], pixels[~holes])
    assert np.array_equal(faded[weights == 1], restored[weights == 1])
    edge = faded[10, 20].astype(float)
    expected = pixels[10, 20] + weights[10, 20] * (restored[10, 20].astype(float) - pixels[10, 20])
    assert 0 < weights[10, 20] < 1
    assert np.abs(edge - expected).max() <= 0.5


def test_feathering_is_asked_for_with_the_mask(pixels: np.ndarray, inpainter: Inpainter) -> None:
    holes = hole(pixels.shape, slice(10, 30), slice(10, 50))
    plain, faded = (
        decoded(Damaged.read(encoded(pixels), encoded(holes), MaskSettings(feather=n)).restored(lambda: inpainter))
        for n in (0, 5)
    )
    weights = masks.feathered(holes, 5)
    assert np.array_equal(plain[weights == 1], faded[weights == 1])
    difference = np.abs(plain.astype(int) - pixels).sum(), np.abs(faded.astype(int) - pixels).sum()
    assert difference[1] < difference[0]


def test_what_is_no_number_does_not_fade() -> None:
    before = np.full((9, 3), np.nan, np.float32)
    restored = np.full((9, 3), 0.5, np.float32)
    assert np.array_equal(mixed(before, restored, np.full(9, 0.5, np.float32)), restored)


def test_restoring_in_place_gives_the_same_file(pixels: np.ndarray, inpainter: Inpainter) -> None:
    mask = encoded(hole(pixels.shape, slice(10, 30), slice(10, 50)))
    settings = MaskSettings(feather=3)
    whole = Damaged.read(encoded(pixels), mask, settings).restored(lambda: inpainter)
    damaged = Damaged.read(encoded(pixels), mask, settings)
    assert damaged.restored(lambda: inpainter, in_place=True) == whole
    assert np.array_equal(damaged.file.pixels, decoded(whole))


def test_a_mask_too_many_or_too_few(pixels: np.ndarray) -> None:
    with pytest.raises(InputError, match="a mask is given, but the holes are to be found in the photograph"):
        Damaged.read(encoded(pixels), encoded(hole(pixels.shape, 1)), MaskSettings(auto="scratches"))
    with pytest.raises(InputError, match="a mask is missing; name one, or say what in the photograph is a hole"):
        Damaged.read(encoded(pixels), None)
    with pytest.raises(InputError, match="mask covers the whole picture"):
        Damaged.read(encoded(pixels), encoded(hole(pixels.shape, [])), MaskSettings(invert=True))


def test_a_palette_is_kept_where_asked_for(tmp_path: Path, pixels: np.ndarray, inpainter: Inpainter) -> None:
    with Image.fromarray(pixels) as image:
        image.quantize(16).save(tmp_path / "palette.png")
    holes = encoded(hole(pixels.shape, slice(10, 20), slice(10, 40)))
    damaged = Damaged.read(tmp_path / "palette.png", holes)
    for keep, mode in ((True, "P"), (False, "RGB")):
        with Image.open(io.BytesIO(damaged.restored(lambda: inpainter, keep_palette=keep))) as image:
            assert image.mode == mode
