from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage import data
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from spikefill.errors import InputError
from spikefill.evaluation import flip, measures_flip, metrics, mse, psnr, ssim
from spikefill.evaluation.metrics import psnr_of


def grey(*rows: list[int]) -> np.ndarray:
    return np.repeat(np.array(rows, dtype=np.uint8)[..., None], 3, axis=2)


TARGET = grey([0, 0, 0, 0], [0, 51, 51, 0], [0, 51, 51, 0], [0, 0, 0, 0])
RESULT = grey([0, 0, 0, 0], [0, 102, 51, 0], [0, 51, 51, 0], [0, 0, 0, 255])
HOLE = TARGET[..., 0] > 0


def test_mse_by_hand() -> None:
    # one pixel off by 51 / 255 = 0.2, one by 1, of 16
    assert mse(RESULT, TARGET) == pytest.approx((0.04 + 1) / 16, abs=1e-15)
    assert mse(RESULT, TARGET, HOLE) == pytest.approx(0.04 / 4, abs=1e-15)
    assert mse(RESULT, TARGET, ~HOLE) == pytest.approx(1 / 12, abs=1e-15)


def test_one_channel_counts_a_third() -> None:
    result = TARGET.copy()
    result[1, 1, 2] = 102
    assert mse(result, TARGET, HOLE) == pytest.approx(0.04 / 12, abs=1e-15)


def test_psnr_by_hand() -> None:
    assert psnr(RESULT, TARGET, HOLE) == pytest.approx(20.0, abs=1e-12)
    assert psnr(TARGET + np.uint8(1), TARGET) == pytest.approx(20 * math.log10(255), abs=1e-12)
    assert psnr(TARGET, TARGET) == math.inf
    assert psnr(RESULT, TARGET, ~HOLE) == pytest.approx(10 * math.log10(12), abs=1e-12)


def test_psnr_of_limits() -> None:
    assert psnr_of(0.0) == math.inf
    assert math.copysign(1, psnr_of(1.0)) == 1
    assert math.isnan(psnr_of(math.nan))


def test_raw_output_is_not_clipped() -> None:
    assert mse(np.full((4, 4, 3), 3.0, dtype=np.float32), np.full((4, 4, 3), 255, dtype=np.uint8)) == 4.0


@given(st.integers(0, 2**32 - 1), st.integers(16, 40), st.integers(16, 40))
def test_whole_is_the_weighted_mean_of_hole_and_known(seed: int, height: int, width: int) -> None:
    random = np.random.default_rng(seed)
    result, target = random.integers(0, 256, (2, height, width, 3), dtype=np.uint8)
    hole = random.random((height, width)) < 0.3
    hole[0, :2] = [True, False]
    parts = hole.sum() * mse(result, target, hole) + (~hole).sum() * mse(result, target, ~hole)
    assert parts / hole.size == pytest.approx(mse(result, target), rel=1e-12)


def test_reference_implementations_agree() -> None:
    target = data.astronaut()[100:180, 180:244]
    noise = np.random.default_rng(1).integers(-30, 31, target.shape)
    result = np.clip(target + noise, 0, 255).astype(np.uint8)
    a, b = (torch.from_numpy(x / 255).permute(2, 0, 1)[None] for x in (result, target))
    _, full = structural_similarity_index_measure(a, b, data_range=1.0, sigma=1.5, return_full_image=True)
    inside = full[..., 5:-5, 5:-5]  # its own mean counts the mirrored border, too
    assert ssim(result, target) == pytest.approx(float(inside.mean()), abs=1e-9)
    assert psnr(result, target) == pytest.approx(float(peak_signal_noise_ratio(a, b, data_range=1.0)), abs=1e-5)


def test_ssim_limits() -> None:
    target = data.chelsea()[:32, :32]
    assert ssim(target, target) == 1.0
    # constants a and b: (2 a b + C1) / (a^2 + b^2 + C1) with C1 = 1e-4
    flat = np.zeros((16, 16, 3))
    assert ssim(flat + 0.5, flat + 0.25) == pytest.approx((0.25 + 1e-4) / (0.3125 + 1e-4), abs=1e-9)


def test_flip_is_that_of_its_authors() -> None:
    reference = pytest.importorskip("flip_evaluator")
    assert measures_flip()
    target = data.astronaut()[100:148, 180:240]
    noise = np.random.default_rng(1).integers(-30, 31, target.shape)
    result = np.clip(target + noise, 0, 255).astype(np.uint8)
    _, mean, _ = reference.evaluate(target.astype(np.float32) / 255, result.astype(np.float32) / 255, "LDR")
    assert 0.05 < mean < 0.5
    assert flip(result, target) == pytest.approx(mean, abs=1e-6)
    assert flip(target, target) == 0


def test_flip_takes_the_target_for_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    class Spy:
        @staticmethod
        def evaluate(reference: np.ndarray, test: np.ndarray, *_: str, **__: object) -> object:
            assert np.array_equal(reference, (TARGET / 255).astype(np.float32))
            assert np.array_equal(test, (RESULT / 255).astype(np.float32))
            return np.full((4, 4, 1), 0.25, dtype=np.float32), -1, {}

    monkeypatch.setattr(metrics, "flip_evaluator", Spy)
    assert flip(RESULT, TARGET) == 0.25


def test_flip_is_none_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "flip_evaluator", None)
    assert not measures_flip()
    assert flip(RESULT, TARGET) is None
    with pytest.raises(InputError, match="target has shape"):
        flip(RESULT, TARGET[:3])


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: mse(TARGET[..., 0], TARGET), "result has shape"),
        (lambda: mse(TARGET, TARGET[:3]), "target has shape"),
        (lambda: mse(TARGET.astype(int), TARGET), "result has dtype"),
        (lambda: mse(TARGET, TARGET, HOLE[:3]), "where has"),
        (lambda: mse(TARGET, TARGET, HOLE.astype(np.uint8)), "where has"),
        (lambda: psnr(TARGET, TARGET, np.zeros((4, 4), bool)), "where selects no pixel"),
        (lambda: ssim(TARGET, TARGET), "at least 11"),
    ],
)
def test_wrong_arguments_are_named(call, named) -> None:
    with pytest.raises(InputError, match=named):
        call()
