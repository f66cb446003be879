"""OpenCV's frequency selective reconstruction, called so that it leaves no hole."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_BLOCK = 16


def frequency_selective(image: Array, mask: Array, *, best: bool) -> Array:
    """Holes extrapolated block by block, each from a sparse sum of Fourier basis functions around it.

    Genser, Seiler, Jeon and Kaup, PCS 2018, and Seiler, Jonscher, Schöberl and Kaup, IEEE TIP 2015, as OpenCV has
    them. It leaves holes as they are in the blocks that a side that is no multiple of 16 cuts off, so the picture gets
    further holes at the right and at the bottom. Its colour space is YCrCb: known pixels come back off by a level.

    Args:
        image: (H, W, 3) uint8, RGB.
        mask: (H, W) bool, True = hole.
        best: 64 instead of 32 pixels around each block, down to blocks of 2 instead of 4 pixels, and four times as
            many functions.

    Returns:
        (H, W, 3) uint8.
    """
    height, width = mask.shape
    margins = ((0, -height % _BLOCK), (0, -width % _BLOCK))
    picture = np.ascontiguousarray(np.pad(image, (*margins, (0, 0)))[..., ::-1])
    known = np.pad(~mask, margins).astype(np.uint8)
    filled = np.zeros_like(picture)
    method = cv2.xphoto.INPAINT_FSR_BEST if best else cv2.xphoto.INPAINT_FSR_FAST
    cv2.xphoto.inpaint(picture, known, filled, method)
    return filled[:height, :width, ::-1]
