"""The neuron as an `nn.Module`, with what can be learnt as its parameters. It keeps no state between calls."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Self

import torch
from torch import Tensor, nn

from spikefill.errors import InputError, check_choice
from spikefill.neurons.backends import BACKENDS
from spikefill.neurons.constant import READOUTS, Readout, lif_constant
from spikefill.neurons.lif import Integration, LIFParameters, LIFState, Reset, Scalar, membrane_factors
from spikefill.neurons.pointwise import Pointwise
from spikefill.neurons.presets import PRESETS
from spikefill.neurons.surrogate import Surrogate, as_surrogate
from spikefill.neurons.varying import VaryingReadout, lif_varying

LEARNABLE: tuple[str, ...] = ("threshold", "tau", "v_init")


class LIF(nn.Module):
    """Leaky integrate-and-fire neurons, one for each element of the current; see `lif` for the equations.

    Args:
        steps: T, how many steps a constant current is applied; a sequence has its own length.
        beta: Share of the potential that remains after a step, in [0, 1]. Give this or ``tau``; neither means 0.5.
        tau: Membrane time constant in ms, above 0.
        gain: What a unit of current adds to the potential in a step. Default: 1 with ``beta``; with ``tau`` what the
            integration gives, ``R (1 - beta)`` or ``R dt / tau``.
        R: Membrane resistance; with ``tau`` only.
        dt: Duration of a step in ms; with ``tau`` or ``tau_syn``.
        threshold: Potential from which a neuron fires; above ``v_reset``.
        reset: ``"hard"`` (to ``v_reset``) or ``"soft"`` (subtracts the threshold).
        v_reset: Potential after a hard reset and during refractory steps.
        v_leak: Potential to which the membrane decays.
        v_init: Potential before the first step.
        refractory: Steps after a spike in which the neuron is held at ``v_reset``.
        detach_reset: Let no gradient pass through the reset.
        learnable: Which of ``"threshold"``, ``"tau"`` (``"beta"`` is the same) and ``"v_init"`` are parameters. The
            threshold stays above ``v_reset`` (``v_reset + exp(.)``), beta within (0, 1) (``sigmoid(.)``).
        surrogate: Derivative of the spike: a name (``"arctan"``, ``"fast_sigmoid"``, ``"triangle"``, ``"sigmoid"``,
            ``"rate"``), an object of `surrogate`, or a mapping of its name and settings.
        readout: ``"rate"``, ``"count"``, ``"spikes"``, ``"packed"``, ``"membrane"`` or ``"latency"``; see
            `lif_constant`.
        backend: ``"auto"`` (the fastest that can serve a call), ``"reference"``, ``"recompute"``, ``"fused"`` or
            ``"compiled"``; see `backends`.
        integration: ``"exact"`` or ``"euler"``; with ``tau`` or ``tau_syn``.
        tau_syn: Time constant of the synaptic current in ms; None for no synapse.
        strict: Fire above the threshold instead of from it on.

    Raises:
        InputError: An argument is out of its range, unknown, or contradicts another.
    """

    def __init__(
        self,
        *,
        steps: int = 8,
        beta: float | None = None,
        tau: float | None = None,
        gain: float | None = None,
        R: float = 1.0,  # noqa: N803
        dt: float = 1.0,
        threshold: float = 1.0,
        reset: Reset = "hard",
        v_reset: float = 0.0,
        v_leak: float = 0.0,
        v_init: float = 0.0,
        refractory: int = 0,
        detach_reset: bool = True,
        learnable: Iterable[str] = (),
        surrogate: str | Surrogate | Mapping[str, Any] = "arctan",
        readout: Readout = "rate",
        backend: str = "auto",
        integration: Integration = "exact",
        tau_syn: float | None = None,
        strict: bool = False,
    ) -> None:
        super().__init__()
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
            raise InputError(f"steps is {steps!r}; it must be a whole number, 1 or more")
        check_choice("readout", readout, READOUTS)
        check_choice("backend", backend, BACKENDS)
        if not math.isfinite(v_init):
            raise InputError(f"v_init is {v_init!r}; it must be finite")
        self.steps = steps
        self.readout: Readout = readout
        self.backend = backend
        self.v_init_start = v_init
        beta, natural_gain = _leak(beta, tau, R, dt, integration)
        self._gain_follows = tau is not None and gain is None
        self._R = R
        self._start = LIFParameters(
            beta=beta,
            gain=natural_gain if gain is None else gain,
            threshold=threshold,
            reset=reset,
            v_reset=v_reset,
            v_leak=v_leak,
            refractory=refractory,
            alpha=None if tau_syn is None else membrane_factors(tau_syn, dt, 1.0, integration)[0],
            detach_reset=detach_reset,
            strict=strict,
            surrogate=as_surrogate(surrogate),
        )
        self.learnable = _learnable(learnable)
        if "threshold" in self.learnable:
            self.log_threshold = nn.Parameter(torch.tensor(math.log(threshold - v_reset)))
        if "tau" in self.learnable:
            if not 0 < beta < 1:
                raise InputError(f"beta is {beta!r}; a learnable time constant starts from a beta within (0, 1)")
            self.beta_logit = nn.Parameter(torch.tensor(math.log(beta / (1 - beta))))
        if "v_init" in self.learnable:
            self.v_init = nn.Parameter(torch.tensor(float(v_init)))

    @classmethod
    def preset(cls, name: str, **changes: Any) -> Self:
        """A neuron with the settings of `PRESETS` under ``name``, some of them changed."""
        check_choice("preset", name, PRESETS)
        return cls(**{**PRESETS[name], **changes})

    def parameters_now(self) -> LIFParameters:
        """The neuron's parameters; those that are learnt are 0-dimensional tensors with their gradient."""
        learnt: dict[str, Tensor] = {}
        if "threshold" in self.learnable:
            learnt["threshold"] = self._start.v_reset + self.log_threshold.exp()
        if "tau" in self.learnable:
            beta = learnt["beta"] = self.beta_logit.sigmoid()
            if self._gain_follows:
                learnt["gain"] = self._R * (1 - beta)
        return replace(self._start, **learnt) if learnt else self._start  # type: ignore[arg-type]

    def forward(
        self,
        current: Tensor,
        state: LIFState | None = None,
        *,
        sequence: bool = False,
        return_state: bool = False,
        pointwise: Pointwise | None = None,
    ) -> Tensor | tuple[Tensor, LIFState | None]:
        """The neurons' answer to a current.

        Args:
            current: A constant current N x ..., applied for ``steps`` steps; with ``sequence``, T x N x ..., a step
                each. Floating point; half precision is computed in float32.
            state: The state before the first step, as returned before; None starts from ``v_init``.
            sequence: Whether the first dimension of ``current`` is time.
            return_state: Return the final state too.
            pointwise: What is done to each element of the current before it reaches the neurons.

        Returns:
            The readout, in the dtype of the current. Under a constant current ``rate``, ``count`` and ``latency`` are
            N x ..., ``spikes`` and ``membrane`` T x N x .... Of a sequence, ``rate``, ``count`` (those of a single
            step) and ``spikes`` are the spikes T x N x ..., ``membrane`` is T x N x ..., ``latency`` N x ....
            ``packed`` is uint8, ceil(T / 8) x N x ..., see `unpack_spikes`. With ``return_state``, a pair of it and the
            final state, which is in float32 for half precision.

        Raises:
            InputError: The current is not floating point, the state does not fit it, or the backend cannot serve it.
        """
        if not current.is_floating_point():
            raise InputError(f"current has dtype {current.dtype}; it must be floating point")
        v_init: Scalar = self.v_init if "v_init" in self.learnable else self.v_init_start
        if not sequence:
            result, after = lif_constant(
                current, self.steps, self.parameters_now(), state, readout=self.readout, v_init=v_init,
                pointwise=pointwise, backend=self.backend, final_state=return_state,
            )  # fmt: skip
        else:
            readout: VaryingReadout = "spikes"
            if self.readout == "membrane" or self.readout == "packed":
                readout = self.readout
            result, after = lif_varying(
                current, self.parameters_now(), state, readout=readout, v_init=v_init, pointwise=pointwise,
                backend=self.backend, final_state=return_state,
            )  # fmt: skip
            if self.readout == "latency":
                result = (1 - result).cumprod(0).mean(0)
        return (result, after) if return_state else result

    def extra_repr(self) -> str:
        """The settings, as `print` shows them."""
        p = self._start
        learnt = f", learnable={self.learnable}" if self.learnable else ""
        return (
            f"steps={self.steps}, beta={p.beta:.4g}, gain={p.gain:.4g}, threshold={p.threshold:.4g}, "
            f"reset={p.reset!r}, refractory={p.refractory}, surrogate={p.surrogate}, readout={self.readout!r}{learnt}"
        )


def _leak(
    beta: float | None,
    tau: float | None,
    R: float,  # noqa: N803
    dt: float,
    integration: Integration,
) -> tuple[float, float]:
    """``beta`` and the gain that goes with it."""
    if beta is not None and tau is not None:
        raise InputError(f"beta is {beta!r} and tau is {tau!r}; give one of them")
    if not math.isfinite(R):
        raise InputError(f"R is {R!r}; it must be finite")
    if tau is not None:
        return membrane_factors(tau, dt, R, integration)
    if R != 1:
        raise InputError(f"R is {R!r}; it goes with tau (with beta, give gain)")
    return 0.5 if beta is None else beta, 1.0


def _learnable(names: Iterable[str]) -> tuple[str, ...]:
    names = (names,) if isinstance(names, str) else tuple(names)
    for name in names:
        check_choice("learnable", name, (*LEARNABLE, "beta"))
    wanted = {"tau" if name == "beta" else name for name in names}
    return tuple(name for name in LEARNABLE if name in wanted)
