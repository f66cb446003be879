"""What people want removed: ``blobs`` that cover an object each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from spikefill.masks.families import family

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spikefill.masks.families import BoolMask


@family("blobs")
def _draw_blobs(generator: np.random.Generator, height: int, width: int) -> BoolMask:
    """One to three smooth, closed shapes, most of them upright, the middle of each well inside.

    At 256 px their mean half axes are 14 to 60 px.
    """
    canvas = np.zeros((height, width), np.uint8)
    for _ in range(generator.integers(1, 4)):
        half = generator.uniform(14, 60) * min(height, width) / 256
        slender = generator.uniform(1, 1.5)
        angle = generator.normal(0, 0.5)
        turn = np.array(((math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))))
        middle = generator.uniform(0.1, 0.9, 2) * (width, height)
        outline = _wavy_circle(generator) * (half / slender, half * slender) @ turn + middle
        cv2.fillPoly(canvas, [np.rint(outline).astype(np.int32)], 1)
    return canvas.astype(bool)


def _wavy_circle(generator: np.random.Generator) -> NDArray[np.float64]:
    """Points (x, y) around the origin at radii of about 1, whose logarithm is a short random Fourier series."""
    angle = np.linspace(0, 2 * math.pi, 256, endpoint=False)
    logarithm = np.zeros_like(angle)
    for order in range(2, 6):
        logarithm += generator.normal(0, 0.3 / order) * np.cos(order * angle + generator.uniform(0, 2 * math.pi))
    points: NDArray[np.float64] = np.exp(logarithm)[:, None] * np.stack((np.cos(angle), np.sin(angle)), 1)
    return points
