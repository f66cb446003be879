"""Damaged photographs made on the device that trains: photographs and masks stay in its memory.

A GPU uses samples up faster than a few processes make them. Here a batch is a few gathers on the device. In exchange
the masks are drawn beforehand, and a photograph is reduced by a few fixed scales instead of any.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import torch

from spikefill import masks
from spikefill.data.noise import GREY_LEVELS
from spikefill.data.resizing import with_shorter_side
from spikefill.errors import InputError, UnreadableError
from spikefill.training.random_state import step_seed
from spikefill.training.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from spikefill.training.module import Batch
    from spikefill.training.recipe import Recipe
    from spikefill.training.stages import Stages

_LOG = logging.getLogger(__name__)

SCALES = tuple(2 ** (-third / 3) for third in range(7))
"""Scales at which a photograph is kept, where it is not smaller than a sample: from 1 to 1/4."""

_STREAM = 1
"""Of the random numbers that batches take, beside those of the network's noise."""


class ResidentPhotographs:
    """Photographs at several scales in the memory of a device, and random crops of them.

    Args:
        photographs: uint8 RGB arrays (H, W, 3).
        size: Side of the crops in pixels.
        shorter_side: Larger photographs are first reduced to this; smaller ones than a crop are enlarged to it.
        device: Where they are kept.

    A photograph whose pixels turn out to be damaged is reported to the log and left out.

    Raises:
        UnreadableError: The file of a photograph cannot be read.
        InputError: No photograph could be decoded.
    """

    def __init__(
        self, photographs: Sequence[NDArray[np.uint8]], *, size: int, shorter_side: int, device: torch.device
    ) -> None:
        self.size = size

        def scales_of(index: int) -> list[NDArray[np.uint8]]:
            try:
                return _at_scales(photographs[index], size, shorter_side)
            except UnreadableError:
                raise
            except InputError as error:
                _LOG.warning("%s; it is left out", error)
                return []

        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            scaled = [scales for scales in pool.map(scales_of, range(len(photographs))) if scales]
        if not scaled:
            raise InputError("no photograph could be decoded")
        pictures = [picture for scales in scaled for picture in scales]
        sides = torch.tensor([picture.shape[:2] for picture in pictures])
        self._pixels = torch.from_numpy(np.concatenate([picture.reshape(-1, 3) for picture in pictures])).to(device)
        self._numbers = torch.tensor([len(scales) for scales in scaled], device=device)
        self._firsts = self._numbers.cumsum(0) - self._numbers
        self._height, self._width = sides.to(device).unbind(1)
        areas = sides.prod(1).to(device)
        self._starts = areas.cumsum(0) - areas

    def crops(self, count: int, generator: torch.Generator, *, world: World | None = None) -> Tensor:
        """N x 3 x S x S, uint8: each a photograph, a scale, a place, and one of eight turns and flips.

        Args:
            count: How many are drawn.
            generator: What they are drawn by.
            world: Processes that share them out; None gives all.
        """
        device = self._pixels.device
        draws = torch.rand(5, count, generator=generator, device=device, dtype=torch.float64)
        draws = draws[:, (world or World()).share]
        photograph = _below(draws[0], torch.tensor(len(self._numbers), device=device))
        entry = self._firsts[photograph] + _below(draws[1], self._numbers[photograph])
        top = _below(draws[2], self._height[entry] - self.size + 1)
        left = _below(draws[3], self._width[entry] - self.size + 1)
        turns = _below(draws[4], torch.tensor(8, device=device))
        rows, columns = _turned(self.size, turns)
        start = self._starts[entry] + top * self._width[entry] + left
        index = start[:, None, None] + rows * self._width[entry][:, None, None] + columns
        return self._pixels[index].permute(0, 3, 1, 2)


