"""What all kernels share of the neuron: its constants, its step, its surrogates, its state.

The operations and their order are those of `lif.lif_step`, each rounded by itself (no ``fastmath``, no fused
multiply-adds), so spikes are the definition's bit for bit.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from numba.extending import register_jitable

from spikefill.neurons.kernels.arithmetic import Array, exp
from spikefill.neurons.kernels.compiling import helper

BLOCK = 512
"""Elements of a block; ten rows of them in float32 fit into a first-level cache of 32 KB."""
CHUNK = 1 << 15
"""Elements whose shares of a sum are added up first: sums do not depend on the number of threads."""

BETA, GAIN, THRESHOLD, FIRES_FROM, V_RESET, V_LEAK, EVERY, FIRST, SECOND, SIGMA, ZERO, ONE, CONSTANTS = range(13)
"""Places in ``constants``, and its length.

``FIRES_FROM`` is the threshold or, with the strict comparison, the number next above it. The rate is the number of
spikes divided by ``EVERY``. ``FIRST`` and ``SECOND`` belong to the surrogate, ``SIGMA`` to the noise.
"""
ARCTAN, FAST_SIGMOID, TRIANGLE, SIGMOID, RATE = range(5)
SPIKES, MEMBRANE, PACKED = range(3)


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


@register_jitable
def potential(v: Any, drive: Any, beta: Any, v_leak: Any, leak: bool) -> Any:
    """H, before the reset."""
    return (v_leak + beta * (v - v_leak)) + drive if leak else beta * v + drive


@register_jitable
def after(h: Any, fired: bool, threshold: Any, v_reset: Any, zero: Any, soft: bool) -> Any:
    """V, after the reset."""
    if soft:
        return h - (threshold if fired else zero)
    return v_reset if fired else h


@register_jitable
def slope_at(u: Any, surrogate: int, first: Any, second: Any, zero: Any, one: Any) -> Any:
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
    s = one / (one + exp(-first * u))
    return first * s * (one - s)


@helper  # type: ignore[untyped-decorator]
def start_block(v: Array, wait: Array, v_first: Array, wait_first: Array, low: int, n: int) -> None:
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


@helper  # type: ignore[untyped-decorator]
def finish_block(v: Array, wait: Array, v_last: Array, wait_last: Array, low: int, n: int) -> None:
    """Hands the state after the last step out."""
    part = v_last[low : low + n]
    for i in range(n):
        part[i] = v[i]
    if wait_last.size:
        waits = wait_last[low : low + n]
        for i in range(n):
            waits[i] = wait[i]
