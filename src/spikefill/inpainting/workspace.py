"""The workspace of a network: how many bytes it takes for a region, and how large regions may be for what is left."""

from __future__ import annotations

from torch import nn

from spikefill.memory import PROCESS, too_little
from spikefill.models.hybrid import SIZES, Hybrid

SMALLEST_TILE = 128
"""Side, in pixels, of the smallest squares that a picture is divided into for want of memory."""

_HYBRID, _HYBRID_CHANNELS = 60, 6
"""Bytes a pixel of the hybrid network, and for each byte that its finest features take."""

_OTHER = 2000
_BEST = 48
"""What the mean of eight passes takes beside one of them."""

_STEP = 64


def bytes_a_pixel(model: nn.Module, quality: str) -> int:
    """The most bytes that a network takes for each pixel of a region, its context included: where all is computed.

    Measured as the peak of resident memory with torch 2.13 on the CPU and two threads, and rounded up.
    """
    if isinstance(model, Hybrid):
        fine, _ = SIZES[model.arguments["size"]]
        network = _HYBRID + _HYBRID_CHANNELS * (fine.half + fine.quarter // 4)
    else:
        network = _OTHER
    return network + (_BEST if quality == "best" else 0)


def tile_side(
    each: int, shape: tuple[int, int], held: int, context: int | None, largest: int, max_memory: int | None
) -> int:
    """Side of the squares that a picture is divided into, so that the network takes no more than what is left.

    Args:
        each: Bytes that the network takes for a pixel, see `bytes_a_pixel`.
        shape: Height and width of the picture.
        held: Bytes that picture and mask take.
        context: Pixels that the network sees around a square, half of those by which it overlaps others among them;
            None for one that looks at the whole picture.
        largest: The side is at most this.
        max_memory: Bytes that the process may take; None for any number.

    Returns:
        ``largest``, or a multiple of 64 from `SMALLEST_TILE` on.

    Raises:
        InputError: Not even the smallest squares fit.
    """
    if max_memory is None:
        return largest
    taken = PROCESS + held
    height, width = shape

    def area(side: int) -> int:
        """Pixels of the largest region, with its context, that squares of a side can have."""
        if context is None:
            return height * width
        return min(side + 2 * context, height) * min(side + 2 * context, width)

    sides: list[int] = [largest, *range((largest - 1) // _STEP * _STEP, SMALLEST_TILE - 1, -_STEP)]
    for side in sides:
        if taken + each * area(side) <= max_memory:
            return side
    smallest = min(largest, SMALLEST_TILE)
    raise too_little(f"a picture of {width} x {height} px", taken + each * area(smallest), max_memory)
