"""Surrogate gradients: what stands in for the derivative of the spike, as small frozen objects.

The spike S = [u >= 0], u = H - threshold, has derivative zero almost everywhere. In the backward pass it is replaced
by ``derivative(u)``. Nothing here has state; equal settings are equal objects.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from spikefill.errors import InputError, check_choice

if TYPE_CHECKING:
    from spikefill.neurons.lif import LIFParameters


@dataclass(frozen=True)
class Surrogate:
    """Base of the surrogates: a name, positive settings, and a derivative."""

    name: ClassVar[str]

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (math.isfinite(value) and value > 0):
                raise InputError(f"{self.name}: {field.name} is {value!r}; it must be positive and finite")

    def derivative(self, u: Tensor) -> Tensor:
        """The surrogate of dS/du at ``u`` = H - threshold, any shape, same dtype."""
        raise NotImplementedError


@dataclass(frozen=True)
class ArcTan(Surrogate):
    """``alpha / 2 / (1 + (pi / 2 alpha u)^2)``: Fang et al., PLIF, ICCV 2021; the default of several libraries."""

    alpha: float = 2.0
    name: ClassVar[str] = "arctan"

    def derivative(self, u: Tensor) -> Tensor:
        """The surrogate of dS/du; alpha / 2 at the threshold."""
        return (self.alpha / 2) / (1 + (math.pi / 2 * self.alpha * u).square())


@dataclass(frozen=True)
class FastSigmoid(Surrogate):
    """``1 / (1 + slope |u|)^2``: Zenke and Ganguli, SuperSpike, Neural Computation 2018."""

    slope: float = 25.0
    name: ClassVar[str] = "fast_sigmoid"

    def derivative(self, u: Tensor) -> Tensor:
        """The surrogate of dS/du; 1 at the threshold."""
        return (1 + self.slope * u.abs()).square().reciprocal()


@dataclass(frozen=True)
class Triangle(Surrogate):
    """``scale max(0, 1 - |u| / width)``: Bellec et al., LSNN, NeurIPS 2018 (there ``scale`` 0.3, ``width`` 1)."""

    width: float = 1.0
    scale: float = 1.0
    name: ClassVar[str] = "triangle"

    def derivative(self, u: Tensor) -> Tensor:
        """The surrogate of dS/du; ``scale`` at the threshold, 0 farther than ``width`` from it."""
        return self.scale * (1 - u.abs() / self.width).clamp_min(0)


@dataclass(frozen=True)
class Sigmoid(Surrogate):
    """``alpha s (1 - s)`` with ``s = sigmoid(alpha u)``: Neftci, Mostafa and Zenke, IEEE SPM 2019."""

    alpha: float = 4.0
    name: ClassVar[str] = "sigmoid"

    def derivative(self, u: Tensor) -> Tensor:
        """The surrogate of dS/du; alpha / 4 at the threshold."""
        s = torch.sigmoid(self.alpha * u)
        return self.alpha * s * (1 - s)


@dataclass(frozen=True)
class RateCurve(Surrogate):
    """The derivative of the neuron's smooth rate f(I), in place of surrogates through time; for constant currents.

    With ``beta < 1`` and a hard reset, the potential needs ``kappa = ln((u - v_reset) / (u - threshold)) / -ln(beta)``
    steps, a real number, from reset to threshold, where ``u = v_leak + gain I / (1 - beta)`` is what it tends to
    (without leak ``kappa = (threshold - v_reset) / (gain I)``), and ``f = 1 / (kappa + refractory)``: Lapicque's
    neuron (Gerstner et al., Neuronal Dynamics, 2014, section 1.3). A soft reset keeps what is beyond the threshold, and
    the rate rises on average as the straight line from 0 at ``gain I = (1 - beta)(threshold - v_leak)`` to 1 at
    ``gain I = threshold - (1 - beta) v_leak`` (Nagumo and Sato, Kybernetik 1972), whose slope is ``gain / (beta
    threshold)``: 1 for a gain, threshold and beta of 1.

    The range of currents is the one in which the neuron fires within the T steps, but not in each of them. There the
    slope is that of the curve, at most ``steepest`` times that of its chord; outside it is ``outside`` times the
    chord's, so that neurons beyond their range still learn.

    Attributes:
        outside: Slope outside the range, as a share of the chord's.
        steepest: Largest slope within, in slopes of the chord: near its onset the curve of a short time constant is
            steep.
    """

    outside: float = 0.1
    steepest: float = 4.0
    name: ClassVar[str] = "rate"

    def derivative(self, u: Tensor) -> Tensor:
        """There is none for a single spike."""
        raise InputError("the surrogate 'rate' serves the rate of a constant current; for single steps take another")

    def check(self, parameters: LIFParameters, v_init: float | Tensor, readout: str) -> None:
        """Raises `InputError` where there is no such curve, or where something else is to be learnt through it."""
        p = parameters
        if readout not in ("rate", "count"):
            raise InputError(f"readout is {readout!r}; the surrogate 'rate' has a slope for rate and count alone")
        if any(isinstance(value, Tensor) and value.requires_grad for value in (p.beta, p.gain, p.threshold, v_init)):
            raise InputError("the surrogate 'rate' has no gradient for learnt parameters of a neuron; take another one")
        if p.alpha is not None:
            raise InputError(f"alpha is {p.alpha!r}; the surrogate 'rate' is for neurons without a synapse")
        if not float(p.beta) > 0 or not float(p.gain) > 0:
            raise InputError(f"beta is {p.beta!r} and gain {p.gain!r}; the surrogate 'rate' needs both above 0")

    def onset_and_saturation(self, parameters: LIFParameters, steps: int) -> tuple[float, float]:
        """The currents between which the rate rises: one spike in ``steps`` steps, and one in each."""
        p = parameters
        beta, gain, threshold = float(p.beta), float(p.gain), float(p.threshold)
        if p.reset == "soft":
            low, high = (1 - beta) * (threshold - p.v_leak), threshold - (1 - beta) * p.v_leak
        else:
            # The drive for which the potential, from v_reset on, is at the threshold after k steps.
            low, high = (_drive(beta, threshold, p.v_reset, p.v_leak, k) for k in (max(steps, 2), 1))
        return low / gain, high / gain

    def slope(self, current: Tensor, parameters: LIFParameters, steps: int) -> Tensor:
        """df/dI at ``current``, any shape, same dtype: spikes per step and unit of current; 0 where it is NaN."""
        p = parameters
        low, high = self.onset_and_saturation(p, steps)
        if p.reset == "soft":
            return line_slope(current, low, high, self.outside)
        chord = 1 / (high - low)
        within = (current >= low) & (current <= high)
        beta, gain, threshold = float(p.beta), float(p.gain), float(p.threshold)
        drive = current.clamp(low, high) * gain
        if beta < 1:
            leak = -math.log(beta)
            above_reset = (drive / (1 - beta)).add_(p.v_leak - p.v_reset)
            above_threshold = (above_reset - (threshold - p.v_reset)).clamp_min_(torch.finfo(current.dtype).tiny)
            kappa = (above_reset / above_threshold).log_().div_(leak)
            change = above_reset.mul_(above_threshold).reciprocal_().mul_((threshold - p.v_reset) / (leak * (1 - beta)))
        else:
            kappa = (threshold - p.v_reset) / drive
            change = kappa / drive
        curve = change.mul_(gain).div_(kappa.add_(p.refractory).square_()).clamp_(0, self.steepest * chord)
        return torch.where(within, curve, self.outside * chord).where(current == current, 0)


def line_slope(current: Tensor, low: float, high: float, outside: float) -> Tensor:
    """The slope of the line from 0 at ``low`` to 1 at ``high``, and a share of it outside; 0 where ``current`` is NaN.

    Args:
        current: Any shape; the result has its dtype.
        low: Where the line begins.
        high: Where it ends, above ``low``.
        outside: The slope outside the range, as a share of that within.
    """
    chord = 1 / (high - low)
    slope = torch.full_like(current, outside * chord)
    slope.masked_fill_((current >= low) & (current <= high), chord)
    return slope.where(current == current, 0)


def _drive(beta: float, threshold: float, v_reset: float, v_leak: float, steps: int) -> float:
    """The drive under which a potential goes from ``v_reset`` to ``threshold`` in a number of steps."""
    held = beta**steps
    weight = steps if beta == 1 else (1 - held) / (1 - beta)
    return (threshold - v_leak - held * (v_reset - v_leak)) / weight


SURROGATES: dict[str, type[Surrogate]] = {
    kind.name: kind for kind in (ArcTan, FastSigmoid, Triangle, Sigmoid, RateCurve)
}


def as_surrogate(surrogate: str | Surrogate | Mapping[str, Any]) -> Surrogate:
    """A surrogate from itself, its name (default settings), or a mapping ``{"name": "arctan", "alpha": 2.0}``.

    Raises:
        InputError: The name is none of `SURROGATES`, or a setting is unknown or out of its range.
    """
    if isinstance(surrogate, Surrogate):
        return surrogate
    settings = {"name": surrogate} if isinstance(surrogate, str) else dict(surrogate)
    name = str(settings.pop("name", None))
    check_choice("surrogate", name, SURROGATES)
    known = [field.name for field in fields(SURROGATES[name])]
    for setting in settings:
        check_choice(f"setting of the surrogate {name!r}", setting, known)
    return SURROGATES[name](**settings)


def plain_settings(neuron: Mapping[str, Any]) -> dict[str, Any]:
    """A neuron's arguments as JSON can hold them: a surrogate becomes the mapping that `as_surrogate` reads."""
    plain = dict(neuron)
    surrogate = plain.get("surrogate")
    if isinstance(surrogate, Surrogate):
        plain["surrogate"] = {"name": surrogate.name, **asdict(surrogate)}
    if "learnable" in plain and not isinstance(plain["learnable"], str):
        plain["learnable"] = list(plain["learnable"])
    return plain
