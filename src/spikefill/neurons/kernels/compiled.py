"""The definition through ``torch.compile``: Triton on a GPU, C++ on a CPU that has a compiler for it."""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from spikefill.neurons.lif import LIFParameters, LIFState, Scalar, initial_state, lif_sequence, run_constant

ENGINE = "inductor"
"""What ``torch.compile`` compiles with; ``"aot_eager"`` needs no C++ compiler."""


def unsupported(current: Tensor, readout: str) -> str | None:
    """Why a call cannot be served, or None where it can."""
    if readout == "packed":
        return "readout 'packed'"
    if current.device.type == "cpu" and ENGINE == "inductor" and not _has_cpp_compiler():
        return "a CPU without a C++ compiler"
    return None


@lru_cache(maxsize=1)
def _has_cpp_compiler() -> bool:
    from torch._inductor import cpp_builder, exc

    try:
        cpp_builder.get_cpp_compiler()
    except exc.InvalidCxxCompiler:
        return False
    return True


def run(
    current: Tensor,
    steps: int | None,
    parameters: LIFParameters,
    state: LIFState | None,
    v_init: Scalar,
    readout: str,
) -> tuple[Tensor, LIFState]:
    """A readout and the final state: of ``steps`` steps of a constant current, or of T x N x ... where it is None."""
    learnt = {
        name: value for name in ("beta", "gain", "threshold") if isinstance(value := getattr(parameters, name), Tensor)
    }
    placeholders: dict[str, Any] = {"beta": 0.5, "gain": 1.0, "threshold": parameters.v_reset + 1}
    plain = replace(parameters, **{name: placeholders[name] for name in learnt})
    function = _compiled(plain, tuple(learnt), steps, readout, state is None, ENGINE)
    if state is None:
        v_init = torch.as_tensor(v_init, dtype=current.dtype, device=current.device)
    result: tuple[Tensor, LIFState] = function(current, v_init if state is None else state, *learnt.values())
    return result


@lru_cache(maxsize=256)
def _compiled(
    plain: LIFParameters, names: tuple[str, ...], steps: int | None, readout: str, afresh: bool, engine: str
) -> Callable[..., tuple[Tensor, LIFState]]:
    """The compiled function of a neuron; compiled for the first shape, and at the second one for any.

    It takes the current, the state (``afresh``: the initial potential), and the values of ``names``.
    """

    def call(current: Tensor, before: Any, *learnt: Tensor) -> tuple[Tensor, LIFState]:
        values: dict[str, Any] = dict(zip(names, learnt, strict=True))
        parameters = replace(plain, **values) if values else plain
        state = initial_state(current if steps is not None else current[0], parameters, before) if afresh else before
        if steps is not None:
            return run_constant(current, steps, parameters, state, readout)
        spikes, membrane, after = lif_sequence(current, parameters, state)
        return (membrane if readout == "membrane" else spikes), after

    # PyTorch limits how often it compiles a piece of code anew: each neuron has a piece of its own.
    own = types.FunctionType(call.__code__.replace(), call.__globals__, None, None, call.__closure__)
    return torch.compile(own, backend=engine, fullgraph=True)
