"""Which samples a step sees: a function of the step alone, so that a resumed run sees the same batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.utils.data import Sampler

if TYPE_CHECKING:
    from collections.abc import Iterator


class StepSampler(Sampler[list[int]]):
    """Batches of consecutive sample numbers: step s has those from s times the batch size.

    Args:
        batch_size: Samples a step.
        first: The first step.
        stop: One after the last step.
    """

    def __init__(self, batch_size: int, *, first: int, stop: int) -> None:
        self._batch_size = batch_size
        self._steps = range(first, stop)

    def __len__(self) -> int:
        return len(self._steps)

    def __iter__(self) -> Iterator[list[int]]:
        for step in self._steps:
            yield list(range(step * self._batch_size, (step + 1) * self._batch_size))
