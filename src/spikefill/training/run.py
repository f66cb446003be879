"""A training run from beginning to end, and its resumption."""

from __future__ import annotations

import shlex
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from pytorch_lightning.utilities.exceptions import SIGTERMException

from spikefill import models
from spikefill.cli import console
from spikefill.errors import InputError, UnreadableError
from spikefill.stop import StopRequest
from spikefill.training.keeper import RunKeeper
from spikefill.training.loading import Splits
from spikefill.training.module import DivergenceError, InpaintingModule
from spikefill.training.plan import Plan, make_plan
from spikefill.training.progress import RunProgress
from spikefill.training.run_folder import RunFolder, RunRecord, commit, read_record, versions
from spikefill.training.speed import Speed, measure_speed
from spikefill.training.state import RunState, load_state
from spikefill.training.trainer import make_trainer, quiet_lightning, torch_threads, training_device
from spikefill.training.validation import Validation
from spikefill.training.world import World, is_lost_peer, joined

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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

    In processes that `torchrun` started, on one machine or on several, each of them calls this with the same arguments
    and takes its share of each step's samples. The first writes the run's folder, says what there is to say and raises
    `Interrupted`; where it does, the others return.

    Args:
        recipe: A recipe, the name of one in the package, or a YAML file. None when resuming: the run's own.
        data: Folders of photographs, folders or addresses of shards, or ``"embedded"`` (its training part); several
            are used together. Every machine must reach them by the same names.
        val: One of these; of ``"embedded"`` its validation part.
        output: The run's folder. It must not exist, or be empty, unless ``resume``.
        start: Weights to begin with, to tune them finer: as for `models.read`. They must fit the recipe's network. None
            begins with weights drawn at random.
        minutes: Length of the run; turned into steps once, from the measured speed. Validations are included.
        steps: Length in optimiser steps. With neither, the recipe's.
        resume: Go on with the run in ``output``, to its number of steps, with the batches and random numbers
            that it would have had. Other arguments that are given must be the run's own.
        threads: Threads of torch in each process, at least 1; None leaves them. When resuming, None takes the run's, or
            leaves them where several processes began it without a number.
        device: Such as ``"cpu"`` or ``"cuda"``; None takes a GPU of NVIDIA where there is one. Of several processes
            on a machine each takes a GPU of its own.

    Returns:
        The run's folder; it holds ``best.safetensors`` and ``last.safetensors``.

    Raises:
        InputError: An argument is wrong, or contradicts the run to resume; or the photographs are out of reach
            meanwhile.
        Interrupted: Ctrl-C or SIGTERM; the state is saved.
        DivergenceError: The loss is no longer finite; the last good checkpoint is kept.
        PeerLostError: Another process of the run has ended; what was saved last is kept.
    """
    began = time.monotonic()
    folder = RunFolder(Path(output))
    with joined() as world, _speaking(first=world.is_first):
        plan = world.from_first(
            lambda: make_plan(
                folder,
                recipe,
                data=data,
                val=val,
                start=start,
                minutes=minutes,
                steps=steps,
                resume=resume,
                threads=threads,
                device=device,
            )
        )
        world.check_shares(min(part.batch_size or plan.recipe.batch_size for part in plan.recipe.parts))
        with torch.random.fork_rng(), torch_threads(plan.threads):
            target = training_device(plan.device, world)
            splits = world.from_first(lambda: Splits(plan.data, plan.val))
            splits.check_reachable()
            validation = Validation(plan.recipe, *splits.fixed_samples(plan.recipe, world=world), target)
            if plan.record is None:
                speed = None if minutes is None else _speed(plan.recipe, splits, validation, world, minutes=minutes)
                record = world.from_first(lambda: _new_record(plan, speed, validation, world, began))
            else:
                record = plan.record
            first_weights = world.from_first(lambda: _first_weights(plan))
            module = _new_module(plan.recipe, record.steps, world, first_weights)
            if plan.record is None:
                world.from_first(lambda: record.write(folder))
            state = world.from_first(lambda: load_state(folder.state) if folder.state.exists() else None)
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
    recipe, stop, world = record.recipe, StopRequest(), module.world
    keeper = RunKeeper(module, folder, record, validation, stop, state.best if state else None)
    loader = splits.training_loader(
        recipe,
        first=module.first_step,
        stop=record.steps,
        total_steps=record.steps,
        device=validation.device,
        world=world,
    )
    with quiet_lightning():
        trainer = make_trainer(
            folder,
            recipe,
            steps=record.steps - module.first_step,
            device=validation.device,
            callbacks=[keeper, RunProgress(module)],
            world=world,
        )
        try:
            with stop.watched():
                trainer.fit(module, loader)
        except DivergenceError as error:
            raise DivergenceError(
                f"training stopped in step {module.steps_done + 1}: {error}; {_kept(folder)}; "
                "a lower optimiser.learning_rate or a gradient_clip may help"
            ) from error
        except UnreadableError as error:
            reason = str(error).strip().rpartition(f"{UnreadableError.__name__}: ")[2]  # a worker's has its traceback
            raise UnreadableError(
                f"training stopped in step {module.steps_done + 1}: {reason}; {_kept(folder)}"
            ) from error
        except SIGTERMException:  # Lightning's own way to stop, if it came before `RunKeeper` took the signal back
            pass
        except RuntimeError as error:
            if not stop.made or is_lost_peer(error):  # else a worker that Ctrl-C ended before it could ignore it
                raise
    if world.is_first and module.steps_done < record.steps:
        raise Interrupted(
            f"interrupted after step {module.steps_done} of {record.steps}; go on with: "
            f"spikefill train --resume -o {shlex.quote(str(folder.path))}"
        )


def _kept(folder: RunFolder) -> str:
    """What there is of a run that failed."""
    return f"the last good checkpoint is {folder.state}" if folder.state.exists() else "no checkpoint was made yet"


def _new_record(plan: Plan, speed: Speed | None, validation: Validation, world: World, began: float) -> RunRecord:
    """Decides the number of steps, and writes down what the run is."""
    steps = plan.steps
    if speed is not None:
        assert plan.minutes is not None
        steps = speed.steps_in(60 * plan.minutes - (time.monotonic() - began), plan.recipe.validation)
        console.note(f"{speed.step:.3f} s a step: {plan.minutes:g} minutes are {steps} steps")
    return RunRecord(
        recipe=plan.recipe,
        data=plan.data,
        val=plan.val,
        start=plan.start,
        steps=steps,
        minutes=plan.minutes,
        seconds_per_step=None if speed is None else speed.step,
        threads=plan.threads if world.size > 1 else torch.get_num_threads(),  # `torchrun` sets it for each process
        device=str(validation.device),
        versions=versions(),
        commit=commit(),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _speed(recipe: Recipe, splits: Splits, validation: Validation, world: World, *, minutes: float) -> Speed:
    """The speed of a run of so many minutes: the mean over its stages, each measured by itself."""
    console.note("measuring the speed")
    seconds = min(10.0, max(1.0, 2 * minutes))
    steps, measured = _ENOUGH_BATCHES_TO_MEASURE, []
    for part in recipe.parts:
        alone = recipe.model_copy(update={"stages": (part.model_copy(update={"share": 1.0}),)})
        loader = splits.training_loader(
            alone, first=0, stop=steps, total_steps=steps, device=validation.device, world=world
        )
        module = _new_module(alone, steps, world)
        measured.append(measure_speed(module, loader, validation, seconds=seconds * part.share))
    step = sum(part.share * speed.step for part, speed in zip(recipe.parts, measured, strict=True))
    return Speed(step, measured[-1].validation)


def _first_weights(plan: Plan) -> dict[str, Any] | None:
    """The weights that the run begins with, where they are given."""
    if plan.start is None:
        return None
    network = models.create(**plan.recipe.network)
    given = models.read(plan.start)
    if type(given) is not type(network):
        raise InputError(
            f"start is {plan.start}, a {type(given).__name__}; the recipe trains a {type(network).__name__}"
        )
    try:
        network.load_state_dict(given.state_dict())
    except RuntimeError as error:
        raise InputError(
            f"start is {plan.start}, whose weights do not fit the recipe's model.arguments, "
            f"{plan.recipe.model.arguments}; it was made with {given.arguments}"
        ) from error
    return network.state_dict()


def _new_module(recipe: Recipe, steps: int, world: World, weights: dict[str, Any] | None = None) -> InpaintingModule:
    """The network with the first weights of the recipe's seed, or with those to begin with."""
    torch.manual_seed(recipe.seed)
    network = models.create(**recipe.network)
    if weights is not None:
        network.load_state_dict(weights)
    return InpaintingModule(network, recipe, total_steps=steps, world=world)


@contextmanager
def _speaking(*, first: bool) -> Iterator[None]:
    """Lets the first process alone say what there is to say."""
    before = console.verbosity.level
    if not first:
        console.verbosity.level = -1
    try:
        yield
    finally:
        console.verbosity.level = before
