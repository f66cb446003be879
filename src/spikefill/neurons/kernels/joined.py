"""What is joined to the load of a block of the current: bias, scale and shift by channel, and noise (`pointwise`).

``layout`` says how channels lie in memory, ``points`` holds the numbers of each channel and ``keys`` those of the noise
in each step; the last two are None where there is none, and then nothing of it is compiled.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import register_jitable

from spikefill.neurons.kernels.arithmetic import Array, log, narrow, widen
from spikefill.neurons.kernels.compiling import helper
from spikefill.neurons.kernels.neuron import ONE, SIGMA
from spikefill.neurons.noise import SINE

MULTIPLICATIVE, INNER, CHANNELS, PLANE, LAYOUT = range(5)
"""Places in ``layout``: whether noise multiplies, elements of a channel in a row, channels, pixels; its length."""
BIAS, SCALE, SHIFT = range(3)
"""Rows of ``points``."""


@register_jitable
def _hashed(x: Any) -> Any:
    """lowbias32, as in `noise`."""
    x = np.uint32(x ^ (x >> np.uint32(16)))
    x = np.uint32(x * np.uint32(0x7FEB352D))
    x = np.uint32(x ^ (x >> np.uint32(15)))
    x = np.uint32(x * np.uint32(0x846CA68B))
    return np.uint32(x ^ (x >> np.uint32(16)))


@register_jitable
def _normal(index: Any, low: Any, high: Any) -> Any:
    """The standard normal number of an index under a key: `noise.normal_noise`, operation by operation."""
    first = np.uint32(_hashed(np.uint32(index + low)) + high)
    second = np.uint32(_hashed(first) >> np.uint32(8))
    third = np.uint32(_hashed(np.uint32(first ^ np.uint32(0x5BD1E995))) >> np.uint32(8))

    u = np.float32(np.int32(second) + np.int32(1)) * np.float32(2.0**-24)
    radius = np.sqrt(log(u) * np.float32(-2))

    s = abs(np.float32(np.int32(third)) * np.float32(2.0**-24) - np.float32(0.5)) - np.float32(0.25)
    z = s * s
    y = np.float32(SINE[0])
    for k in range(1, 6):
        y = y * z + np.float32(SINE[k])
    return radius * (y * s)


@register_jitable
def _run(position: int, left: int, layout: Array) -> tuple[int, int]:
    """The channel at a position in memory, and how many of the ``left`` elements from there on are of one kind.

    They are all of that channel or, where channels are the innermost axis, of it and those that follow.
    """
    channels, inner = layout[CHANNELS], layout[INNER]
    channel = position // inner % channels
    return channel, min(left, channels - channel if inner == 1 else inner - position % inner)


@helper  # type: ignore[untyped-decorator]
def _logical_indices(index: Array, low: int, n: int, layout: Array) -> None:
    """The row-major indices, modulo 2**32, of the ``n`` elements from ``low`` on in memory order."""
    if layout[INNER] != 1:
        for i in range(n):
            index[i] = np.uint32(low + i)
        return
    channels, plane = layout[CHANNELS], layout[PLANE]
    done = 0
    while done < n:
        channel, run = _run(low + done, n - done, layout)
        pixel = (low + done) // channels
        first = (pixel // plane * channels + channel) * plane + pixel % plane
        part = index[done : done + run]
        for i in range(run):
            part[i] = np.uint32(first + i * plane)
        done += run


@helper  # type: ignore[untyped-decorator]
def _noise(noise: Array, index: Array, low: int, n: int, layout: Array, key: Array) -> None:
    """Standard normal numbers for the ``n`` elements from ``low`` on."""
    _logical_indices(index, low, n, layout)
    first, second = key[0], key[1]
    for i in range(n):
        noise[i] = _normal(index[i], first, second)


@helper  # type: ignore[untyped-decorator]
def _spread(row: Array, by_channel: Array, low: int, n: int, layout: Array) -> None:
    """For each of the ``n`` elements from ``low`` on the number of its channel."""
    done = 0
    while done < n:
        channel, run = _run(low + done, n - done, layout)
        if layout[INNER] == 1:
            row[done : done + run] = by_channel[channel : channel + run]
        else:
            row[done : done + run] = by_channel[channel]
        done += run


@helper  # type: ignore[untyped-decorator]
def load(
    x: Array, row: Array, index: Array, source: Array, low: int, n: int, constants: Array, layout: Array,
    points: Array | None, keys: Array | None, t: int,
) -> None:  # fmt: skip
    """The current of the ``n`` elements from ``low`` on in step ``t``: ``noise((source + bias) scale + shift)``."""
    part = source[low : low + n]
    for i in range(n):
        x[i] = widen(part[i])
    if points is not None:
        _spread(row, points[BIAS], low, n, layout)
        for i in range(n):
            x[i] = x[i] + row[i]
        if points.shape[0] > 1:
            _spread(row, points[SCALE], low, n, layout)
            for i in range(n):
                x[i] = x[i] * row[i]
            _spread(row, points[SHIFT], low, n, layout)
            for i in range(n):
                x[i] = x[i] + row[i]
    if keys is not None:
        sigma, one = constants[SIGMA], constants[ONE]
        _noise(row, index, low, n, layout, keys[t])
        if layout[MULTIPLICATIVE]:
            for i in range(n):
                x[i] = x[i] * (row[i] * sigma + one)
        else:
            for i in range(n):
                x[i] = x[i] + row[i] * sigma


@helper  # type: ignore[untyped-decorator]
def unload(
    g: Array, row: Array, index: Array, target: Array, bias_sums: Array, low: int, n: int, constants: Array,
    layout: Array, points: Array | None, keys: Array | None, t: int,
) -> None:  # fmt: skip
    """From the gradient of the current to that of the source and, summed over each channel, of the bias."""
    if keys is not None and layout[MULTIPLICATIVE]:
        sigma, one = constants[SIGMA], constants[ONE]
        _noise(row, index, low, n, layout, keys[t])
        for i in range(n):
            g[i] = g[i] * (row[i] * sigma + one)
    if points is not None:
        if points.shape[0] > 1:
            _spread(row, points[SCALE], low, n, layout)
            for i in range(n):
                g[i] = g[i] * row[i]
        if bias_sums.size > 0:
            _add_by_channel(bias_sums, g, low, n, layout)
    part = target[low : low + n]
    for i in range(n):
        part[i] = narrow(g[i], target)


@helper  # type: ignore[untyped-decorator]
def _add_by_channel(sums: Array, values: Array, low: int, n: int, layout: Array) -> None:
    """Adds each of the ``n`` values for the elements from ``low`` on to the sum of its channel."""
    done = 0
    while done < n:
        channel, run = _run(low + done, n - done, layout)
        if layout[INNER] == 1:
            for i in range(run):
                sums[channel + i] += values[done + i]
        else:
            sums[channel] += block_sum(values[done : done + run])
        done += run


_LANES = 16


@helper  # type: ignore[untyped-decorator]
def block_sum(values: Array) -> float:
    """The sum of up to `BLOCK` numbers, 16 partial sums side by side."""
    lanes = np.zeros(_LANES, values.dtype)
    whole = values.size // _LANES
    for k in range(whole):
        row = values[k * _LANES : (k + 1) * _LANES]
        for j in range(_LANES):
            lanes[j] += row[j]
    total = 0.0
    for j in range(_LANES):
        total += lanes[j]
    for k in range(whole * _LANES, values.size):
        total += values[k]
    return total
