"""The workspace of a network: how many bytes it takes for a region."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn

from spikefill.models.hybrid import SIZES, Hybrid

_HYBRID, _HYBRID_CHANNELS = 60, 6
"""Bytes a pixel of the hybrid network where all is computed, and for each byte that its finest features take."""

_HYBRID_WITHOUT = {"fast": 25, "best": 50}
"""Where nothing needs to be computed at the finest levels."""

_COMPUTED = 5 / 3
"""As if a level were computed as a whole from six tenths near holes on; what it needs reaches a little farther."""

_OTHER = 2000
_BEST = 48
"""What the mean of eight passes takes beside one of them."""


class Workspace(NamedTuple):
    """The most bytes that a network takes for each pixel of a region, its context included.

    Measured as the peak of resident memory with torch 2.13 on the CPU and two threads, and rounded up.

    Attributes:
        everywhere: Where all of the region is computed.
        nowhere: What of that is taken even where there is no hole.
    """

    everywhere: int
    nowhere: int

    def of(self, pixels: int, near_holes: int) -> float:
        """Bytes for a region.

        Args:
            pixels: It has, with its context.
            near_holes: Those of them in or near a hole.
        """
        return min(self.everywhere * pixels, self.nowhere * pixels + _COMPUTED * self.everywhere * near_holes)


def of(model: nn.Module, quality: str) -> Workspace:
    """The workspace of a network in a quality that `Inpainter` knows."""
    best = _BEST if quality == "best" else 0
    if isinstance(model, Hybrid):
        fine, _ = SIZES[model.arguments["size"]]
        features = _HYBRID_CHANNELS * (fine.half + fine.quarter // 4)
        if model.stream is not None:  # everything is computed, and lies there for all steps
            everywhere = _HYBRID + features * model.stream.length * 4 // 3 + best
            return Workspace(everywhere, everywhere)
        return Workspace(_HYBRID + features + best, _HYBRID_WITHOUT[quality] + best)
    return Workspace(_OTHER + best, _OTHER + best)
