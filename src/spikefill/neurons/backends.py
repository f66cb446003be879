"""Which implementation serves a call: the one asked for, or the fastest that can; never another one in silence."""

from __future__ import annotations

import logging

import torch
from torch import Tensor

from spikefill.errors import InputError, check_choice
from spikefill.neurons.kernels import compiled, fused, recompute
from spikefill.neurons.lif import LIFParameters, Scalar
from spikefill.neurons.pointwise import Pointwise

BACKENDS: tuple[str, ...] = ("auto", "reference", "recompute", "fused", "compiled")
"""What may be asked for.

- ``reference``: the definition step by step under autograd, whose memory grows with the number of steps;
- ``recompute``: the same in blocks that are run again in the backward pass, so that the current alone is kept;
- ``fused``: one pass over memory, forward and backward, in Numba, on the CPU;
- ``compiled``: the definition through ``torch.compile``, on any device that it knows.
"""

logger = logging.getLogger(__name__)


def choose(
    backend: str,
    current: Tensor,
    parameters: LIFParameters,
    v_init: Scalar,
    readout: str,
    pointwise: Pointwise | None,
    *,
    constant: bool,
) -> str:
    """The backend for a call; ``constant`` tells a constant current from one that varies.

    Within ``torch.compile`` it is the definition, which is traced along with everything around it.

    Raises:
        InputError: The backend is unknown, or cannot serve the call.
    """
    check_choice("backend", backend, BACKENDS)
    compiling = torch.compiler.is_compiling()
    quick = backend == "auto" and not compiling and not logger.isEnabledFor(logging.DEBUG)
    if quick and fused.unsupported(current, parameters, v_init, readout, pointwise) is None:
        return "fused"  # what follows finds this, too, but takes longer
    found: dict[str, str | None]
    if compiling:
        found = dict.fromkeys(("recompute", "fused", "compiled"), "a model that is being compiled")
    else:
        found = {
            "fused": fused.unsupported(current, parameters, v_init, readout, pointwise),
            "compiled": compiled.unsupported(current, readout),
            "recompute": recompute.unsupported(parameters, v_init, readout) if constant else "a current that varies",
        }
    reasons = {name: reason for name, reason in found.items() if reason is not None}
    able = [name for name in ("fused", "compiled", "recompute", "reference") if name not in reasons]
    if backend == "auto":
        if current.device.type == "cpu" and "compiled" in able:
            able.remove("compiled")  # there the Numba kernels are faster, and need no C++ compiler
        if not compiling:
            logger.debug("backend %s for %s of %s; not %s", able[0], readout, current.device, reasons)
        return able[0]
    if backend in reasons:
        raise InputError(f"backend {backend!r} cannot serve {reasons[backend]}; these can: {', '.join(able)}")
    return backend


def runs_in_float32(current: Tensor, backend: str) -> bool:
    """Whether a current of half precision has to become float32 first; `fused` reads bfloat16 as it is."""
    return current.dtype == torch.float16 or (current.dtype == torch.bfloat16 and backend != "fused")
