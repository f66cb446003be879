"""Where a figure comes from: the versions, the machine and the weights that an evaluation puts on record."""

from __future__ import annotations

import hashlib
import os
import platform
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import cv2
import torch

from spikefill import models
from spikefill._version import __version__
from spikefill.errors import InputError
from spikefill.machine import processor

_PACKAGES = ("flip-evaluator", "numpy", "pillow", "scikit-image", "torch")


def versions() -> dict[str, str]:
    """The versions of what a figure depends on, by package name; of what is installed."""
    found = {"spikefill": __version__, "python": platform.python_version(), "opencv": str(cv2.__version__)}
    for package in _PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


def machine() -> dict[str, Any]:
    """The machine that measured the seconds: processor, its logical cores, threads in use, system."""
    return {
        "cpu": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "opencv_threads": int(cv2.getNumThreads()),
        "system": platform.platform(),
    }


def describe_model(inpainter: Any, reference: str | Path | None = None) -> dict[str, Any]:
    """What a model is: architecture, arguments, number of parameters, and the file it was read from.

    Args:
        inpainter: An object whose ``model`` is the network; one without is described by its class alone.
        reference: The bundled name, weight file or run folder from which it was loaded.

    Returns:
        A dictionary that JSON can hold; ``file`` and ``sha256`` are in it where a weight file is known.
    """
    model = getattr(inpainter, "model", None)
    described: dict[str, Any] = {"architecture": type(inpainter if model is None else model).__name__}
    if model is not None:
        described["arguments"] = dict(getattr(model, "arguments", {}))
        described["parameters"] = sum(parameter.numel() for parameter in model.parameters())
        devices = {str(parameter.device) for parameter in model.parameters()}
        described["device"] = ", ".join(sorted(devices))
    if getattr(inpainter, "quality", "fast") != "fast":
        described["quality"] = inpainter.quality
    if reference is not None:
        described["reference"] = str(reference)
        file = _weight_file(reference)
        if file is not None:
            described["file"] = file.name
            described["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    return described


def _weight_file(reference: str | Path) -> Path | None:
    try:
        return models.find(reference)
    except InputError:
        return None
