"""Layer normalisation over the channels of each pixel, then neurons or ReLU: a block of pixels at a time.

The numbers of a pixel lie together in memory. Those of a block are turned into a row for each channel, so that the
inner loops are those over its pixels, which LLVM makes vector code of. Each pixel's numbers are added up in the order
of its channels, so that they depend neither on its place nor on the number of threads.

Tensors are handed over as addresses: there are many calls for few numbers, and making arrays would take longer than
what is done with them.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic
from numba.np.numpy_support import carray

from spikefill.neurons.kernels.arithmetic import Array
from spikefill.neurons.kernels.compiling import Kernel, helper

PIXELS = 64
"""Pixels that are turned together: 96 channels of them take 24 KB, part of the fastest cache."""
BLOCK = 8 * PIXELS
"""Pixels that always are one thread's, and whose sums are added up together."""


def _to_pointer(_: Any, address: Any) -> Any:
    """The pointer that a whole number stands for: its type, and how its code is made."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(address), code


_pointer: Any = intrinsic(_to_pointer)


@helper  # type: ignore[untyped-decorator]
def _rows(address: int, rows: int, length: int) -> Array:
    """The float32 numbers from an address on, as an array of rows."""
    found: Array = carray(_pointer(address), (rows, length), np.float32)
    return found


@helper  # type: ignore[untyped-decorator]
def _load(part: Array, pixels: Array, n: int) -> None:
    """``n`` pixels, turned into a row for each channel; four channels at a time."""
    channels = part.shape[0]
    fours = channels // 4 * 4
    for c in range(0, fours, 4):
        x0, x1, x2, x3 = part[c], part[c + 1], part[c + 2], part[c + 3]
        for i in range(n):
            x0[i], x1[i], x2[i], x3[i] = pixels[i, c], pixels[i, c + 1], pixels[i, c + 2], pixels[i, c + 3]
    for c in range(fours, channels):
        for i in range(n):
            part[c, i] = pixels[i, c]


@helper  # type: ignore[untyped-decorator]
def _store(pixels: Array, part: Array, n: int) -> None:
    """Rows of channels, turned into ``n`` pixels."""
    channels = part.shape[0]
    fours = channels // 4 * 4
    for c in range(0, fours, 4):
        x0, x1, x2, x3 = part[c], part[c + 1], part[c + 2], part[c + 3]
        for i in range(n):
            pixels[i, c], pixels[i, c + 1], pixels[i, c + 2], pixels[i, c + 3] = x0[i], x1[i], x2[i], x3[i]
    for c in range(fours, channels):
        for i in range(n):
            pixels[i, c] = part[c, i]


@helper  # type: ignore[untyped-decorator]
def _statistics(mean: Array, scale: Array, part: Array, n: int, eps: float) -> None:
    """The mean of each pixel's channels and one over their standard deviation.

    What is added up are differences from the first channel and their squares, so that channels with much in common
    lose nothing: the square of the first one's distance from the mean is at most the variance times their number.
    """
    zero, one, least, channels = np.float32(0), np.float32(1), np.float32(eps), np.float32(part.shape[0])
    first, fours = part[0], part.shape[0] // 4 * 4
    for i in range(n):
        mean[i] = zero
        scale[i] = zero
    for c in range(0, fours, 4):
        x0, x1, x2, x3 = part[c], part[c + 1], part[c + 2], part[c + 3]
        for i in range(n):
            d0, d1, d2, d3 = x0[i] - first[i], x1[i] - first[i], x2[i] - first[i], x3[i] - first[i]
            mean[i] = (((mean[i] + d0) + d1) + d2) + d3
            scale[i] = (((scale[i] + d0 * d0) + d1 * d1) + d2 * d2) + d3 * d3
    for c in range(fours, part.shape[0]):
        x = part[c]
        for i in range(n):
            d = x[i] - first[i]
            mean[i] += d
            scale[i] += d * d
    for i in range(n):
        d = mean[i] / channels
        mean[i] = first[i] + d
        scale[i] = one / np.sqrt((scale[i] / channels - d * d) + least)


@cache
def channel_norm_forward() -> Kernel:
    """Rates: the normalised current on a line, in spikes, rounded down and limited; see `table.Line`.

    Where a current is not a number, the neuron does not fire. If ``line`` is None, the result is the normalised current
    where it is not negative, else 0.
    """

    def run(
        source: int, result: int, weight: int, bias: int, channels: int, pixels: int, eps: float, line: Array | None,
        start: int, stop: int,
    ) -> None:  # fmt: skip
        currents, results = _rows(source, pixels, channels), _rows(result, pixels, channels)
        factors, offsets = _rows(weight, 1, channels)[0], _rows(bias, 1, channels)[0]
        zero, one = np.float32(0), np.float32(1)
        if line is not None:
            slope, origin, most, half = line[0], line[1], line[3], line[4]
            least, upper, share = half, most + half, one / most
            power_of_two = int(most) & (int(most) - 1) == 0
        part, rows = np.empty((channels, PIXELS), np.float32), np.empty((2, PIXELS), np.float32)
        mean, spread = rows[0], rows[1]
        for low in range(start, stop, PIXELS):
            n = min(PIXELS, stop - low)
            _load(part, currents[low:], n)
            _statistics(mean, spread, part, n, eps)
            for c in range(channels):
                x = part[c]
                if line is None:
                    factor, offset = factors[c], offsets[c]
                    for i in range(n):
                        y = (x[i] - mean[i]) * spread[i] * factor + offset
                        x[i] = zero if y < zero else y
                else:
                    factor, offset = factors[c] * slope, offsets[c] * slope + origin
                    for i in range(n):
                        spikes = (x[i] - mean[i]) * spread[i] * factor + offset
                        spikes = spikes if spikes > least else least
                        spikes = spikes if spikes < upper else upper
                        x[i] = np.floor(spikes)
                    if power_of_two:  # then the product is the quotient
                        for i in range(n):
                            x[i] *= share
                    else:
                        for i in range(n):
                            x[i] /= most
            _store(results[low:], part, n)

    return Kernel(run)


@numba.njit(nogil=True, error_model="numpy", fastmath={"reassoc"})
def _add_sums(sums: Array, g: Array, x: Array, n: int) -> None:
    """Adds the sum of ``g x`` to the first of two sums and that of ``g`` to the second.

    In the order that suits the processor: it is one for each ``n``, but not the order of the numbers.
    """
    products, alone = np.float32(0), np.float32(0)
    for i in range(n):
        products += g[i] * x[i]
        alone += g[i]
    sums[0] += products
    sums[1] += alone


@cache
def channel_norm_backward() -> Kernel:
    """The gradient of the current, and of scale and bias for each `BLOCK`: ``sums`` is blocks x channels x 2.

    ``curve`` holds the range of normalised currents within which the rate rises, the slope outside it, and that within;
    see `surrogate.RateCurve`. Mean and standard deviation are computed again: the current alone is to be kept.
    """

    def run(
        source: int, gradient: int, result: int, weight: int, bias: int, channels: int, pixels: int, eps: float,
        curve: Array, sums: Array, start: int, stop: int,
    ) -> None:  # fmt: skip
        currents, gradients = _rows(source, pixels, channels), _rows(gradient, pixels, channels)
        results = _rows(result, pixels, channels)
        factors, offsets = _rows(weight, 1, channels)[0], _rows(bias, 1, channels)[0]
        lowest, highest, outside, within = curve[0], curve[1], curve[2], curve[3]
        zero, share = np.float32(0), np.float32(1) / np.float32(channels)
        part, given = np.empty((channels, PIXELS), np.float32), np.empty((channels, PIXELS), np.float32)
        rows = np.empty((4, PIXELS), np.float32)
        mean, spread, common, along = rows[0], rows[1], rows[2], rows[3]
        for low in range(start, stop, PIXELS):
            n = min(PIXELS, stop - low)
            _load(part, currents[low:], n)
            _load(given, gradients[low:], n)
            _statistics(mean, spread, part, n, eps)
            for i in range(n):
                common[i] = zero
                along[i] = zero
            for c in range(channels):
                x, g = part[c], given[c]
                factor, offset = factors[c], offsets[c]
                for i in range(n):
                    normalised = (x[i] - mean[i]) * spread[i]
                    y = normalised * factor + offset
                    slope = within if y >= lowest and y <= highest else outside
                    g[i] *= slope if y == y else zero
                    x[i] = normalised
                _add_sums(sums[low // BLOCK, c], g, x, n)
                for i in range(n):
                    weighted = g[i] * factor
                    common[i] += weighted
                    along[i] += weighted * x[i]
            for i in range(n):
                common[i] *= share
                along[i] *= share
            for c in range(channels):
                x, g, factor = part[c], given[c], factors[c]
                for i in range(n):
                    x[i] = spread[i] * ((g[i] * factor - common[i]) - x[i] * along[i])
            _store(results[low:], part, n)

    return Kernel(run)
