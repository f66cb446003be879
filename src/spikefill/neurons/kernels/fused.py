"""Constant-current LIF in one pass over memory: an element's steps run in the first-level cache, two Numba kernels.

The operations and their order are those of `lif.lif_step`, without fused multiply-adds or ``fastmath``, so spikes are
equal to the reference's bit for bit. The backward kernel runs the steps again; only the current is saved.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from spikefill.neurons.kernels.threads import in_shares
from spikefill.neurons.lif import LIFParameters
from spikefill.neurons.surrogate import ArcTan, FastSigmoid, Sigmoid, Triangle

_BLOCK = 512
_ARCTAN, _FAST_SIGMOID, _TRIANGLE, _SIGMOID = range(4)
_CODES = {ArcTan: _ARCTAN, FastSigmoid: _FAST_SIGMOID, Triangle: _TRIANGLE, Sigmoid: _SIGMOID}

Array = NDArray[Any]
_compiled: Any = numba.njit(nogil=True, cache=True, error_model="numpy")


@_compiled  # type: ignore[untyped-decorator]
def _forward(
    current: Array, rate: Array, v_first: Array, v_last: Array, start: int, stop: int, constants: Array, steps: int,
    soft: bool, strict: bool,
) -> None:  # fmt: skip
    beta, gain, threshold, v_reset, v_leak = constants[0], constants[1], constants[2], constants[3], constants[4]
    zero, one = np.zeros_like(constants[:1])[0], np.ones_like(constants[:1])[0]
    v = np.empty(_BLOCK, current.dtype)
    drive = np.empty(_BLOCK, current.dtype)
    count = np.empty(_BLOCK, current.dtype)
    every = constants[5]
    for low in range(start, stop, _BLOCK):
        n = min(_BLOCK, stop - low)
        for i in range(n):
            drive[i] = gain * current[low + i]
            count[i] = zero
            v[i] = v_first[0] if v_first.size == 1 else v_first[low + i]
        for _ in range(steps):
            for i in range(n):
                h = (v_leak + beta * (v[i] - v_leak)) + drive[i]
                fired = h > threshold if strict else h >= threshold
                count[i] += one if fired else zero
                if soft:
                    v[i] = h - (threshold if fired else zero)
                else:
                    v[i] = v_reset if fired else h
        for i in range(n):
            rate[low + i] = count[i] / every
            v_last[low + i] = v[i]


@_compiled  # type: ignore[untyped-decorator]
def _backward(
    current: Array, g_rate: Array, g_v: Array, v_first: Array, g_current: Array, g_v_first: Array,
    start: int, stop: int, constants: Array, steps: int, soft: bool, strict: bool, attached: bool, surrogate: int,
) -> None:  # fmt: skip
    beta, gain, threshold, v_reset, v_leak = constants[0], constants[1], constants[2], constants[3], constants[4]
    every, first, second = constants[5], constants[6], constants[7]
    zero = np.zeros_like(constants[:1])[0]
    potentials = np.empty((steps, _BLOCK), current.dtype)
    v = np.empty(_BLOCK, current.dtype)
    drive = np.empty(_BLOCK, current.dtype)
    total = np.empty(_BLOCK, current.dtype)
    slope = np.empty(_BLOCK, current.dtype)
    for low in range(start, stop, _BLOCK):
        n = min(_BLOCK, stop - low)
        for i in range(n):
            drive[i] = gain * current[low + i]
            v[i] = v_first[0] if v_first.size == 1 else v_first[low + i]
        for t in range(steps):
            for i in range(n):
                h = (v_leak + beta * (v[i] - v_leak)) + drive[i]
                potentials[t, i] = h
                fired = h > threshold if strict else h >= threshold
                if soft:
                    v[i] = h - (threshold if fired else zero)
                else:
                    v[i] = v_reset if fired else h
        # From here on v holds the gradient of the potential after the step.
        for i in range(n):
            v[i] = g_v[low + i] if g_v.size else zero
            total[i] = zero
        for t in range(steps - 1, -1, -1):
            _slope(potentials[t], slope, n, threshold, surrogate, first, second)
            for i in range(n):
                h = potentials[t, i]
                fired = h > threshold if strict else h >= threshold
                g_spike = g_rate[low + i] / every
                if attached:
                    g_spike += -threshold * v[i] if soft else (v_reset - h) * v[i]
                g_h = v[i] if soft else (zero if fired else v[i])
                g_h += g_spike * slope[i]
                total[i] += g_h
                v[i] = beta * g_h
        for i in range(n):
            g_current[low + i] = gain * total[i]
            if g_v_first.size:
                g_v_first[low + i] = v[i]


@_compiled  # type: ignore[untyped-decorator]
def _slope(h: Array, slope: Array, n: int, threshold: float, surrogate: int, first: float, second: float) -> None:
    """The surrogate's derivative at h - threshold; the formulas are those of `surrogate`."""
    one = h.dtype.type(1)
    zero = h.dtype.type(0)
    if surrogate == _ARCTAN:
        peak = first / h.dtype.type(2)
        for i in range(n):
            x = second * (h[i] - threshold)
            slope[i] = peak / (one + x * x)
    elif surrogate == _FAST_SIGMOID:
        for i in range(n):
            x = one + first * abs(h[i] - threshold)
            slope[i] = one / (x * x)
    elif surrogate == _TRIANGLE:
        for i in range(n):
            x = one - abs(h[i] - threshold) / first
            slope[i] = second * (x if x > zero else zero)
    else:
        for i in range(n):
            s = one / (one + np.exp(-first * (h[i] - threshold)))
            slope[i] = first * s * (one - s)


