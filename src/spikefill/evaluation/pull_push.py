"""Holes filled from coarser and coarser copies of the picture: the pull-push method."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def pull_push(image: Array, mask: Array) -> NDArray[np.float32]:
    """Fills holes by normalised averages down a pyramid and bilinear interpolation up again.

    Each level halves the one before; its pixel is the mean of those known pixels of the picture that it covers, and a
    hole where it covers none. The last level is the first without a hole. From there up, a hole takes what the coarser
    level has at its place. Gortler, Grzeszczuk, Szeliski and Cohen, SIGGRAPH 1996, section 3.4, with a box as the
    filter.

    Args:
        image: (H, W, 3), any values in the holes.
        mask: (H, W) bool, True = hole, not all of it.

    Returns:
        (H, W, 3) float32, known pixels as they are.
    """
    known = ~mask[..., None]
    return _fill(np.where(known, image, 0).astype(np.float32), known.astype(np.float32))


def _fill(total: Array, count: Array) -> NDArray[np.float32]:
    """A level from the sums (h, w, 3) and the numbers (h, w, 1) of the known pixels that its pixels cover."""
    level: Array = total / np.maximum(count, np.float32(1))
    if count.all():
        return level
    coarser = _fill(_halved(total), _halved(count))
    height, width = coarser.shape[:2]
    interpolated = cv2.resize(coarser, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR)
    return np.where(count > 0, level, interpolated[: level.shape[0], : level.shape[1]])


def _halved(level: Array) -> Array:
    """Sums of 2 x 2 pixels; an odd side counts what is missing as nothing."""
    height, width, channels = level.shape
    even = np.pad(level, ((0, height % 2), (0, width % 2), (0, 0)))
    sums: Array = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2, channels).sum(axis=(1, 3))
    return sums
