"""Which implementation serves a call: the one asked for, or the fastest that can; never another one in silence."""

from __future__ import annotations

import logging
from collections.abc import Mapping

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
    if torch.compiler.is_compiling():
        reasons: Mapping[str, str] = dict.fromkeys(("recompute", "fused", "compiled"), "a model that is being compiled")
    else:
        reasons = _reasons(current, parameters, v_init, readout, pointwise, constant=constant)
    able = [name for name in ("fused", "compiled", "recompute", "reference") if name not in reasons]
    if backend == "auto":
        if current.device.type == "cpu" and "compiled" in able:
            able.remove("compiled")  # there the Numba kernels are faster, and need no C++ compiler
        if not torch.compiler.is_compiling():
            logger.debug("backend %s for %s of %s; not %s", able[0], readout, current.device, dict(reasons))
        return able[0]
    if backend in reasons:
        raise InputError(f"backend {backend!r} cannot serve {reasons[backend]}; these can: {', '.join(able)}")
    return backend


def is_half(current: Tensor) -> bool:
    """Whether a current is computed in float32 although it is stored in less; `fused` reads bfloat16 as it is."""
    return current.dtype in (torch.float16, torch.bfloat16)


def _reasons(
    current: Tensor,
    parameters: LIFParameters,
    v_init: Scalar,
    readout: str,
    pointwise: Pointwise | None,
    *,
    constant: bool,
) -> Mapping[str, str]:
    """Why each backend that cannot serve a call cannot."""
    found = {
        "fused": fused.unsupported(current, parameters, v_init, readout, pointwise),
        "compiled": compiled.unsupported(current),
        "recompute": recompute.unsupported(parameters, v_init, readout) if constant else "a current that varies",
    }
    if readout == "packed":
        found["compiled"] = found["recompute"] = "readout 'packed'"
    return {name: reason for name, reason in found.items() if reason is not None}
