"""What happens between steps: validation, logs, weights, checkpoints, and stopping when asked."""

from __future__ import annotations

import math
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import CSVLogger, Logger, TensorBoardLogger

from spikefill import models
from spikefill.cli import console
from spikefill.training.module import DivergenceError, InpaintingModule
from spikefill.training.pictures import read_logs, sample_sheet, write_curves, write_picture
from spikefill.training.state import save_state

if TYPE_CHECKING:
    from pathlib import Path

    from spikefill.stop import StopRequest
    from spikefill.training.run_folder import RunFolder, RunRecord
    from spikefill.training.validation import Measured, Validation


class RunKeeper(pl.Callback):
    """Validates, logs and saves; of several processes the first does, and all of them stop after the same step.

    Args:
        module: What is trained.
        folder: Where everything goes.
        record: What the run is, for the headers of its weights.
        validation: Measures the network.
        stop: Looked at after every step.
        best: Lowest validation loss before this process, and its step.
    """

    def __init__(
        self,
        module: InpaintingModule,
        folder: RunFolder,
        record: RunRecord,
        validation: Validation,
        stop: StopRequest,
        best: tuple[float, int] | None = None,
    ) -> None:
        self._module = module
        self._world = module.world
        self._folder = folder
        self._record = record
        self._validation = validation
        self._stop = stop
        self._best = best
        self._last_save = self._last_validation = time.monotonic()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Measures the untrained network, so that the curves have a beginning."""
        # SIGTERM is taken back from Lightning, which would end the run in the middle of what is done between steps.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._stop.make)
        if self._module.steps_done == 0 and self._world.is_first:
            self._validate(trainer)
        self._last_save = self._last_validation = time.monotonic()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Logs, validates and saves where it is time to."""
        recipe, step, now = self._record.recipe, self._module.steps_done, time.monotonic()
        ends = step == self._record.steps
        stops = self._world.any(self._stop.made) and not ends
        trainer.should_stop = trainer.should_stop or stops
        if ends or step % recipe.log_every_steps == 0:
            loss = self._world.mean(float(outputs["loss"]))
            _log(trainer, {"loss/train_step": loss, "learning_rate": _learning_rate(trainer)}, step)
        if not self._world.is_first:
            return
        validates = ends or (self._validation_due(step, now) and not stops)
        if validates:
            self._validate(trainer)
        if stops:
            self._save(trainer)
            self._write_weights(self._folder.last)
        elif validates or now - self._last_save >= recipe.checkpoint_seconds:
            self._save(trainer)

    def _validation_due(self, step: int, now: float) -> bool:
        settings = self._record.recipe.validation
        minutes = (now - self._last_validation) / 60
        by_steps = settings.every_steps is not None and step % settings.every_steps == 0
        by_clock = settings.every_minutes is not None and minutes >= settings.every_minutes
        return by_steps or by_clock

    def _validate(self, trainer: pl.Trainer) -> None:
        step = self._module.steps_done
        self._module.check_finite()
        measured = self._validation.measure(self._module.product)
        if not (math.isfinite(measured.train) and math.isfinite(measured.val)):
            raise DivergenceError(f"the validation loss is {measured.val}")
        losses = {"loss/train_eval": measured.train, "loss/val": measured.val}
        noise = self._record.recipe.degradation.is_noise
        _log(trainer, {**losses, "psnr/val" if noise else "psnr_hole/val": measured.psnr}, step)
        console.note(
            f"step {step}: loss on training photographs {measured.train:.5f}, "
            f"on validation photographs {measured.val:.5f}, "
            f"PSNR {'' if noise else 'over the hole '}{measured.psnr:.2f} dB"
        )
        if self._best is None or measured.val < self._best[0]:
            self._best = (measured.val, step)
            self._write_weights(self._folder.best, measured.val)
        self._write_weights(self._folder.last, measured.val)
        self._draw(trainer, measured, step)
        self._last_validation = time.monotonic()

    def _draw(self, trainer: pl.Trainer, measured: Measured, step: int) -> None:
        samples = self._validation.val.first(len(measured.restored))
        sheet = sample_sheet(samples, measured.restored, noise=self._record.recipe.degradation.is_noise)
        write_picture(self._folder.samples / f"step-{step:07d}.png", sheet)
        write_picture(self._folder.samples / "latest.png", sheet)
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                logger.experiment.add_image("samples", sheet, step, dataformats="HWC")
            logger.save()
        write_curves(self._folder.curves, read_logs(self._folder.logs))

    def _save(self, trainer: pl.Trainer) -> None:
        optimiser = self._module.optimizers(use_pl_optimizer=False)
        assert isinstance(optimiser, torch.optim.Optimizer)
        save_state(self._folder.state, self._module, optimiser, self._best)
        for logger in trainer.loggers:
            logger.save()
        self._last_save = time.monotonic()

    def _write_weights(self, path: Path, val: float | None = None) -> None:
        """Writes the weights, with the validation loss where it was measured at this very step."""
        facts = {**self._record.provenance(), "step": self._module.steps_done, "validation_loss": val}
        metadata = {name: str(value) for name, value in facts.items() if value is not None}
        models.save(self._module.product, path, metadata=metadata, overwrite=True)


def make_loggers(folder: RunFolder) -> list[Logger]:
    """CSV files, one for each time that the run is begun or resumed, and TensorBoard's."""
    return [
        CSVLogger(folder.logs, name="csv", flush_logs_every_n_steps=1 << 30),
        TensorBoardLogger(folder.logs, name="tensorboard", version=""),
    ]


def _log(trainer: pl.Trainer, figures: dict[str, float], step: int) -> None:
    for logger in trainer.loggers:
        logger.log_metrics(figures, step)


def _learning_rate(trainer: pl.Trainer) -> float:
    return float(trainer.optimizers[0].param_groups[0]["lr"])
