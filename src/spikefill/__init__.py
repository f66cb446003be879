"""Spikefill restores the missing parts of photographs with hybrid spiking-convolutional networks.

    import spikefill

    restored = spikefill.inpaint(photograph, mask)              # the default model
    inpainter = spikefill.load("scnn")                          # or a bundled name, a file, a run folder
    restored = inpainter.inpaint(photograph, mask)

Submodules (``neurons``, ``layers``, ``models``, ``masks``, ``data``, ``training``, ``evaluation``, ``batch``, ...) are
imported when they are first used, and so is torch: ``import spikefill`` alone costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from spikefill._version import __version__
from spikefill.errors import InputError

if TYPE_CHECKING:
    from spikefill import (
        activity,
        batch,
        data,
        energy,
        evaluation,
        images,
        inpainting,
        layers,
        masks,
        models,
        neurons,
        training,
    )
    from spikefill.inpainting import Inpainter, inpaint, load

_SUBMODULES = (
    "activity",
    "batch",
    "data",
    "energy",
    "evaluation",
    "images",
    "inpainting",
    "layers",
    "masks",
    "models",
    "neurons",
    "training",
)
_FROM_PIPELINE = ("Inpainter", "inpaint", "load")

__all__ = [
    "Inpainter",
    "InputError",
    "__version__",
    "activity",
    "batch",
    "data",
    "energy",
    "evaluation",
    "images",
    "inpaint",
    "inpainting",
    "layers",
    "load",
    "masks",
    "models",
    "neurons",
    "training",
]


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return importlib.import_module(f"spikefill.{name}")
    if name in _FROM_PIPELINE:
        return getattr(importlib.import_module("spikefill.inpainting"), name)
    raise AttributeError(f"module 'spikefill' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
