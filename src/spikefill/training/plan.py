"""What a call asks for, checked: a new run, or the rest of one that is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from spikefill.errors import InputError
from spikefill.training.recipe import Recipe
from spikefill.training.recipe_files import load_recipe
from spikefill.training.run_folder import RunFolder, RunRecord, normalised_source, normalised_weights, read_record

Source = str | Path


@dataclass(frozen=True)
class Plan:
    """What is to be trained, before the length of the run is known.

    Attributes:
        recipe: How it is trained.
        data: Sources of the training split, as `normalised_source` has them.
        val: The source of the validation split.
        start: Weights to begin with, as `normalised_weights` has them; None draws them at random.
        minutes: Length of the run in minutes, if it was given so.
        steps: Length of the run in steps, where ``minutes`` is None.
        threads: Threads of torch in each process; None leaves them.
        device: The device's name; None chooses one.
        record: That of the run to go on with; None for a new one.
    """

    recipe: Recipe
    data: tuple[str, ...]
    val: str
    start: str | None
    minutes: float | None
    steps: int
    threads: int | None
    device: str | None
    record: RunRecord | None = None


def make_plan(
    folder: RunFolder,
    recipe: Recipe | Source | None,
    *,
    data: Source | Sequence[Source] | None,
    val: Source | None,
    start: Source | None,
    minutes: float | None,
    steps: int | None,
    resume: bool,
    threads: int | None,
    device: str | None,
) -> Plan:
    """The plan of a run; arguments as for `train`.

    Raises:
        InputError: An argument is missing or wrong, contradicts the run to resume, or the folder is in use.
    """
    if isinstance(recipe, (str, Path)):
        recipe = load_recipe(recipe)
    _check_lengths(minutes, steps, threads)
    sources = [data] if isinstance(data, (str, Path)) else data
    if resume:
        record = _record_to_resume(folder, recipe, sources, val, start, minutes, steps)
        return Plan(
            recipe=record.recipe,
            data=record.data,
            val=record.val,
            start=record.start,
            minutes=record.minutes,
            steps=record.steps,
            threads=record.threads if threads is None else threads,
            device=record.device if device is None else device,
            record=record,
        )
    _check_new(folder)
    if recipe is None:
        raise InputError("recipe is missing; give the name of one, such as scnn, or a YAML file")
    if not sources:
        raise InputError("data is missing; give a folder of photographs, or embedded")
    if val is None:
        raise InputError("val is missing; give a folder of photographs, or embedded")
    return Plan(
        recipe=recipe,
        data=tuple(normalised_source(source) for source in sources),
        val=normalised_source(val),
        start=None if start is None else normalised_weights(start),
        minutes=minutes,
        steps=recipe.steps if steps is None else steps,
        threads=threads,
        device=device,
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


def _record_to_resume(
    folder: RunFolder,
    recipe: Recipe | None,
    sources: Sequence[Source] | None,
    val: Source | None,
    start: Source | None,
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
