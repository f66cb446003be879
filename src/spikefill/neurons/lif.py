"""The leaky integrate-and-fire neuron: its parameters, one step, and a sequence of steps, as pure functions.

This is the one definition from which every faster form is tested:

    J[t] = alpha J[t-1] + I[t]                                   (J = I without a synapse)
    H[t] = v_leak + beta (V[t-1] - v_leak) + gain J[t]           (v_reset while refractory)
    S[t] = 1 if H[t] >= threshold and not refractory else 0      (or >, with ``strict``)
    V[t] = v_reset where S[t] = 1 else H[t]                      (hard reset)
    V[t] = H[t] - threshold S[t]                                 (soft reset)

A comparison with NaN is false, so a neuron whose current was NaN never fires. Modules live in `module`, the form for
a current that does not change in `constant`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from spikefill.errors import InputError, check_choice
from spikefill.neurons.surrogate import ArcTan, Surrogate

Reset = Literal["hard", "soft"]
Integration = Literal["exact", "euler"]
Scalar = float | Tensor


def membrane_factors(tau: float, dt: float, R: float, integration: Integration = "exact") -> tuple[float, float]:  # noqa: N803
    """``beta`` and ``gain`` of a membrane with time constant ``tau`` and step ``dt`` (both ms) and resistance ``R``.

    Exact integration of ``tau dV/dt = v_leak - V + R I`` over a step of constant current gives
    ``beta = exp(-dt / tau)``, ``gain = R (1 - beta)``; forward Euler gives ``beta = 1 - dt / tau``,
    ``gain = R dt / tau``.

    Raises:
        InputError: ``tau`` or ``dt`` is not positive and finite, or Euler's step is longer than ``tau``.
    """
    for name, value in (("tau", tau), ("dt", dt)):
        if not (math.isfinite(value) and value > 0):
            raise InputError(f"{name} is {value!r} ms; it must be positive and finite")
    check_choice("integration", integration, ("exact", "euler"))
    if integration == "exact":
        beta = math.exp(-dt / tau)
        return beta, R * -math.expm1(-dt / tau)
    if dt > tau:
        raise InputError(f"dt is {dt!r} ms; Euler integration needs a step no longer than tau = {tau!r} ms")
    return 1 - dt / tau, R * dt / tau


@dataclass(frozen=True, kw_only=True)
class LIFParameters:
    """What defines a leaky integrate-and-fire neuron; see the module's docstring for the equations.

    Attributes:
        beta: Share of the potential that remains after a step, in [0, 1]; 1 is a neuron without leak.
        gain: What a unit of current adds to the potential in a step; finite.
        threshold: Potential from which the neuron fires; finite, above ``v_reset``.
        reset: ``"hard"`` sets the potential to ``v_reset``, ``"soft"`` subtracts ``threshold``.
        v_reset: Potential after a hard reset and during the refractory steps.
        v_leak: Potential to which the membrane decays.
        refractory: Steps after a spike in which the neuron is held at ``v_reset``; 0 for none.
        alpha: Share of the synaptic current that remains after a step, in [0, 1); None for no synapse.
        detach_reset: The reset passes no gradient through the spike.
        strict: Fire on ``H > threshold`` instead of ``>=`` (snnTorch, Norse and NIR do).
        surrogate: Derivative of the spike in the backward pass.

    ``beta``, ``gain`` and ``threshold`` may be tensors that broadcast with the current (learnt values); those are not
    checked.

    Raises:
        InputError: A value is out of its range.
    """

    beta: Scalar
    gain: Scalar = 1.0
    threshold: Scalar = 1.0
    reset: Reset = "hard"
    v_reset: float = 0.0
    v_leak: float = 0.0
    refractory: int = 0
    alpha: float | None = None
    detach_reset: bool = True
    strict: bool = False
    surrogate: Surrogate = field(default_factory=ArcTan)

    def __post_init__(self) -> None:
        check_choice("reset", self.reset, ("hard", "soft"))
        if not isinstance(self.beta, Tensor) and not 0 <= self.beta <= 1:
            raise InputError(f"beta is {self.beta!r}; it must be in [0, 1]")
        for name in ("gain", "threshold", "v_reset", "v_leak"):
            value = getattr(self, name)
            if not isinstance(value, Tensor) and not math.isfinite(value):
                raise InputError(f"{name} is {value!r}; it must be finite")
        if not isinstance(self.threshold, Tensor) and not self.threshold > self.v_reset:
            raise InputError(f"threshold is {self.threshold!r}; it must be above v_reset = {self.v_reset!r}")
        if isinstance(self.refractory, bool) or not isinstance(self.refractory, int) or self.refractory < 0:
            raise InputError(f"refractory is {self.refractory!r}; it must be a whole number of steps, 0 or more")
        if self.alpha is not None and not 0 <= self.alpha < 1:
            raise InputError(f"alpha is {self.alpha!r}; it must be in [0, 1), or None for no synapse")

    @classmethod
    def from_time_constant(
        cls,
        tau: float,
        *,
        dt: float = 1.0,
        R: float = 1.0,  # noqa: N803
        integration: Integration = "exact",
        tau_syn: float | None = None,
        **others: Any,
    ) -> LIFParameters:
        """Parameters from ``tau``, ``dt``, ``tau_syn`` (ms) and ``R``, by `membrane_factors`; ``alpha`` likewise."""
        beta, gain = membrane_factors(tau, dt, R, integration)
        if tau_syn is not None:
            others["alpha"] = membrane_factors(tau_syn, dt, 1.0, integration)[0]
        return cls(beta=beta, gain=gain, **others)


class LIFState(NamedTuple):
    """What a neuron carries from one step to the next; every tensor has the shape of the current.

    Attributes:
        v: Membrane potential V.
        synapse: Synaptic current J; None for a neuron without a synapse.
        refractory: Refractory steps left, int32; None for a neuron without a refractory period.
    """

    v: Tensor
    synapse: Tensor | None = None
    refractory: Tensor | None = None


def initial_state(current: Tensor, parameters: LIFParameters, v_init: Scalar = 0.0) -> LIFState:
    """The state before the first step: V = ``v_init``, no synaptic current, not refractory."""
    if isinstance(v_init, Tensor):
        v = v_init.to(current.dtype).expand(current.shape)
    else:
        v = torch.full_like(current, v_init)
    return LIFState(
        v=v,
        synapse=None if parameters.alpha is None else torch.zeros_like(current),
        refractory=torch.zeros_like(current, dtype=torch.int32) if parameters.refractory else None,
    )


def lif_step(current: Tensor, state: LIFState, parameters: LIFParameters) -> tuple[Tensor, Tensor, LIFState]:
    """One step of the neuron.

    Args:
        current: I[t], floating point, any shape.
        state: The state after the step before, of the same shape and dtype.
        parameters: The neuron.

    Returns:
        Spikes S[t] (0 or 1, dtype of the current), the potential H[t] before the reset, and the state after the step.
    """
    p = parameters
    synapse = None
    if p.alpha is not None:
        if state.synapse is None:
            raise InputError("state.synapse is None, but the neuron has a synapse (alpha); start from initial_state")
        synapse = p.alpha * state.synapse + current
    return _integrate_and_fire(_times(p.gain, current if synapse is None else synapse), synapse, state, p)


def _integrate_and_fire(
    drive: Tensor, synapse: Tensor | None, state: LIFState, p: LIFParameters
) -> tuple[Tensor, Tensor, LIFState]:
    """The step from the membrane on, for ``drive`` = gain J[t]."""
    if p.v_leak:
        h = (p.v_leak + p.beta * (state.v - p.v_leak)) + drive
    else:
        h = p.beta * state.v + drive
    waiting = None
    if p.refractory:
        if state.refractory is None:
            raise InputError("state.refractory is None, but the neuron has refractory steps; start from initial_state")
        waiting = state.refractory > 0
        h = torch.where(waiting, p.v_reset, h)

    fired = h > p.threshold if p.strict else h >= p.threshold
    if torch.is_grad_enabled() and (h.requires_grad or _requires_grad(p.threshold)):
        spikes: Tensor = _Spike.apply(h - p.threshold, fired, p.surrogate)  # type: ignore[no-untyped-call]
        if waiting is not None:
            spikes = torch.where(waiting, 0.0, spikes)
    else:
        spikes = fired.to(h.dtype)

    through_reset = spikes.detach() if p.detach_reset else spikes
    if p.reset == "soft":
        v = h - p.threshold * through_reset
    elif through_reset.requires_grad:
        v = _HardReset.apply(h, through_reset, fired, p.v_reset)  # type: ignore[no-untyped-call]
    else:
        v = torch.where(fired, p.v_reset, h)

    left = None
    if state.refractory is not None:
        left = torch.where(fired, p.refractory, (state.refractory - 1).clamp_min(0)).to(torch.int32)
    return spikes, h, LIFState(v, synapse, left)


def lif_sequence(
    currents: Tensor, parameters: LIFParameters, state: LIFState | None = None, *, v_init: Scalar = 0.0
) -> tuple[Tensor, Tensor, LIFState]:
    """The neuron under a current that changes in time.

    Args:
        currents: I[1..T], T x N x ..., floating point; T at least 1.
        parameters: The neuron.
        state: The state before the first step; None starts from ``v_init``.
        v_init: Initial potential where ``state`` is None.

    Returns:
        Spikes and the potentials H before each reset, both T x N x ..., and the final state.

    Raises:
        InputError: There is no step, or the state has another shape than a step's current.
    """
    check_sequence(currents)
    if state is None:
        state = initial_state(currents[0], parameters, v_init)
    check_state(state, currents.shape[1:])
    spikes, membrane = [], []
    for current in currents:
        s, h, state = lif_step(current, state, parameters)
        spikes.append(s)
        membrane.append(h)
    return torch.stack(spikes), torch.stack(membrane), state


def run_constant(
    current: Tensor, steps: int, parameters: LIFParameters, state: LIFState, readout: str
) -> tuple[Tensor, LIFState]:
    """A readout of ``steps`` steps of one current, one after the other; what does not change is computed once."""
    drive = _times(parameters.gain, current) if parameters.alpha is None else None
    total: Tensor | None = None
    silent: Tensor | None = None
    kept: list[Tensor] = []
    for _ in range(steps):
        if drive is None:
            spikes, membrane, state = lif_step(current, state, parameters)
        else:
            spikes, membrane, state = _integrate_and_fire(drive, None, state, parameters)
        if readout in ("rate", "count"):
            total = spikes if total is None else total + spikes
        elif readout == "latency":
            silent = 1 - spikes if silent is None else silent * (1 - spikes)
            total = silent if total is None else total + silent
        else:
            kept.append(spikes if readout == "spikes" else membrane)
    if total is None:
        return torch.stack(kept), state
    return (total if readout == "count" else total / steps), state


def check_sequence(currents: Tensor) -> None:
    """Raises `InputError` unless ``currents`` has a first dimension of at least one step."""
    if currents.ndim == 0 or currents.shape[0] == 0:
        raise InputError(f"currents has shape {tuple(currents.shape)}; a sequence is T x N x ... with T at least 1")


def check_state(state: LIFState, shape: torch.Size) -> None:
    """Raises `InputError` unless every tensor of ``state`` has the ``shape`` of the current."""
    for name, value in state._asdict().items():
        if value is not None and value.shape != shape:
            raise InputError(f"state.{name} has shape {tuple(value.shape)}; the current has {tuple(shape)}")


def _times(factor: Scalar, tensor: Tensor) -> Tensor:
    """The product, without a pass over memory for the factor 1 (the value is the same)."""
    return tensor if not isinstance(factor, Tensor) and factor == 1 else factor * tensor


def _requires_grad(value: Scalar) -> bool:
    return isinstance(value, Tensor) and value.requires_grad


class _Spike(torch.autograd.Function):
    """Spikes as given in the forward pass, the surrogate's derivative in the backward pass."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, fired: Tensor, surrogate: Surrogate) -> Tensor:
        ctx.save_for_backward(u)
        ctx.surrogate = surrogate
        return fired.to(u.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (u,) = ctx.saved_tensors
        return gradient * ctx.surrogate.derivative(u), None, None


class _HardReset(torch.autograd.Function):
    """``v_reset`` where the neuron fired, else ``h``; its derivative is that of ``h + s (v_reset - h)``."""

    @staticmethod
    def forward(ctx: Any, h: Tensor, spikes: Tensor, fired: Tensor, v_reset: float) -> Tensor:
        ctx.save_for_backward(h, fired)
        ctx.v_reset = v_reset
        return torch.where(fired, v_reset, h)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        h, fired = ctx.saved_tensors
        return torch.where(fired, 0.0, gradient), gradient * (ctx.v_reset - h), None, None
