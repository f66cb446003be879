"""Architectures by name, and the models that ship with their weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from torch import nn

from spikefill.errors import InputError, check_choice
from spikefill.models.gated_unet import GatedConvUNet
from spikefill.models.hybrid import Hybrid
from spikefill.models.partial_unet import PartialConvUNet
from spikefill.models.scnn import SCNN
from spikefill.models.spiking_unet import SpikingUNet

ARCHITECTURES: dict[str, Callable[..., nn.Module]] = {
    "scnn": SCNN,
    "hybrid": Hybrid,
    "partial-unet": PartialConvUNet,
    "gated-unet": GatedConvUNet,
    "spiking-unet": SpikingUNet,
}
"""Builders by the name that recipes and weight files give. A model has ``arguments`` and ``context``; see `SCNN`."""


@dataclass(frozen=True)
class Bundled:
    """A model whose weights are in the package.

    Attributes:
        name: That of its files, ``weights/NAME.safetensors`` and the model card ``weights/NAME.md``.
        licence: Of the weights: what SPDX calls it, or a phrase that its card has, too.
        purpose: What it is for, in a phrase.
        sha256: Checksum of the weights file, in hexadecimal.
    """

    name: str
    licence: str
    purpose: str
    sha256: str


RELEASED: tuple[Bundled, ...] = (
    Bundled(
        name="hybrid-small",
        licence="non-commercial research",
        purpose="any hole: scratches, text, stains, objects",
        sha256="faa243178532df866e56f09b35f3404bd1f816cc7429ba24c05478a661b1acc9",
    ),
    Bundled(
        name="hybrid-base",
        licence="non-commercial research",
        purpose="the best: 0.1 to 0.2 dB ahead of hybrid-small, with four times the weights",
        sha256="af9b58c6f6de4c488b2b965d70855e4fe47d49bdaa45c0a087b39d1a973a10bb",
    ),
    Bundled(
        name="hybrid-tiny",
        licence="non-commercial research",
        purpose="the fastest: seven tenths of the time of hybrid-small, 0.4 to 0.6 dB behind it",
        sha256="4f6c29237ba2607e1fe121b0dbe4e3e9b0f1ca341ee6ef2c7f416fcfe68676b9",
    ),
    Bundled(
        name="hybrid-free",
        licence="Apache-2.0",
        purpose="as hybrid-small, trained on 42 photographs under free licences; 0.4 to 0.7 dB behind it",
        sha256="2dcde24ab58c2486864e94341fa5de02eccd263dfed4ca408d18f8a8a10394d2",
    ),
    Bundled(
        name="scnn",
        licence="Apache-2.0",
        purpose="scratches and text a few pixels wide; the paper's network, to compare with",
        sha256="32b374e1d51bd671c898509d3a41ac5885926ec793c228df2b6d223541af8a8f",
    ),
)
"""The bundled models."""

BUNDLED: tuple[str, ...] = tuple(model.name for model in RELEASED)
"""Their names."""

ALIASES: dict[str, str] = {"hybrid": "hybrid-small"}
"""Further names, and the bundled models that they stand for."""

DEFAULT = "hybrid"
"""The model used where none is named."""


def create(architecture: str, **arguments: Any) -> nn.Module:
    """A new model with fresh weights.

    Raises:
        InputError: The architecture or an argument is unknown, or a value is out of its range.
    """
    check_choice("architecture", architecture, ARCHITECTURES)
    try:
        return ARCHITECTURES[architecture](**arguments)
    except TypeError as error:
        raise InputError(f"architecture {architecture!r}: {error}") from error


def rebuilt(model: nn.Module, **changes: Any) -> nn.Module:
    """A network with the weights of another one, and some of its constructor's arguments changed.

    So a trained network gets another activation, placement, or time: ``rebuilt(model, steps=16, streaming={})``.

    Args:
        model: A network that `create` builds.
        **changes: What is passed in place of its ``arguments``.

    Returns:
        On the CPU, in the mode (``eval()`` or ``train()``) of ``model``, which shares nothing with it. What neurons
        have learnt is left out where there are none.

    Raises:
        InputError: An argument is out of its range, or asks for weights that ``model`` does not have.
    """
    arguments: dict[str, Any] = model.arguments  # type: ignore[assignment]
    other = create(architecture_of(model), **{**arguments, **changes})
    weights, wanted = model.state_dict(), other.state_dict()
    missing = [name for name, tensor in wanted.items() if name not in weights or weights[name].shape != tensor.shape]
    if missing:
        asked = ", ".join(f"{name}={value!r}" for name, value in changes.items())
        raise InputError(f"{asked}: the model has no weights {missing[0]} of that size; change what adds none")
    other.load_state_dict({name: weights[name] for name in wanted})
    return other.train(model.training)


def architecture_of(model: nn.Module) -> str:
    """The name under which `create` builds a model of this class."""
    for name, builder in ARCHITECTURES.items():
        if builder is type(model):
            return name
    raise InputError(f"model is a {type(model).__name__}; it must be one of: {', '.join(ARCHITECTURES)}")


def resolved(name: str) -> str:
    """What an alias stands for; any other name itself."""
    return ALIASES.get(name, name)


def released(name: str) -> Bundled | None:
    """The bundled model that a name or an alias stands for; None where there is none."""
    return next((model for model in RELEASED if model.name == resolved(name)), None)


def bundled_names() -> tuple[str, ...]:
    """The names and aliases for which `released` has a model."""
    return (*BUNDLED, *(alias for alias, name in ALIASES.items() if name in BUNDLED))


def weights_file(name: str) -> Path:
    """Where the package keeps the weights of a bundled model, by its name or an alias."""
    check_choice("model", name, bundled_names())
    return Path(str(files("spikefill"))) / "weights" / f"{resolved(name)}.safetensors"
