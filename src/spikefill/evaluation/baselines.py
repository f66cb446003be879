"""What anybody could use instead of a network: classical and trivial ways to fill a hole.

A baseline is one decorated function. What it gets has zeros in the holes, whatever lay there, and of what it
returns only the holes are used: a baseline can neither peek nor touch the known pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.restoration import inpaint_biharmonic

from spikefill.errors import InputError
from spikefill.evaluation import frequency_selective as fsr
from spikefill.evaluation import pull_push as pyramid
from spikefill.evaluation import shift_map as shifts

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Baseline = Callable[[Image, Mask], Image]

BASELINES: dict[str, Baseline] = {}
"""Every baseline by its name, in the order in which tables show them."""

DEFAULT_BASELINES = ("identity", "mean", "telea", "navier-stokes")
"""What an evaluation compares with unless it is told otherwise: most of the others take seconds for a photograph."""

OPENCV_RADIUS = 5
"""Radius, in pixels, of the neighbourhood that the two methods of OpenCV take into account."""


def baseline(name: str) -> Callable[[Baseline], Baseline]:
    """Makes a function a baseline called ``name``; it then appears everywhere a baseline can be named.

    The function takes an image (H, W, 3) uint8 with zeros in the holes and a mask (H, W) bool, True = hole,
    neither full nor empty, and returns an image (H, W, 3) uint8 of which the holes are used. It must not
    write into either.
    """

    def register(fill: Baseline) -> Baseline:
        @wraps(fill)
        def guarded(image: Image, mask: Mask) -> Image:
            _check(image, mask)
            mask = mask.view(np.uint8) != 0  # a 1-bit picture of Pillow has 255 for True; compiled code counts on 1
            if not mask.any():
                return image.copy()
            hole = mask[..., None]
            return np.where(hole, fill(np.where(hole, np.uint8(0), image), mask), image)

        BASELINES[name] = guarded
        return guarded

    return register


@baseline("identity")
def identity(image: Image, mask: Mask) -> Image:
    """The masked image as it is: the holes stay black (0)."""
    return image


@baseline("mean")
def mean(image: Image, mask: Mask) -> Image:
    """The mean of the known pixels, a channel at a time, rounded to the nearest integer (ties to even)."""
    colour = np.rint(image[~mask].mean(axis=0, dtype=np.float64)).astype(np.uint8)
    return np.broadcast_to(colour, image.shape)


@baseline("telea")
def telea(image: Image, mask: Mask) -> Image:
    """OpenCV's fast marching method, radius 5: Telea, Journal of Graphics Tools 2004."""
    return _opencv(image, mask, cv2.INPAINT_TELEA)


@baseline("navier-stokes")
def navier_stokes(image: Image, mask: Mask) -> Image:
    """OpenCV's method after fluid dynamics, radius 5: Bertalmio, Bertozzi and Sapiro, CVPR 2001."""
    return _opencv(image, mask, cv2.INPAINT_NS)


@baseline("pull-push")
def pull_push(image: Image, mask: Mask) -> Image:
    """Averages down a pyramid and bilinear interpolation up again: Gortler et al., SIGGRAPH 1996."""
    return np.rint(pyramid.pull_push(image, mask)).astype(np.uint8)


@baseline("biharmonic")
def biharmonic(image: Image, mask: Mask) -> Image:
    """scikit-image's biharmonic surface: Damelin and Hoang, Int. J. Mathematics and Mathematical Sciences 2018.

    Hole by hole, which gives the same in less memory.
    """
    filled: NDArray[np.float64] = inpaint_biharmonic(image, mask, channel_axis=-1, split_into_regions=True)
    return np.rint(255 * filled).astype(np.uint8)


@baseline("frequency-selective")
def frequency_selective(image: Image, mask: Mask) -> Image:
    """OpenCV's frequency selective reconstruction, quick: Genser et al., PCS 2018."""
    return fsr.frequency_selective(image, mask, best=False)


@baseline("frequency-selective-best")
def frequency_selective_best(image: Image, mask: Mask) -> Image:
    """The same at its best and slowest."""
    return fsr.frequency_selective(image, mask, best=True)


@baseline("shift-map")
def shift_map(image: Image, mask: Mask) -> Image:
    """OpenCV's shift maps, and pull-push where no shift leads to a known pixel: He and Sun, ECCV 2012."""
    filled, left = shifts.shift_map(image, mask)
    return pull_push(filled, left)


def _opencv(image: Image, mask: Mask, method: int) -> Image:
    filled: Any = cv2.inpaint(image, mask.astype(np.uint8), OPENCV_RADIUS, method)
    return np.asarray(filled, dtype=np.uint8)


def _check(image: Image, mask: Mask) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise InputError(f"image has dtype {image.dtype} and shape {image.shape}; it must be uint8 (H, W, 3)")
    if mask.dtype != np.bool_ or mask.shape != image.shape[:2]:
        raise InputError(
            f"mask has dtype {mask.dtype} and shape {mask.shape}; it must be bool of shape {image.shape[:2]}"
        )
    if mask.all():
        raise InputError("mask has no known pixel; nothing is left to fill the hole from")
