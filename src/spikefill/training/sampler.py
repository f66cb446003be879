"""Which samples a step sees: a function of the step alone, so that a resumed run sees the same batches.

Several processes share them out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.utils.data import Sampler

from spikefill.training.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spikefill.training.stages import Stages


class StepSampler(Sampler[list[int]]):
    """Batches of consecutive sample numbers: step s has those from s times the recipe's batch size.

    Args:
        batch_size: The recipe's, the largest of any stage.
        stages: Say how many of them each step takes.
        first: The first step.
        stop: One after the last step.
        world: The processes; each has its share of every batch.
    """

    def __init__(self, batch_size: int, stages: Stages, *, first: int, stop: int, world: World | None = None) -> None:
        self._batch_size = batch_size
        self._stages = stages
        self._steps = range(first, stop)
        self._world = world or World()

    def __len__(self) -> int:
        return len(self._steps)

    def __iter__(self) -> Iterator[list[int]]:
        for step in self._steps:
            start = step * self._batch_size
            yield list(range(start, start + self._stages.at(step).batch_size)[self._world.share])
