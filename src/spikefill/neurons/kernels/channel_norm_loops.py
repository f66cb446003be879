"""Layer normalisation over the channels of each pixel, then neurons or ReLU: a pixel at a time.

The numbers of a pixel lie together in memory. The loops over its channels are the inner ones, which LLVM makes vector
code of; for this they are short, since it compares the addresses of few arrays only. Each pixel's numbers are added up
in the order that suits the processor, in double precision.

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

BLOCK = 64
"""Pixels that always are one thread's, and whose gradients of scale and bias are added up together."""


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
def _rows_like(address: int, rows: int, length: int, like: Array) -> Array:
    """Numbers of the type of an array from an address on, as an array of rows."""
    found: Array = carray(_pointer(address), (rows, length), like.dtype)
    return found


_adding: Any = numba.njit(nogil=True, error_model="numpy", fastmath={"reassoc"})
"""Decorates what adds numbers up in the order that suits the processor."""


@_adding  # type: ignore[untyped-decorator]
def _differences(x: Array) -> tuple[np.float64, np.float64]:
    """The sum of a pixel's differences from its first channel, and that of their squares."""
    alone, squares, first = np.float64(0), np.float64(0), np.float64(x[0])
    for c in range(x.shape[0]):
        d = np.float64(x[c]) - first
        alone += d
        squares += d * d
    return alone, squares


@helper  # type: ignore[untyped-decorator]
def _statistics(mean: Array, scale: Array, currents: Array, n: int, eps: float) -> None:
    """The means of ``n`` pixels' channels, and one over their standard deviations, in double precision.

    Rounded to single precision afterwards, they are the same whatever the order of the sums.
    Differences from the first channel are added up, so that channels with much in common lose nothing: the square of
    the first one's distance from the mean is at most the variance times their number.
    """
    zero, one, least, channels = np.float64(0), np.float64(1), np.float64(eps), np.float64(currents.shape[1])
    for i in range(n):
        mean[i], scale[i] = _differences(currents[i])
    for i in range(n):
        away, square = mean[i] / channels, scale[i] / channels
        mean[i] = currents[i, 0] + away
        variance = square - away * away
        variance = variance if variance >= zero else square  # if both are infinite
        scale[i] = one / np.sqrt(variance + least)


@_adding  # type: ignore[untyped-decorator]
def _sums(a: Array, b: Array, factors: Array) -> tuple[np.float32, np.float32]:
    """The sums of ``a`` and of ``a b``, each number times a factor."""
    alone, products = np.float32(0), np.float32(0)
    for c in range(a.shape[0]):
        weighted = a[c] * factors[c]
        alone += weighted
        products += weighted * b[c]
    return alone, products


@cache
def channel_norm_forward() -> Kernel:
    """Rates: the normalised current on a line, in spikes, rounded down and limited; see `table.Line`.

    Where a current is not a number, the neuron does not fire. If ``line`` is None, the result is the normalised current
    where it is not negative, else 0. The result has the type of the array ``like``: float32, or, with a line, uint8
    for the numbers of spikes in place of rates.
    """

    def run(
        source: int, result: int, weight: int, bias: int, channels: int, pixels: int, eps: float, line: Array | None,
        like: Array, start: int, stop: int,
    ) -> None:  # fmt: skip
        currents, results = _rows(source, pixels, channels), _rows_like(result, pixels, channels, like)
        factors, offsets = _rows(weight, 1, channels)[0], _rows(bias, 1, channels)[0]
        rows, zero = np.empty((2, BLOCK), np.float64), np.float32(0)
        means, scales = rows[0], rows[1]
        if line is not None:
            slope, origin, most, half = line[0], line[1], line[3], line[4]
            least, upper = half, most + half
            counts = like.itemsize == 1
            share = np.float32(1) / (np.float32(1) if counts else most)
            exact = counts or int(most) & (int(most) - 1) == 0
            factors, offsets = factors * slope, offsets * slope + origin
        for low in range(start, stop, BLOCK):
            n = min(BLOCK, stop - low)
            _statistics(means, scales, currents[low:], n, eps)
            for i in range(n):
                x, into = currents[low + i], results[low + i]
                mean, scale = np.float32(means[i]), np.float32(scales[i])
                if line is None:
                    for c in range(channels):
                        y = (x[c] - mean) * scale * factors[c] + offsets[c]
                        into[c] = zero if y < zero else y
                else:
                    for c in range(channels):
                        spikes = (x[c] - mean) * scale * factors[c] + offsets[c]
                        spikes = spikes if spikes > least else least
                        spikes = spikes if spikes < upper else upper
                        into[c] = np.floor(spikes) * share
                    if not exact:  # then the product need not be the quotient
                        for c in range(channels):
                            into[c] = np.rint(into[c] * most) / most

    return Kernel(run)


@cache
def channel_norm_backward() -> Kernel:
    """The gradient of the current, and of scale and bias for each `BLOCK`: ``sums`` is blocks x 2 x channels.

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
        rows = np.empty((2, BLOCK), np.float64)
        means, scales = rows[0], rows[1]
        normalised, given = np.empty(channels, np.float32), np.empty(channels, np.float32)
        of_factors, of_offsets = np.empty(channels, np.float32), np.empty(channels, np.float32)
        for low in range(start, stop, BLOCK):
            n = min(BLOCK, stop - low)
            _statistics(means, scales, currents[low:], n, eps)
            of_factors[:] = zero
            of_offsets[:] = zero
            for i in range(n):
                x, g, into = currents[low + i], gradients[low + i], results[low + i]
                mean, scale = np.float32(means[i]), np.float32(scales[i])
                for c in range(channels):
                    normalised[c] = (x[c] - mean) * scale
                for c in range(channels):
                    y = normalised[c] * factors[c] + offsets[c]
                    slope = within if y >= lowest and y <= highest else outside
                    given[c] = g[c] * (slope if y == y else zero)
                for c in range(channels):
                    of_factors[c] += given[c] * normalised[c]
                    of_offsets[c] += given[c]
                common, along = _sums(given, normalised, factors)
                common, along = common * share, along * share
                for c in range(channels):
                    into[c] = scale * ((given[c] * factors[c] - common) - normalised[c] * along)
            for c in range(channels):
                sums[low // BLOCK, 0, c], sums[low // BLOCK, 1, c] = of_factors[c], of_offsets[c]

    return Kernel(run)
