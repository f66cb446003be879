"""Training with the learning rate that is best for a network, out of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spikefill.reproduce import networks
from spikefill.reproduce.networks import TrainingSettings
from spikefill.reproduce.trials import Context, Done, Result, Trial


def chosen_rate(name: str, trained: Mapping[float, Trial]) -> Trial:
    """A trial that chooses a ``learning_rate``.

    Args:
        name: Of the trial.
        trained: By learning rate, a training.
    """
    inputs = {f"training_{number}": trial for number, trial in enumerate(trained.values())}
    return Trial(name, choose, {"rates": list(trained), **inputs}, networks.TRAINING)


def choose(context: Context, *, rates: Sequence[float], **trained: Done) -> Result:
    """The rate with the lowest loss on training photographs, in evaluation mode; none is chosen on others."""
    losses = [trained[f"training_{number}"].result["train"] for number in range(len(rates))]
    return {"learning_rate": rates[losses.index(min(losses))], "losses": losses}


def train_with(name: str, settings: TrainingSettings, choice: Trial) -> Trial:
    """A trial as of `networks.train`, with the learning rate of a choice."""
    plain = networks.train(name, settings).inputs
    return Trial(
        name, train_chosen, {"recipe": plain["recipe"], "steps": plain["steps"], "choice": choice}, networks.TRAINING
    )


def train_chosen(context: Context, *, recipe: Mapping[str, Any], steps: int, choice: Done) -> Result:
    """Trains with the rate that was chosen."""
    optimiser = {**recipe["optimiser"], "learning_rate": choice.result["learning_rate"]}
    return networks.train_network(context, recipe={**recipe, "optimiser": optimiser}, steps=steps, start=None)
