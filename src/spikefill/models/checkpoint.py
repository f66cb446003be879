"""Weights on disk: safetensors files whose header says what to build. Nothing is ever unpickled."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from spikefill.errors import InputError
from spikefill.files import atomic_write
from spikefill.models.presets import ARCHITECTURES, architecture_of, bundled_names, create, released, weights_file

FORMAT = "spikefill"
FORMAT_VERSION = 1
BEST_WEIGHTS, LAST_WEIGHTS = "best.safetensors", "last.safetensors"
"""The two files of weights that a training run leaves in its folder."""

_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def save(
    model: nn.Module,
    path: str | Path,
    *,
    metadata: dict[str, str] | None = None,
    dtype: torch.dtype | None = None,
    overwrite: bool = False,
) -> None:
    """Writes a model's weights, with what is needed to build it again, to ``path`` (safetensors).

    Args:
        model: A model of `ARCHITECTURES`.
        path: The file to write; it appears whole or not at all.
        metadata: Further text for the header: where the weights come from.
        dtype: Store floating-point weights in this precision, e.g. ``torch.float16``; None keeps theirs.
        overwrite: Replace a file that exists.

    Raises:
        InputError: The model is of no known architecture, or the file exists or cannot be written.
    """
    header = {
        **(metadata or {}),
        "format": FORMAT,
        "format_version": str(FORMAT_VERSION),
        "architecture": architecture_of(model),
        "arguments": json.dumps(model.arguments),
    }
    tensors = {
        name: tensor.detach().to("cpu", dtype if tensor.is_floating_point() else None).contiguous()
        for name, tensor in model.state_dict().items()
    }
    with atomic_write(path, overwrite=overwrite) as temporary:
        save_file(tensors, temporary, header)


def read(name_or_path: str | Path) -> nn.Module:
    """Builds a model with its weights, in float32 and ``eval()`` mode, on the CPU.

    Args:
        name_or_path: The name or an alias of a bundled model, a file of weights, or the folder of a training run (its
            best weights).

    Raises:
        InputError: There is no such model, the file is not one that this version can read, or the weights of a
            bundled model are not those that were released.
    """
    path = find(name_or_path)
    bundled = released(str(name_or_path))
    if bundled is not None:
        _check_sum(path, bundled.sha256)
    header = read_header(path)
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise InputError(f"cannot read the weights in {path}: {error}") from error
    model = create(header["architecture"], **_arguments(header, path))
    try:
        model.load_state_dict({name: t.float() if t.is_floating_point() else t for name, t in tensors.items()})
    except RuntimeError as error:
        first = str(error).partition("\n")[2].partition("\n")[0].strip()
        raise InputError(f"the weights in {path} do not fit the model that its header names: {first}") from error
    return model.eval()


def find(name_or_path: str | Path) -> Path:
    """The file of weights that a name, a file or a run folder stands for."""
    if str(name_or_path) in bundled_names():
        return weights_file(str(name_or_path))
    path = Path(name_or_path)
    if path.is_dir():
        if (path / BEST_WEIGHTS).is_file():
            return path / BEST_WEIGHTS
        raise InputError(f"model is {path}, a folder without {BEST_WEIGHTS}; name the folder of a training run")
    if path.is_file():
        return path
    raise InputError(
        f"model is {str(name_or_path)!r}; it must be one of: {', '.join(bundled_names())}; "
        "or a file of weights or a run folder"
    )


def read_header(path: Path) -> dict[str, str]:
    """The text in the header of a weights file, checked to be one that this version can read."""
    try:
        with safe_open(path, "pt") as file:
            header: dict[str, str] = file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} is not a file of weights (safetensors): {error}") from error
    if header.get("format") != FORMAT:
        raise InputError(f"{path} was not written by Spikefill: its header names no model")
    version = header.get("format_version", "")
    if not version.isdigit() or int(version) > FORMAT_VERSION:
        raise InputError(
            f"{path} has format version {version or 'none'}, but this Spikefill reads up to {FORMAT_VERSION}: update it"
        )
    if header.get("architecture") not in ARCHITECTURES:
        raise InputError(
            f"{path} holds an architecture {header.get('architecture')!r}; known are: {', '.join(ARCHITECTURES)}"
        )
    return header


def count_parameters(path: Path) -> int:
    """How many parameters are in a weights file, by the shapes in its header.

    Raises:
        InputError: The file cannot be read.
    """
    try:
        with safe_open(path, "pt") as file:
            names = [name for name in file.keys() if not name.endswith(_STATISTICS)]  # noqa: SIM118
            return sum(math.prod(file.get_slice(name).get_shape()) for name in names)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} is not a file of weights (safetensors): {error}") from error


def _check_sum(path: Path, expected: str) -> None:
    """Raises `InputError` unless the file has this SHA-256."""
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"cannot read the weights in {path}: {error.strerror or error}") from error
    if found != expected:
        raise InputError(
            f"the weights in {path} are not those that were released: their SHA-256 begins with {found[:12]}, "
            f"not with {expected[:12]}; install Spikefill again"
        )


def _arguments(header: dict[str, str], path: Path) -> dict[str, Any]:
    try:
        arguments = json.loads(header.get("arguments", ""))
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: its header's arguments are damaged: {error}") from error
    if not isinstance(arguments, dict):
        raise InputError(f"{path}: its header's arguments are no mapping")
    return arguments
