"""From the pixels of a picture as it is stored to numbers of the network, in one pass over them.

Colours are handed over as (H, W C), holes as (H', W'), the latter padded by holes at the bottom and on the right: a
pixel in a hole is not read.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from spikefill.neurons.kernels.arithmetic import Array
from spikefill.neurons.kernels.compiling import Kernel, helper

_SEGMENT = 256
"""Pixels of a row that are worked on at a time: few enough to stay in the processor's nearest cache; even."""


@helper  # type: ignore[untyped-decorator]
def _known_part(into: Array, colours: Array, unknown: Array, row: int, left: int, n: int, channels: int,
                largest: np.float32) -> None:  # fmt: skip
    """The colours of ``n`` pixels of a row in [0, 1], one pixel after the other; 0 where they are unknown."""
    there = 0
    if row < colours.shape[0]:
        there = min(n * channels, colours.shape[1] - left * channels)
        given = colours[row, left * channels : left * channels + there]
        for i in range(there):
            into[i] = np.float32(given[i]) / largest
    for i in range(there, n * channels):
        into[i] = np.float32(0)
    for x in range(n):
        if unknown[row, left + x]:
            for c in range(channels):
                into[x * channels + c] = np.float32(0)


@cache
def halved() -> Kernel:
    """Rows ``start`` to ``stop`` of the level of half the size: ``light`` is 3 x h x w, ``known`` h x w."""

    def run(
        colours: Array, unknown: Array, channels: int, largest: np.float32, light: Array, known: Array,
        start: int, stop: int,
    ) -> None:  # fmt: skip
        quarter = np.float32(0.25)
        rows = np.empty((2, _SEGMENT * 3), np.float32)
        upper, lower = rows[0], rows[1]
        for y in range(start, stop):
            width = unknown.shape[1] if 2 * y < unknown.shape[0] else 0
            light[:, y, width // 2 :] = np.float32(0)
            known[y, width // 2 :] = np.float32(0)
            for left in range(0, width, _SEGMENT):
                n = min(_SEGMENT, width - left)
                _known_part(upper, colours, unknown, 2 * y, left, n, channels, largest)
                _known_part(lower, colours, unknown, 2 * y + 1, left, n, channels, largest)
                for c in range(3):
                    into, first = light[c, y, left // 2 :], min(c, channels - 1)
                    for x in range(n // 2):
                        i = 2 * x * channels + first
                        j = i + channels
                        into[x] = (upper[i] + upper[j] + lower[i] + lower[j]) * quarter
                for x in range(left, left + n, 2):
                    missing = unknown[2 * y, x] + unknown[2 * y, x + 1]
                    missing += unknown[2 * y + 1, x] + unknown[2 * y + 1, x + 1]
                    known[y, x // 2] = np.float32(4 - missing) * quarter

    return Kernel(run)


@cache
def unshuffled() -> Kernel:
    """The input of a core for some of the cells of 2 x 2 pixels: ``result`` is N x 16, as `torch.pixel_unshuffle`."""

    def run(
        colours: Array, unknown: Array, channels: int, largest: np.float32, rows: Array, columns: Array, result: Array,
        start: int, stop: int,
    ) -> None:  # fmt: skip
        zero, one = np.float32(0), np.float32(1)
        for i in range(start, stop):
            for k in range(4):
                y, x = 2 * rows[i] + k // 2, 2 * columns[i] + k % 2
                missing = unknown[y, x]
                result[i, 12 + k] = zero if missing else one
                for c in range(3):
                    if missing:
                        result[i, 4 * c + k] = zero
                    else:
                        value = np.float32(colours[y, x * channels + min(c, channels - 1)]) / largest
                        result[i, 4 * c + k] = value + value - one

    return Kernel(run)
