"""A training run from beginning to end, and its resumption."""

from __future__ import annotations

import shlex
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from pytorch_lightning.utilities.exceptions import SIGTERMException

from spikefill import models
from spikefill.cli import console
from spikefill.errors import InputError
from spikefill.stop import StopRequest
from spikefill.training.keeper import RunKeeper
from spikefill.training.loading import Splits
from spikefill.training.module import DivergenceError, InpaintingModule
from spikefill.training.progress import RunProgress
from spikefill.training.recipe_files import load_recipe
from spikefill.training.run_folder import (
    RunFolder,
    RunRecord,
    commit,
    normalised_source,
    normalised_weights,
    read_record,
    versions,
)
from spikefill.training.speed import Speed, measure_speed
from spikefill.training.state import RunState, load_state
from spikefill.training.trainer import make_trainer, quiet_lightning, torch_threads, training_device
from spikefill.training.validation import Validation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spikefill.training.recipe import Recipe

_ENOUGH_BATCHES_TO_MEASURE = 1_000_000


class Interrupted(KeyboardInterrupt):
    """The run was asked to stop and has saved its state; the message says how to go on."""


def train(
    recipe: Recipe | str | Path | None = None,
    *,
    data: str | Path | Sequence[str | Path] | None = None,
    val: str | Path | None = None,
    output: str | Path,
    start: str | Path | None = None,
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
        start: Weights to begin with, to tune them finer: as for `models.read`. They must fit the recipe's network. None
            begins with weights drawn at random.
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
        record = _record_to_resume(folder, recipe, sources, val, start, minutes, steps)
        threads = record.threads if threads is None else threads
        device = record.device if device is None else device
    with torch.random.fork_rng(), torch_threads(threads):
        target = training_device(device)
        if resume:
            splits = Splits(record.data, record.val)
            validation = Validation(record.recipe, *splits.fixed_samples(record.recipe), target)
            module = _new_module(record.recipe, record.steps, record.start)
        else:
            _check_new(folder)
            recipe, sources, val = _required(recipe, sources, val)
            splits = Splits([normalised_source(source) for source in sources], normalised_source(val))
            validation = Validation(recipe, *splits.fixed_samples(recipe), target)
            record = _new_record(recipe, sources, val, start, minutes, steps, target, splits, validation, began)
            module = _new_module(recipe, record.steps, record.start)
            record.write(folder)
        state = load_state(folder.state) if folder.state.exists() else None
        _fit(folder, record, splits, validation, module, state)
    return folder.path


def recipe_of(output: str | Path) -> Recipe:
    """The recipe of the run in a folder; `InputError` where there is none."""
    return read_record(RunFolder(Path(output))).recipe


def _fit(
    folder: RunFolder,
    record: RunRecord,
    splits: Splits,
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
    loader = splits.training_loader(
        recipe, first=module.first_step, stop=record.steps, total_steps=record.steps, device=validation.device
    )
    with quiet_lightning():
        trainer = make_trainer(
            folder,
            recipe,
            steps=record.steps - module.first_step,
            device=validation.device,
            callbacks=[keeper, RunProgress(module)],
        )
        try:
            with stop.watched():
                trainer.fit(module, loader)
        except DivergenceError as error:
            kept = (
                f"the last good checkpoint is {folder.state}" if folder.state.exists() else "no checkpoint was made yet"
            )
            raise DivergenceError(
                f"training stopped in step {module.steps_done + 1}: {error}; {kept}; "
                "a lower optimiser.learning_rate or a gradient_clip may help"
            ) from error
        except SIGTERMException:  # Lightning's own way to stop, once the callbacks have saved
            pass
        except RuntimeError:
            if not stop.made:  # else a worker that Ctrl-C ended before it could ignore it
                raise
    if stop.made and module.steps_done < record.steps:
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
        raise InputError(f"{folder.path} holds a run; go on with it by --resume (resume=True) or choose another folder")
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
    start: str | Path | None,
    minutes: float | None,
    steps: int | None,
) -> RunRecord:
    record = read_record(folder)
    differences = record.differences(
        {
            "recipe": None if recipe is None else recipe.model_dump(mode="json"),
            "data": [normalised_source(source) for source in sources] if sources else None,
            "val": None if val is None else normalised_source(val),
            "start": None if start is None else normalised_weights(start),
            "minutes": minutes,
            "steps": steps,
        }
    )
    if differences:
        raise InputError(f"{folder.path} cannot be resumed so: {'; '.join(differences)}; leave these options out")
    return record


def _new_record(
    recipe: Recipe,
    sources: Sequence[str | Path],
    val: str | Path,
    start: str | Path | None,
    minutes: float | None,
    steps: int | None,
    device: torch.device,
    splits: Splits,
    validation: Validation,
    began: float,
) -> RunRecord:
    """Decides the number of steps, and writes down what the run is."""
    speed = None
    if minutes is not None:
        console.note("measuring the speed")
        speed = _speed(recipe, splits, validation, seconds=min(10.0, max(1.0, 2 * minutes)))
        steps = speed.steps_in(60 * minutes - (time.monotonic() - began), recipe.validation)
        console.note(f"{speed.step:.3f} s a step: {minutes:g} minutes are {steps} steps")
    return RunRecord(
        recipe=recipe,
        data=tuple(normalised_source(source) for source in sources),
        val=normalised_source(val),
        start=None if start is None else normalised_weights(start),
        steps=recipe.steps if steps is None else steps,
        minutes=minutes,
        seconds_per_step=None if speed is None else speed.step,
        threads=torch.get_num_threads(),
        device=str(device),
        versions=versions(),
        commit=commit(),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _speed(recipe: Recipe, splits: Splits, validation: Validation, *, seconds: float) -> Speed:
    """The speed of a run: the mean over its stages, each measured by itself."""
    steps, measured = _ENOUGH_BATCHES_TO_MEASURE, []
    for part in recipe.parts:
        alone = recipe.model_copy(update={"stages": (part.model_copy(update={"share": 1.0}),)})
        loader = splits.training_loader(alone, first=0, stop=steps, total_steps=steps, device=validation.device)
        measured.append(measure_speed(_new_module(alone, steps), loader, validation, seconds=seconds * part.share))
    step = sum(part.share * speed.step for part, speed in zip(recipe.parts, measured, strict=True))
    return Speed(step, measured[-1].validation)


def _new_module(recipe: Recipe, steps: int, start: str | None = None) -> InpaintingModule:
    """The network with the first weights of the recipe's seed, or with those to begin with."""
    torch.manual_seed(recipe.seed)
    network = models.create(recipe.model.architecture, **recipe.model.arguments)
    if start is not None:
        given = models.read(start)
        if type(given) is not type(network):
            raise InputError(
                f"start is {start}, a {type(given).__name__}; the recipe trains a {type(network).__name__}"
            )
        try:
            network.load_state_dict(given.state_dict())
        except RuntimeError as error:
            raise InputError(
                f"start is {start}, whose weights do not fit the recipe's model.arguments, {recipe.model.arguments}; "
                f"it was made with {given.arguments}"
            ) from error
    return InpaintingModule(network, recipe, total_steps=steps)
