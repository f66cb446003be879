"""What an experiment is: a question, settings at full and at toy size, trials, and what follows from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from spikefill.reproduce.findings import Findings
from spikefill.reproduce.trials import Done, Trial
from spikefill.training.recipe import Settings

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True)
class Experiment(Generic[S]):
    """An experiment that anyone runs again with one command.

    Attributes:
        name: As the command line has it.
        title: A few words.
        question: What is asked, in a sentence or two.
        objections: Numbers of the objections that it answers.
        full: Settings for a night or a GPU.
        quick: The same at toy size, whose figures mean nothing.
        trials: The work; what these need is done before them.
        findings: What follows, from the settings and from what became of every trial, by name.
    """

    name: str
    title: str
    question: str
    objections: tuple[int, ...]
    full: S
    quick: S
    trials: Callable[[S], Sequence[Trial]]
    findings: Callable[[S, Mapping[str, Done]], Findings]
