"""Photographs at other sizes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def resized(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """uint8 RGB (H, W, 3) at another size: area averaging to reduce, cubic interpolation to enlarge."""
    if image.shape[:2] == (height, width):
        return image
    interpolation = cv2.INTER_AREA if height < image.shape[0] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height), interpolation=interpolation), dtype=np.uint8)


def with_shorter_side(image: NDArray[np.uint8], shorter: int) -> NDArray[np.uint8]:
    """uint8 RGB (H, W, 3) of the same proportions whose shorter side is ``shorter`` px."""
    scale = shorter / min(image.shape[:2])
    height, width = (max(shorter, round(side * scale)) for side in image.shape[:2])
    return resized(image, height, width)
