"""The Numba loops: a block of neurons stays in the first-level cache while all its steps run.

The operations and their order are those of `lif.lif_step`, each rounded by itself (no ``fastmath``, no fused
multiply-adds), so spikes are the definition's bit for bit. A kernel is made for a kind of neuron, whose branches are
gone when it is compiled; its loops over a block are free of other branches, so that LLVM turns them into vector code.

Every kernel works on the elements ``start`` to ``stop`` of flat arrays. ``constants`` holds numbers in the precision
of the computation (see the names below). ``layout``, ``points`` (numbers by channel) and ``keys`` (of the noise, one
for each step) are what is joined to the load of the current (`pointwise`); the last two are None where there is none,
and then nothing of it is compiled. bfloat16 arrives as uint16.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numba
import numpy as np
from numba import types
from numba.extending import overload, register_jitable
from numpy.typing import NDArray

from spikefill.neurons.kernels.compiling import Kernel
from spikefill.neurons.noise import HALF_ROOT, LOG, LOG_HIGH, LOG_LOW, SINE

Array = NDArray[Any]

BLOCK = 512
"""Elements of a block; ten rows of them in float32 fit into a first-level cache of 32 KB."""
CHUNK = 1 << 15
"""Elements whose shares of a sum are added up first: sums do not depend on the number of threads."""

BETA, GAIN, THRESHOLD, FIRES_FROM, V_RESET, V_LEAK, EVERY, FIRST, SECOND, SIGMA, ZERO, ONE, CONSTANTS = range(13)
# With the strict comparison, FIRES_FROM is the number next above the threshold: H > threshold from there on.
MULTIPLICATIVE, INNER, CHANNELS, PLANE, LAYOUT = range(5)
BIAS, SCALE, SHIFT = range(3)
ARCTAN, FAST_SIGMOID, TRIANGLE, SIGMOID, RATE = range(5)
EXP = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
SPIKES, MEMBRANE, PACKED = range(3)


_helper: Any = numba.njit(nogil=True, error_model="numpy")
"""For what the kernels call: compiled into each of them."""


class Kind(NamedTuple):
    """What a kernel is made for; what it does not look at stays at its default."""

    soft: bool
    leak: bool
    refractory: bool
    attached: bool = False
    surrogate: int = 0
    learnt: bool = False
    state: bool = False
    out: int = SPIKES


def _widen(value: Any) -> Any:
    """A number of the source as the kernels compute with it: bfloat16 becomes float32."""
    raise NotImplementedError


def _narrow(value: Any, target: Array) -> Any:
    """A number as ``target`` stores it: float32 is rounded to the nearest bfloat16, ties to even."""
    raise NotImplementedError


@overload(_widen, strict=False)
def _(value: Any) -> Any:
    if isinstance(value, types.Integer):
        return lambda value: np.uint32(np.uint32(value) << np.uint32(16)).view(np.float32)
    return lambda value: value


@overload(_narrow, strict=False)
def _(value: Any, target: Any) -> Any:
    if not isinstance(target.dtype, types.Integer):
        return lambda value, target: value

    def rounded(value: Any, target: Array) -> Any:
        bits = np.float32(value).view(np.uint32)
        up = np.uint32(bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1)))
        return np.uint16(up >> np.uint32(16)) if value == value else np.uint16(0x7FC0)

    return rounded


# --- Functions that LLVM has no vector code for -----------------------------------------------------------------------


def _log(u: Any) -> Any:
    """The natural logarithm of a positive, finite, normal number; in float32 that of `noise`, bit for bit."""
    raise NotImplementedError


def _exp(u: Any) -> Any:
    """The exponential function, in float32 to about 1e-7."""
    raise NotImplementedError


@overload(_log, strict=False)
def _(u: Any) -> Any:
    if u == types.float64:
        return lambda u: np.log(u)

    def log(u: Any) -> Any:
        bits = np.float32(u).view(np.int32)
        exponent = np.int32(np.int32(bits - np.int32(HALF_ROOT)) >> np.int32(23))
        x = np.int32(bits - np.int32(exponent << np.int32(23))).view(np.float32) - np.float32(1)
        y = np.float32(LOG[0])
        for k in range(1, 9):
            y = y * x + np.float32(LOG[k])
        z = x * x
        e = np.float32(exponent)
        y = y * x * z + e * np.float32(LOG_LOW)
        return x + (y - np.float32(0.5) * z) + e * np.float32(LOG_HIGH)

    return log


@overload(_exp, strict=False)
def _(u: Any) -> Any:
    if u == types.float64:
        return lambda u: np.exp(u)

    def exp(u: Any) -> Any:  # Moshier, Cephes, expf
        x = u if u > np.float32(-87) else np.float32(-87)
        x = x if x < np.float32(88) else np.float32(88)
        whole = np.int32(x * np.float32(1.44269504) + np.float32(0.5 if x > np.float32(0) else -0.5))
        k = np.float32(whole)
        x = x - k * np.float32(LOG_HIGH) - k * np.float32(LOG_LOW)
        y = np.float32(EXP[0])
        for j in range(1, 6):
            y = y * x + np.float32(EXP[j])
        power = np.int32((whole + np.int32(127)) << np.int32(23)).view(np.float32)
        return (y * x * x + x + np.float32(1)) * power

    return exp


# --- What is joined to the load ---------------------------------------------------------------------------------------


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
    radius = np.sqrt(_log(u) * np.float32(-2))

    s = abs(np.float32(np.int32(third)) * np.float32(2.0**-24) - np.float32(0.5)) - np.float32(0.25)
    z = s * s
    y = np.float32(SINE[0])
    for k in range(1, 6):
        y = y * z + np.float32(SINE[k])
    return radius * (y * s)


@_helper  # type: ignore[untyped-decorator]
def _logical_indices(index: Array, low: int, n: int, layout: Array) -> None:
    """The row-major indices, modulo 2**32, of the ``n`` elements from ``low`` on in memory order."""
    if layout[INNER] != 1:
        for i in range(n):
            index[i] = np.uint32(low + i)
        return
    channels, plane = layout[CHANNELS], layout[PLANE]
    done = 0
    while done < n:
        position = low + done
        channel = position % channels
        run = min(n - done, channels - channel)
        pixel = position // channels
        first = (pixel // plane * channels + channel) * plane + pixel % plane
        part = index[done : done + run]
        for i in range(run):
            part[i] = np.uint32(first + i * plane)
        done += run


@_helper  # type: ignore[untyped-decorator]
def _noise(noise: Array, index: Array, low: int, n: int, layout: Array, key: Array) -> None:
    """Standard normal numbers for the ``n`` elements from ``low`` on."""
    _logical_indices(index, low, n, layout)
    first, second = key[0], key[1]
    for i in range(n):
        noise[i] = _normal(index[i], first, second)


@_helper  # type: ignore[untyped-decorator]
def _spread(row: Array, by_channel: Array, low: int, n: int, layout: Array) -> None:
    """For each of the ``n`` elements from ``low`` on the number of its channel."""
    channels, inner = layout[CHANNELS], layout[INNER]
    done = 0
    while done < n:
        position = low + done
        channel = position // inner % channels
        if inner == 1:
            run = min(n - done, channels - channel)
            row[done : done + run] = by_channel[channel : channel + run]
        else:
            run = min(n - done, inner - position % inner)
            row[done : done + run] = by_channel[channel]
        done += run


@_helper  # type: ignore[untyped-decorator]
def _load(
    x: Array, row: Array, index: Array, source: Array, low: int, n: int, constants: Array, layout: Array,
    points: Array | None, keys: Array | None, t: int,
) -> None:  # fmt: skip
    """The current of the ``n`` elements from ``low`` on in step ``t``: ``noise((source + bias) scale + shift)``."""
    part = source[low : low + n]
    for i in range(n):
        x[i] = _widen(part[i])
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


@_helper  # type: ignore[untyped-decorator]
def _unload(
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
        part[i] = _narrow(g[i], target)


@_helper  # type: ignore[untyped-decorator]
def _add_by_channel(sums: Array, values: Array, low: int, n: int, layout: Array) -> None:
    """Adds each of the ``n`` values for the elements from ``low`` on to the sum of its channel."""
    channels, inner = layout[CHANNELS], layout[INNER]
    done = 0
    while done < n:
        position = low + done
        channel = position // inner % channels
        if inner == 1:
            run = min(n - done, channels - channel)
            for i in range(run):
                sums[channel + i] += values[done + i]
        else:
            run = min(n - done, inner - position % inner)
            sums[channel] += _sum(values[done : done + run])
        done += run


_LANES = 16


@_helper  # type: ignore[untyped-decorator]
def _sum(values: Array) -> float:
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


# --- The neuron -------------------------------------------------------------------------------------------------------


@register_jitable
def _slope(u: Any, surrogate: int, first: Any, second: Any, zero: Any, one: Any) -> Any:
    """The surrogate's derivative at ``u`` = H - threshold; the formulas are those of `surrogate`."""
    if surrogate == ARCTAN:
        x = second * u
        return first / (one + x * x)
    if surrogate == FAST_SIGMOID:
        x = one + first * abs(u)
        return one / (x * x)
    if surrogate == TRIANGLE:
        x = one - abs(u) / first
        return second * (x if x > zero else zero)
    s = one / (one + _exp(-first * u))
    return first * s * (one - s)


