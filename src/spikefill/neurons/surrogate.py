"""Surrogate gradients: what stands in for the derivative of the spike, as small frozen objects.

The spike S = [u >= 0], u = H - threshold, has derivative zero almost everywhere. In the backward pass it is replaced
by ``derivative(u)``. Nothing here has state; equal settings are equal objects.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

import torch
from torch import Tensor

from spikefill.errors import InputError, check_choice


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


SURROGATES: dict[str, type[Surrogate]] = {kind.name: kind for kind in (ArcTan, FastSigmoid, Triangle, Sigmoid)}


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
