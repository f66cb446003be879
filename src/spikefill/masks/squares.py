"""A large picture in squares or in rows, so that what is computed of it takes little memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Rectangle = tuple[slice, slice]
"""Rows and columns."""

_SIDE = 1024
_PIXELS = 1 << 18
"""Of the rows that are worked on at a time."""


@dataclass(frozen=True)
class Square:
    """A part of a picture, and the larger one that must be seen for it.

    Attributes:
        inner: Rows and columns of the part.
        outer: The same with a margin on each side, cut at the picture's border.
    """

    inner: Rectangle
    outer: Rectangle

    @property
    def inner_in_outer(self) -> Rectangle:
        """Where ``inner`` lies within ``outer``."""
        rows, columns = (
            slice(i.start - o.start, i.stop - o.start) for i, o in zip(self.inner, self.outer, strict=True)
        )
        return rows, columns


def squares(shape: tuple[int, ...], margin: int) -> Iterator[Square]:
    """Squares that cover a picture once: of 1,024 px a side or, where the margin is wide, of twice the margin."""
    height, width = shape[:2]
    side = _side(margin)
    for top in range(0, height, side):
        for left in range(0, width, side):
            inner = slice(top, min(top + side, height)), slice(left, min(left + side, width))
            yield Square(inner, (wider(inner[0], margin, height), wider(inner[1], margin, width)))


def largest(height: int, width: int, margin: int) -> int:
    """How many pixels the largest of `squares` has with its margin, at most."""
    side = _side(margin) + 2 * margin
    return min(height, side) * min(width, side)


def _side(margin: int) -> int:
    return max(_SIDE, 2 * margin)


def wider(span: slice, by: int, limit: int) -> slice:
    """A span with so much more on each side, from 0 to a limit."""
    return slice(max(0, span.start - by), min(limit, span.stop + by))


def bands(shape: tuple[int, ...]) -> Iterator[slice]:
    """Rows of a picture, about 2^18 pixels at a time."""
    height, width = shape[:2]
    rows = max(1, _PIXELS // max(1, width))
    for top in range(0, height, rows):
        yield slice(top, min(top + rows, height))
