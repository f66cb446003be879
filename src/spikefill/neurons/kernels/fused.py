"""The Numba kernels as differentiable functions of tensors, and what they can serve."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from spikefill.neurons.kernels import constant_loops, lookup_loops, neuron, varying_loops
from spikefill.neurons.kernels import table as rate_tables
from spikefill.neurons.kernels.arguments import Arguments, Call, bits, learnable
from spikefill.neurons.kernels.arithmetic import Array
from spikefill.neurons.kernels.memory import empty
from spikefill.neurons.kernels.neuron import Kind
from spikefill.neurons.lif import LIFParameters, LIFState, Scalar
from spikefill.neurons.pointwise import Pointwise
from spikefill.neurons.surrogate import ArcTan, FastSigmoid, RateCurve, Sigmoid, Surrogate, Triangle

_CODES: dict[type[Surrogate], int] = {
    ArcTan: neuron.ARCTAN,
    FastSigmoid: neuron.FAST_SIGMOID,
    Triangle: neuron.TRIANGLE,
    Sigmoid: neuron.SIGMOID,
    RateCurve: neuron.RATE,
}
_OUT = {"spikes": neuron.SPIKES, "membrane": neuron.MEMBRANE, "packed": neuron.PACKED}
_DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


def unsupported(
    current: Tensor, parameters: LIFParameters, v_init: Scalar, readout: str, pointwise: Pointwise | None
) -> str | None:
    """Why the fused kernels cannot serve a call, or None where they can."""
    if pointwise is not None and pointwise.noise and pointwise.seed is None:
        return "noise without a seed"
    if readout == "latency":
        return "readout 'latency'"
    if parameters.alpha is not None:
        return "a synapse"
    if type(parameters.surrogate) not in _CODES:
        return f"the surrogate {parameters.surrogate.name!r}"
    for name, value in (*learnable(parameters).items(), ("v_init", v_init)):
        if isinstance(value, Tensor) and value.numel() != 1:
            return f"a {name} that is not a single number"
    if current.device.type != "cpu" or current.dtype not in _DTYPES:
        return f"a current of {current.dtype} on {current.device}"
    return None


def constant(
    current: Tensor,
    steps: int,
    parameters: LIFParameters,
    state: LIFState | None,
    v_init: Scalar,
    pointwise: Pointwise | None,
    *,
    count: bool,
    final: bool,
) -> tuple[Tensor, LIFState | None]:
    """Rate (or ``count``) of ``steps`` steps of a constant current and, if asked, the ``final`` state."""
    call = Call(steps, parameters, pointwise, final, count=count)
    return _applied(_Constant, call, current, state, v_init)


def varying(
    currents: Tensor,
    steps: int,
    parameters: LIFParameters,
    state: LIFState | None,
    v_init: Scalar,
    pointwise: Pointwise | None,
    *,
    readout: str,
    final: bool,
) -> tuple[Tensor, LIFState | None]:
    """``readout`` (spikes, membrane or packed) of currents T x N x ..., or of 1 x N x ... for all ``steps``."""
    call = Call(steps, parameters, pointwise, final, readout=readout)
    return _applied(_Varying, call, currents, state, v_init)


def _applied(
    function: type[torch.autograd.Function], call: Call, current: Tensor, state: LIFState | None, v_init: Scalar
) -> tuple[Tensor, LIFState | None]:
    """Hands autograd every tensor of the call; the first potential is one number for all, or one for each neuron."""
    precision = torch.float64 if current.dtype == torch.float64 else torch.float32
    if state is None:
        v = v_init.to(precision).reshape(1) if isinstance(v_init, Tensor) else _first(v_init, precision)
    else:
        v = state.v.to(precision)
        call = replace(call, waiting=state.refractory)
    learnt = [value if isinstance(value, Tensor) else None for value in learnable(call.parameters).values()]
    bias = call.pointwise.bias if call.pointwise is not None else None
    tensors = (current, v, bias, *learnt)
    if torch.is_grad_enabled() and any(tensor is not None and tensor.requires_grad for tensor in tensors):
        result, v, waiting = function.apply(call, *tensors)  # type: ignore[no-untyped-call]
    else:
        result, v, waiting = function.forward(_NoGradient(), call, *tensors)
    return result, LIFState(v, None, waiting) if call.final else None


class _NoGradient:
    """Stands in for autograd's context where nothing is to be differentiated: what is saved is dropped."""

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Drops the tensors."""

    def set_materialize_grads(self, value: bool) -> None:
        """Nothing to set."""

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Nothing to mark."""


