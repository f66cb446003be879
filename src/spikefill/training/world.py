"""The processes that train one network together: who they are, and what they tell each other.

`torchrun` starts them, on one machine or on several. Small messages travel between processors (gloo), whatever trains.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from spikefill.errors import InputError

_LONGEST_WAIT = timedelta(hours=1)
"""For the other processes, such as while the first one validates."""

Made = TypeVar("Made")


class RefusedByFirstError(InputError):
    """The first process found the call wrong, and says so; this one ends with it."""


class PeerLostError(RuntimeError):
    """Another process of the run has ended, and so must this one."""


@dataclass(frozen=True)
class World:
    """The processes of a run, and this one among them.

    Attributes:
        rank: Number of this process, from 0; the first one writes files and speaks for all.
        size: How many processes there are.
        local_rank: Number of this process on its machine, from 0; that of its GPU.
        local_size: How many processes this machine has; as many as every other one.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and speaks for all."""
        return self.rank == 0

    @property
    def share(self) -> slice:
        """Which items of what the processes share out are this one's: every ``size``-th."""
        return slice(self.rank, None, self.size)

    def from_first(self, make: Callable[[], Made]) -> Made:
        """What ``make`` gives in the first process, in all of them.

        Raises:
            InputError: ``make`` raised it in the first process.
            RefusedByFirstError: That, in the others.
        """
        if self.size == 1:
            return make()
        answer: list[Any] = [None, None]
        refusal: InputError | None = None
        if self.is_first:
            try:
                answer[0] = make()
            except InputError as error:
                refusal, answer[1] = error, str(error)
        dist.broadcast_object_list(answer, src=0)
        if refusal is not None:
            raise refusal
        if answer[1] is not None:
            raise RefusedByFirstError(answer[1])
        made: Made = answer[0]
        return made

    def check_shares(self, batch_size: int) -> None:
        """Raises `InputError` unless every process has a sample of so small a batch."""
        if batch_size < self.size:
            raise InputError(
                f"batch_size is {batch_size}, the samples of a step of all {self.size} processes; "
                f"it must be at least {self.size}"
            )

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process."""
        return self.largest(float(flag)) > 0

    def largest(self, value: float) -> float:
        """The largest of the processes' values."""
        return self._reduced(value, dist.ReduceOp.MAX)

    def mean(self, value: float) -> float:
        """The mean of the processes' values."""
        return self._reduced(value, dist.ReduceOp.SUM) / self.size

    def average_gradients(self, weights: Iterable[Tensor]) -> None:
        """Replaces each gradient that there is by its mean over the processes."""
        if self.size == 1:
            return
        for weight in weights:
            if weight.grad is not None:
                dist.all_reduce(weight.grad)
                weight.grad.div_(self.size)

    def gathered(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The whole batch of a step out of the processes' shares, in the first process; in the others their share."""
        if self.size == 1:
            return batch
        device = next(iter(batch.values())).device
        shares: list[Any] | None = [None] * self.size if self.is_first else None
        dist.gather_object({name: part.cpu() for name, part in batch.items()}, shares, dst=0)
        if shares is None:
            return batch
        return {name: torch.cat([share[name] for share in shares]).to(device) for name in batch}

    def copy_first(self, tensors: Iterable[Tensor]) -> None:
        """Makes the tensors of all processes those of the first."""
        if self.size > 1:
            with torch.no_grad():
                for tensor in tensors:
                    dist.broadcast(tensor, src=0)

    def _reduced(self, value: float, operation: Any) -> float:
        if self.size == 1:
            return value
        held = torch.tensor(value, dtype=torch.float64)
        dist.all_reduce(held, op=operation)
        return float(held)


def is_first_process() -> bool:
    """Whether this process is the one that speaks for the run: the only one, or `torchrun`'s first."""
    return not _launched_together() or int(os.environ["RANK"]) == 0


def is_lost_peer(error: RuntimeError) -> bool:
    """Whether an error says that another process could not be reached."""
    return isinstance(error, dist.DistError) or "gloo" in str(error)


@contextmanager
def joined() -> Iterator[World]:
    """The processes that `torchrun` started, connected inside the block; elsewhere this process alone.

    A process group that exists already is used, and left as it is.

    Raises:
        PeerLostError: Another process has ended before this one was done.
    """
    if not _launched_together():
        yield World()
        return
    rank, size, local_rank, local_size = (
        int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    )
    ours = not dist.is_initialized()
    try:
        if ours:
            on_gpus = torch.cuda.is_available() and dist.is_nccl_available()
            dist.init_process_group("cpu:gloo,cuda:nccl" if on_gpus else "gloo", timeout=_LONGEST_WAIT)
        yield World(rank, size, local_rank, local_size)
    except RuntimeError as error:
        if is_lost_peer(error):
            raise PeerLostError("another process of the run has ended, and this one ends with it") from error
        raise
    finally:
        if ours and dist.is_initialized():
            dist.destroy_process_group()


def _launched_together() -> bool:
    """Whether `torchrun` started this process and others."""
    return dist.is_available() and dist.is_torchelastic_launched() and int(os.environ["WORLD_SIZE"]) > 1
