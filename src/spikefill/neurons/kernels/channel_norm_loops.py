"""Layer normalisation over the channels of each pixel, then neurons or ReLU: a block of pixels at a time.

The loops over the pixels of a block are the inner ones, which LLVM makes vector code of. Each pixel's numbers are added
up in the order of its channels, so that they depend neither on its place nor on the number of threads.

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

PIXELS = 512
"""Pixels of a block: long enough runs of each channel in memory, and 96 channels take 192 KB, part of a cache."""


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
def _load(part: Array, mean: Array, planes: Array, low: int, n: int) -> None:
    """The channels of ``n`` pixels from ``low`` on, one a row, and their mean.

    What is added up are differences from the first channel, so that channels with much in common lose nothing.
    """
    zero, channels = np.float32(0), np.float32(planes.shape[0])
    first = planes[0, low : low + n]
    for i in range(n):
        mean[i] = zero
    for c in range(planes.shape[0]):
        x, into = planes[c, low : low + n], part[c]
        for i in range(n):
            into[i] = x[i]
            mean[i] += x[i] - first[i]
    for i in range(n):
        mean[i] = first[i] + mean[i] / channels


@helper  # type: ignore[untyped-decorator]
def _spread(scale: Array, part: Array, mean: Array, n: int, eps: float) -> None:
    """One over the standard deviation of each pixel's channels; four channels at a time."""
    zero, one, least, channels = np.float32(0), np.float32(1), np.float32(eps), np.float32(part.shape[0])
    fours = part.shape[0] // 4 * 4
    for i in range(n):
        scale[i] = zero
    for c in range(0, fours, 4):
        x0, x1, x2, x3 = part[c], part[c + 1], part[c + 2], part[c + 3]
        for i in range(n):
            d0, d1, d2, d3 = x0[i] - mean[i], x1[i] - mean[i], x2[i] - mean[i], x3[i] - mean[i]
            scale[i] = (((scale[i] + d0 * d0) + d1 * d1) + d2 * d2) + d3 * d3
    for c in range(fours, part.shape[0]):
        x = part[c]
        for i in range(n):
            d = x[i] - mean[i]
            scale[i] += d * d
    for i in range(n):
        scale[i] = one / np.sqrt(scale[i] / channels + least)


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
        factors, offsets = _rows(weight, 1, channels)[0], _rows(bias, 1, channels)[0]
        zero, one = np.float32(0), np.float32(1)
        if line is not None:
            slope, origin, most, half = line[0], line[1], line[3], line[4]
            least, upper, share = half, most + half, one / most
            power_of_two = int(most) & (int(most) - 1) == 0
        width = min(PIXELS, pixels)
        part, rows = np.empty((channels, width), np.float32), np.empty((2, width), np.float32)
        mean, spread = rows[0], rows[1]
        blocks = -(-pixels // PIXELS)
        for block in range(start, stop):
            image, low = block // blocks, block % blocks * PIXELS
            place = 4 * image * channels * pixels
            planes, results = _rows(source + place, channels, pixels), _rows(result + place, channels, pixels)
            n = min(PIXELS, pixels - low)
            _load(part, mean, planes, low, n)
            _spread(spread, part, mean, n, eps)
            for c in range(channels):
                x, into = part[c], results[c, low : low + n]
                if line is None:
                    factor, offset = factors[c], offsets[c]
                    for i in range(n):
                        y = (x[i] - mean[i]) * spread[i] * factor + offset
                        into[i] = zero if y < zero else y
                else:
                    factor, offset = factors[c] * slope, offsets[c] * slope + origin
                    for i in range(n):
                        spikes = (x[i] - mean[i]) * spread[i] * factor + offset
                        spikes = spikes if spikes > least else least
                        spikes = spikes if spikes < upper else upper
                        into[i] = np.floor(spikes)
                    if power_of_two:  # then the product is the quotient
                        for i in range(n):
                            into[i] *= share
                    else:
                        for i in range(n):
                            into[i] /= most

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
    """The gradient of the current, and of scale and bias for each block: ``sums`` is blocks x channels x 2.

    ``curve`` holds the range of normalised currents within which the rate rises, the slope outside it, and that within;
    see `surrogate.RateCurve`. Mean and standard deviation are computed again: the current alone is to be kept.
    """

    def run(
        source: int, gradient: int, result: int, weight: int, bias: int, channels: int, pixels: int, eps: float,
        curve: Array, sums: Array, start: int, stop: int,
    ) -> None:  # fmt: skip
        factors, offsets = _rows(weight, 1, channels)[0], _rows(bias, 1, channels)[0]
        lowest, highest, outside, within = curve[0], curve[1], curve[2], curve[3]
        zero, share = np.float32(0), np.float32(1) / np.float32(channels)
        width = min(PIXELS, pixels)
        part, given = np.empty((channels, width), np.float32), np.empty((channels, width), np.float32)
        rows = np.empty((4, width), np.float32)
        mean, spread, common, along = rows[0], rows[1], rows[2], rows[3]
        blocks = -(-pixels // PIXELS)
        for block in range(start, stop):
            image, low = block // blocks, block % blocks * PIXELS
            place = 4 * image * channels * pixels
            planes, gradients = _rows(source + place, channels, pixels), _rows(gradient + place, channels, pixels)
            results = _rows(result + place, channels, pixels)
            n = min(PIXELS, pixels - low)
            _load(part, mean, planes, low, n)
            _spread(spread, part, mean, n, eps)
            for i in range(n):
                common[i] = zero
                along[i] = zero
            for c in range(channels):
                x, g, into = part[c], gradients[c, low : low + n], given[c]
                factor, offset = factors[c], offsets[c]
                for i in range(n):
                    normalised = (x[i] - mean[i]) * spread[i]
                    y = normalised * factor + offset
                    slope = within if y >= lowest and y <= highest else outside
                    into[i] = g[i] * (slope if y == y else zero)
                    x[i] = normalised
                _add_sums(sums[block, c], into, x, n)
                for i in range(n):
                    weighted = into[i] * factor
                    common[i] += weighted
                    along[i] += weighted * x[i]
            for i in range(n):
                common[i] *= share
                along[i] *= share
            for c in range(channels):
                x, g, into, factor = part[c], given[c], results[c, low : low + n], factors[c]
                for i in range(n):
                    into[i] = spread[i] * ((g[i] * factor - common[i]) - x[i] * along[i])

    return Kernel(run)