@cache
def constant_forward(kind: Kind, final: bool) -> Callable[..., None]:
    """All steps of a constant current: the rate, and with ``final`` the state after the last step."""
    soft, leak, refractory = kind.soft, kind.leak, kind.refractory

    def run(
        source: Array, rate: Array, v_first: Array, wait_first: Array, v_last: Array, wait_last: Array,
        start: int, stop: int, constants: Array, steps: int, period: int, layout: Array, points: Array, keys: Array,
    ) -> None:  # fmt: skip
        beta, threshold, fires_from = constants[BETA], constants[THRESHOLD], constants[FIRES_FROM]
        v_reset, v_leak = constants[V_RESET], constants[V_LEAK]
        gain, every, zero, one = constants[GAIN], constants[EVERY], constants[ZERO], constants[ONE]
        rows = np.empty((4, BLOCK), constants.dtype)
        index, wait = np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.int32)
        drive, v, count = rows[0], rows[1], rows[2]
        for low in range(start, stop, BLOCK):
            n = min(BLOCK, stop - low)
            _load(drive, rows[3], index, source, low, n, constants, layout, points, keys, 0)
            _start(v, wait, v_first, wait_first, low, n)
            for i in range(n):
                drive[i] = gain * drive[i]
                count[i] = zero
            for _ in range(steps):
                for i in range(n):
                    h = (v_leak + beta * (v[i] - v_leak)) + drive[i] if leak else beta * v[i] + drive[i]
                    if refractory:
                        h = v_reset if wait[i] > 0 else h
                    fired = h >= fires_from
                    if refractory:
                        wait[i] = period if fired else max(wait[i] - 1, 0)
                    count[i] += one if fired else zero
                    if soft:
                        v[i] = h - (threshold if fired else zero)
                    else:
                        v[i] = v_reset if fired else h
            part = rate[low : low + n]
            for i in range(n):
                part[i] = _narrow(count[i] / every, rate)
            if final:
                _finish(v, wait, v_last, wait_last, low, n)

    return Kernel(run)


