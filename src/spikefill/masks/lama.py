"""Polygonal strokes and boxes: LaMa's ``thin``, ``medium`` and ``thick``, and ``boxes`` alone.

``thin``, ``medium`` and ``thick`` are those of LaMa (Suvorov et al., WACV 2022): each mask is polygonal
strokes or boxes, in the ratio 1 : 0.3 (``thin``: strokes alone). LaMa gives one set of figures for 256 px and
one for 512 px. Here a mask whose shorter side is s takes the figures for 256 px times s / 256 below 512 px,
and those for 512 px times s / 512 from there on; numbers of strokes and boxes are not scaled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from spikefill.masks.families import family

if TYPE_CHECKING:
    from spikefill.masks.families import BoolMask, Draw

_BOX_SHARE = 0.3 / 1.3


@dataclass(frozen=True)
class _Figures:
    """LaMa's figures for one family at one size, in pixels at that size; ranges are inclusive."""

    strokes: tuple[int, int]
    stroke_width: int
    stroke_length: int
    boxes: tuple[int, int] | None = None
    box_side: tuple[int, int] = (0, 0)


_LAMA: dict[str, dict[int, _Figures]] = {
    "thin": {
        256: _Figures((4, 50), 10, 40),
        512: _Figures((4, 70), 20, 100),
    },
    "medium": {
        256: _Figures((4, 5), 50, 100, (1, 5), (10, 50)),
        512: _Figures((4, 10), 100, 200, (1, 5), (30, 150)),
    },
    "thick": {
        256: _Figures((1, 5), 100, 200, (1, 3), (30, 150)),
        512: _Figures((1, 5), 250, 450, (1, 4), (30, 300)),
    },
}


def _lama(name: str) -> Draw:
    def draw(generator: np.random.Generator, height: int, width: int) -> BoolMask:
        base = 512 if min(height, width) >= 512 else 256
        figures = _LAMA[name][base]
        scale = min(height, width) / base
        if figures.boxes is not None and generator.random() < _BOX_SHARE:
            return _boxes(generator, height, width, figures.boxes, figures.box_side, scale)
        return _strokes(generator, height, width, figures, scale)

    return draw


for _name in _LAMA:
    family(_name)(_lama(_name))


@family("boxes")
def _draw_boxes(generator: np.random.Generator, height: int, width: int) -> BoolMask:
    """One to five boxes of 10 to 100 px at 256 px."""
    return _boxes(generator, height, width, (1, 5), (10, 100), min(height, width) / 256)


def _strokes(generator: np.random.Generator, height: int, width: int, figures: _Figures, scale: float) -> BoolMask:
    """Polygonal lines in LaMa's directions: four for even strokes, their mirror images for odd ones."""
    canvas = np.zeros((height, width), np.uint8)
    for stroke in range(generator.integers(figures.strokes[0], figures.strokes[1] + 1)):
        x, y = generator.integers((width, height)).tolist()
        for _ in range(generator.integers(1, 6)):
            angle = 0.01 + int(generator.integers(4))
            if stroke % 2 == 0:
                angle = 2 * math.pi - angle
            length = (10 + int(generator.integers(figures.stroke_length))) * scale
            thickness = max(1, int((5 + int(generator.integers(figures.stroke_width))) * scale))
            end_x = int(min(max(x + length * math.sin(angle), 0), width))
            end_y = int(min(max(y + length * math.cos(angle), 0), height))
            cv2.line(canvas, (x, y), (end_x, end_y), 1, thickness)
            x, y = end_x, end_y
    return canvas.astype(bool)


def _boxes(
    generator: np.random.Generator,
    height: int,
    width: int,
    count: tuple[int, int],
    side: tuple[int, int],
    scale: float,
) -> BoolMask:
    """Boxes that lie inside the mask, their sides uniform in the range times ``scale``."""
    mask = np.zeros((height, width), bool)
    for _ in range(generator.integers(count[0], count[1] + 1)):
        box = np.maximum(1, generator.integers(side[0], side[1] + 1, 2) * scale).astype(int)
        h, w = min(int(box[0]), height), min(int(box[1]), width)
        top, left = int(generator.integers(height - h + 1)), int(generator.integers(width - w + 1))
        mask[top : top + h, left : left + w] = True
    return mask
