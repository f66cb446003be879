"""The registry of families of random masks; `sample` draws from them reproducibly.

The families themselves are in `lama`, `damage`, `objects` and `irregular`. A new one is a function
``(generator, height, width) -> bool array`` decorated with ``@family("name")``; all that it draws at random
comes from the generator. `sample` takes care of empty and of too large holes.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikefill.errors import InputError, check_choice

BoolMask = NDArray[np.bool_]
Draw = Callable[[np.random.Generator, int, int], BoolMask]

LARGEST_HOLE_RATIO = 0.5
"""The share of the area that holes cover at most, unless a family names another range."""

LARGEST_SIDE = 1 << 15
_TRIES = 100


@dataclass(frozen=True)
class _Family:
    draw: Draw
    hole_ratio: tuple[float, float]  # above the first, at most the second


_FAMILIES: dict[str, _Family] = {}


def family(name: str, *, hole_ratio: tuple[float, float] = (0.0, LARGEST_HOLE_RATIO)) -> Callable[[Draw], Draw]:
    """Registers a function that draws a mask, as the family ``name``.

    Args:
        name: What the family is called.
        hole_ratio: The share of the area that holes cover: more than the first number, at most the second.
            `sample` draws again what lies outside.

    Raises:
        InputError: There is a family of this name, or ``hole_ratio`` is no range within 0 to 1.
    """
    if name in _FAMILIES:
        raise InputError(f"name is {name!r}, which is taken; choose another than: {', '.join(_FAMILIES)}")
    low, high = hole_ratio
    if not 0 <= low < high < 1:
        raise InputError(f"hole_ratio is {hole_ratio!r}; it must be (low, high) with 0 <= low < high < 1")

    def register(draw: Draw) -> Draw:
        _FAMILIES[name] = _Family(draw, (low, high))
        return draw

    return register


def family_names() -> tuple[str, ...]:
    """The names of all families."""
    return tuple(_FAMILIES)


def sample(family: str, size: int | tuple[int, int], *, seed: int, index: int) -> BoolMask:
    """Mask number ``index`` of a family: a function of these arguments alone.

    NumPy's random streams and OpenCV's lines and letters are what they are in the installed versions: for
    masks that no update of either changes, see `evaluation`.

    Args:
        family: One of `family_names`.
        size: Side of a square mask, or (height, width), in pixels; 1 to 32,768 each.
        seed: Names a series of masks, 0 or more.
        index: Number of the mask in the series, 0 or more.

    Returns:
        A bool array (height, width), True in the holes. There is always one, and holes cover at most half of
        the area or what the family's ``hole_ratio`` says. A mask drawn otherwise is drawn again, up to 100
        times; then the pixel in the middle is the hole, as in a mask of a single pixel.

    Raises:
        InputError: An argument is unknown or out of its range.
    """
    check_choice("family", family, _FAMILIES)
    height, width = check_size(size)
    check_count("seed", seed)
    check_count("index", index)
    entropy = [int(seed), int(index), zlib.crc32(family.encode()), height, width]
    generator = np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy)))
    low, high = _FAMILIES[family].hole_ratio
    for _ in range(_TRIES):
        mask = _FAMILIES[family].draw(generator, height, width)
        if low < mask.mean() <= high:
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
