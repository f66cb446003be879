"""The experiments by name; each is a module of `spikefill.reproduce.experiments`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from spikefill.errors import check_choice

if TYPE_CHECKING:
    from spikefill.reproduce.experiment import Experiment

NAMES: tuple[str, ...] = (
    "paper", "twin", "steps", "dynamics", "noise", "placement", "streaming", "holes", "resolution", "leakage",
)  # fmt: skip
"""In the order in which ``all`` runs them."""


def find(name: str) -> Experiment[Any]:
    """The experiment of that name.

    Raises:
        InputError: There is none.
    """
    check_choice("experiment", name, NAMES)
    experiment: Experiment[Any] = import_module(f"spikefill.reproduce.experiments.{name}").EXPERIMENT
    return experiment