@lru_cache(maxsize=64)
def _first(v_init: float, precision: torch.dtype) -> Tensor:
    """A first potential as a tensor, which nothing writes into; also for calls outside of inference mode."""
    with torch.inference_mode(mode=False):
        return torch.tensor([v_init], dtype=precision)


class _Constant(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, call: Call, current: Tensor, v: Tensor, bias: Tensor | None, *learnt: Tensor | None
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        ctx.save_for_backward(current, v, bias, *learnt)
        ctx.call = call
        ctx.set_materialize_grads(False)
        a = Arguments(call, current, v, learnt, frames=False)
        rate = empty((a.frame.numel(),), current.dtype)
        table = None
        if not call.final and v.numel() == 1 and call.waiting is None and all(value is None for value in learnt):
            table = table_of(call.parameters, call.steps, float(v), v.dtype)
        if isinstance(table, rate_tables.Line):
            a.run(lookup_loops.constant_by_line(), a.source, bits(rate), a.v_first, after=table)
            return a.shaped(rate), None, None
        if isinstance(table, rate_tables.Bounds):
            a.run(lookup_loops.constant_by_bounds(), a.source, bits(rate), after=table)
            return a.shaped(rate), None, None
        if table is not None:
            kernel = lookup_loops.constant_by_buckets(a.kind.soft, a.kind.leak)
            a.run(kernel, a.source, bits(rate), a.v_first, after=table)
            return a.shaped(rate), None, None
        v_last, wait_last = a.final_state()
        a.run(
            constant_loops.constant_forward(a.kind, call.final), a.source, bits(rate), a.v_first, a.wait_first,
            v_last.numpy(), wait_last.numpy(),
        )  # fmt: skip
        return _outputs(ctx, a, rate, v_last, wait_last)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g_rate: Tensor | None, g_v: Tensor | None, _: Any) -> tuple[Any, ...]:
        if isinstance(ctx.call.parameters.surrogate, RateCurve):
            return _backward_by_curve(ctx, g_rate)
        return _backward(ctx, g_rate, g_v, constant_loops.constant_backward, frames=False)


@lru_cache(maxsize=256)
def table_of(parameters: LIFParameters, steps: int, v_init: float, dtype: torch.dtype) -> Any:
    """The neuron's table, where there is one: neurons that differ in their surrogate alone share it."""
    if not rate_tables.usable(parameters):
        return None
    return rate_tables.rate_table(replace(parameters, surrogate=ArcTan()), steps, v_init, dtype)


