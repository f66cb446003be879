from __future__ import annotations

import numpy as np
import pytest
from skimage import data

from spikefill.errors import InputError
from spikefill.evaluation import BASELINES, baseline, psnr

PHOTOGRAPH = data.astronaut()[80:144, 190:254]
MASK = np.zeros((64, 64), dtype=bool)
MASK[10:20, 5:40] = MASK[40:60, 30:36] = MASK[0, 0] = True


def test_the_baselines_and_their_order() -> None:
    assert list(BASELINES) == ["identity", "mean", "telea", "navier-stokes"]


@pytest.mark.parametrize("name", BASELINES)
class TestEveryBaseline:
    def test_known_pixels_stay(self, name: str) -> None:
        result = BASELINES[name](PHOTOGRAPH, MASK)
        assert result.dtype == np.uint8
        assert result.shape == PHOTOGRAPH.shape
        assert np.array_equal(result[~MASK], PHOTOGRAPH[~MASK])
        assert not np.array_equal(result[MASK], PHOTOGRAPH[MASK])

    def test_what_is_under_the_mask_does_not_matter(self, name: str) -> None:
        noise = PHOTOGRAPH.copy()
        noise[MASK] = np.random.default_rng(3).integers(0, 256, (MASK.sum(), 3))
        before = noise.copy()
        assert np.array_equal(BASELINES[name](noise, MASK), BASELINES[name](PHOTOGRAPH, MASK))
        assert np.array_equal(noise, before)

    def test_without_a_hole_the_image_is_copied(self, name: str) -> None:
        result = BASELINES[name](PHOTOGRAPH, np.zeros_like(MASK))
        assert np.array_equal(result, PHOTOGRAPH)
        assert not np.shares_memory(result, PHOTOGRAPH)

    def test_a_flat_image_is_filled_with_its_colour(self, name: str) -> None:
        flat = np.full((32, 32, 3), (10, 20, 30), dtype=np.uint8)
        hole = np.zeros((32, 32), dtype=bool)
        hole[12:20, 12:20] = True
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


def test_opencv_beats_the_mean_on_a_photograph() -> None:
    figures = {name: psnr(BASELINES[name](PHOTOGRAPH, MASK), PHOTOGRAPH, MASK) for name in BASELINES}
    assert min(figures["telea"], figures["navier-stokes"]) > figures["mean"] > figures["identity"]


def test_a_further_baseline_is_one_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spikefill.evaluation.baselines.BASELINES", {})

    @baseline("white")
    def white(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
        assert not image[mask].any()
        return np.full_like(image, 255)

    result = white(PHOTOGRAPH, MASK)
    assert (result[MASK] == 255).all()
    assert np.array_equal(result[~MASK], PHOTOGRAPH[~MASK])
