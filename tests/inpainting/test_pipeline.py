from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from spikefill import InputError, models
from spikefill.inpainting import Cancelled, Inpainter, inpaint, load

DTYPES = ["uint8", "uint16", "float16", "float32", "float64", ">u2", ">f4"]
SHAPES: list[tuple[int, ...]] = [(), (1,), (2,), (3,), (4,)]
MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"]
RESTORED_MODE = {"1": "L", "P": "RGB"}


def picture(dtype: str, channels: tuple[int, ...]) -> np.ndarray:
    """Noise, 41 x 53."""
    random = np.random.default_rng(1).random((41, 53, *channels))
    if np.dtype(dtype).kind == "f":
        return random.astype(dtype)
    return (random * (np.iinfo(dtype).max + 0.99)).astype(dtype)


def noise_under(image: np.ndarray, holes: np.ndarray) -> np.ndarray:
    """The picture with something else in the colours under the mask: not a number and infinity where that can be."""
    other = image.copy()
    channels = () if image.ndim == 2 else image.shape[2:]
    random = np.random.default_rng(2).integers(0, 256, (int(holes.sum()), *channels)).astype(image.dtype)
    if image.dtype.kind == "f":
        random[::2] = np.nan
        random[1::4] = -np.inf
    if channels in ((2,), (4,)):
        random[:, -1] = image[holes][:, -1]
    other[holes] = random
    return other


