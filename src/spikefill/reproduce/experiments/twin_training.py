"""Training with the learning rate that is best for a network, out of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spikefill.reproduce import networks
from spikefill.reproduce.networks import TrainingSettings
from spikefill.reproduce.trials import Context, Done, Result, Trial
from spikefill.training import DivergenceError


def attempt(name: str, settings: TrainingSettings) -> Trial:
    """A trial as of `networks.train`; where the training diverges its result has ``train``, and that is None."""
    return Trial(name, try_training, networks.train(name, settings).inputs, networks.TRAINING)


def try_training(context: Context, *, recipe: Mapping[str, Any], steps: int, start: Done | None) -> Result:
    """Trains, or says that there is no loss."""
    try:
        return networks.train_network(context, recipe=recipe, steps=steps, start=start)
    except DivergenceError:
        return {"train": None}


def chosen_rate(name: str, trained: Mapping[float, Trial]) -> Trial:
    """A trial that chooses a ``learning_rate``.

    Args:
        name: Of the trial.
        trained: By learning rate, a training of `attempt`.
    """
    inputs = {f"training_{number}": trial for number, trial in enumerate(trained.values())}
    return Trial(name, choose, {"rates": list(trained), **inputs}, networks.TRAINING)


def choose(context: Context, *, rates: Sequence[float], **trained: Done) -> Result:
    """The rate with the lowest loss on training photographs, in evaluation mode; none is chosen on others.

    Raises:
        DivergenceError: There is no such rate: all trainings diverged.
    """
    losses = [trained[f"training_{number}"].result["train"] for number in range(len(rates))]
    finite = {rate: loss for rate, loss in zip(rates, losses, strict=True) if loss is not None}
    if not finite:
        raise DivergenceError(f"the training diverged with each of the learning rates {', '.join(map(str, rates))}")
    return {"learning_rate": min(finite, key=finite.__getitem__), "losses": losses}


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
