"""A current for each step, and the gradients back through time."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from spikefill.neurons.kernels.arithmetic import Array, narrow, widen
from spikefill.neurons.kernels.compiling import Kernel
from spikefill.neurons.kernels.joined import block_sum, load, unload
from spikefill.neurons.kernels.neuron import (
    BETA,
    BLOCK,
    CHUNK,
    FIRES_FROM,
    FIRST,
    GAIN,
    MEMBRANE,
    ONE,
    PACKED,
    SECOND,
    SPIKES,
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
            start_block(v, wait, v_first, wait_first, low, n)
            for t in range(steps):
                if t < source.shape[0]:
                    load(current, rows[2], index, source[t], low, n, constants, layout, points, keys, t)
                part = target[t // 8 if out == PACKED else t][low : low + n]
                for i in range(n):
                    drive = gain * current[i]
                    h = potential(v[i], drive, beta, v_leak, leak)
                    if refractory:
                        h = v_reset if wait[i] > 0 else h
                    fired = h >= fires_from
                    if refractory:
                        wait[i] = period if fired else max(wait[i] - 1, 0)
                    if out == SPIKES:
                        part[i] = narrow(one if fired else zero, target)
                    elif out == MEMBRANE:
                        part[i] = narrow(h, target)
                    elif fired:
                        part[i] = np.uint8(np.uint8(part[i]) | np.uint8(1 << (t % 8)))
                    v[i] = after(h, fired, threshold, v_reset, zero, soft)
            if final:
                finish_block(v, wait, v_last, wait_last, low, n)

    return Kernel(run)


@cache
def varying_backward(kind: Kind) -> Callable[..., None]:
    """The gradients of spikes or potentials and of the final potential, back through time.

    A block's steps run once more and leave their potentials, as many rows as steps, but only of a block; then the
    gradient of the potential goes back from step to step.
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
        potentials = np.empty((steps, size), constants.dtype)
        waits = np.empty((steps if refractory else 0, size), np.bool_)
        index, wait = np.empty(size, np.uint32), np.empty(size, np.int32)
        current, v, g, whole, start_v = rows[0], rows[1], rows[2], rows[3], rows[4]
        to_beta, to_threshold, noise = rows[5], rows[6], rows[7]
        none = np.zeros(size, np.bool_)
        for low in range(start, stop, size):
            n = min(size, stop - low)
            start_block(v, wait, v_first, wait_first, low, n)
            for i in range(n):
                start_v[i] = v[i]
            for t in range(steps):
                if t < source.shape[0]:
                    load(current, noise, index, source[t], low, n, constants, layout, points, keys, t)
                ahead = potentials[t]
                for i in range(n):
                    drive = gain * current[i]
                    h = potential(v[i], drive, beta, v_leak, leak)
                    if refractory:
                        waits[t, i] = wait[i] > 0
                        h = v_reset if wait[i] > 0 else h
                    fired = h >= fires_from
                    if refractory:
                        wait[i] = period if fired else max(wait[i] - 1, 0)
                    ahead[i] = h
                    v[i] = after(h, fired, threshold, v_reset, zero, soft)
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
                    load(current, noise, index, source[t], low, n, constants, layout, points, keys, t)
                now, previous = potentials[t], potentials[t - 1] if t > 0 else start_v
                given, held = g_target[t][low : low + n], waits[t] if refractory else none
                for i in range(n):
                    h = now[i]
                    fired = h >= fires_from
                    slope = slope_at(h - threshold, surrogate, first, second, zero, one)
                    outer = widen(given[i])
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
                            before = after(p, spiked, threshold, v_reset, zero, soft)
                        else:
                            before = previous[i]
                        to_beta[i] = g_h * (before - v_leak)
                        to_threshold[i] = -g_u - (v[i] if soft and fired else zero)
                    g[i] = g_h
                    v[i] = beta * g_h
                if learnt:
                    into = sums[chunk]
                    into[0] += block_sum(to_beta[:n])
                    into[2] += block_sum(to_threshold[:n])
                    for i in range(n):
                        to_beta[i] = g[i] * current[i]
                    into[1] += block_sum(to_beta[:n])
                if changes:
                    for i in range(n):
                        g[i] = gain * g[i]
                    unload(
                        g, noise, index, g_source[t], bias_sums[chunk], low, n, constants, layout, points, keys, t
                    )  # fmt: skip
                else:
                    for i in range(n):
                        whole[i] += gain * g[i]
            if not changes:
                unload(
                    whole, noise, index, g_source[0], bias_sums[chunk], low, n, constants, layout, points, keys, 0
                )  # fmt: skip
            if g_v_first.size:
                part = g_v_first[low : low + n]
                for i in range(n):
                    part[i] = v[i]

    return Kernel(run)
