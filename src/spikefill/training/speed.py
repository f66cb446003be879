"""How long a step takes here: what turns minutes into steps, once, before a run begins."""

from __future__ import annotations

import copy
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from spikefill.training.module import Batch, InpaintingModule, make_optimiser
from spikefill.training.validation import Validation, autocast

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spikefill.training.recipe import ValidationSettings

_WARM_UP_STEPS = 2
_FEWEST_STEPS = 2


@dataclass(frozen=True)
class Speed:
    """What was measured: seconds of a training step and of a validation."""

    step: float
    validation: float

    def steps_in(self, seconds: float, settings: ValidationSettings) -> int:
        """The steps that fit into the seconds with their validations, those at both ends included."""
        if settings.every_minutes is not None:
            validations = 2 + math.floor(seconds / (60 * settings.every_minutes))
            seconds -= validations * self.validation
            step = self.step
        else:
            seconds -= 2 * self.validation
            step = self.step
        if settings.every_steps is not None:
            step += self.validation / settings.every_steps
        return max(1, math.floor(seconds / step))


def measure_speed(
    module: InpaintingModule, loader: Iterable[Batch], validation: Validation, *, seconds: float
) -> Speed:
    """Trains a copy for some seconds after a few steps of warm-up; the module stays as it is.

    Several processes do so together, and exchange gradients as they will in training.

    Args:
        module: What will be trained, on any device.
        loader: Gives its first batches.
        validation: Is run once, and timed; of several processes, by the first.
        seconds: How long to measure.
    """
    device = validation.device
    trial = copy.deepcopy(module).to(device)
    optimiser = make_optimiser(trial.model, trial.recipe)
    done, start = 0, 0.0
    for step, batch in enumerate(loader):
        trial.prepare_step(optimiser, step)
        moved = trial.laid_out({name: value.to(device) for name, value in batch.items()})
        with autocast(trial.recipe, device):
            loss = trial.loss(moved)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        module.world.average_gradients(trial.model.parameters())
        optimiser.step()
        trial.update_average()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        done = step + 1 - _WARM_UP_STEPS
        if done == 0:
            start = time.perf_counter()
        enough = done >= _FEWEST_STEPS and time.perf_counter() - start >= seconds
        if module.world.any(enough):
            break
    step_seconds = module.world.largest((time.perf_counter() - start) / done)
    if module.world.is_first:
        validation.measure(trial.product)
    return Speed(step_seconds, validation.seconds)
