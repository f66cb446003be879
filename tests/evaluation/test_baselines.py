from __future__ import annotations

import subprocess
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

from spikefill.errors import InputError
from spikefill.evaluation import BASELINES, DEFAULT_BASELINES, baseline, psnr, shift_map

PHOTOGRAPH = data.astronaut()[80:144, 190:254]
MASK = np.zeros((64, 64), dtype=bool)
MASK[10:20, 5:40] = MASK[40:60, 30:36] = MASK[0, 0] = True
SMALL, SMALL_MASK = PHOTOGRAPH[:25, :29], MASK[:25, :29]  # no side is a multiple of any method's block


def test_the_baselines_and_their_order() -> None:
    quick = ["identity", "mean", "telea", "navier-stokes"]
    others = ["pull-push", "biharmonic", "frequency-selective", "frequency-selective-best", "shift-map"]
    assert list(BASELINES) == [*quick, *others]
    assert list(DEFAULT_BASELINES) == quick


@pytest.mark.parametrize("name", BASELINES)
class TestEveryBaseline:
    def test_known_pixels_stay(self, name: str) -> None:
        result = BASELINES[name](SMALL, SMALL_MASK)
        assert result.dtype == np.uint8
        assert result.shape == SMALL.shape
        assert np.array_equal(result[~SMALL_MASK], SMALL[~SMALL_MASK])
        assert not np.array_equal(result[SMALL_MASK], SMALL[SMALL_MASK])

    def test_what_is_under_the_mask_does_not_matter(self, name: str) -> None:
        noise = SMALL.copy()
        noise[SMALL_MASK] = np.random.default_rng(3).integers(0, 256, (SMALL_MASK.sum(), 3))
        before = noise.copy()
        assert np.array_equal(BASELINES[name](noise, SMALL_MASK), BASELINES[name](SMALL, SMALL_MASK))
        assert np.array_equal(noise, before)

    def test_without_a_hole_the_image_is_copied(self, name: str) -> None:
        result = BASELINES[name](PHOTOGRAPH, np.zeros_like(MASK))
        assert np.array_equal(result, PHOTOGRAPH)
        assert not np.shares_memory(result, PHOTOGRAPH)

    @pytest.mark.parametrize("size", [(37, 45), (1, 2), (3, 2)])
    def test_a_flat_image_is_filled_with_its_colour(self, name: str, size: tuple[int, int]) -> None:
        """Also in its last rows and columns, and where a single pixel is known."""
        flat = np.full((*size, 3), (10, 20, 30), dtype=np.uint8)
        hole = np.ones(size, dtype=bool)
        hole[:30, :40] = hole[:12] = False
        hole[5:9, 6:20] = hole[0, 1] = True
        hole[0, 0] = False
        expected = np.where(hole[..., None], np.uint8(0), flat) if name == "identity" else flat
        assert np.abs(BASELINES[name](flat, hole).astype(int) - expected).max() <= 3  # Telea drifts by 2

    def test_bad_input_is_named(self, name: str) -> None:
        with pytest.raises(InputError, match="no known pixel"):
            BASELINES[name](PHOTOGRAPH, np.ones_like(MASK))
        with pytest.raises(InputError, match="mask has dtype uint8"):
            BASELINES[name](PHOTOGRAPH, MASK.astype(np.uint8))
        with pytest.raises(InputError, match="image has dtype float32"):
            BASELINES[name](PHOTOGRAPH.astype(np.float32), MASK)


def test_identity_leaves_holes_black() -> None:
    assert not BASELINES["identity"](PHOTOGRAPH, MASK)[MASK].any()


def test_mean_is_that_of_the_known_pixels() -> None:
    image = np.array([[[0, 10, 100], [5, 20, 100]], [[4, 33, 101], [255, 255, 255]]], dtype=np.uint8)
    mask = np.array([[False, False], [False, True]])
    # means 3, 21 and 100.33
    assert BASELINES["mean"](image, mask)[1, 1].tolist() == [3, 21, 100]


@pytest.mark.parametrize("name", ["telea", "navier-stokes", "pull-push", "biharmonic", "frequency-selective"])
def test_it_beats_the_mean_on_a_photograph(name: str) -> None:
    figures = {
        other: psnr(BASELINES[other](PHOTOGRAPH, MASK), PHOTOGRAPH, MASK) for other in (name, "mean", "identity")
    }
    assert figures[name] > figures["mean"] > figures["identity"]


