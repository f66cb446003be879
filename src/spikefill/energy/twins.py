"""The ReLU twin of a network: the same graph and weights with ReLU in place of the neurons."""

from __future__ import annotations

from torch import nn

from spikefill.errors import InputError
from spikefill.models import rebuilt
from spikefill.neurons import LIF


def relu_twin(model: nn.Module) -> nn.Module:
    """The twin of a network, with its weights.

    Raises:
        InputError: The network has no neurons that ReLU could stand for.
    """
    if getattr(model, "arguments", {}).get("activation") != "lif":
        lacking = "a ReLU twin" if any(isinstance(one, LIF) for one in model.modules()) else "spiking neurons"
        raise InputError(f"model is a {type(model).__name__} without {lacking}; name one that has")
    return rebuilt(model, activation="relu").eval()


def check_twin(model: nn.Module, twin: nn.Module) -> None:
    """Raises `InputError` unless ``twin`` has the convolutions of ``model``, and ReLU in place of its neurons."""
    if getattr(twin, "arguments", {}).get("activation") != "relu":
        raise InputError(f"twin is a {type(twin).__name__} without ReLU for its neurons; name one trained with it")
    if _shapes(model) != _shapes(twin):
        raise InputError("twin has other convolutions than the model; it must be of the same architecture and size")


def _shapes(model: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(module.weight.shape) for name, module in model.named_modules() if isinstance(module, nn.Conv2d)}
