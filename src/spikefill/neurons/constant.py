"""The neuron under a current that does not change in time, as a still image gives it.

Three forms with the same values, bit for bit:

- ``reference`` runs `lif_step` under autograd, whose memory grows with the number of steps;
- ``recompute`` runs the same steps block by block, keeps nothing but the current, and runs the steps again in the
  backward pass. Its memory does not depend on the number of steps;
- ``fused`` does so in one pass over memory, in the kernels of `kernels.fused`, for the rate of plain neurons.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from spikefill.errors import InputError, check_choice
from spikefill.neurons.kernels import fused
from spikefill.neurons.layout import memory_order
from spikefill.neurons.lif import (
    LIFParameters,
    LIFState,
    Scalar,
    _integrate_and_fire,
    _times,
    check_state,
    initial_state,
    lif_step,
)

Readout = Literal["rate", "spikes", "membrane", "latency"]
READOUTS: tuple[str, ...] = ("rate", "spikes", "membrane", "latency")
BACKENDS: tuple[str, ...] = ("auto", "reference", "recompute", "fused")

logger = logging.getLogger(__name__)
BLOCK = 1 << 16
"""Elements of a block of ``recompute``: a few float32 arrays of it fit into a core's second-level cache."""


def lif_constant(
    current: Tensor,
    steps: int,
    parameters: LIFParameters,
    state: LIFState | None = None,
    *,
    readout: Readout = "rate",
    v_init: Scalar = 0.0,
    backend: str = "auto",
) -> tuple[Tensor, LIFState]:
    """The neuron's answer to ``steps`` steps of the same current.

    Args:
        current: I, floating point, any shape N x ....
        steps: T, at least 1.
        parameters: The neuron.
        state: The state before the first step; None starts from ``v_init``.
        readout: What is returned, see below.
        v_init: Initial potential where ``state`` is None.
        backend: ``"reference"``, ``"recompute"`` (rate and latency only), ``"fused"`` (rate of neurons without synapse,
            refractory steps or learnt parameters, float32 or float64 on the CPU), or ``"auto"``: the last of these
            that can serve the call.

    Returns:
        The readout and the final state. ``rate``: mean of S over time, in [0, 1], shape of the current. ``latency``:
        the share of the steps before the first spike, (k - 1) / T for a first spike in step k, 1 without a spike; its
        gradient is that of ``mean_t prod_{s <= t} (1 - S[s])``. ``spikes``: S, T x N x .... ``membrane``: H, the
        potential before each reset, T x N x ....

    Raises:
        InputError: An argument is out of its range, or the backend asked for cannot serve the call.
    """
    check_choice("readout", readout, READOUTS)
    check_choice("backend", backend, BACKENDS)
    if steps < 1:
        raise InputError(f"steps is {steps!r}; it must be at least 1")
    if state is not None:
        check_state(state, current.shape)
    backend = _chosen_backend(backend, current, parameters, v_init, readout)
    if backend == "fused":
        return _fused(current, steps, parameters, state, v_init)
    if backend == "recompute":
        return _recomputed(current, steps, parameters, state, readout, v_init)
    return _run(
        current, steps, parameters, initial_state(current, parameters, v_init) if state is None else state, readout
    )


def _chosen_backend(backend: str, current: Tensor, parameters: LIFParameters, v_init: Scalar, readout: Readout) -> str:
    """The backend that serves the call: the one asked for, or with ``auto`` the fastest that can."""
    reasons = {"fused": fused.unsupported(parameters, readout, current), "recompute": None, "reference": None}
    values = (parameters.beta, parameters.gain, parameters.threshold, v_init)
    if readout in ("spikes", "membrane"):
        reasons["recompute"] = f"readout {readout!r}, which is as large as all steps"
    elif any(isinstance(value, Tensor) and value.ndim for value in values):
        reasons["recompute"] = "a parameter that is not a single number"
        reasons["fused"] = reasons["fused"] or reasons["recompute"]
    able = [name for name, reason in reasons.items() if reason is None]
    if backend == "auto":
        logger.debug("constant current: backend %s (cannot serve it: %s)", able[0], reasons)
        return able[0]
    if reasons[backend] is not None:
        raise InputError(f"backend {backend!r} cannot serve {reasons[backend]}; these can: {', '.join(able)}")
    return backend


