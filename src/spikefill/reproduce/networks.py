"""Networks in experiments: training one as a trial that an interruption cannot lose, and reading it again."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field
from torch import nn

from spikefill import inpainting, models, training
from spikefill.errors import InputError
from spikefill.reproduce import fingerprint
from spikefill.reproduce.trials import Context, Done, Result, Trial
from spikefill.training.pictures import read_logs
from spikefill.training.recipe import Recipe, Settings
from spikefill.training.run_folder import RunFolder, normalised_weights, read_record

TRAINING = ("layers.py", "degradation.py", "neurons", "models", "masks", "data", "training", "reproduce/networks.py")
"""The parts of the package on which a training depends."""

_RUN = "run"
_RUNNING = 0.1
"""The last part of a training over which its running loss is averaged."""

Network = Done | Mapping[str, str]
"""A trained network, or one of the package, as `released` names it."""


class TrainingSettings(Settings):
    """How an experiment trains a network."""

    recipe: str = Field(default="scnn", description="A recipe of the package, or a YAML file.")
    changes: tuple[str, ...] = Field(default=(), description="Settings to change, such as batch_size=4.")
    steps: int = Field(default=5_000, ge=1, description="Length of the training.")
    seed: int = Field(default=0, ge=0, lt=1 << 32, description="Of weights, samples and noise.")
    validations: int = Field(default=20, ge=1, description="How often both losses are measured on the way.")

    def load(self) -> Recipe:
        """The recipe with its changes.

        Raises:
            InputError: As `spikefill.training.load_recipe`.
        """
        return training.load_recipe(self.recipe, (*self.changes, f"seed={self.seed}"))


TOY_TRAINING = TrainingSettings(
    changes=(
        "model.arguments={width: 8, steps: 8}",
        "data.size=32",
        "data.shorter_side=64",
        "batch_size=4",
        "validation.count=4",
        "validation.pictures=1",
    ),
    steps=30,
    validations=2,
)
"""What quick experiments train: seconds of the paper's network with 8 channels."""


def train(name: str, settings: TrainingSettings, *, start: Trial | None = None) -> Trial:
    """A trial that trains a network; those of equal settings are trained once for all experiments.

    Its result has ``weights`` (their checksum), ``steps``, ``parameters``, and losses: ``train`` and ``val``, both at
    the end and in evaluation mode, ``psnr`` over the hole in dB, ``running`` (the mean over the last tenth of the
    training, in training mode), and ``curve``, rows of step, ``train``, ``val``. The weights are those of the last
    step: none were chosen on the photographs on which they are measured.

    Args:
        name: Of the trial.
        settings: How to train.
        start: A training whose weights are the first ones.
    """
    recipe = settings.load()
    every = max(1, settings.steps // settings.validations)
    validation = recipe.validation.model_copy(update={"every_minutes": None, "every_steps": every})  # not by the clock
    recipe = recipe.model_copy(update={"validation": validation})
    inputs: dict[str, Any] = {"recipe": recipe.model_dump(mode="json"), "steps": settings.steps, "start": start}
    return Trial(name, train_network, inputs, TRAINING)


def train_network(context: Context, *, recipe: Mapping[str, Any], steps: int, start: Done | None) -> Result:
    """Trains, or goes on where an interrupted attempt stopped; anew if photographs or first weights have moved."""
    folder = RunFolder(context.folder / _RUN)
    resume = folder.record.exists() and _in_place(folder, context, start)
    if not resume:
        shutil.rmtree(folder.path, ignore_errors=True)
    training.train(
        None if resume else Recipe.model_validate(recipe),
        data=None if resume else context.data,
        val=None if resume else context.val,
        output=folder.path,
        start=None if resume or start is None else weights_of(start),
        steps=None if resume else steps,
        resume=resume,
        device=None if resume else context.device,
    )
    logs = read_logs(folder.logs)
    train, val = logs["loss/train_eval"], logs["loss/val"]
    running = [value for step, value in logs["loss/train_step"].items() if step > (1 - _RUNNING) * steps]
    return {
        "weights": fingerprint.of_weights(folder.last),
        "steps": steps,
        "parameters": models.count_parameters(folder.last),
        "train": train[steps],
        "val": val[steps],
        "psnr": logs["psnr_hole/val"][steps],
        "running": sum(running) / len(running),
        "curve": [[step, train[step], val[step]] for step in sorted(val)],
    }


def _in_place(folder: RunFolder, context: Context, start: Done | None) -> bool:
    """Whether a run finds its photographs and first weights where it found them at first."""
    first = None if start is None else normalised_weights(weights_of(start))
    asked = {"data": list(context.data), "val": context.val, "start": first}
    return not read_record(folder).differences(asked)


def released(name: str) -> Mapping[str, str]:
    """A network of the package as an input of a trial.

    Raises:
        InputError: There is none of that name.
    """
    bundled = models.released(name)
    if bundled is None:
        raise InputError(f"released is {name!r}; it must be one of: {', '.join(models.bundled_names())}")
    return {"released": bundled.name, "sha256": bundled.sha256}


def weights_of(network: Done) -> Path:
    """The file of weights of a trained network."""
    return RunFolder(network.folder / _RUN).last


def read(network: Network) -> nn.Module:
    """The network, in ``eval()`` mode on the CPU."""
    return models.read(weights_of(network) if isinstance(network, Done) else network["released"])


def inpainter(context: Context, network: Network, *, time_steps: int | None = None) -> inpainting.Inpainter:
    """What restores with a network on the context's device; ``time_steps`` is T, None for the network's own."""
    model = read(network)
    if time_steps is not None:
        model = models.rebuilt(model, steps=time_steps)
    return inpainting.Inpainter(model, device=context.device)
