"""The workspace of a network: how many bytes it takes.

All of these are peaks of resident memory, measured with torch 2.13 on the CPU and one and two threads, and rounded up.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import nn

from spikefill.models.core import CoreSize
from spikefill.models.hybrid import FINE_LEVELS, SIZES, Hybrid

_AT_ONCE = 60, 6.0
"""Bytes a pixel of a picture that the hybrid network computes at once, everywhere: and for each of its `_features`."""

_IN_WINDOWS = 300, 4.5
"""The same where it computes cells one by one, as it does in a window."""

_FROM_A_LEVEL = 140, 4.3
"""The same of a level, for it and all that are coarser."""

_SEEN = 25
"""Bytes for each pixel of a picture where nothing needs to be computed at the finest levels."""

_SEEN_OF_A_LEVEL = 50
"""The same of a level that is there in floats."""

_COMPUTED = 5 / 3
"""As if a level were computed as a whole from six tenths near holes on; what it needs reaches a little farther."""

FIXED = 30_000_000
"""Bytes that a window takes, or that the coarse levels take, however small they are."""

_OTHER = 2000


class Area(NamedTuple):
    """Pixels of a level that may be computed.

    Attributes:
        pixels: How many there are.
        near_holes: How many of them lie in or near a hole.
    """

    pixels: int
    near_holes: int


class Workspace(NamedTuple):
    """The most bytes that a network takes.

    Attributes:
        nowhere: For each pixel of a region, even where there is no hole.
        everywhere: The same where all is computed; for each of the levels that are computed one after the other.
        fixed: For a region, however small it is.
    """

    nowhere: float
    everywhere: tuple[float, ...]
    fixed: int = 0

    def with_copies(self, size: int) -> Workspace:
        """The same where so many bytes of each pixel are copied."""
        return self._replace(nowhere=self.nowhere + size, everywhere=tuple(each + size for each in self.everywhere))

    def of(self, seen: int, *levels: Area) -> float:
        """Bytes for a region.

        Args:
            seen: Pixels that are looked at.
            *levels: What may be computed of each level.
        """
        computed = (
            min((everywhere - self.nowhere) * area.pixels, _COMPUTED * everywhere * area.near_holes)
            for everywhere, area in zip(self.everywhere, levels, strict=True)
        )
        return self.fixed + self.nowhere * seen + max(computed)


def of(model: nn.Module) -> Workspace:
    """For a region by itself."""
    if not isinstance(model, Hybrid):
        return Workspace(_OTHER, (_OTHER,))
    fine, _ = SIZES[model.arguments["size"]]
    everywhere = _bytes(_AT_ONCE, fine)
    if model.stream is not None:  # what is computed lies there for all steps
        everywhere = _AT_ONCE[0] + (everywhere - _AT_ONCE[0]) * model.stream.length * 4 / 3
    return Workspace(_SEEN if model.divisible else everywhere, (everywhere,))


def of_window(model: Hybrid, number: int) -> Workspace:
    """For a window of the levels below a number."""
    return Workspace(_SEEN, tuple(_bytes(_IN_WINDOWS, _size(model, level)) for level in range(number)), FIXED)


class CoarseWorkspace(NamedTuple):
    """Bytes that the coarse levels of a picture take, the finer ones being computed in windows.

    Attributes:
        taken: While they are computed.
        kept: For the windows.
    """

    taken: float
    kept: float


def of_coarse(model: Hybrid, number: int, level: Area) -> CoarseWorkspace:
    """For the levels of a picture from a number on; ``level`` is the first of them."""
    size = _size(model, number)
    space = Workspace(_SEEN_OF_A_LEVEL, (_bytes(_FROM_A_LEVEL, size),), FIXED)
    rates = _features(size) * min(level.pixels, _COMPUTED * level.near_holes)  # for four pixels a number of four bytes
    return CoarseWorkspace(space.of(level.pixels, level), 12 * level.pixels + rates)


def _size(model: Hybrid, level: int) -> CoreSize:
    """That of the core of a level."""
    return SIZES[model.arguments["size"]][level >= FINE_LEVELS]


def _features(size: CoreSize) -> int:
    """Numbers of a layer at half of the resolution and one at a quarter, for each four pixels."""
    return size.half + size.quarter // 4


def _bytes(measured: tuple[int, float], size: CoreSize) -> float:
    pixel, feature = measured
    return pixel + feature * _features(size)
