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
    """Batches of consecutive sample numbers.

    Args:
        stages: Say which each step has.
        first: The first step.
        stop: One after the last step.
        world: The processes; each has its share of every batch.
    """

    def __init__(self, stages: Stages, *, first: int, stop: int, world: World | None = None) -> None:
        self._stages = stages
        self._steps = range(first, stop)
        self._world = world or World()

    def __len__(self) -> int:
        return len(self._steps)

    def __iter__(self) -> Iterator[list[int]]:
        for step in self._steps:
            yield list(self._stages.samples(step)[self._world.share])