def _fused(
    current: Tensor, steps: int, parameters: LIFParameters, state: LIFState | None, v_init: Scalar
) -> tuple[Tensor, LIFState]:
    """The fused kernels over the current in memory order."""
    current = _dense(current)
    order = memory_order(current)
    if state is not None:
        v_first = _flat(state.v, order)
    else:
        v_first = torch.as_tensor(v_init, dtype=current.dtype).reshape(1)
    rate, v = fused.rate(_flat(current, order), v_first, steps, parameters)
    return _unflat(rate, current, order), LIFState(_unflat(v, current, order))


def _run(
    current: Tensor, steps: int, parameters: LIFParameters, state: LIFState, readout: Readout
) -> tuple[Tensor, LIFState]:
    """The steps one after the other; what does not change between them is computed once."""
    drive = _times(parameters.gain, current) if parameters.alpha is None else None
    total: Tensor | None = None
    silent: Tensor | None = None
    kept: list[Tensor] = []
    for _ in range(steps):
        if drive is None:
            spikes, membrane, state = lif_step(current, state, parameters)
        else:
            spikes, membrane, state = _integrate_and_fire(drive, None, state, parameters)
        if readout == "rate":
            total = spikes if total is None else total + spikes
        elif readout == "latency":
            silent = 1 - spikes if silent is None else silent * (1 - spikes)
            total = silent if total is None else total + silent
        else:
            kept.append(spikes if readout == "spikes" else membrane)
    return (torch.stack(kept) if total is None else total / steps), state


def _recomputed(
    current: Tensor,
    steps: int,
    parameters: LIFParameters,
    state: LIFState | None,
    readout: Readout,
    v_init: Scalar,
) -> tuple[Tensor, LIFState]:
    """Hands autograd every tensor of the call, the current densely laid out."""
    current = _dense(current)
    scalars = {"beta": parameters.beta, "gain": parameters.gain, "threshold": parameters.threshold, "v_init": v_init}
    learnt = {name: value for name, value in scalars.items() if isinstance(value, Tensor)}
    call = _Call(steps, parameters, readout, v_init, tuple(learnt))
    v, synapse, refractory = state or (None, None, None)
    result = _Recompute.apply(call, current, v, synapse, refractory, *learnt.values())  # type: ignore[no-untyped-call]
    return result[0], LIFState(*result[1:])


class _Call:
    """The part of a call that is not a tensor, and how to run it on a block."""

    def __init__(
        self, steps: int, parameters: LIFParameters, readout: Readout, v_init: Scalar, learnt: tuple[str, ...]
    ) -> None:
        self.steps = steps
        self.parameters = parameters
        self.readout = readout
        self.v_init = v_init
        self.learnt = learnt

    def run(
        self, current: Tensor, state: tuple[Tensor | None, ...], learnt: tuple[Tensor, ...]
    ) -> tuple[Tensor | None, ...]:
        """Readout, V, J and refractory steps left of one block; the last two are None where the neuron has none."""
        values: dict[str, Any] = dict(zip(self.learnt, learnt, strict=True))
        v_init = values.pop("v_init", self.v_init)
        parameters = replace(self.parameters, **values) if values else self.parameters
        v, synapse, refractory = state
        before = initial_state(current, parameters, v_init) if v is None else LIFState(v, synapse, refractory)
        readout, after = _run(current, self.steps, parameters, before, self.readout)
        return (readout, *after)


