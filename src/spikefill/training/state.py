"""The private checkpoint from which a run goes on: tensors and plain values, nothing to unpickle."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from spikefill.errors import InputError
from spikefill.files import atomic_write

if TYPE_CHECKING:
    from pathlib import Path

    from spikefill.training.module import InpaintingModule

FORMAT_VERSION = 1


@dataclass(frozen=True)
class RunState:
    """Where a run is.

    Attributes:
        step: Optimiser steps done.
        module: Weights, and their running mean where there is one.
        optimiser: The optimiser's state.
        best: Lowest validation loss so far and the step at which it was; None before the first validation.

    The random state is not in it: every step sets its own from (seed, step), see
    `InpaintingModule.prepare_step`.
    """

    step: int
    module: dict[str, Any]
    optimiser: dict[str, Any]
    best: tuple[float, int] | None


def save_state(
    path: Path, module: InpaintingModule, optimiser: torch.optim.Optimizer, best: tuple[float, int] | None
) -> None:
    """Writes the state of a run after a step; the file is replaced whole or not at all.

    Raises:
        DivergenceError: A weight is not finite; the file stays as it was.
    """
    module.check_finite()
    state = {
        "format_version": FORMAT_VERSION,
        "step": module.steps_done,
        "module": module.state_dict(),
        "optimiser": optimiser.state_dict(),
        "best": best,
    }
    with atomic_write(path, overwrite=True) as temporary:
        torch.save(state, temporary)


def load_state(path: Path) -> RunState:
    """Reads a state.

    Raises:
        InputError: The file is damaged or of a newer version.
    """
    try:
        values = torch.load(path, map_location="cpu", weights_only=True)
        version = values.pop("format_version")
        if version == FORMAT_VERSION:
            return RunState(**values)
    except (
        OSError,
        RuntimeError,
        pickle.UnpicklingError,
        EOFError,
        KeyError,
        TypeError,
        AttributeError,
    ) as error:
        raise InputError(f"{path} is damaged, the run cannot be resumed; train into another folder") from error
    raise InputError(f"{path} has format version {version}, this Spikefill reads {FORMAT_VERSION}; update Spikefill")
