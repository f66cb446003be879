"""What a run says while it trains: a progress bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl
from rich.progress import Progress, TaskID

from spikefill.cli import console

if TYPE_CHECKING:
    from torch import Tensor

    from spikefill.training.module import InpaintingModule

_SECONDS_BETWEEN_LINES = 30.0
_SECONDS_BETWEEN_LOOKS = 0.1
_SMOOTHING = 0.95


class RunProgress(pl.Callback):
    """Steps, running loss, images per second and time left.

    Args:
        module: What is trained.
    """

    def __init__(self, module: InpaintingModule) -> None:
        self._module = module
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._loss: Tensor | None = None
        self._step_seconds: float | None = None
        self._step_start = 0.0
        self._last_line = self._last_shown = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Starts the bar."""
        self._last_line = time.monotonic()
        self._bar = console.progress()
        self._bar.start()
        self._task = self._bar.add_task("training", total=self._module.total_steps, completed=self._module.first_step)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Notes when the step began, if it is the first: later ones begin where the one before ended."""
        if batch_idx == 0:
            self._step_start = time.monotonic()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Shows where the run is."""
        now = time.monotonic()
        loss = outputs["loss"].detach()  # stays on its device: reading it waits for a GPU
        self._loss = loss.clone() if self._loss is None else self._loss.lerp(loss, 1 - _SMOOTHING)
        self._step_seconds = _smoothed(self._step_seconds, now - self._step_start)
        self._step_start = now
        step, total = self._module.steps_done, self._module.total_steps
        speed = self._module.batch_size / max(self._step_seconds, 1e-9)
        assert self._bar is not None
        if now - self._last_shown < _SECONDS_BETWEEN_LOOKS and step < total:
            return
        self._last_shown = now
        state = f"loss {float(self._loss):.4g}, {speed:.1f} images/s"
        self._bar.update(self._task, completed=step, description=state)
        if self._bar.disable and step < total and now - self._last_line >= _SECONDS_BETWEEN_LINES:
            self._last_line = now
            left = self._step_seconds * (total - step)
            console.note(f"step {step} of {total}: {state}, {_duration(left)} left")

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Ends the bar."""
        self._stop()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Ends the bar."""
        self._stop()

    def _stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()


def _smoothed(mean: float | None, value: float) -> float:
    return value if mean is None else _SMOOTHING * mean + (1 - _SMOOTHING) * value


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"