class _Recompute(torch.autograd.Function):
    """`_Call.run` over blocks in memory order; saves its inputs and runs again to differentiate."""

    @staticmethod
    def forward(ctx: Any, call: _Call, current: Tensor, *others: Tensor | None) -> tuple[Tensor | None, ...]:
        state, learnt = others[:3], tuple(tensor for tensor in others[3:] if tensor is not None)
        ctx.call = call
        ctx.save_for_backward(current, *others)
        parameters = call.parameters
        results: list[Tensor | None] = [
            torch.empty_like(current),
            torch.empty_like(current),
            None if parameters.alpha is None else torch.empty_like(current),
            torch.empty_like(current, dtype=torch.int32) if parameters.refractory else None,
        ]
        order = memory_order(current)
        flat_current = _flat(current, order)
        flat_state = [_flat_if(tensor, order) for tensor in state]
        targets = [_flat_view(tensor, order) for tensor in results]
        for block in _blocks(current.numel()):
            before = tuple(None if tensor is None else tensor[block] for tensor in flat_state)
            for target, value in zip(targets, call.run(flat_current[block], before, learnt), strict=True):
                if target is not None and value is not None:
                    target[block] = value
        if results[3] is not None:
            ctx.mark_non_differentiable(results[3])
        return tuple(results)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        call, (current, *others) = ctx.call, ctx.saved_tensors
        state, learnt = others[:3], others[3:]
        wanted = [
            torch.empty_like(current) if tensor is not None and needed and tensor.is_floating_point() else None
            for tensor, needed in zip((current, *state), ctx.needs_input_grad[1:5], strict=True)
        ]
        learnt_leaves = tuple(
            tensor.detach().requires_grad_(needed)
            for tensor, needed in zip(learnt, ctx.needs_input_grad[5:], strict=True)
        )
        learnt_sums = [torch.zeros_like(tensor) if tensor.requires_grad else None for tensor in learnt_leaves]
        order = memory_order(current)
        flat_current = _flat(current, order)
        flat_state = [_flat_if(tensor, order) for tensor in state]
        flat_wanted = [_flat_view(tensor, order) for tensor in wanted]
        flat_gradients = [_flat_if(gradient, order) for gradient in gradients[:3]]
        for block in _blocks(current.numel()):
            leaves = [
                None if tensor is None else tensor[block].detach().requires_grad_(target is not None)
                for tensor, target in zip([flat_current, *flat_state], flat_wanted, strict=True)
            ]
            with torch.enable_grad():
                outputs = call.run(leaves[0], tuple(leaves[1:]), learnt_leaves)
            pairs = [
                (output, gradient[block])
                for output, gradient in zip(outputs, flat_gradients, strict=False)
                if output is not None and gradient is not None and output.requires_grad
            ]
            sources = [leaf for leaf in (*leaves, *learnt_leaves) if leaf is not None and leaf.requires_grad]
            found = iter(
                torch.autograd.grad(
                    [output for output, _ in pairs],
                    sources,
                    [g for _, g in pairs],
                    allow_unused=True,
                    materialize_grads=True,
                )
            )
            for target in flat_wanted:
                if target is not None:
                    target[block] = next(found)
            for total in learnt_sums:
                if total is not None:
                    total += next(found)
        return (None, *wanted, *learnt_sums)


def _blocks(count: int) -> Iterator[slice]:
    return (slice(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK))


def _dense(tensor: Tensor) -> Tensor:
    """The tensor itself if its elements fill a stretch of memory without gaps, else a contiguous copy."""
    return tensor if tensor.permute(memory_order(tensor)).is_contiguous() else tensor.contiguous()


def _unflat(flat: Tensor, like: Tensor, order: list[int]) -> Tensor:
    """Undoes `_flat`: a view with the shape and memory order of ``like``."""
    shape = [like.shape[axis] for axis in order]
    return flat.view(shape).permute([order.index(axis) for axis in range(like.ndim)])


def _flat(tensor: Tensor, order: list[int]) -> Tensor:
    """``tensor`` as one dimension in the given order of its axes: a view where its layout allows."""
    return tensor.permute(order).reshape(-1)


def _flat_if(tensor: Tensor | None, order: list[int]) -> Tensor | None:
    return None if tensor is None else _flat(tensor, order)


def _flat_view(tensor: Tensor | None, order: list[int]) -> Tensor | None:
    """The same, to write into: never a copy."""
    return None if tensor is None else tensor.permute(order).view(-1)
