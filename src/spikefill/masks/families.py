"""Families of random masks, each a function of a generator and a size; `sample` draws from them reproducibly.

``thin``, ``medium`` and ``thick`` are those of LaMa (Suvorov et al., WACV 2022): each mask is polygonal
strokes or boxes, in the ratio 1 : 0.3 (``thin``: strokes alone). LaMa gives one set of figures for 256 px and
one for 512 px. Here a mask whose shorter side is s takes the figures for 256 px times s / 256 below 512 px,
and those for 512 px times s / 512 from there on; numbers of strokes and boxes are not scaled.

A new family is a function ``(generator, height, width) -> bool array`` decorated with ``@family("name")``;
all that it draws at random comes from the generator. `sample` takes care of empty and of too large holes.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from spikefill.errors import InputError, check_choice

BoolMask = NDArray[np.bool_]
Draw = Callable[[np.random.Generator, int, int], BoolMask]

LARGEST_HOLE_RATIO = 0.5
LARGEST_SIDE = 1 << 15
_TRIES = 100
_BOX_SHARE = 0.3 / 1.3

_FAMILIES: dict[str, Draw] = {}


def family(name: str) -> Callable[[Draw], Draw]:
    """Registers a function that draws a mask, as the family ``name``.

    Raises:
        InputError: There is a family of this name.
    """
    if name in _FAMILIES:
        raise InputError(f"name is {name!r}, which is taken; choose another than: {', '.join(_FAMILIES)}")

    def register(draw: Draw) -> Draw:
        _FAMILIES[name] = draw
        return draw

    return register


def family_names() -> tuple[str, ...]:
    """The names of all families."""
    return tuple(_FAMILIES)


def sample(family: str, size: int | tuple[int, int], *, seed: int, index: int) -> BoolMask:
    """Mask number ``index`` of a family: a function of these arguments alone.

    NumPy's random streams and OpenCV's lines are what they are in the installed versions: for masks that no
    update of either changes, see `evaluation`.

    Args:
        family: One of `family_names`.
        size: Side of a square mask, or (height, width), in pixels; 1 to 32,768 each.
        seed: Names a series of masks, 0 or more.
        index: Number of the mask in the series, 0 or more.

    Returns:
        A bool array (height, width), True in the holes. There is always one, and holes cover at most half of
        the area (of a mask of a single pixel, all of it). A mask drawn otherwise is drawn again, up to 100
        times; then the pixel in the middle is the hole.

    Raises:
        InputError: An argument is unknown or out of its range.
    """
    check_choice("family", family, _FAMILIES)
    height, width = check_size(size)
    check_count("seed", seed)
    check_count("index", index)
    entropy = [int(seed), int(index), zlib.crc32(family.encode()), height, width]
    generator = np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy)))
    for _ in range(_TRIES):
        mask = _FAMILIES[family](generator, height, width)
        if mask.any() and mask.mean() <= LARGEST_HOLE_RATIO:
            return mask
    mask = np.zeros((height, width), bool)
    mask[height // 2, width // 2] = True
    return mask


def check_size(size: int | tuple[int, int]) -> tuple[int, int]:
    """Height and width of a size.

    Raises:
        InputError: It is neither a side nor (height, width), or a side is not from 1 to 32,768.
    """
    sides = tuple(size) if isinstance(size, Sequence) else (size, size)
    if len(sides) != 2 or not all(_is_whole(side) and 1 <= side <= LARGEST_SIDE for side in sides):
        raise InputError(f"size is {size!r}; it must be a side or (height, width), each from 1 to {LARGEST_SIDE} px")
    return int(sides[0]), int(sides[1])


def check_count(argument: str, value: int) -> None:
    """Raises `InputError` unless ``value`` is a whole number, 0 or more."""
    if not _is_whole(value) or value < 0:
        raise InputError(f"{argument} is {value!r}; it must be a whole number, 0 or more")


def _is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


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


@family("scratches")
def _draw_scratches(generator: np.random.Generator, height: int, width: int) -> BoolMask:
    """Lines and dust as on a scanned photograph.

    At 256 px: 1 to 8 long, slightly bent lines, 1 to 3 px wide, most of them steep, and 5 to 40 specks with
    half axes of up to 3 px.
    """
    canvas = np.zeros((height, width), np.uint8)
    scale = min(height, width) / 256
    for _ in range(generator.integers(1, 9)):
        middle = generator.uniform((0, 0), (width, height))
        steep = generator.random() < 0.7
        angle = generator.normal(math.pi / 2, 0.35) if steep else generator.uniform(0, math.pi)
        along = np.array((math.cos(angle), math.sin(angle)))
        half = generator.uniform(0.15, 0.7) * max(height, width)
        bend = generator.normal(0, 0.04) * half
        at = np.linspace(-1, 1, 17)[:, None]
        points = middle + half * at * along + bend * (1 - at**2) * along[::-1] * (-1, 1)
        thickness = max(1, round(generator.uniform(1, 3) * scale))
        cv2.polylines(canvas, [np.rint(points).astype(np.int32)], False, 1, thickness)
    for _ in range(generator.integers(5, 41)):
        x, y = generator.integers((width, height))
        axes = np.maximum(0, np.rint(generator.uniform(0.5, 3, 2) * scale)).astype(int)
        cv2.ellipse(canvas, (int(x), int(y)), axes.tolist(), float(generator.uniform(0, 180)), 0, 360, 1, -1)
    return canvas.astype(bool)


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
