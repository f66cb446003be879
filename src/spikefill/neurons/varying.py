"""The neuron under a current that changes in time."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from spikefill.errors import InputError, check_choice
from spikefill.neurons.backends import choose, runs_in_float32
from spikefill.neurons.kernels import compiled, fused
from spikefill.neurons.lif import LIFParameters, LIFState, Scalar, check_sequence, check_state, lif_sequence
from spikefill.neurons.packing import pack_spikes
from spikefill.neurons.pointwise import Pointwise
from spikefill.neurons.surrogate import RateCurve

VaryingReadout = Literal["spikes", "packed", "membrane"]
VARYING_READOUTS: tuple[str, ...] = ("spikes", "packed", "membrane")


def lif_varying(
    currents: Tensor,
    parameters: LIFParameters,
    state: LIFState | None = None,
    *,
    readout: VaryingReadout = "spikes",
    v_init: Scalar = 0.0,
    pointwise: Pointwise | None = None,
    backend: str = "auto",
    final_state: bool = True,
) -> tuple[Tensor, LIFState | None]:
    """The neuron's answer to a current for each step: `lif_sequence` by the backend that is fastest, or asked for.

    Args:
        currents: I[1..T], T x N x ..., floating point; T at least 1.
        parameters: The neuron.
        state: The state before the first step; None starts from ``v_init``.
        readout: What is returned, see below.
        v_init: Initial potential where ``state`` is None.
        pointwise: What is done to each element of the currents before; its noise differs from step to step.
        backend: One of `backends.BACKENDS`, but ``recompute``.
        final_state: Whether the final state is wanted; without it, None stands in its place.

    Returns:
        The readout, T x N x ..., and the final state. ``spikes``: S, 0 or 1. ``packed``: the same as bits, without a
        gradient, see `pack_spikes`. ``membrane``: H, the potential before each reset.

    Raises:
        InputError: An argument is out of its range, or the backend asked for cannot serve the call.
    """
    check_choice("readout", readout, VARYING_READOUTS)
    check_sequence(currents)
    if state is not None:
        check_state(state, currents.shape[1:])
    if isinstance(parameters.surrogate, RateCurve):
        raise InputError("the surrogate 'rate' serves a constant current; for one that varies take another surrogate")
    backend = choose(backend, currents, parameters, v_init, readout, pointwise, constant=False)
    if runs_in_float32(currents, backend):
        result, after = lif_varying(
            currents.float(), parameters, state, readout=readout, v_init=v_init, pointwise=pointwise, backend=backend,
            final_state=final_state,
        )  # fmt: skip
        return (result if readout == "packed" else result.to(currents.dtype)), after
    if backend == "fused":
        return fused.varying(
            currents, len(currents), parameters, state, v_init, pointwise, readout=readout, final=final_state
        )
    if pointwise is not None:
        currents = pointwise.apply_to_sequence(currents)
    if backend == "compiled":
        result, after = compiled.run(currents, None, parameters, state, v_init, readout)
    else:
        spikes, membrane, after = lif_sequence(currents, parameters, state, v_init=v_init)
        result = {"spikes": spikes, "membrane": membrane}.get(readout, spikes)
        if readout == "packed":
            result = pack_spikes(spikes.detach())
    return result, after if final_state else None
