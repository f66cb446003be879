"""A training run from beginning to end, and its resumption."""

from __future__ import annotations

import logging
import shlex
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from spikefill import models
from spikefill.cli import console
from spikefill.errors import InputError
from spikefill.training.keeper import RunKeeper, make_loggers
from spikefill.training.loading import Photographs
from spikefill.training.module import DivergenceError, InpaintingModule
from spikefill.training.progress import RunProgress
from spikefill.training.recipe import Recipe
from spikefill.training.recipe_files import load_recipe
from spikefill.training.run_folder import (
    RunFolder,
    RunRecord,
    commit,
    normalised_source,
    read_record,
    versions,
)
from spikefill.training.speed import measure_speed
from spikefill.training.state import RunState, load_state
from spikefill.training.stop import StopRequest
from spikefill.training.validation import Validation

_ENOUGH_BATCHES_TO_MEASURE = 1_000_000


class Interrupted(KeyboardInterrupt):
    """The run was asked to stop and has saved its state; the message says how to go on."""


def train(
    recipe: Recipe | str | Path | None = None,
    *,
    data: str | Path | Sequence[str | Path] | None = None,
    val: str | Path | None = None,
    output: str | Path,
    minutes: float | None = None,
    steps: int | None = None,
    resume: bool = False,
    threads: int | None = None,
    device: str | None = None,
) -> Path:
    """Trains a network, or goes on with a run that was interrupted.

    Args:
        recipe: A recipe, the name of one in the package, or a YAML file. None when resuming: the run's own.
        data: Folders of photographs, or ``"embedded"`` (its training part); several are used together.
        val: A folder of photographs, or ``"embedded"`` (its validation part).
        output: The run's folder. It must not exist, or be empty, unless ``resume``.
        minutes: Length of the run; turned into steps once, from the measured speed. Validations are included.
        steps: Length in optimiser steps. With neither, the recipe's.
        resume: Go on with the run in ``output``, to its number of steps, with the batches and random numbers
            that it would have had. Other arguments that are given must be the run's own.
        threads: Threads of torch, at least 1; None leaves them (when resuming: takes the run's).
        device: Such as ``"cpu"`` or ``"cuda"``; None takes a GPU of NVIDIA where there is one.

    Returns:
        The run's folder; it holds ``best.safetensors`` and ``last.safetensors``.

    Raises:
        InputError: An argument is wrong, or contradicts the run to resume.
        Interrupted: Ctrl-C or SIGTERM; the state is saved.
        DivergenceError: The loss is no longer finite; the last good checkpoint is kept.
    """
    began = time.monotonic()
    folder = RunFolder(Path(output))
    if isinstance(recipe, (str, Path)):
        recipe = load_recipe(recipe)
    _check_lengths(minutes, steps, threads)
    sources = [data] if isinstance(data, (str, Path)) else data
    if resume:
        record = _record_to_resume(folder, recipe, sources, val, minutes, steps)
        threads = record.threads if threads is None else threads
        device = record.device if device is None else device
    with torch.random.fork_rng(), _torch_threads(threads):
        target = _device(device)
        if resume:
            photographs = Photographs(record.data, record.val)
            validation = Validation(record.recipe, *photographs.fixed_samples(record.recipe), target)
            module = _new_module(record.recipe, record.steps)
        else:
            _check_new(folder)
            recipe, sources, val = _required(recipe, sources, val)
            photographs = Photographs(
                [normalised_source(source) for source in sources], normalised_source(val)
            )
            validation = Validation(recipe, *photographs.fixed_samples(recipe), target)
            record = _new_record(recipe, sources, val, minutes, steps, target, photographs, validation, began)
            module = _new_module(recipe, record.steps)
            record.write(folder)
        state = load_state(folder.state) if folder.state.exists() else None
        _fit(folder, record, photographs, validation, module, state)
    return folder.path


def recipe_of(output: str | Path) -> Recipe:
    """The recipe of the run in a folder; `InputError` where there is none."""
    return read_record(RunFolder(Path(output))).recipe


def _fit(
    folder: RunFolder,
    record: RunRecord,
    photographs: Photographs,
    validation: Validation,
    module: InpaintingModule,
    state: RunState | None,
) -> None:
    """Trains from the state, or from the beginning, to the run's last step."""
    if state is not None:
        module.resume_from(state.step, state.module, state.optimiser)
        if state.step >= record.steps:
            console.note(f"{folder.path} is already finished: {record.steps} steps")
            return
    recipe, stop = record.recipe, StopRequest()
    keeper = RunKeeper(module, folder, record, validation, stop, state.best if state else None)
    loader = photographs.training_loader(
        recipe, first=module.first_step, stop=record.steps, device=validation.device
    )
    with _quiet_lightning():
        trainer = pl.Trainer(
            default_root_dir=folder.path,
            max_epochs=1,
            max_steps=record.steps - module.first_step,
            logger=make_loggers(folder),
            callbacks=[keeper, RunProgress(module)],
            precision="bf16-mixed" if recipe.precision == "bfloat16" else "32-true",
            gradient_clip_val=recipe.gradient_clip,
            log_every_n_steps=1,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            **_trainer_device(validation.device),
        )
        try:
            with stop.watched():
                trainer.fit(module, loader)
        except DivergenceError as error:
            kept = (
                f"the last good checkpoint is kept in {folder.state}"
                if folder.state.exists()
                else "nothing was kept"
            )
            raise DivergenceError(
                f"training stopped in step {module.steps_done + 1}: {error}; {kept}; "
                "a lower optimiser.learning_rate or a gradient_clip may help"
            ) from error
    if module.steps_done < record.steps:
        raise Interrupted(
            f"interrupted after step {module.steps_done} of {record.steps}; go on with: "
            f"spikefill train --resume -o {shlex.quote(str(folder.path))}"
        )


