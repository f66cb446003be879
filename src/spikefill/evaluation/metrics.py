"""Figures of merit of a restored photograph: pure functions of arrays, in float64.

Pictures are uint8 (divided by 255) or float in [0, 1], of shape (H, W, 3). A figure is a Python float; an
infinite one is ``inf`` here and null in the JSON document.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

try:
    import flip_evaluator
except ModuleNotFoundError:
    flip_evaluator = None
from skimage.metrics import structural_similarity

from spikefill.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

SSIM_SIGMA = 1.5
SSIM_WINDOW = 11

FLIP_PIXELS_PER_DEGREE = 3840 * math.pi / 180
"""FLIP's own default: a screen 0.7 m away, 0.7 m and 3,840 pixels wide."""

FLIP_MISSING = (
    "FLIP is not measured: flip-evaluator is not installed (it has no wheel for Python 3.14, nor for Linux on anything "
    "but x86_64)"
)


def mse(result: NDArray[Any], target: NDArray[Any], where: NDArray[np.bool_] | None = None) -> float:
    """Mean squared error, ``mean((result - target)^2)`` over pixels and the three channels.

    Args:
        result: (H, W, 3), uint8 or float in [0, 1]. A raw model output may lie outside; it is not clipped.
        target: The same shape, uint8 or float in [0, 1].
        where: (H, W) bool: only these pixels count (the hole, or the known part). All of them without it.

    Returns:
        A float >= 0; at most 1 for pictures in [0, 1].

    Raises:
        InputError: The shapes do not fit, or ``where`` selects no pixel.
    """
    difference = _unit(result, "result") - _unit(target, "target", like=result)
    if where is not None:
        if where.dtype != np.bool_ or where.shape != difference.shape[:2]:
            raise InputError(
                f"where has dtype {where.dtype} and shape {where.shape}; "
                f"it must be bool of shape {difference.shape[:2]}"
            )
        if not where.any():
            raise InputError("where selects no pixel; the error over nothing is undefined")
        difference = difference[where]
    return float(np.mean(np.square(difference)))


def psnr_of(error: float) -> float:
    """Peak signal-to-noise ratio in dB of a mean squared error, ``-10 log10(error)``: the peak is 1.

    Returns:
        ``inf`` for an error of 0, ``nan`` for one that is not a number.
    """
    return math.inf if error == 0 else 0.0 - 10 * math.log10(error)  # not -0.0 for an error of 1


def psnr(result: NDArray[Any], target: NDArray[Any], where: NDArray[np.bool_] | None = None) -> float:
    """Peak signal-to-noise ratio in dB, ``-10 log10(mse)``: the peak is 1. Arguments as in `mse`.

    Returns:
        ``inf`` where the pictures are equal; 48.13 dB is an error of one 8-bit level everywhere.
    """
    return psnr_of(mse(result, target, where))


def ssim(result: NDArray[Any], target: NDArray[Any]) -> float:
    """Mean structural similarity, Wang et al., IEEE Transactions on Image Processing 2004.

    Gaussian window of 11 x 11 with sigma 1.5, population (not sample) covariance, K1 = 0.01, K2 = 0.03, data
    range 1; the mean over the channels R, G and B, and over the pixels whose window lies inside the picture.

    Args:
        result: (H, W, 3), uint8 or float in [0, 1], both sides at least 11.
        target: The same shape, uint8 or float in [0, 1].

    Returns:
        A float in [-1, 1]; 1 where the pictures are equal.

    Raises:
        InputError: The shapes do not fit, or a side is shorter than the window.
    """
    a, b = _unit(result, "result"), _unit(target, "target", like=result)
    if min(a.shape[:2]) < SSIM_WINDOW:
        raise InputError(f"result is {a.shape[1]} x {a.shape[0]}; both sides must be at least {SSIM_WINDOW}")
    index: Any = structural_similarity(  # type: ignore[no-untyped-call]
        a,
        b,
        gaussian_weights=True,
        sigma=SSIM_SIGMA,
        use_sample_covariance=False,
        channel_axis=-1,
        data_range=1.0,
    )
    return float(index)


def measures_flip() -> bool:
    """Whether `flip` can be measured here; where not, `FLIP_MISSING` says why."""
    return flip_evaluator is not None


def flip(result: NDArray[Any], target: NDArray[Any]) -> float | None:
    """Mean of the FLIP error map, Andersson et al., Proceedings of the ACM on Computer Graphics 2020.

    How visible the difference is to someone who flips between the pictures, as NVIDIA's flip-evaluator computes it for
    low dynamic range and sRGB at 67.02 pixels per degree.

    Args:
        result: (H, W, 3), uint8 or float in [0, 1].
        target: The same shape, uint8 or float in [0, 1].

    Returns:
        A float in [0, 1], 0 where the pictures are equal; None where flip-evaluator is not installed.

    Raises:
        InputError: The shapes do not fit.
    """
    a, b = _unit(result, "result"), _unit(target, "target", like=result)
    if not measures_flip():
        return None
    errors, _, _ = flip_evaluator.evaluate(
        b.astype(np.float32),
        a.astype(np.float32),
        "LDR",
        applyMagma=False,
        computeMeanError=False,
        parameters={"ppd": FLIP_PIXELS_PER_DEGREE},
    )
    return float(np.mean(errors, dtype=np.float64))


def _unit(picture: NDArray[Any], argument: str, like: NDArray[Any] | None = None) -> NDArray[np.float64]:
    """The picture in float64, 8-bit values divided by 255."""
    if picture.ndim != 3 or picture.shape[2] != 3:
        raise InputError(f"{argument} has shape {picture.shape}; it must be (H, W, 3)")
    if like is not None and picture.shape != like.shape:
        raise InputError(f"{argument} has shape {picture.shape}; it must be {like.shape} like the result")
    if picture.dtype == np.uint8:
        return picture.astype(np.float64) / 255
    if np.issubdtype(picture.dtype, np.floating):
        return picture.astype(np.float64)
    raise InputError(f"{argument} has dtype {picture.dtype}; it must be uint8 or floating")
