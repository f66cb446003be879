"""The rate of a constant current looked up in a `table`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from spikefill.neurons.kernels.arithmetic import Array, narrow
from spikefill.neurons.kernels.compiling import Kernel, helper
from spikefill.neurons.kernels.joined import load
from spikefill.neurons.kernels.neuron import (
    BETA,
    BLOCK,
    EVERY,
    FIRES_FROM,
    GAIN,
    ONE,
    THRESHOLD,
    V_LEAK,
    V_RESET,
    ZERO,
    after,
    potential,
)


@cache
def constant_by_bounds() -> Kernel:
    """The rate as a sum of steps: ``weights[j]`` more spikes from ``bounds[j]`` on; four of them at a time."""

    def run(
        source: Array, rate: Array, start: int, stop: int, constants: Array, steps: int, period: int, layout: Array,
        points: Array, keys: Array, bounds: Array, weights: Array,
    ) -> None:  # fmt: skip
        every, zero = constants[EVERY], constants[ZERO]
        rows = np.empty((3, BLOCK), constants.dtype)
        index = np.empty(BLOCK, np.uint32)
        current, count = rows[0], rows[1]
        for low in range(start, stop, BLOCK):
            n = min(BLOCK, stop - low)
            load(current, rows[2], index, source, low, n, constants, layout, points, keys, 0)
            for i in range(n):
                count[i] = zero
            for j in range(0, bounds.size, 4):
                b0, b1, b2, b3 = bounds[j], bounds[j + 1], bounds[j + 2], bounds[j + 3]
                w0, w1, w2, w3 = weights[j], weights[j + 1], weights[j + 2], weights[j + 3]
                for i in range(n):
                    x = current[i]
                    lower = (w0 if x >= b0 else zero) + (w1 if x >= b1 else zero)
                    upper = (w2 if x >= b2 else zero) + (w3 if x >= b3 else zero)
                    count[i] += lower + upper
            part = rate[low : low + n]
            for i in range(n):
                part[i] = narrow(count[i] / every, rate)

    return Kernel(run)


@cache
def constant_by_line() -> Kernel:
    """The rate of a soft reset without leak, which is the current on a line, rounded down and limited to 0 to T spikes.

    ``line`` holds the line's slope and its value at no current, both in spikes, how near to a whole number of spikes
    rounding may decide, and T. The few currents that near run through their steps.
    """

    def run(
        source: Array, rate: Array, v_first: Array, start: int, stop: int, constants: Array, steps: int, period: int,
        layout: Array, points: Array, keys: Array, line: Array,
    ) -> None:  # fmt: skip
        every, zero, one = constants[EVERY], constants[ZERO], constants[ONE]
        slope, origin, margin, most, half = line[0], line[1], line[2], line[3], line[4]
        least, upper = half, most + half
        rows = np.empty((4, BLOCK), constants.dtype)
        index = np.empty(BLOCK, np.uint32)
        current, count, away = rows[0], rows[1], rows[3]
        for low in range(start, stop, BLOCK):
            n = min(BLOCK, stop - low)
            load(current, rows[2], index, source, low, n, constants, layout, points, keys, 0)
            doubtful = zero
            for i in range(n):
                place = current[i] * slope + origin
                place = place if place > least else least
                place = place if place < upper else upper
                spikes = np.floor(place)
                nearest = np.floor(place + half)
                count[i] = spikes
                away[i] = abs(place - nearest)
            for i in range(n):
                doubtful += one if away[i] <= margin else zero
            if doubtful > zero:
                for i in range(n):
                    if away[i] <= margin:
                        count[i] = _spikes(current[i], v_first[0], constants, steps, period, True, False)
            part = rate[low : low + n]
            for i in range(n):
                part[i] = narrow(count[i] / every, rate)

    return Kernel(run)


def _find_buckets(bucket: Array, current: Array, n: int, shift: int, base: int, last: int) -> None:
    """The bucket of each current; negative ones are in the first, and what is not a number at one of the ends."""
    raise NotImplementedError


@overload(_find_buckets, strict=False)
def _(bucket: Any, current: Any, n: Any, shift: Any, base: Any, last: Any) -> Any:
    integer = np.int32 if current.dtype == types.float32 else np.int64

    def find(bucket: Array, current: Array, n: int, shift: int, base: int, last: int) -> None:
        bits = current.view(integer)
        by, origin, most, zero = integer(shift), integer(base), integer(last), integer(0)
        for i in range(n):
            place = integer(integer(bits[i] >> by) - origin)
            place = place if place < most else most
            bucket[i] = np.uint32(place if place > zero else zero)

    return find


@cache
def constant_by_buckets(soft: bool, leak: bool) -> Callable[..., None]:
    """The rate looked up in buckets of currents, most of which have at most one boundary in them.

    A bucket is the bits of a current, shifted right by ``place[0]``, less ``place[1]``, at most ``place[2]``.
    ``counts`` holds for each bucket the spikes below its bound and from it on. The few currents within the
    bucket's margin of its bound, where rounding decides, run through their steps.
    """

    def run(
        source: Array, rate: Array, v_first: Array, start: int, stop: int, constants: Array, steps: int, period: int,
        layout: Array, points: Array, keys: Array, place: Array, margins: Array, bounds: Array, counts: Array,
    ) -> None:  # fmt: skip
        every = constants[EVERY]
        shift, base, last = place[0], place[1], place[2]
        rows = np.empty((3, BLOCK), constants.dtype)
        index, bucket = np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.uint32)
        current, count = rows[0], rows[1]
        for low in range(start, stop, BLOCK):
            n = min(BLOCK, stop - low)
            load(current, rows[2], index, source, low, n, constants, layout, points, keys, 0)
            _find_buckets(bucket, current, n, shift, base, last)
            doubtful = 0
            for i in range(n):
                bound = bounds[bucket[i]]
                above = np.uint32(current[i] >= bound)
                count[i] = counts[np.uint32(bucket[i] + bucket[i] + above)]
                doubtful += abs(current[i] - bound) <= margins[bucket[i]]
            if doubtful:
                for i in range(n):
                    if abs(current[i] - bounds[bucket[i]]) <= margins[bucket[i]]:
                        count[i] = _spikes(current[i], v_first[0], constants, steps, period, soft, leak)
            part = rate[low : low + n]
            for i in range(n):
                part[i] = narrow(count[i] / every, rate)

    return Kernel(run)


@helper  # type: ignore[untyped-decorator]
def _spikes(current: Any, v: Any, constants: Array, steps: int, period: int, soft: bool, leak: bool) -> Any:
    """How often a single neuron fires under a constant current."""
    beta, threshold, fires_from = constants[BETA], constants[THRESHOLD], constants[FIRES_FROM]
    v_reset, v_leak = constants[V_RESET], constants[V_LEAK]
    drive, zero, one = constants[GAIN] * current, constants[ZERO], constants[ONE]
    count, wait = zero, 0
    for _ in range(steps):
        h = potential(v, drive, beta, v_leak, leak)
        h = v_reset if wait > 0 else h
        fired = h >= fires_from
        wait = period if fired else max(wait - 1, 0)
        count += one if fired else zero
        v = after(h, fired, threshold, v_reset, zero, soft)
    return count
