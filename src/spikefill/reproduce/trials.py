"""Trials: the units of work of an experiment, each a function of inputs that JSON can hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikefill.cli import console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spikefill.data import Photographs

Result = dict[str, Any]

MEASURING = (
    *(
        "layers.py",
        "degradation.py",
        "neurons",
        "models",
        "masks",
        "data",
        "inpainting",
        "evaluation",
        "energy",
        "activity",
    ),
    *("reproduce/networks.py", "reproduce/cases.py", "reproduce/measuring.py"),
)
"""The parts of the package on which a measurement depends."""


@dataclass(frozen=True, eq=False)
class Trial:
    """A unit of work whose result is kept.

    Attributes:
        name: What progress and results call it; no two trials of an experiment may have the same.
        function: Called as ``function(context, **inputs)``; returns what JSON can hold. Importable by its name. What
            it returns as ``"times"`` differs from run to run, and is kept apart from the rest.
        inputs: What JSON can hold, and other trials, in place of which the function gets what became of them (`Done`).
        code: The files and folders of the package on which the result depends, beside the function's module.
    """

    name: str
    function: Callable[..., Result]
    inputs: Mapping[str, Any] = field(default_factory=dict)
    code: tuple[str, ...] = MEASURING

    @property
    def needs(self) -> list[Trial]:
        """The trials among the inputs."""
        return [value for value in self.inputs.values() if isinstance(value, Trial)]


@dataclass(frozen=True)
class Done:
    """What became of a trial.

    Attributes:
        result: What its function returned, but for ``"times"``.
        folder: With the files that it wrote.
        times: Seconds (of the last attempt) and whatever else differs from run to run.
    """

    result: Result
    folder: Path
    times: Result


@dataclass(frozen=True)
class Context:
    """What a trial works with beside its inputs.

    Attributes:
        data: Sources of the training photographs, as for `spikefill.training.train`.
        val: Source of the validation photographs.
        train_photographs: The photographs of ``data``.
        val_photographs: Those of ``val``, on which everything is measured.
        device: Such as ``"cpu"`` or ``"cuda"``.
        folder: The trial's own, for its files. It may hold what an interrupted attempt left.
    """

    data: tuple[str, ...]
    val: str
    train_photographs: Photographs
    val_photographs: Photographs
    device: str
    folder: Path

    @contextmanager
    def progress(self, description: str) -> Iterator[Callable[[int, int], None]]:
        """A progress bar: gives a function to be called with (done, of all)."""
        with console.progress() as bar:
            task = bar.add_task(description, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)


def in_order(trials: Sequence[Trial]) -> list[Trial]:
    """These trials and all that they need, each once, after what it needs.

    Raises:
        ValueError: Two trials have the same name.
    """
    ordered: dict[str, Trial] = {}

    def add(trial: Trial) -> None:
        for needed in trial.needs:
            add(needed)
        if ordered.setdefault(trial.name, trial) is not trial:
            raise ValueError(f"two trials are called {trial.name!r}; each must have its own name")

    for trial in trials:
        add(trial)
    return list(ordered.values())
