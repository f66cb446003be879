"""Architectures by name, and the models that ship with their weights."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from torch import nn

from spikefill.errors import InputError, check_choice
from spikefill.models.hybrid import Hybrid
from spikefill.models.scnn import SCNN

ARCHITECTURES: dict[str, Callable[..., nn.Module]] = {"scnn": SCNN, "hybrid": Hybrid}
"""Builders by the name that recipes and weight files give. A model has ``arguments`` and ``context``; see `SCNN`."""

BUNDLED: tuple[str, ...] = ("scnn",)
"""Names of the models whose weights are in the package."""

DEFAULT = "scnn"
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


def architecture_of(model: nn.Module) -> str:
    """The name under which `create` builds a model of this class."""
    for name, builder in ARCHITECTURES.items():
        if builder is type(model):
            return name
    raise InputError(f"model is a {type(model).__name__}; it must be one of: {', '.join(ARCHITECTURES)}")


def weights_file(name: str) -> Path:
    """Where the package keeps the weights of a bundled model."""
    check_choice("model", name, BUNDLED)
    return Path(str(files("spikefill"))) / "weights" / f"{name}.safetensors"