@cache
def constant_backward(kind: Kind) -> Callable[..., None]:
    """The gradients of the rate and of the final potential, by forward-mode differentiation along the steps.

    Under a constant current there is one input, so its tangent ``dV/d(gain I)`` runs along with the potential, and
    nothing needs to be kept from one step to the next. ``kind.state`` asks for the gradient of the first potential,
    ``kind.learnt`` for those of threshold, beta and gain, summed into a row of ``sums`` for each chunk.
    """
    soft, leak, refractory, attached = kind.soft, kind.leak, kind.refractory, kind.attached
    surrogate, learnt, state = kind.surrogate, kind.learnt, kind.state

    def run(
        source: Array, g_rate: Array, g_v: Array, v_first: Array, wait_first: Array, g_source: Array, g_v_first: Array,
        sums: Array, bias_sums: Array, start: int, stop: int, constants: Array, steps: int, period: int,
        layout: Array, points: Array, keys: Array,
    ) -> None:  # fmt: skip
        beta, threshold, fires_from = constants[BETA], constants[THRESHOLD], constants[FIRES_FROM]
        v_reset, v_leak = constants[V_RESET], constants[V_LEAK]
        gain, every, zero, one = constants[GAIN], constants[EVERY], constants[ZERO], constants[ONE]
        first, second = constants[FIRST], constants[SECOND]
        rows = np.empty((13, BLOCK), constants.dtype)
        index, wait = np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.int32)
        current, drive, v, g = rows[0], rows[1], rows[2], rows[3]
        d_drive, s_drive = rows[4], rows[5]  # the tangent of the potential to the drive, and the sum of the spikes'
        d_state, s_state = rows[6], rows[7]  # to the first potential
        d_threshold, s_threshold = rows[8], rows[9]
        d_beta, s_beta = rows[10], rows[11]
        for low in range(start, stop, BLOCK):
            n = min(BLOCK, stop - low)
            _load(current, rows[12], index, source, low, n, constants, layout, points, keys, 0)
            _start(v, wait, v_first, wait_first, low, n)
            for i in range(n):
                drive[i] = gain * current[i]
                d_drive[i] = zero
                s_drive[i] = zero
            if state:
                for i in range(n):
                    d_state[i] = one
                    s_state[i] = zero
            if learnt:
                for i in range(n):
                    d_threshold[i] = zero
                    s_threshold[i] = zero
                    d_beta[i] = zero
                    s_beta[i] = zero
            for _ in range(steps):
                for i in range(n):
                    before = v[i]
                    h = (v_leak + beta * (before - v_leak)) + drive[i] if leak else beta * before + drive[i]
                    waiting = False
                    if refractory:
                        waiting = wait[i] > 0
                        h = v_reset if waiting else h
                    fired = h >= fires_from
                    if refractory:
                        wait[i] = period if fired else max(wait[i] - 1, 0)
                    slope = _slope(h - threshold, surrogate, first, second, zero, one)
                    if soft:
                        v[i] = h - (threshold if fired else zero)
                    else:
                        v[i] = v_reset if fired else h

                    # Of H: beta times that of V, plus its own. Of V: that of H, unless the neuron was reset to a
                    # constant, plus (attached) what comes through the spike.
                    through = (-threshold if soft else v_reset - h) if attached else zero
                    dh = beta * d_drive[i] + one
                    if refractory:
                        dh = zero if waiting else dh
                    ds = slope * dh
                    s_drive[i] += ds
                    d_drive[i] = (dh if soft else (zero if fired else dh)) + (through * ds if attached else zero)
                    if state:
                        dh = beta * d_state[i]
                        if refractory:
                            dh = zero if waiting else dh
                        ds = slope * dh
                        s_state[i] += ds
                        d_state[i] = (dh if soft else (zero if fired else dh)) + (through * ds if attached else zero)
                    if learnt:
                        dh = beta * d_threshold[i]
                        ds = slope * (dh - one)
                        if refractory:
                            dh = zero if waiting else dh
                            ds = zero if waiting else ds
                        s_threshold[i] += ds
                        kept = dh - (one if fired else zero) if soft else (zero if fired else dh)
                        d_threshold[i] = kept + (through * ds if attached else zero)
                        dh = beta * d_beta[i] + (before - v_leak)
                        if refractory:
                            dh = zero if waiting else dh
                        ds = slope * dh
                        s_beta[i] += ds
                        d_beta[i] = (dh if soft else (zero if fired else dh)) + (through * ds if attached else zero)

            part = g_rate[low : low + n]
            for i in range(n):
                g[i] = _widen(part[i]) / every
            if g_v.size:
                last = g_v[low : low + n]
                for i in range(n):
                    s_drive[i] = g[i] * s_drive[i] + last[i] * d_drive[i]
                if state:
                    for i in range(n):
                        s_state[i] = g[i] * s_state[i] + last[i] * d_state[i]
                if learnt:
                    for i in range(n):
                        s_threshold[i] = g[i] * s_threshold[i] + last[i] * d_threshold[i]
                        s_beta[i] = g[i] * s_beta[i] + last[i] * d_beta[i]
            else:
                for i in range(n):
                    s_drive[i] = g[i] * s_drive[i]
                if state:
                    for i in range(n):
                        s_state[i] = g[i] * s_state[i]
                if learnt:
                    for i in range(n):
                        s_threshold[i] = g[i] * s_threshold[i]
                        s_beta[i] = g[i] * s_beta[i]
            if state:
                given = g_v_first[low : low + n]
                for i in range(n):
                    given[i] = s_state[i]
            if learnt:
                for i in range(n):
                    current[i] = current[i] * s_drive[i]
                into = sums[low // CHUNK]
                into[0] += _sum(s_beta[:n])
                into[1] += _sum(current[:n])
                into[2] += _sum(s_threshold[:n])
            for i in range(n):
                s_drive[i] = gain * s_drive[i]
            _unload(
                s_drive, rows[12], index, g_source, bias_sums[low // CHUNK], low, n, constants, layout, points, keys, 0
            )  # fmt: skip

    return Kernel(run)


@cache
def rate_backward(soft: bool, leaky: bool) -> Callable[..., None]:
    """The gradient of the rate by the slope of the smooth curve, `surrogate.RateCurve`: no step is run.

    ``curve`` holds the range of currents, the slope outside it, the steepest within (for a soft reset, the slope), the
    leak ``-ln(beta)``, the refractory steps, the smallest normal number, and what a rate of 1 counts as.
    """

    def run(
        source: Array, g_rate: Array, g_source: Array, bias_sums: Array, curve: Array, start: int, stop: int,
        constants: Array, steps: int, period: int, layout: Array, points: Array, keys: Array,
    ) -> None:  # fmt: skip
        beta, gain, zero, one = constants[BETA], constants[GAIN], constants[ZERO], constants[ONE]
        tiny, share = curve[6], curve[7]
        low_current, high_current, outside, steepest, leak, wait = (
            curve[0], curve[1], curve[2], curve[3], curve[4], curve[5]
        )  # fmt: skip
        distance = constants[THRESHOLD] - constants[V_RESET]
        rest = constants[V_LEAK] - constants[V_RESET]
        rows = np.empty((3, BLOCK), constants.dtype)
        index = np.empty(BLOCK, np.uint32)
        current, g = rows[0], rows[1]
        weight = distance / (leak * (one - beta)) if leaky else zero
        for low in range(start, stop, BLOCK):
            n = min(BLOCK, stop - low)
            _load(current, rows[2], index, source, low, n, constants, layout, points, keys, 0)
            part = g_rate[low : low + n]
            for i in range(n):
                x = current[i]
                slope = steepest
                if not soft:
                    drive = gain * min(max(x, low_current), high_current)
                    if leaky:
                        above_reset = drive / (one - beta) + rest
                        above_threshold = max(above_reset - distance, tiny)
                        kappa = _log(above_reset / above_threshold) / leak
                        change = weight / (above_reset * above_threshold)
                    else:
                        kappa = distance / drive
                        change = kappa / drive
                    slope = min(gain * change / ((kappa + wait) * (kappa + wait)), steepest)
                slope = slope if x >= low_current and x <= high_current else outside
                g[i] = _widen(part[i]) * (slope if x == x else zero) * share
            _unload(
                g, rows[2], index, g_source, bias_sums[low // CHUNK], low, n, constants, layout, points, keys, 0
            )  # fmt: skip

    return Kernel(run)


@_helper  # type: ignore[untyped-decorator]
def _start(v: Array, wait: Array, v_first: Array, wait_first: Array, low: int, n: int) -> None:
    """The state before the first step; one potential may stand for all, and no refractory steps for none."""
    if v_first.size == 1:
        for i in range(n):
            v[i] = v_first[0]
    else:
        part = v_first[low : low + n]
        for i in range(n):
            v[i] = part[i]
    if wait_first.size:
        waits = wait_first[low : low + n]
        for i in range(n):
            wait[i] = waits[i]
    else:
        for i in range(n):
            wait[i] = 0


@_helper  # type: ignore[untyped-decorator]
def _finish(v: Array, wait: Array, v_last: Array, wait_last: Array, low: int, n: int) -> None:
    part = v_last[low : low + n]
    for i in range(n):
        part[i] = v[i]
    if wait_last.size:
        waits = wait_last[low : low + n]
        for i in range(n):
            waits[i] = wait[i]


@cache
def varying_forward(kind: Kind, final: bool) -> Callable[..., None]:
    """A current for each step: spikes, potentials before the reset, or spikes packed eight steps to a byte.

    ``source`` is T x n, or 1 x n for a current that stays the same.
    """
    soft, leak, refractory, out = kind.soft, kind.leak, kind.refractory, kind.out

    def run(
        source: Array, target: Array, v_first: Array, wait_first: Array, v_last: Array, wait_last: Array,
        start: int, stop: int, constants: Array, steps: int, period: int, layout: Array, points: Array, keys: Array,
    ) -> None:  # fmt: skip
        beta, threshold, fires_from = constants[BETA], constants[THRESHOLD], constants[FIRES_FROM]
        v_reset, v_leak = constants[V_RESET], constants[V_LEAK]
        gain, zero, one = constants[GAIN], constants[ZERO], constants[ONE]
        rows = np.empty((3, BLOCK), constants.dtype)
        index, wait = np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.int32)
        current, v = rows[0], rows[1]
        for low in range(start, stop, BLOCK):
            n = min(BLOCK, stop - low)
            _start(v, wait, v_first, wait_first, low, n)
            for t in range(steps):
                if t < source.shape[0]:
                    _load(current, rows[2], index, source[t], low, n, constants, layout, points, keys, t)
                part = target[t // 8 if out == PACKED else t][low : low + n]
                for i in range(n):
                    drive = gain * current[i]
                    h = (v_leak + beta * (v[i] - v_leak)) + drive if leak else beta * v[i] + drive
                    if refractory:
                        h = v_reset if wait[i] > 0 else h
                    fired = h >= fires_from
                    if refractory:
                        wait[i] = period if fired else max(wait[i] - 1, 0)
                    if out == SPIKES:
                        part[i] = _narrow(one if fired else zero, target)
                    elif out == MEMBRANE:
                        part[i] = _narrow(h, target)
                    elif fired:
                        part[i] = np.uint8(np.uint8(part[i]) | np.uint8(1 << (t % 8)))
                    if soft:
                        v[i] = h - (threshold if fired else zero)
                    else:
                        v[i] = v_reset if fired else h
            if final:
                _finish(v, wait, v_last, wait_last, low, n)

    return Kernel(run)


@cache
def varying_backward(kind: Kind) -> Callable[..., None]:
    """The gradients of spikes or potentials and of the final potential, back through time.

    A block's steps run once more and leave their potentials in ``H``, as many rows as steps, but only of a block; then
    the gradient of the potential goes back from step to step.
    """
    soft, leak, refractory, attached = kind.soft, kind.leak, kind.refractory, kind.attached
    surrogate, learnt, out = kind.surrogate, kind.learnt, kind.out

    def run(
        source: Array, g_target: Array, g_v: Array, v_first: Array, wait_first: Array, g_source: Array,
        g_v_first: Array, sums: Array, bias_sums: Array, start: int, stop: int, constants: Array, steps: int,
        period: int, layout: Array, points: Array, keys: Array,
    ) -> None:  # fmt: skip
        beta, threshold, fires_from = constants[BETA], constants[THRESHOLD], constants[FIRES_FROM]
        v_reset, v_leak = constants[V_RESET], constants[V_LEAK]
        gain, zero, one = constants[GAIN], constants[ZERO], constants[ONE]
        first, second = constants[FIRST], constants[SECOND]
        changes = source.shape[0] > 1 or steps == 1
        # A block's rows of H together take no more than half a first-level cache, unless there are many steps.
        size = BLOCK
        while size > 64 and size * steps > 4096:
            size //= 2
        rows = np.empty((8, size), constants.dtype)
        potential = np.empty((steps, size), constants.dtype)
        waits = np.empty((steps if refractory else 0, size), np.bool_)
        index, wait = np.empty(size, np.uint32), np.empty(size, np.int32)
        current, v, g, whole, start_v = rows[0], rows[1], rows[2], rows[3], rows[4]
        to_beta, to_threshold, noise = rows[5], rows[6], rows[7]
        none = np.zeros(size, np.bool_)
        for low in range(start, stop, size):
            n = min(size, stop - low)
            _start(v, wait, v_first, wait_first, low, n)
            for i in range(n):
                start_v[i] = v[i]
            for t in range(steps):
                if t < source.shape[0]:
                    _load(current, noise, index, source[t], low, n, constants, layout, points, keys, t)
                ahead = potential[t]
                for i in range(n):
                    drive = gain * current[i]
                    h = (v_leak + beta * (v[i] - v_leak)) + drive if leak else beta * v[i] + drive
                    if refractory:
                        waits[t, i] = wait[i] > 0
                        h = v_reset if wait[i] > 0 else h
                    fired = h >= fires_from
                    if refractory:
                        wait[i] = period if fired else max(wait[i] - 1, 0)
                    ahead[i] = h
                    if soft:
                        v[i] = h - (threshold if fired else zero)
                    else:
                        v[i] = v_reset if fired else h
            # From here on v holds the gradient of the potential after the step.
            for i in range(n):
                v[i] = zero
                whole[i] = zero
            if g_v.size:
                last = g_v[low : low + n]
                for i in range(n):
                    v[i] = last[i]
            chunk = low // CHUNK
            for t in range(steps - 1, -1, -1):
                if learnt and changes:
                    _load(current, noise, index, source[t], low, n, constants, layout, points, keys, t)
                now, previous = potential[t], potential[t - 1] if t > 0 else start_v
                given, held = g_target[t][low : low + n], waits[t] if refractory else none
                for i in range(n):
                    h = now[i]
                    fired = h >= fires_from
                    slope = _slope(h - threshold, surrogate, first, second, zero, one)
                    outer = _widen(given[i])
                    g_spike = zero if out == MEMBRANE else outer
                    if attached:
                        g_spike += (-threshold if soft else v_reset - h) * v[i]
                    g_h = v[i] if soft else (zero if fired else v[i])
                    if out == MEMBRANE:
                        g_h += outer
                    g_u = g_spike * slope
                    if refractory:
                        g_u = zero if held[i] else g_u
                        g_h = zero if held[i] else g_h
                    g_h += g_u
                    if learnt:
                        if t > 0:
                            p = previous[i]
                            spiked = p >= fires_from
                            before = (p - (threshold if spiked else zero)) if soft else (v_reset if spiked else p)
                        else:
                            before = previous[i]
                        to_beta[i] = g_h * (before - v_leak)
                        to_threshold[i] = -g_u - (v[i] if soft and fired else zero)
                    g[i] = g_h
                    v[i] = beta * g_h
                if learnt:
                    into = sums[chunk]
                    into[0] += _sum(to_beta[:n])
                    into[2] += _sum(to_threshold[:n])
                    for i in range(n):
                        to_beta[i] = g[i] * current[i]
                    into[1] += _sum(to_beta[:n])
                if changes:
                    for i in range(n):
                        g[i] = gain * g[i]
                    _unload(
                        g, noise, index, g_source[t], bias_sums[chunk], low, n, constants, layout, points, keys, t
                    )  # fmt: skip
                else:
                    for i in range(n):
                        whole[i] += gain * g[i]
            if not changes:
                _unload(
                    whole, noise, index, g_source[0], bias_sums[chunk], low, n, constants, layout, points, keys, 0
                )  # fmt: skip
            if g_v_first.size:
                part = g_v_first[low : low + n]
                for i in range(n):
                    part[i] = v[i]

    return Kernel(run)


# --- The rate as a table ----------------------------------------------------------------------------------------------


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
            _load(current, rows[2], index, source, low, n, constants, layout, points, keys, 0)
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
                part[i] = _narrow(count[i] / every, rate)

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
            _load(current, rows[2], index, source, low, n, constants, layout, points, keys, 0)
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
                part[i] = _narrow(count[i] / every, rate)

    return Kernel(run)


@_helper  # type: ignore[untyped-decorator]
def _spikes(current: Any, v: Any, constants: Array, steps: int, period: int, soft: bool, leak: bool) -> Any:
    """How often a single neuron fires under a constant current."""
    beta, threshold, fires_from = constants[BETA], constants[THRESHOLD], constants[FIRES_FROM]
    v_reset, v_leak = constants[V_RESET], constants[V_LEAK]
    drive, count, wait = constants[GAIN] * current, constants[ZERO], 0
    for _ in range(steps):
        h = (v_leak + beta * (v - v_leak)) + drive if leak else beta * v + drive
        h = v_reset if wait > 0 else h
        fired = h >= fires_from
        wait = period if fired else max(wait - 1, 0)
        count += constants[ONE] if fired else constants[ZERO]
        if soft:
            v = h - (threshold if fired else constants[ZERO])
        else:
            v = v_reset if fired else h
    return count
