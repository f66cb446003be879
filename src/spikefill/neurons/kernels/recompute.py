"""The constant current block by block, keeping the current alone: memory does not grow with the number of steps.

For what `fused` cannot serve: synapses, surrogates of the user's own, parameters that differ from neuron to neuron,
other devices. The steps are the definition's own, run once more in the backward pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from spikefill.neurons.layout import dense, flat, flat_view, memory_order
from spikefill.neurons.lif import LIFParameters, LIFState, Scalar, initial_state, run_constant

BLOCK = 1 << 16
"""Elements of a block: a few float32 arrays of it fit into a core's second-level cache."""


def unsupported(parameters: LIFParameters, v_init: Scalar, readout: str) -> str | None:
    """Why a call cannot be served, or None where it can."""
    if readout not in ("rate", "count", "latency"):
        return f"readout {readout!r}, which is as large as all steps"
    if any(isinstance(x, Tensor) and x.ndim for x in (parameters.beta, parameters.gain, parameters.threshold, v_init)):
        return "a parameter that is not a single number"
    return None


def constant(
    current: Tensor,
    steps: int,
    parameters: LIFParameters,
    state: LIFState | None,
    v_init: Scalar,
    readout: str,
) -> tuple[Tensor, LIFState]:
    """Hands autograd every tensor of the call, the current densely laid out."""
    current = dense(current)
    scalars = {"beta": parameters.beta, "gain": parameters.gain, "threshold": parameters.threshold, "v_init": v_init}
    learnt = {name: value for name, value in scalars.items() if isinstance(value, Tensor)}
    call = _Call(steps, parameters, readout, v_init, tuple(learnt))
    v, synapse, refractory = state or (None, None, None)
    result = _Recompute.apply(call, current, v, synapse, refractory, *learnt.values())  # type: ignore[no-untyped-call]
    return result[0], LIFState(*result[1:])


class _Call:
    """The part of a call that is not a tensor, and how to run it on a block."""

    def __init__(
        self, steps: int, parameters: LIFParameters, readout: str, v_init: Scalar, learnt: tuple[str, ...]
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
        readout, after = run_constant(current, self.steps, parameters, before, self.readout)
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
        flat_current = flat(current, order)
        flat_state = [_flat_if(tensor, order) for tensor in state]
        targets = [_flat_view_if(tensor, order) for tensor in results]
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
        flat_current = flat(current, order)
        flat_state = [_flat_if(tensor, order) for tensor in state]
        flat_wanted = [_flat_view_if(tensor, order) for tensor in wanted]
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


def _flat_if(tensor: Tensor | None, order: list[int]) -> Tensor | None:
    return None if tensor is None else flat(tensor, order)


def _flat_view_if(tensor: Tensor | None, order: list[int]) -> Tensor | None:
    return None if tensor is None else flat_view(tensor, order)
