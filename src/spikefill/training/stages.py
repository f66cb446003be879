"""Which samples a run has at which step: its stages, counted in steps and in samples."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spikefill.training.recipe import Recipe


@dataclass(frozen=True)
class Stage:
    """A part of a run.

    Attributes:
        first: Its first step.
        first_sample: The number of that step's first sample.
        size: Side of its samples in pixels.
        batch_size: Samples a step.
        finest: The finest level of the network that is computed.
    """

    first: int
    first_sample: int
    size: int
    batch_size: int
    finest: int


class Stages:
    """The stages of a run of so many steps; a recipe without any has one.

    Args:
        recipe: Whose stages.
        total_steps: Length of the whole run.
    """

    def __init__(self, recipe: Recipe, total_steps: int) -> None:
        stages: list[Stage] = []
        first = first_sample = 0
        for part, end in zip(recipe.parts, accumulate(part.share for part in recipe.parts), strict=True):
            batch_size = part.batch_size or recipe.batch_size
            stages.append(Stage(first, first_sample, part.size, batch_size, part.finest))
            steps = round(end * total_steps) - first
            first, first_sample = first + steps, first_sample + steps * batch_size
        self.all = tuple(stages)

    def at(self, step: int) -> Stage:
        """The stage of a step, counted from 0."""
        return self.all[bisect_right(self.all, step, key=attrgetter("first")) - 1]

    def of_sample(self, number: int) -> Stage:
        """The stage of a sample, counted from 0."""
        return self.all[bisect_right(self.all, number, key=attrgetter("first_sample")) - 1]

    def samples(self, step: int) -> range:
        """The numbers of a step's samples: they go on from those of the step before."""
        stage = self.at(step)
        start = stage.first_sample + (step - stage.first) * stage.batch_size
        return range(start, start + stage.batch_size)
