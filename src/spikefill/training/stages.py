"""Which samples a run has at which step: its stages, counted in steps."""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spikefill.training.recipe import Recipe


@dataclass(frozen=True)
class Stage:
    """A part of a run.

    Attributes:
        first: Its first step.
        size: Side of its samples in pixels.
        batch_size: Samples a step.
        finest: The finest level of the network that is computed.
    """

    first: int
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
        ends = accumulate(part.share for part in recipe.parts)
        firsts = [0, *(round(end * total_steps) for end in ends)]
        self.all = tuple(
            Stage(first, part.size, part.batch_size or recipe.batch_size, part.finest)
            for first, part in zip(firsts, recipe.parts, strict=False)
        )
        self._firsts = [stage.first for stage in self.all]

    def at(self, step: int) -> Stage:
        """The stage of a step, counted from 0."""
        return self.all[max(0, bisect.bisect_right(self._firsts, step) - 1)]
