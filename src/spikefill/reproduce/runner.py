"""Running experiments: their trials one after the other, and then what follows from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock
import torch

from spikefill import data as photographs
from spikefill.cli import console
from spikefill.devices import find_device
from spikefill.errors import InputError
from spikefill.evaluation import provenance
from spikefill.reproduce import catalogue, fingerprint, output
from spikefill.reproduce.settings import changed
from spikefill.reproduce.store import TrialStore
from spikefill.reproduce.trials import Context, Done, Trial, in_order
from spikefill.training import DivergenceError
from spikefill.training.run_folder import commit, normalised_source

if TYPE_CHECKING:
    from spikefill.reproduce.experiment import Experiment
    from spikefill.training.recipe import Settings

FORMAT_VERSION = 1
_TRIALS, _LOCK = "trials", ".lock"


@dataclass(frozen=True)
class Plan:
    """An experiment, its settings, and all of its trials in their order."""

    experiment: Experiment[Any]
    settings: Settings
    trials: Sequence[Trial]
    quick: bool


def plan(name: str, *, quick: bool = False, changes: Sequence[str] = ()) -> Plan:
    """What an experiment would do.

    Args:
        name: Of the experiment.
        quick: At toy size.
        changes: Settings to change, as ``"training.steps=2000"``.

    Raises:
        InputError: There is no such experiment or setting, or a value is wrong.
    """
    experiment = catalogue.find(name)
    settings = changed(experiment.quick if quick else experiment.full, changes, f"experiment {name!r}")
    return Plan(experiment, settings, in_order(experiment.trials(settings)), quick)


def reproduce(
    plans: Sequence[Plan],
    *,
    folder: str | Path,
    fresh: bool = False,
    data: Sequence[str | Path] = (photographs.EMBEDDED,),
    val: str | Path = photographs.EMBEDDED,
    device: str | None = None,
) -> list[Path]:
    """Runs experiments; what was done before with the same inputs is not done again.

    Args:
        plans: Of `plan`.
        folder: Gets a folder for each experiment, ``trials`` with what is kept of the work, and a page over all.
        fresh: Do all their work again.
        data: Folders of training photographs, or ``"embedded"``.
        val: The folder of validation photographs, on which everything is measured, or ``"embedded"``.
        device: Such as ``"cpu"`` or ``"cuda"``; None takes a GPU of NVIDIA where there is one.

    Returns:
        The experiments' folders, in order; without those in which a training diverged, which is said.

    Raises:
        InputError: A source holds no usable photograph, the folder holds something else, or another run is at work in
            it.
        KeyboardInterrupt: Ctrl-C; what is done is kept.
    """
    folder = Path(folder)
    context = Context(
        data=tuple(normalised_source(source) for source in data),
        val=normalised_source(val),
        train_photographs=photographs.open_photographs(list(data), part="train", on_problem=_say),
        val_photographs=photographs.open_photographs(val, part="val", on_problem=_say),
        device=str(find_device(device or ("cuda" if torch.cuda.is_available() else "cpu"))),
        folder=folder,
    )
    with _alone_in(folder):
        store = TrialStore(folder / _TRIALS, context)
        for trial in (trial for plan in plans for trial in plan.trials):
            store.key(trial)  # of the code that runs, before anyone edits it in the hours to come
            if fresh:
                store.forget(trial)
        folders: list[Path] = []
        diverged: list[str] = []
        for plan in plans:
            try:
                folders.append(_run(plan, folder / plan.experiment.name, store, context))
            except DivergenceError as error:
                console.problem(f"{plan.experiment.name}: {error}")
                diverged.append(plan.experiment.name)
        output.write_overview(folder, diverged)
    return folders


def _say(file: Path, problem: str) -> None:
    console.note(f"{file}: {problem}")


def _run(plan: Plan, folder: Path, store: TrialStore, context: Context) -> Path:
    """Runs one experiment and writes its files."""
    name, total = plan.experiment.name, len(plan.trials)
    done: dict[str, Done] = {}
    for number, trial in enumerate(plan.trials, 1):
        found = store.find(trial)
        console.note(f"{name}, {number} of {total}: {trial.name}{'' if found is None else ' (done before)'}")
        try:
            done[trial.name] = found or store.do(trial)
        except KeyboardInterrupt as error:
            raise KeyboardInterrupt(
                f"interrupted in {name}, {number} of {total}: {trial.name}; what is done is kept, the same call "
                "without --fresh goes on"
            ) from error
    _write(plan, folder, store, context, done)
    return folder


def _write(plan: Plan, folder: Path, store: TrialStore, context: Context, done: Mapping[str, Done]) -> None:
    experiment = plan.experiment
    findings = experiment.findings(plan.settings, done)
    document = {
        "format_version": FORMAT_VERSION,
        "experiment": experiment.name,
        "title": experiment.title,
        "question": experiment.question,
        "objections": list(experiment.objections),
        "quick": plan.quick,
        "settings": plan.settings.model_dump(mode="json"),
        "data": _data(context, store),
        "commit": commit(),
        "versions": fingerprint.versions(),
        "machine": {**provenance.machine(), "device": context.device},
        "answers": [{"objection": answer.objection, "sentence": answer.sentence} for answer in findings.answers],
        "notes": list(findings.notes),
        "tables": [table.as_json() for table in findings.tables],
        "plots": [{"file": output.file_of(plot), "caption": plot.caption} for plot in findings.plots],
        "trials": {name: {"result": one.result} for name, one in done.items()},
        "times": {
            "seconds": sum(one.times["seconds"] for one in done.values()),
            "trials": {name: one.times for name, one in done.items()},
        },
    }
    output.write(folder, document, findings.plots)


def _data(context: Context, store: TrialStore) -> dict[str, Any]:
    """Both splits, their sources by the last part of their names."""
    return {
        split: {
            "sources": [Path(source).name for source in sources],
            "photographs": len(opened),
            "sha256": store.photographs[split],
        }
        for split, sources, opened in (
            ("train", context.data, context.train_photographs),
            ("val", (context.val,), context.val_photographs),
        )
    }


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keeps other runs out of a folder, which is made if it is not there.

    Raises:
        InputError: It is no folder, another run is at work in it, or what is in it is not of experiments: their pages
            would take the place of others.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"output is {folder}; it cannot be made a folder: {error.strerror or error}") from error
    if not (folder / _TRIALS).is_dir() and any(entry.name != _LOCK for entry in folder.iterdir()):
        raise InputError(f"output is {folder}, which is not empty and holds no experiments; name another folder")
    lock = filelock.FileLock(folder / _LOCK, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise InputError(f"output is {folder}, where another run is at work; wait for it or name another") from error
    try:
        yield
    finally:
        lock.release()
