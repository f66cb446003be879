"""From photographs to batches: the training loader and the fixed samples of validation."""

from __future__ import annotations

import multiprocessing
import platform
import signal
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader, Dataset

from spikefill import data
from spikefill.cli import console
from spikefill.errors import InputError
from spikefill.training.resident import ResidentSamples
from spikefill.training.sampler import StepSampler
from spikefill.training.stages import Stages
from spikefill.training.validation import FixedSamples
from spikefill.training.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from spikefill.training.module import Batch
    from spikefill.training.recipe import Recipe

_EVALUATION_SEED = 1 << 31
"""Of the masks of validation samples: the same whatever the run's seed, so that runs can be compared."""


_CACHE_BYTES = 4 << 30
"""How many bytes of decoded photographs the processes of a machine keep together."""

_LARGEST_CACHE = 1 << 30
"""The most that one process keeps for one size of samples."""


class Splits:
    """The photographs of both splits.

    Args:
        train: Sources of the training split: folders, or ``embedded`` for its training part.
        val: Source of the validation split: a folder, or ``embedded`` for its validation part.

    Raises:
        InputError: A source is missing or holds no usable photograph.
    """

    def __init__(self, train: Sequence[str], val: str) -> None:
        self.train = data.open_photographs(list(train), part="train", on_problem=_say)
        self.val = data.open_photographs(val, part="val", on_problem=_say)
        if self.train.greyscale:
            console.note(f"{len(self.train.greyscale)} training photographs are greyscale: used with equal channels")

    def check_reachable(self) -> None:
        """Raises `InputError` where this machine lacks the photographs that another one has found."""
        for photographs in (self.train, self.val):
            if not photographs.files[0].exists():
                raise InputError(
                    f"{photographs.files[0]} is not there on {platform.node()}; every machine must reach the "
                    "photographs by the same path"
                )

    def training_loader(
        self,
        recipe: Recipe,
        *,
        first: int,
        stop: int,
        total_steps: int,
        device: torch.device,
        world: World | None = None,
    ) -> Iterable[Batch]:
        """This process's share of the batches of steps ``first`` to ``stop``.

        A whole batch is a function of (seed, step) alone, whatever the workers and the processes.
        """
        settings, stages = recipe.data, Stages(recipe, total_steps)
        if settings.resident_masks is not None:
            drawn = 0 if recipe.degradation.is_noise else settings.resident_masks * len(settings.families)
            console.note(f"{len(self.train)} photographs and {drawn} masks go into the memory of {device}")
            return ResidentSamples(self.train, recipe, stages, first=first, stop=stop, device=device, world=world)
        sizes = {stage.size for stage in stages.all}
        caches = len(sizes) * max(1, settings.workers) * (world or World()).local_size
        sized = {
            size: data.MaskedPhotographs(
                self.train,
                size=size,
                families=settings.families,
                seed=recipe.seed,
                length=stages.samples(stop).start,
                augment=settings.augment,
                order=settings.order or ("epochs" if self.train.sharded else "random"),
                shorter_side=max(settings.shorter_side, *sizes),
                cache_bytes=min(_LARGEST_CACHE, _CACHE_BYTES // caches),
                mask_size=settings.mask_size,
                degradation=recipe.degradation,
            )
            for size in sizes
        }
        options: dict[str, Any] = {}
        if settings.workers:
            options = {
                "worker_init_fn": _start_worker,
                "multiprocessing_context": _start_method(),
                "prefetch_factor": 4,
            }
        return DataLoader(
            _Staged(sized, stages),
            batch_sampler=StepSampler(stages, first=first, stop=stop, world=world),
            num_workers=settings.workers,
            pin_memory=device.type == "cuda",
            generator=torch.Generator(),  # its own: torch's global generator belongs to the network's noise
            **options,
        )

    def fixed_samples(self, recipe: Recipe, *, world: World | None = None) -> tuple[FixedSamples, FixedSamples]:
        """Samples of the training and the validation split, made alike and without augmentation.

        Of several processes the first alone validates; the others get none.
        """
        size = recipe.validation.size or recipe.data.size
        train, val = (
            FixedSamples(
                data.MaskedPhotographs(
                    spread(photographs, recipe.validation.count),
                    size=size,
                    families=recipe.data.families,
                    seed=_EVALUATION_SEED,
                    length=recipe.validation.count,
                    augment=False,
                    shorter_side=max(recipe.data.shorter_side, size),
                    degradation=recipe.degradation,
                ),
                count=recipe.validation.count if (world or World()).is_first else 0,
                batch_size=recipe.batch_size,
            )
            for photographs in (self.train, self.val)
        )
        return train, val


class _Staged(Dataset[dict[str, torch.Tensor]]):
    """The data set of each sample's stage.

    Args:
        sized: A data set for each size.
        stages: Say which size a sample has.
    """

    def __init__(self, sized: dict[int, data.MaskedPhotographs], stages: Stages) -> None:
        self._sized = sized
        self._stages = stages

    def __len__(self) -> int:
        return len(next(iter(self._sized.values())))

    def __getitem__(self, index: int) -> Batch:
        return self._sized[self._stages.of_sample(index).size][index]


def spread(photographs: data.Photographs, count: int) -> data.Photographs:
    """``count`` photographs evenly spaced over all of them: neighbours in a folder are often alike."""
    total = len(photographs)
    if total <= count:
        return photographs
    return photographs.subset([index * total // count for index in range(count)])


def _say(path: Path, problem: str) -> None:
    console.note(f"{path}: {problem}")


def _start_method() -> str:
    """A forked worker would inherit the locks of the parent's threads (OpenCV's, OpenMP's) in any state."""
    return "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


def _start_worker(worker: int) -> None:
    """Ctrl-C reaches every process of a terminal: the workers leave it to the main one, which ends them."""
    import cv2

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
