"""All steps of a constant current, and the gradients of its rate."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba.extending import register_jitable

from spikefill.neurons.kernels.arithmetic import Array, log, narrow, widen
from spikefill.neurons.kernels.compiling import Kernel, helper
from spikefill.neurons.kernels.joined import block_sum, load, unload
from spikefill.neurons.kernels.neuron import (
    BETA,
    BLOCK,
    CHUNK,
    EVERY,
    FIRES_FROM,
    FIRST,
    GAIN,
    ONE,
    SECOND,
    THRESHOLD,
    V_LEAK,
    V_RESET,
    ZERO,
    Kind,
    after,
    finish_block,
    potential,
    slope_at,
    start_block,
)


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
            load(drive, rows[3], index, source, low, n, constants, layout, points, keys, 0)
            start_block(v, wait, v_first, wait_first, low, n)
            for i in range(n):
                drive[i] = gain * drive[i]
                count[i] = zero
            for _ in range(steps):
                for i in range(n):
                    h = potential(v[i], drive[i], beta, v_leak, leak)
                    if refractory:
                        h = v_reset if wait[i] > 0 else h
                    fired = h >= fires_from
                    if refractory:
                        wait[i] = period if fired else max(wait[i] - 1, 0)
                    count[i] += one if fired else zero
                    v[i] = after(h, fired, threshold, v_reset, zero, soft)
            part = rate[low : low + n]
            for i in range(n):
                part[i] = narrow(count[i] / every, rate)
            if final:
                finish_block(v, wait, v_last, wait_last, low, n)

    return Kernel(run)


@register_jitable
def _tangent_after(dh: Any, ds: Any, fired: bool, through: Any, zero: Any, soft: bool, attached: bool) -> Any:
    """The tangent of V from those of H and of the spike.

    That of H, unless the neuron was reset to a constant; with an attached reset, plus what comes ``through`` the spike.
    """
    kept = dh if soft else (zero if fired else dh)
    return kept + through * ds if attached else kept


@helper  # type: ignore[untyped-decorator]
def _weigh(spikes: Array, v: Array, g: Array, g_v: Array, low: int, n: int) -> None:
    """Tangents of the sum of the spikes and of the last potential to a gradient, in place of the first of them."""
    if g_v.size:
        last = g_v[low : low + n]
        for i in range(n):
            spikes[i] = g[i] * spikes[i] + last[i] * v[i]
    else:
        for i in range(n):
            spikes[i] = g[i] * spikes[i]


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
            load(current, rows[12], index, source, low, n, constants, layout, points, keys, 0)
            start_block(v, wait, v_first, wait_first, low, n)
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
                    h = potential(before, drive[i], beta, v_leak, leak)
                    waiting = False
                    if refractory:
                        waiting = wait[i] > 0
                        h = v_reset if waiting else h
                    fired = h >= fires_from
                    if refractory:
                        wait[i] = period if fired else max(wait[i] - 1, 0)
                    slope = slope_at(h - threshold, surrogate, first, second, zero, one)
                    v[i] = after(h, fired, threshold, v_reset, zero, soft)

                    # A tangent of H is beta times that of V, plus its own.
                    through = (-threshold if soft else v_reset - h) if attached else zero
                    dh = beta * d_drive[i] + one
                    if refractory:
                        dh = zero if waiting else dh
                    ds = slope * dh
                    s_drive[i] += ds
                    d_drive[i] = _tangent_after(dh, ds, fired, through, zero, soft, attached)
                    if state:
                        dh = beta * d_state[i]
                        if refractory:
                            dh = zero if waiting else dh
                        ds = slope * dh
                        s_state[i] += ds
                        d_state[i] = _tangent_after(dh, ds, fired, through, zero, soft, attached)
                    if learnt:
                        dh = beta * d_threshold[i]
                        ds = slope * (dh - one)
                        if refractory:
                            dh = zero if waiting else dh
                            ds = zero if waiting else ds
                        s_threshold[i] += ds
                        dh -= one if soft and fired else zero
                        d_threshold[i] = _tangent_after(dh, ds, fired, through, zero, soft, attached)
                        dh = beta * d_beta[i] + (before - v_leak)
                        if refractory:
                            dh = zero if waiting else dh
                        ds = slope * dh
                        s_beta[i] += ds
                        d_beta[i] = _tangent_after(dh, ds, fired, through, zero, soft, attached)

            part = g_rate[low : low + n]
            for i in range(n):
                g[i] = widen(part[i]) / every
            _weigh(s_drive, d_drive, g, g_v, low, n)
            if state:
                _weigh(s_state, d_state, g, g_v, low, n)
            if learnt:
                _weigh(s_threshold, d_threshold, g, g_v, low, n)
                _weigh(s_beta, d_beta, g, g_v, low, n)
            if state:
                given = g_v_first[low : low + n]
                for i in range(n):
                    given[i] = s_state[i]
            if learnt:
                for i in range(n):
                    current[i] = current[i] * s_drive[i]
                into = sums[low // CHUNK]
                into[0] += block_sum(s_beta[:n])
                into[1] += block_sum(current[:n])
                into[2] += block_sum(s_threshold[:n])
            for i in range(n):
                s_drive[i] = gain * s_drive[i]
            unload(
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
            load(current, rows[2], index, source, low, n, constants, layout, points, keys, 0)
            part = g_rate[low : low + n]
            for i in range(n):
                x = current[i]
                slope = steepest
                if not soft:
                    drive = gain * min(max(x, low_current), high_current)
                    if leaky:
                        above_reset = drive / (one - beta) + rest
                        above_threshold = max(above_reset - distance, tiny)
                        kappa = log(above_reset / above_threshold) / leak
                        change = weight / (above_reset * above_threshold)
                    else:
                        kappa = distance / drive
                        change = kappa / drive
                    slope = min(gain * change / ((kappa + wait) * (kappa + wait)), steepest)
                slope = slope if x >= low_current and x <= high_current else outside
                g[i] = widen(part[i]) * (slope if x == x else zero) * share
            unload(
                g, rows[2], index, g_source, bias_sums[low // CHUNK], low, n, constants, layout, points, keys, 0
            )  # fmt: skip

    return Kernel(run)