@pytest.mark.parametrize("channels", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_come_back_as_they_were(
    dtype: str, channels: tuple[int, ...], inpainter: Inpainter, holes: np.ndarray
) -> None:
    image = picture(dtype, channels)
    before, mask_before = image.copy(), holes.copy()
    restored = inpainter.inpaint(image, holes)
    assert type(restored) is np.ndarray
    assert restored.dtype == image.dtype
    assert restored.shape == image.shape
    assert not np.shares_memory(restored, image)
    assert image.tobytes() == before.tobytes()
    assert np.array_equal(holes, mask_before)
    assert restored[~holes].tobytes() == image[~holes].tobytes()
    if channels in ((2,), (4,)):
        assert restored[..., -1].tobytes() == image[..., -1].tobytes()
    colours = (..., slice(0, -1)) if channels in ((2,), (4,)) else ...
    assert (restored[holes][colours] != image[holes][colours]).mean() > 0.9
    assert restored[holes].min() >= 0
    if image.dtype.kind == "f":
        assert restored[holes].max() <= 1


@pytest.mark.parametrize("channels", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_nothing_leaks_from_under_the_mask(
    dtype: str, channels: tuple[int, ...], inpainter: Inpainter, holes: np.ndarray
) -> None:
    image = picture(dtype, channels)
    other = noise_under(image, holes)
    assert image.tobytes() != other.tobytes()
    assert inpainter.inpaint(image, holes).tobytes() == inpainter.inpaint(other, holes).tobytes()


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(SHAPES), st.sampled_from(DTYPES), st.integers(0, 99))
def test_pictures_of_any_size(
    inpainter: Inpainter, height: int, width: int, channels: tuple[int, ...], dtype: str, seed: int
) -> None:
    random = np.random.default_rng(seed)
    image = random.random((height, width, *channels))
    image = image.astype(dtype) if np.dtype(dtype).kind == "f" else (image * np.iinfo(dtype).max).astype(dtype)
    holes = random.random((height, width)) < random.random()
    holes.flat[random.integers(holes.size)] = False  # one pixel is known
    restored = inpainter.inpaint(image, holes)
    assert restored.dtype == image.dtype
    assert restored.shape == image.shape
    assert restored[~holes].tobytes() == image[~holes].tobytes()
    assert inpainter.inpaint(noise_under(image, holes), holes).tobytes() == restored.tobytes()


def test_what_is_in_the_holes_is_what_the_network_says(inpainter: Inpainter, holes: np.ndarray) -> None:
    image = picture("float32", (3,))
    masked = torch.from_numpy(np.where(holes[..., None], 0, image)).permute(2, 0, 1)[None]
    with torch.inference_mode():
        said = inpainter.model(masked)[0].permute(1, 2, 0).clip(0, 1).numpy()
    right = (np.abs(inpainter.inpaint(image, holes) - said)[holes] < 1e-5).mean()
    assert right >= 0.999
    eight_bits = (image * 255).round().astype(np.uint8)
    for scale, dtype in ((255, np.uint8), (65535, np.uint16)):
        scaled = (eight_bits.astype(dtype) * (scale // 255)).astype(dtype)
        expected = inpainter.inpaint(scaled.astype(np.float32) / scale, holes)[holes] * scale
        assert np.abs(inpainter.inpaint(scaled, holes)[holes] - expected).max() <= 0.51
    grey = inpainter.inpaint(image[..., 0], holes)
    of_three = inpainter.inpaint(np.repeat(image[..., :1], 3, axis=2), holes)
    assert np.allclose(grey[holes], of_three[holes].mean(axis=1), atol=1e-5)


def test_arrays_in_any_memory_layout(inpainter: Inpainter, holes: np.ndarray) -> None:
    image = picture("uint8", (3,))
    expected = inpainter.inpaint(image, holes)
    upside_down = image[::-1].copy()[::-1]
    column_major = np.asfortranarray(image)
    frozen = image.copy()
    frozen.flags.writeable = False
    for same in (upside_down, column_major, frozen):
        assert np.array_equal(inpainter.inpaint(same, holes), expected)


@pytest.mark.parametrize("mode", MODES)
def test_pil_images_come_back_as_pil_images(mode: str, inpainter: Inpainter, holes: np.ndarray) -> None:
    if mode == "I;16":
        image = Image.fromarray(picture("uint16", ()))
    else:
        image = Image.fromarray(picture("uint8", (4,))).convert(mode)
    image.info["note"] = "kept"
    before = image.tobytes()
    restored = inpainter.inpaint(image, holes)
    assert isinstance(restored, Image.Image)
    assert restored.mode == RESTORED_MODE.get(mode, mode)
    assert restored.size == image.size
    assert restored.info["note"] == "kept"
    assert image.tobytes() == before
    assert image.mode == mode
    was, now = np.array(image.convert(restored.mode)), np.array(restored)
    assert np.array_equal(was[~holes], now[~holes])
    assert (was[holes] != now[holes]).any()
    if mode in ("LA", "RGBA"):
        assert np.array_equal(was[..., -1], now[..., -1])
        assert was[holes][:, -1].std() > 0


def test_a_palette_with_transparency_becomes_rgba(inpainter: Inpainter, holes: np.ndarray, tmp_path: Path) -> None:
    image = Image.fromarray(picture("uint8", (3,))).convert("P")
    image.info["transparency"] = image.getpixel((9, 9))
    restored = inpainter.inpaint(image, holes)
    assert restored.mode == "RGBA"
    assert "transparency" not in restored.info
    was = np.array(image.convert("RGBA"))
    assert (was[..., 3] == 0).any()
    assert np.array_equal(np.array(restored)[..., 3], was[..., 3])
    restored.save(tmp_path / "restored.png")
    with Image.open(tmp_path / "restored.png") as saved:
        assert np.array_equal(np.array(saved), np.array(restored))


def test_an_empty_mask_gives_a_copy(inpainter: Inpainter) -> None:
    image = picture("float32", (3,))
    image[0, 0] = np.nan
    empty = np.zeros(image.shape[:2], bool)
    restored = inpainter.inpaint(image, empty)
    assert restored.tobytes() == image.tobytes()
    assert not np.shares_memory(restored, image)
    photograph = Image.fromarray(picture("uint8", (4,)))
    same = inpainter.inpaint(photograph, empty)
    assert same is not photograph
    assert same.tobytes() == photograph.tobytes()


@pytest.mark.parametrize(
    ("image", "mask", "said"),
    [
        (np.zeros((8, 9), np.uint8), np.ones((8, 9), bool), "mask covers the whole picture"),
        (np.zeros((8, 9), np.uint8), np.eye(9, dtype=bool), "mask is 9 x 9 px, the photograph 9 x 8"),
        (Image.new("RGB", (9, 8)), np.eye(8, dtype=bool), "mask is 8 x 8 px, the photograph 9 x 8"),
        (np.zeros((8, 9), np.int32), np.eye(8, 9, dtype=bool), "image has dtype int32; it must be uint8, uint16"),
        (np.zeros((8, 9), bool), np.eye(8, 9, dtype=bool), "image has dtype bool"),
        (np.zeros((8, 9, 5), np.uint8), np.eye(8, 9, dtype=bool), r"image has shape \(8, 9, 5\)"),
        (np.zeros((1, 8, 9, 3), np.uint8), np.eye(8, 9, dtype=bool), r"image has shape \(1, 8, 9, 3\)"),
        (np.zeros((0, 9), np.uint8), np.zeros((0, 9), bool), r"image has shape \(0, 9\)"),
        (np.full((8, 9), 2.0), np.eye(8, 9, dtype=bool), r"outside \[0, 1\]"),
        (np.full((8, 9), np.nan), np.eye(8, 9, dtype=bool), "not a number"),
        (
            Image.new("HSV", (9, 8)),
            np.eye(8, 9, dtype=bool),
            "mode HSV; it must be one of: L, LA, RGB, RGBA, CMYK, I;16",
        ),
        (Image.new("F", (9, 8)), np.eye(8, 9, dtype=bool), "mode F"),
        (np.zeros((8, 9), np.uint8), "no/such/mask.png", "no/such/mask.png does not exist"),
        ("no/such/photo.png", np.eye(8, 9, dtype=bool), "cannot read no/such/photo.png"),
    ],
)
def test_what_cannot_be_restored_is_said(image: Any, mask: Any, said: str, inpainter: Inpainter) -> None:
    with pytest.raises(InputError, match=said) as error:
        inpainter.inpaint(image, mask)
    assert "\n" not in str(error.value)


def test_masks_of_every_kind(inpainter: Inpainter, holes: np.ndarray, tmp_path: Path) -> None:
    image = picture("uint8", (3,))
    expected = inpainter.inpaint(image, holes)
    Image.fromarray(holes).save(tmp_path / "mask.png")
    for mask in (
        holes * np.uint8(255),
        holes.astype(int),
        holes * 0.7,
        np.repeat(holes[..., None], 3, axis=2) * np.uint8(200),
        Image.fromarray(holes),
        Image.fromarray(holes).convert("RGBA"),
        tmp_path / "mask.png",
        str(tmp_path / "mask.png"),
    ):
        assert np.array_equal(inpainter.inpaint(image, mask), expected)


def test_progress_counts_regions(inpainter: Inpainter) -> None:
    mask = np.zeros((300, 600), bool)
    mask[5, 5] = mask[5, 300] = mask[290, 590] = True
    told: list[tuple[int, int]] = []
    inpainter.inpaint(np.zeros((300, 600), np.uint8), mask, progress=lambda done, total: told.append((done, total)))
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_cancelling_stops_between_regions(inpainter: Inpainter) -> None:
    mask = np.zeros((300, 600), bool)
    mask[5, 5] = mask[5, 300] = mask[290, 590] = True
    image = np.zeros((300, 600), np.uint8)
    told: list[int] = []
    with pytest.raises(Cancelled):
        inpainter.inpaint(image, mask, progress=lambda done, _: told.append(done), cancel=lambda: len(told) == 2)
    assert told == [0, 1]
    assert not image.any()
    restored = inpainter.inpaint(image, mask, cancel=lambda: False)
    assert np.array_equal(restored, inpainter.inpaint(image, mask))


def test_noise_of_training_is_never_in_a_result(model: torch.nn.Module, holes: np.ndarray) -> None:
    inpainter = Inpainter(copy.deepcopy(model))
    image = picture("uint8", (3,))
    expected = inpainter.inpaint(image, holes)
    for _ in range(2):
        inpainter.model.train()
        assert np.array_equal(inpainter.inpaint(image, holes), expected)


def test_threads_may_share_an_inpainter(inpainter: Inpainter, holes: np.ndarray) -> None:
    images = [picture("uint8", (3,)) // divisor for divisor in range(1, 9)]
    expected = [inpainter.inpaint(image, holes) for image in images]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda image: inpainter.inpaint(image, holes), images))
    for one, other in zip(found, expected, strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_network_that_is_broken_is_said(dtype: str, model: torch.nn.Module, holes: np.ndarray) -> None:
    broken = copy.deepcopy(model)
    with torch.no_grad():
        list(broken.parameters())[-1].fill_(float("nan"))
    with pytest.raises(InputError, match="model answers with values that are not a number"):
        Inpainter(broken).inpaint(picture(dtype, (3,)), holes)


def test_the_context_of_a_picture_reaches_over_tile_borders(inpainter: Inpainter) -> None:
    """What is known beyond the border of a tile, but within the context, has its influence."""
    image = np.tile(picture("float32", (3,)), (1, 6, 1))
    mask = np.zeros(image.shape[:2], bool)
    mask[20, 254:256] = True
    other = image.copy()
    other[20, 257] = 1 - other[20, 257]
    assert not np.array_equal(inpainter.inpaint(image, mask), inpainter.inpaint(other, mask))


def test_load_takes_files_folders_and_precision(
    model: torch.nn.Module, inpainter: Inpainter, holes: np.ndarray, tmp_path: Path
) -> None:
    models.save(model, tmp_path / "best.safetensors")
    image = picture("uint8", (3,))
    expected = inpainter.inpaint(image, holes)
    for place in (tmp_path, str(tmp_path / "best.safetensors")):
        loaded = load(place, device="cpu", precision="float32")
        assert isinstance(loaded.model, torch.nn.Module)
        assert not loaded.model.training
        assert np.array_equal(loaded.inpaint(image, holes), expected)
    with pytest.raises(InputError, match="precision is 'float8'; it must be one of: float32, int8"):
        load(tmp_path, precision="float8")
    for device in ("tpu", "meta", "cuda:99"):
        with pytest.raises(InputError, match=f"device is '{device}'"):
            load(tmp_path, device=device)
    with pytest.raises(InputError, match="no/such"):
        load("no/such")


def test_the_best_quality_is_the_mean_over_turned_and_mirrored_pictures(
    model: torch.nn.Module, holes: np.ndarray
) -> None:
    image = picture("float32", (3,))
    ways = [(turn, mirror) for turn in range(4) for mirror in (False, True)]

    def way(array: np.ndarray, turn: int, mirror: bool) -> np.ndarray:
        return np.ascontiguousarray(np.rot90(array[:, ::-1] if mirror else array, turn))

    def back(array: np.ndarray, turn: int, mirror: bool) -> np.ndarray:
        turned = np.rot90(array, -turn)
        return turned[:, ::-1] if mirror else turned

    def predicted(inpainter: Inpainter, image: np.ndarray, holes: np.ndarray) -> np.ndarray:
        masked = torch.from_numpy(np.where(holes[..., None], 0, image)).permute(2, 0, 1)[None].float()
        mask = torch.from_numpy(holes)[None, None].float()
        return inpainter.predict(masked, mask)[0].permute(1, 2, 0).numpy()

    fast, best = Inpainter(model), Inpainter(model, quality="best")
    single = [back(predicted(fast, way(image, *how), way(holes, *how)), *how) for how in ways]
    np.testing.assert_allclose(predicted(best, image, holes), np.mean(single, axis=0), atol=1e-5)
    assert not np.allclose(single[0], single[3], atol=1e-4)  # the network itself has no such symmetry
    restored = best.inpaint(image, holes)
    assert np.array_equal(restored[~holes], image[~holes])
    assert not np.array_equal(restored, fast.inpaint(image, holes))
    turned = best.inpaint(way(image, 1, True), way(holes, 1, True))
    np.testing.assert_allclose(back(turned, 1, True), restored, atol=1e-5)
    with pytest.raises(InputError, match="quality is 'worst'; it must be one of: fast, best"):
        Inpainter(model, quality="worst")


def test_the_default_model_is_loaded_once(
    inpainter: Inpainter, holes: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    from spikefill.inpainting import loading

    asked = []
    monkeypatch.setattr(loading.models, "read", lambda name: asked.append(name) or inpainter.model)
    loading._bundled.cache_clear()
    try:
        image = picture("uint8", (3,))
        told: list[int] = []
        first = inpaint(image, holes, progress=lambda done, _: told.append(done))
        assert np.array_equal(first, inpainter.inpaint(image, holes))
        assert told == [0, 1]
        inpaint(image, holes)
        with pytest.raises(InputError, match="precision is 'float8'"):
            inpaint(image, holes, precision="float8")
    finally:
        loading._bundled.cache_clear()
    assert asked == [models.DEFAULT, models.DEFAULT]


def test_another_model_may_be_named(model: torch.nn.Module, holes: np.ndarray, tmp_path: Path) -> None:
    """A file is read at each call, so that weights which a training has replaced count."""
    image = picture("uint8", (3,))
    other = copy.deepcopy(model)
    with torch.no_grad():
        list(other.parameters())[-1].add_(0.25)
    for written in (model, other):
        models.save(written, tmp_path / "best.safetensors", overwrite=True)
        expected = Inpainter(written).inpaint(image, holes)
        assert np.array_equal(inpaint(image, holes, model=tmp_path), expected)
        assert np.array_equal(inpaint(image, holes, model=str(tmp_path / "best.safetensors")), expected)
    with pytest.raises(InputError, match="no/such"):
        inpaint(image, holes, model="no/such")