def _check_lengths(minutes: float | None, steps: int | None, threads: int | None) -> None:
    if minutes is not None and steps is not None:
        raise InputError(f"minutes is {minutes} and steps is {steps}; give one of the two")
    if minutes is not None and not 0 < minutes < float("inf"):
        raise InputError(f"minutes is {minutes}; it must be above 0")
    if steps is not None and steps < 1:
        raise InputError(f"steps is {steps}; it must be at least 1")
    if threads is not None and threads < 1:
        raise InputError(f"threads is {threads}; it must be at least 1")


def _check_new(folder: RunFolder) -> None:
    if folder.path.exists() and not folder.path.is_dir():
        raise InputError(f"{folder.path} is a file; name a folder for the run")
    if folder.record.exists():
        raise InputError(
            f"{folder.path} holds a run; go on with it by --resume (resume=True) or choose another folder"
        )
    if folder.path.exists() and any(folder.path.iterdir()):
        raise InputError(f"{folder.path} is not empty; choose another folder")


def _required(
    recipe: Recipe | None, sources: Sequence[str | Path] | None, val: str | Path | None
) -> tuple[Recipe, Sequence[str | Path], str | Path]:
    if recipe is None:
        raise InputError("recipe is missing; give the name of one, such as scnn, or a YAML file")
    if not sources:
        raise InputError("data is missing; give a folder of photographs, or embedded")
    if val is None:
        raise InputError("val is missing; give a folder of photographs, or embedded")
    return recipe, sources, val


def _record_to_resume(
    folder: RunFolder,
    recipe: Recipe | None,
    sources: Sequence[str | Path] | None,
    val: str | Path | None,
    minutes: float | None,
    steps: int | None,
) -> RunRecord:
    record = read_record(folder)
    differences = record.differences(
        {
            "recipe": None if recipe is None else recipe.model_dump(mode="json"),
            "data": [normalised_source(source) for source in sources] if sources else None,
            "val": None if val is None else normalised_source(val),
            "minutes": minutes,
            "steps": steps,
        }
    )
    if differences:
        raise InputError(
            f"{folder.path} cannot be resumed so: {'; '.join(differences)}; leave these options out"
        )
    return record


def _new_record(
    recipe: Recipe,
    sources: Sequence[str | Path],
    val: str | Path,
    minutes: float | None,
    steps: int | None,
    device: torch.device,
    photographs: Photographs,
    validation: Validation,
    began: float,
) -> RunRecord:
    """Decides the number of steps, and writes down what the run is."""
    speed = None
    if minutes is not None:
        console.note("measuring the speed")
        loader = photographs.training_loader(recipe, first=0, stop=_ENOUGH_BATCHES_TO_MEASURE, device=device)
        trial = _new_module(recipe, _ENOUGH_BATCHES_TO_MEASURE)
        speed = measure_speed(trial, loader, validation, seconds=min(10.0, max(1.0, 2 * minutes)))
        steps = speed.steps_in(60 * minutes - (time.monotonic() - began), recipe.validation)
        console.note(f"{speed.step:.3f} s a step: {minutes:g} minutes are {steps} steps")
    return RunRecord(
        recipe=recipe,
        data=tuple(normalised_source(source) for source in sources),
        val=normalised_source(val),
        steps=recipe.steps if steps is None else steps,
        minutes=minutes,
        seconds_per_step=None if speed is None else speed.step,
        threads=torch.get_num_threads(),
        device=str(device),
        versions=versions(),
        commit=commit(),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _new_module(recipe: Recipe, steps: int) -> InpaintingModule:
    """The network with the first weights of the recipe's seed."""
    torch.manual_seed(recipe.seed)
    return InpaintingModule(
        models.create(recipe.model.architecture, **recipe.model.arguments), recipe, total_steps=steps
    )


def _device(name: str | None) -> torch.device:
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(
            f"device is {name!r}, which this machine does not have; cpu is always there"
        ) from error
    if device.type not in ("cpu", "cuda"):
        raise InputError(f"device is {name!r}; training runs on cpu or cuda")
    return device


def _trainer_device(device: torch.device) -> dict[str, Any]:
    if device.type == "cuda":
        return {"accelerator": "gpu", "devices": [device.index or 0]}
    return {"accelerator": "cpu", "devices": 1}


@contextmanager
def _torch_threads(threads: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Silences Lightning's tips, its list of devices, and its advice on settings that are so on purpose."""
    logger = logging.getLogger("pytorch_lightning")
    fabric = logging.getLogger("lightning_fabric")
    before = logger.level, fabric.level
    logger.setLevel(logging.WARNING)
    fabric.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for message, category in (
                (".*does not have many workers", UserWarning),
                ("GPU available but not used", UserWarning),
                (".*LeafSpec.* is deprecated", FutureWarning),  # Lightning's own use of torch's pytree
            ):
                warnings.filterwarnings("ignore", message, category)
            yield
    finally:
        logger.setLevel(before[0])
        fabric.setLevel(before[1])