class _Varying(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, call: Call, currents: Tensor, v: Tensor, bias: Tensor | None, *learnt: Tensor | None
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        ctx.save_for_backward(currents, v, bias, *learnt)
        ctx.call = call
        ctx.set_materialize_grads(False)
        a = Arguments(call, currents, v, learnt, frames=True)
        if call.readout == "packed":
            result = torch.zeros(-(-call.steps // 8), a.frame.numel(), dtype=torch.uint8)
        else:
            result = empty((call.steps, a.frame.numel()), currents.dtype)
        v_last, wait_last = a.final_state()
        a.run(
            varying_loops.varying_forward(a.kind._replace(out=_OUT[call.readout]), call.final), a.source, bits(result),
            a.v_first, a.wait_first, v_last.numpy(), wait_last.numpy(),
        )  # fmt: skip
        return _outputs(ctx, a, result, v_last, wait_last)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g_result: Tensor | None, g_v: Tensor | None, _: Any) -> tuple[Any, ...]:
        return _backward(ctx, g_result, g_v, varying_loops.varying_backward, frames=True)


def _outputs(
    ctx: Any, a: Arguments, result: Tensor, v_last: Tensor, wait_last: Tensor
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    if not a.call.final:
        return a.shaped(result), None, None
    v = a.shaped(v_last)
    waiting = a.shaped(wait_last) if a.call.parameters.refractory else None
    fixed = [v] if isinstance(a.call.parameters.surrogate, RateCurve) else []
    ctx.mark_non_differentiable(*fixed, *([] if waiting is None else [waiting]))
    return a.shaped(result), v, waiting


def _backward(
    ctx: Any,
    g_result: Tensor | None,
    g_v: Tensor | None,
    kernel: Callable[[Kind], Callable[..., None]],
    *,
    frames: bool,
) -> tuple[Any, ...]:
    """The gradients of current, first potential, bias, and of beta, gain and threshold where they are tensors."""
    call: Call = ctx.call
    current, v, bias, *learnt = ctx.saved_tensors
    _, _, v_wanted, bias_wanted, *learnt_wanted = ctx.needs_input_grad
    a = Arguments(call, current, v, tuple(learnt), frames=frames)
    kind = a.kind._replace(
        attached=not call.parameters.detach_reset,
        surrogate=_CODES[type(call.parameters.surrogate)],
        learnt=any(learnt_wanted),
        state=v_wanted and not frames,
        out=_OUT.get(call.readout, neuron.SPIKES),
    )
    if g_result is None:
        shape = (call.steps, *a.frame.shape) if frames else a.frame.shape
        g_result = torch.zeros((), dtype=current.dtype).expand(shape)
    g_current = empty(a.source.shape, current.dtype)
    g_first = a.new() if v_wanted else None
    sums, bias_sums = np.zeros((a.chunks, 3)), a.bias_sums(bias_wanted)
    a.run(
        kernel(kind), a.source, a.array(g_result), a.state_array(g_v), a.v_first, a.wait_first, bits(g_current),
        a.state_array(None) if g_first is None else g_first.numpy(), sums, bias_sums,
        grain=neuron.CHUNK,
    )  # fmt: skip
    g_v_first = None
    if g_first is not None:
        g_v_first = g_first.sum().reshape(v.shape) if v.numel() == 1 else a.shaped(g_first)
    totals = sums.sum(0)
    return (
        None,
        a.shaped(g_current),
        g_v_first,
        _bias_gradient(bias_sums, bias, bias_wanted),
        *(
            torch.tensor(total, dtype=value.dtype).reshape(value.shape) if wanted else None
            for total, value, wanted in zip(totals, learnt, learnt_wanted, strict=True)
        ),
    )


def _backward_by_curve(ctx: Any, g_rate: Tensor | None) -> tuple[Any, ...]:
    """The gradients of current and bias by the slope of the neuron's smooth curve."""
    call: Call = ctx.call
    current, v, bias, *learnt = ctx.saved_tensors
    if g_rate is None:
        return (None,) * 7
    p = call.parameters
    a = Arguments(call, current, v, tuple(learnt), frames=False)
    curve = curve_of(p, call.steps, a.kind.soft, call.count, a.precision)
    g_current = empty(a.source.shape, current.dtype)
    bias_wanted = ctx.needs_input_grad[3]
    bias_sums = a.bias_sums(bias_wanted)
    kernel = constant_loops.rate_backward(a.kind.soft, float(p.beta) < 1)
    a.run(kernel, a.source, a.array(g_rate), bits(g_current), bias_sums, curve, grain=neuron.CHUNK)
    return None, a.shaped(g_current), None, _bias_gradient(bias_sums, bias, bias_wanted), None, None, None


@lru_cache(maxsize=256)
def curve_of(parameters: LIFParameters, steps: int, soft: bool, count: bool, precision: Any) -> Array:
    """The curve as `constant_loops.rate_backward` takes it."""
    surrogate, beta = parameters.surrogate, float(parameters.beta)
    assert isinstance(surrogate, RateCurve)
    low, high = surrogate.onset_and_saturation(parameters, steps)
    chord = 1 / (high - low)
    steepest = chord * (1 if soft else surrogate.steepest)
    leak = -math.log(beta) if beta < 1 else 0.0
    tiny = np.finfo(precision).tiny
    share = steps if count else 1
    return np.array(
        [low, high, surrogate.outside * chord, steepest, leak, parameters.refractory, tiny, share], precision
    )


def _bias_gradient(sums: Array, bias: Tensor | None, wanted: bool) -> Tensor | None:
    """The chunks' sums added up, in their order."""
    return torch.from_numpy(sums.sum(0)).to(bias.dtype) if bias is not None and wanted else None
