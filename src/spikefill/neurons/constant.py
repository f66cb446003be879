"""The neuron under a current that does not change in time, as a still image gives it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from spikefill.errors import InputError, check_choice
from spikefill.neurons.backends import choose, runs_in_float32
from spikefill.neurons.kernels import compiled, fused, recompute
from spikefill.neurons.lif import LIFParameters, LIFState, Scalar, check_state, initial_state, run_constant
from spikefill.neurons.packing import pack_spikes
from spikefill.neurons.pointwise import Pointwise
from spikefill.neurons.surrogate import ArcTan, RateCurve

Readout = Literal["rate", "count", "spikes", "packed", "membrane", "latency"]
READOUTS: tuple[str, ...] = ("rate", "count", "spikes", "packed", "membrane", "latency")


def lif_constant(
    current: Tensor,
    steps: int,
    parameters: LIFParameters,
    state: LIFState | None = None,
    *,
    readout: Readout = "rate",
    v_init: Scalar = 0.0,
    pointwise: Pointwise | None = None,
    backend: str = "auto",
    final_state: bool = True,
) -> tuple[Tensor, LIFState | None]:
    """The neuron's answer to ``steps`` steps of the same current.

    Args:
        current: I, floating point, any shape N x ....
        steps: T, at least 1.
        parameters: The neuron.
        state: The state before the first step; None starts from ``v_init``.
        readout: What is returned, see below.
        v_init: Initial potential where ``state`` is None.
        pointwise: What is done to each element of the current before.
        backend: One of `backends.BACKENDS`.
        final_state: Whether the final state is wanted; without it, None stands in its place and less is computed.

    Returns:
        The readout and the final state. ``rate``: mean of S over time, in [0, 1], shape of the current. ``count``: the
        number of spikes. ``latency``: the share of the steps before the first spike, (k - 1) / T for a first spike in
        step k, 1 without a spike; its gradient is that of ``mean_t prod_{s <= t} (1 - S[s])``. ``spikes``: S,
        T x N x .... ``packed``: the same as bits, without a gradient, see `pack_spikes`. ``membrane``: H, the potential
        before each reset, T x N x ....

    Raises:
        InputError: An argument is out of its range, or the backend asked for cannot serve the call.
    """
    check_choice("readout", readout, READOUTS)
    if steps < 1:
        raise InputError(f"steps is {steps!r}; it must be at least 1")
    if state is not None:
        check_state(state, current.shape)
    curve = parameters.surrogate if isinstance(parameters.surrogate, RateCurve) else None
    if curve is not None:
        curve.check(parameters, v_init, readout)
    backend = choose(backend, current, parameters, v_init, readout, pointwise, constant=True)
    if runs_in_float32(current, backend):
        result, after = lif_constant(
            current.float(), steps, parameters, state, readout=readout, v_init=v_init, pointwise=pointwise,
            backend=backend, final_state=final_state,
        )  # fmt: skip
        return (result if readout == "packed" else result.to(current.dtype)), after
    if backend == "fused":
        if readout in ("rate", "count"):
            return fused.constant(
                current, steps, parameters, state, v_init, pointwise, count=readout == "count", final=final_state
            )
        return fused.varying(
            current.unsqueeze(0), steps, parameters, state, v_init, pointwise, readout=readout, final=final_state
        )
    if pointwise is not None:
        current = pointwise.apply(current)
    if curve is None:
        result, after = _run(current, steps, parameters, state, readout, v_init, backend)
    else:
        # Without a gradient the surrogate is not used; the other backends keep what they make by the parameters.
        plain = parameters if torch.compiler.is_compiling() else replace(parameters, surrogate=ArcTan())
        with torch.no_grad():
            rate, after = _run(current.detach(), steps, plain, state, readout, v_init, backend)
        result = _OnCurve.apply(rate, current, parameters, steps, readout)  # type: ignore[no-untyped-call]
    return result, after if final_state else None


def _run(
    current: Tensor,
    steps: int,
    parameters: LIFParameters,
    state: LIFState | None,
    readout: Readout,
    v_init: Scalar,
    backend: str,
) -> tuple[Tensor, LIFState]:
    """The readout and the final state by a backend that runs the definition's own steps."""
    if backend == "compiled":
        return compiled.run(current, steps, parameters, state, v_init, readout)
    if backend == "recompute":
        return recompute.constant(current, steps, parameters, state, v_init, readout)
    before = initial_state(current, parameters, v_init) if state is None else state
    result, after = run_constant(current, steps, parameters, before, "spikes" if readout == "packed" else readout)
    return (pack_spikes(result.detach()) if readout == "packed" else result), after


class _OnCurve(torch.autograd.Function):
    """Hands a rate or count on; its derivative with respect to the current is the slope of the neuron's curve."""

    @staticmethod
    def forward(ctx: Any, rate: Tensor, current: Tensor, parameters: LIFParameters, steps: int, readout: str) -> Tensor:
        ctx.save_for_backward(current)
        ctx.parameters, ctx.steps, ctx.scale = parameters, steps, steps if readout == "count" else 1
        return rate.view_as(rate)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (current,) = ctx.saved_tensors
        slope = ctx.parameters.surrogate.slope(current, ctx.parameters, ctx.steps)
        return None, slope * gradient * ctx.scale, None, None, None