def slow_pull_push(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """A pixel at a time, in float64: a block of 2^level pixels has the mean of its known ones."""
    height, width = mask.shape

    def block(level: int, y: int, x: int) -> np.ndarray | None:
        side = 2**level
        rows, columns = slice(y * side, (y + 1) * side), slice(x * side, (x + 1) * side)
        known = ~mask[rows, columns]
        return image[rows, columns][known].mean(axis=0) if known.any() else None

    def value(level: int, y: int, x: int) -> np.ndarray:
        last_y, last_x = -(-height // 2**level) - 1, -(-width // 2**level) - 1
        y, x = min(max(y, 0), last_y), min(max(x, 0), last_x)
        mean = block(level, y, x)
        if mean is not None:
            return mean
        near_y, near_x, far_y, far_x = y // 2, x // 2, y // 2 + y % 2 * 2 - 1, x // 2 + x % 2 * 2 - 1
        return (
            0.5625 * value(level + 1, near_y, near_x)
            + 0.1875 * (value(level + 1, near_y, far_x) + value(level + 1, far_y, near_x))
            + 0.0625 * value(level + 1, far_y, far_x)
        )

    return np.array([[value(0, y, x) for x in range(width)] for y in range(height)])


def test_pull_push_a_pixel_at_a_time() -> None:
    image, mask = SMALL[:13, :22], np.zeros((13, 22), dtype=bool)
    mask[2:11, 4:19] = mask[12, 20:] = True
    expected = slow_pull_push(image, mask)
    assert np.abs(BASELINES["pull-push"](image, mask) - expected).max() <= 0.5 + 1e-4


def test_biharmonic_continues_a_plane() -> None:
    y, x = np.mgrid[:24, :20]
    plane = np.stack([5 * y + 3 * x, 200 - 4 * y, 7 * x + 20], axis=-1).astype(np.uint8)
    hole = np.zeros((24, 20), dtype=bool)
    hole[5:15, 4:13] = True
    assert np.array_equal(BASELINES["biharmonic"](plane, hole), plane)


def test_a_mask_with_255_for_true_is_a_mask() -> None:
    """What numpy makes of Pillow's pictures of 1 bit."""
    mask = np.asarray(Image.fromarray(SMALL_MASK), dtype=bool)
    assert mask.view(np.uint8).max() == 255
    for name in ("telea", "pull-push", "biharmonic", "frequency-selective"):
        assert np.array_equal(BASELINES[name](SMALL, mask), BASELINES[name](SMALL, SMALL_MASK))


def test_frequency_selective_continues_a_wave() -> None:
    y, x = np.mgrid[:48, :48]
    wave = np.repeat(np.rint(128 + 60 * np.sin(0.9 * x + 0.4 * y))[..., None], 3, axis=2).astype(np.uint8)
    hole = np.zeros((48, 48), dtype=bool)
    hole[20:28, 18:30] = True
    figures = {name: psnr(BASELINES[name](wave, hole), wave, hole) for name in ("frequency-selective", "telea")}
    assert figures["frequency-selective"] > figures["telea"] + 10


def test_the_best_profile_is_another_one() -> None:
    quick, best = (BASELINES[name](SMALL, SMALL_MASK) for name in ("frequency-selective", "frequency-selective-best"))
    assert not np.array_equal(quick, best)


class TestShiftMap:
    def test_a_periodic_picture_is_restored(self) -> None:
        tile = np.random.default_rng(2).integers(0, 256, (20, 20, 3), dtype=np.uint8)
        picture = np.tile(tile, (8, 8, 1))
        hole = np.zeros(picture.shape[:2], dtype=bool)
        hole[70:90, 60:100] = True
        result = BASELINES["shift-map"](picture, hole)
        assert np.abs(result.astype(int) - picture).max() <= 1  # there and back through CIELab

    def test_pull_push_fills_what_no_shift_reaches(self) -> None:
        hole = np.ones((40, 40), dtype=bool)
        hole[0, :3] = False
        image = np.where(hole[..., None], np.uint8(0), PHOTOGRAPH[:40, :40])
        filled, left = shift_map.shift_map(image, hole)
        assert left[1:].any()
        assert not left[~hole].any()
        known = {tuple(colour) for colour in image[~hole].tolist()}
        assert {tuple(colour) for colour in filled[~left].tolist()} <= known
        assert BASELINES["shift-map"](image, hole).any(axis=2).all()

    def test_a_crash_stays_in_its_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        died = subprocess.CompletedProcess([], returncode=-11, stdout=b"", stderr=b"")
        monkeypatch.setattr(shift_map.subprocess, "run", lambda *_, **__: died)
        assert np.array_equal(BASELINES["shift-map"](SMALL, SMALL_MASK), BASELINES["pull-push"](SMALL, SMALL_MASK))

    def test_an_exception_is_no_crash(self, monkeypatch: pytest.MonkeyPatch) -> None:
        failed = subprocess.CompletedProcess([], returncode=1, stdout=b"", stderr=b"ImportError: no cv2")
        monkeypatch.setattr(shift_map.subprocess, "run", lambda *_, **__: failed)
        with pytest.raises(RuntimeError, match="ImportError: no cv2"):
            BASELINES["shift-map"](SMALL, SMALL_MASK)

    @pytest.mark.parametrize("turned", [False, True])
    def test_opencv_gets_no_size_at_which_it_fails(self, monkeypatch: pytest.MonkeyPatch, turned: bool) -> None:
        sizes = []

        def fill(lab: np.ndarray, known: np.ndarray) -> Any:
            sizes.append(known.shape)
            return np.where(known[..., None] > 0, lab, shift_map._OFFSET + np.float32([255, 0, 0]))

        monkeypatch.setattr(shift_map, "_in_a_process", fill)
        image = np.tile(PHOTOGRAPH, (20, 11, 1))[:1250, :700]
        hole = np.zeros(image.shape[:2], dtype=bool)
        hole[600:660, 300:400] = hole[-1, -1] = True
        if turned:
            image, hole = image.swapaxes(0, 1), hole.T
        result, left = shift_map.shift_map(image, hole)
        assert sizes == [(350, 1250)] * 2 if turned else [(1250, 350)] * 2
        assert not left.any()
        assert (result[hole] == 255).all()
        assert np.array_equal(result[~hole], image[~hole])

        sizes.clear()
        shift_map.shift_map(SMALL, SMALL_MASK)
        assert sizes == [(128, 128)]


def test_a_further_baseline_is_one_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spikefill.evaluation.baselines.BASELINES", {})

    @baseline("white")
    def white(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
        assert not image[mask].any()
        return np.full_like(image, 255)

    result = white(PHOTOGRAPH, MASK)
    assert (result[MASK] == 255).all()
    assert np.array_equal(result[~MASK], PHOTOGRAPH[~MASK])
