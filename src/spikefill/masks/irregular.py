"""Free-form brushwork in six classes of hole ratio, ``irregular-01-10`` to ``irregular-50-60``.

The classes are those by which Liu et al. (*Image Inpainting for Irregular Holes Using Partial Convolutions*,
ECCV 2018) sort their test masks: holes cover more than 1 % and at most 10 % of the area, more than 10 and at
most 20 %, and so on to 60 %. The masks are drawn here and are not the published ones.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from spikefill.masks.families import family

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spikefill.masks.families import BoolMask, Draw

    Point = tuple[int, int]

_PERCENT = ((1, 10), (10, 20), (20, 30), (30, 40), (40, 50), (50, 60))


def _irregular(low: float, high: float) -> Draw:
    def draw(generator: np.random.Generator, height: int, width: int) -> BoolMask:
        """Strokes until they cover a share that is uniform in the range; the last dab rarely goes beyond it."""
        canvas = np.zeros((height, width), np.uint8)
        share = generator.uniform(low, high)
        brush = max(2.0, 6 * 4 ** generator.random() * (1 + 3 * share) * min(height, width) / 256)
        covered = 0.0  # at most: pixels are counted only where it matters
        for start, end, thickness in _dabs(generator, height, width, brush):
            cv2.line(canvas, start, end, 1, thickness)
            covered += (math.dist(start, end) + thickness + 2) * (thickness + 2)
            if covered >= share * height * width:
                covered = cv2.countNonZero(canvas)
                if covered >= share * height * width:
                    break
        return canvas.astype(bool)

    return draw


def _dabs(generator: np.random.Generator, height: int, width: int, brush: float) -> Iterator[tuple[Point, Point, int]]:
    """The pieces of endlessly many strokes: from, to, and a thickness of about ``brush``.

    A stroke is a path whose curvature and thickness wander. It starts anywhere, and ends outside or by chance.
    """
    while True:
        x, y = generator.uniform((0, 0), (width, height)).tolist()
        heading = generator.uniform(0, 2 * math.pi)
        bend = 0.0
        swelling = generator.normal(0, 0.4)
        for push, swell in generator.normal(0, (0.1, 0.15), (generator.integers(2, 40), 2)).tolist():
            start = round(x), round(y)
            x += 0.5 * brush * math.cos(heading)
            y += 0.5 * brush * math.sin(heading)
            yield start, (round(x), round(y)), max(1, round(brush * math.exp(swelling)))
            if not (0 <= x < width and 0 <= y < height):
                break
            bend = 0.8 * bend + push
            heading += bend
            swelling = 0.9 * swelling + swell


for _low, _high in _PERCENT:
    _range = (_low / 100, _high / 100)
    family(f"irregular-{_low:02}-{_high}", hole_ratio=_range)(_irregular(*_range))