def unsupported(parameters: LIFParameters, readout: str, current: Tensor) -> str | None:
    """Why the fused kernels cannot serve a call, or None where they can."""
    if readout != "rate":
        return f"readout {readout!r}"
    if any(isinstance(value, Tensor) for value in (parameters.beta, parameters.gain, parameters.threshold)):
        return "a learnt parameter"
    if parameters.refractory:
        return "refractory steps"
    if parameters.alpha is not None:
        return "a synapse"
    if type(parameters.surrogate) not in _CODES:
        return f"the surrogate {parameters.surrogate.name!r}"
    if current.device.type != "cpu" or current.dtype not in (torch.float32, torch.float64):
        return f"a current of {current.dtype} on {current.device}"
    return None


def rate(current: Tensor, v_first: Tensor, steps: int, parameters: LIFParameters) -> tuple[Tensor, Tensor]:
    """The rate and the final potential.

    Args:
        current: One dimension, contiguous, float32 or float64, on the CPU.
        v_first: The potential before the first step: as the current, or a single element for all.
        steps: T.
        parameters: The neuron; `unsupported` says which are served.
    """
    if torch.is_grad_enabled() and (current.requires_grad or v_first.requires_grad):
        result: tuple[Tensor, Tensor] = _Fused.apply(current, v_first, steps, parameters)  # type: ignore[no-untyped-call]
        return result
    return _run_forward(current, v_first, steps, parameters)


def _run_forward(current: Tensor, v_first: Tensor, steps: int, parameters: LIFParameters) -> tuple[Tensor, Tensor]:
    result = torch.empty_like(current)
    v_last = torch.empty_like(current)
    arrays = [t.detach().numpy() for t in (current, result, v_first, v_last)]
    p, constants = parameters, _constants(parameters, steps, arrays[0].dtype)

    def share(start: int, stop: int) -> None:
        _forward(*arrays, start, stop, constants, steps, p.reset == "soft", p.strict)

    in_shares(share, current.numel())
    return result, v_last


def _constants(p: LIFParameters, steps: int, dtype: np.dtype[Any]) -> Array:
    """What the kernels compute with, in the current's precision, as torch would round it."""
    s: Any = p.surrogate
    first, second = {  # type: ignore[no-untyped-call]
        "arctan": lambda: (s.alpha, math.pi / 2 * s.alpha),
        "fast_sigmoid": lambda: (s.slope, 0.0),
        "triangle": lambda: (s.width, s.scale),
        "sigmoid": lambda: (s.alpha, 0.0),
    }[s.name]()
    return np.array([p.beta, p.gain, p.threshold, p.v_reset, p.v_leak, steps, first, second], dtype)


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, current: Tensor, v_first: Tensor, steps: int, parameters: LIFParameters
    ) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(current, v_first)
        ctx.steps, ctx.parameters = steps, parameters
        ctx.set_materialize_grads(False)
        return _run_forward(current, v_first, steps, parameters)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g_rate: Tensor | None, g_v: Tensor | None) -> tuple[Tensor | None, ...]:
        current, v_first = ctx.saved_tensors
        p: LIFParameters = ctx.parameters
        g_current = torch.empty_like(current)
        g_v_first = torch.empty_like(current) if ctx.needs_input_grad[1] else current.new_empty(0)
        tensors = (
            current,
            torch.zeros_like(current) if g_rate is None else g_rate.contiguous(),
            current.new_empty(0) if g_v is None else g_v.contiguous(),
            v_first,
            g_current,
            g_v_first,
        )
        arrays = [t.detach().numpy() for t in tensors]
        constants = _constants(p, ctx.steps, arrays[0].dtype)

        def share(start: int, stop: int) -> None:
            _backward(
                *arrays, start, stop, constants, ctx.steps, p.reset == "soft", p.strict, not p.detach_reset,
                _CODES[type(p.surrogate)],
            )  # fmt: skip

        in_shares(share, current.numel())
        if not ctx.needs_input_grad[1]:
            return g_current, None, None, None
        return g_current, g_v_first if v_first.numel() == current.numel() else g_v_first.sum().reshape(1), None, None
