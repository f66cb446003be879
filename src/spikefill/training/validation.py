"""Losses of both splits, measured in the same mode: no noise, no augmentation, fixed samples."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from spikefill.training.losses import loss_per_image, psnr_over_hole

if TYPE_CHECKING:
    from torch.utils.data import Dataset

    from spikefill.training.module import Batch
    from spikefill.training.recipe import Recipe


@dataclass(frozen=True)
class Measured:
    """What a validation found.

    Attributes:
        train: The recipe's loss over the training split's samples.
        val: The same over the validation split's.
        psnr: Mean over the validation samples of the PSNR over the hole, or over a noisy image, in dB.
        restored: The network's output for the first validation samples, N x 3 x H x W, on the CPU.
    """

    train: float
    val: float
    psnr: float
    restored: Tensor


class FixedSamples:
    """The first samples of a data set, made once and kept in memory, as batches.

    Args:
        dataset: Gives ``masked``, ``mask`` and ``target`` for an index.
        count: Samples.
        batch_size: Samples a batch.
    """

    def __init__(self, dataset: Dataset[Batch], *, count: int, batch_size: int) -> None:
        samples = [dataset[index] for index in range(count)]
        self.batches: list[Batch] = [
            {name: torch.stack([sample[name] for sample in part]) for name in ("masked", "mask", "target")}
            for part in (samples[start : start + batch_size] for start in range(0, count, batch_size))
        ]

    def first(self, count: int) -> Batch:
        """The first samples as one batch."""
        return {name: torch.cat([batch[name] for batch in self.batches])[:count] for name in self.batches[0]}


class Validation:
    """Measures a network on fixed samples of both splits.

    Args:
        recipe: Its loss, precision, memory layout and number of pictures.
        train: Samples of the training split.
        val: Samples of the validation split.
        device: Where the network is.
    """

    def __init__(self, recipe: Recipe, train: FixedSamples, val: FixedSamples, device: torch.device) -> None:
        self.recipe = recipe
        self.train = train
        self.val = val
        self.device = device
        self.seconds = 0.0

    def measure(self, model: nn.Module) -> Measured:
        """Both splits' losses; the model's mode and torch's random state are left as they were."""
        start = time.perf_counter()
        was_training = model.training
        model.eval()
        try:
            with torch.inference_mode():
                train, _, _ = self._over(model, self.train)
                val, psnr, restored = self._over(model, self.val)
        finally:
            model.train(was_training)
        self.seconds = time.perf_counter() - start
        return Measured(train, val, psnr, restored)

    def _over(self, model: nn.Module, samples: FixedSamples) -> tuple[float, float, Tensor]:
        losses: list[Tensor] = []
        psnrs: list[Tensor] = []
        outputs: list[Tensor] = []
        for batch in samples.batches:
            masked, mask, target = (batch[name].to(self.device) for name in ("masked", "mask", "target"))
            if self.recipe.channels_last:
                masked = masked.contiguous(memory_format=torch.channels_last)
            with autocast(self.recipe, self.device):
                restored = model(masked, mask)
            losses.append(loss_per_image(self.recipe.loss, restored, target, mask).double())
            psnrs.append(psnr_over_hole(restored, target, mask).double())
            if sum(len(output) for output in outputs) < self.recipe.validation.pictures:
                outputs.append(restored.float().cpu())
        pictures = torch.cat(outputs)[: self.recipe.validation.pictures]
        return float(torch.cat(losses).mean()), float(torch.cat(psnrs).mean()), pictures


def autocast(recipe: Recipe, device: torch.device) -> torch.autocast:
    """The context of the recipe's precision."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=recipe.precision == "bfloat16")