class ResidentSamples:
    """The batches of a run's steps, each a function of (seed, step).

    Args:
        photographs: uint8 RGB arrays (H, W, 3), such as `data.Photographs`.
        recipe: Its ``data.resident_masks`` masks of each family are drawn beforehand; none where there is noise.
        stages: Size and number of the samples of each step.
        first: The first step.
        stop: One after the last step.
        device: Where samples are made.
        world: The processes; each has its share of every batch.
    """

    def __init__(
        self,
        photographs: Sequence[NDArray[np.uint8]],
        recipe: Recipe,
        stages: Stages,
        *,
        first: int,
        stop: int,
        device: torch.device,
        world: World | None = None,
    ) -> None:
        assert recipe.data.resident_masks is not None
        self._recipe = recipe
        self._stages = stages
        self._steps = range(first, stop)
        self._device = device
        self._world = world or World()
        sizes = {stage.size for stage in stages.all}
        self._photographs = {
            size: ResidentPhotographs(
                photographs, size=size, shorter_side=max(recipe.data.shorter_side, size), device=device
            )
            for size in sizes
        }
        self._sigma = recipe.degradation.sigma
        self._masks = {size: _drawn_masks(recipe, size).to(device) for size in sizes if self._sigma is None}

    def __len__(self) -> int:
        return len(self._steps)

    def __iter__(self) -> Iterator[Batch]:
        for step in self._steps:
            yield self.batch(step)

    def batch(self, step: int) -> Batch:
        """The samples of a step here: ``masked`` and ``target`` N x 3 x S x S, ``mask`` N x 1 x S x S; float32."""
        stage = self._stages.at(step)
        generator = torch.Generator(self._device)
        generator.manual_seed(step_seed(self._recipe.seed, step, _STREAM))
        crops = self._photographs[stage.size].crops(stage.batch_size, generator, world=self._world)
        target = crops.float().div_(255)
        if self._sigma is not None:
            shape = (stage.batch_size, *target.shape[1:])
            noise = torch.randn(shape, generator=generator, device=self._device)[self._world.share]
            noisy = target.add(noise, alpha=self._sigma / GREY_LEVELS)
            return {"masked": noisy, "mask": torch.ones_like(target[:, :1]), "target": target}
        drawn = self._masks[stage.size]
        which, turns = (
            torch.randint(below, (stage.batch_size,), generator=generator, device=self._device)[self._world.share]
            for below in (len(drawn), 8)
        )
        rows, columns = _turned(stage.size, turns)
        mask = drawn[which[:, None, None], rows, columns].unsqueeze(1)
        return {"masked": target.masked_fill(mask, 0.0), "mask": mask.float(), "target": target}


def _drawn_masks(recipe: Recipe, size: int) -> Tensor:
    """Masks of all families of a recipe, M x S x S, bool; a family that is named twice gets others each time."""
    count = recipe.data.resident_masks or 0
    drawn = [
        masks.sample(family, size, seed=recipe.seed, index=number * count + index)
        for number, family in enumerate(recipe.data.families)
        for index in range(count)
    ]
    return torch.from_numpy(np.stack(drawn))


def _at_scales(photograph: NDArray[np.uint8], size: int, shorter_side: int) -> list[NDArray[np.uint8]]:
    """A photograph from its largest scale down to the last that is not smaller than a sample."""
    largest = min(max(min(photograph.shape[:2]), size), shorter_side)
    return [with_shorter_side(photograph, side) for scale in SCALES if (side := round(largest * scale)) >= size]


def _below(draws: Tensor, bounds: Tensor) -> Tensor:
    """Whole numbers from 0 to below the bounds, out of random numbers in [0, 1)."""
    return torch.minimum((draws * bounds).long(), bounds - 1)


def _turned(size: int, turns: Tensor) -> tuple[Tensor, Tensor]:
    """The rows and columns, N x S x S each, that turn a square as numbers from 0 to 7 say: 0 not at all."""
    places = torch.arange(size, device=turns.device)
    rows, columns = places[None, :, None], places[None, None, :]
    swapped, upset, mirrored = ((turns[:, None, None] >> bit & 1).bool() for bit in range(3))
    rows, columns = torch.where(swapped, columns, rows), torch.where(swapped, rows, columns)
    return torch.where(upset, size - 1 - rows, rows), torch.where(mirrored, size - 1 - columns, columns)
