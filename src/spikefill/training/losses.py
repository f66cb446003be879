"""Losses and the schedule of the learning rate: small pure functions of tensors and settings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from spikefill.training.recipe import LossSettings, ScheduleSettings


def loss_per_image(settings: LossSettings, restored: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """The loss of each image.

    Args:
        settings: Which difference, over which region.
        restored: The network's output, N x 3 x H x W, neither clipped nor composited.
        target: The photographs, N x 3 x H x W in [0, 1].
        mask: N x 1 x H x W, 1 in holes.

    Returns:
        N values; for the region ``hole`` the mean over hole pixels, 0 where there are none.
    """
    difference = restored.float() - target
    error = difference.square() if settings.name == "mse" else difference.abs()
    if settings.region == "whole":
        return error.mean(dim=(1, 2, 3))
    return (error * mask).sum(dim=(1, 2, 3)) / (3 * mask.sum(dim=(1, 2, 3))).clamp(min=1)


def psnr_over_hole(restored: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """PSNR over each image's hole in dB, of the output clipped to [0, 1]; shapes as above.

    Mean squared errors below 1e-10 count as that (100 dB), so that a mean over images stays finite.
    """
    error = (restored.float().clamp(0, 1) - target).square() * mask
    mse = error.sum(dim=(1, 2, 3)) / (3 * mask.sum(dim=(1, 2, 3))).clamp(min=1)
    return -10 * mse.clamp(min=1e-10).log10()


def learning_rate_factor(settings: ScheduleSettings, step: int, total_steps: int) -> float:
    """The learning rate's factor at ``step`` (from 0): a linear rise, then 1 or half a cosine to 0."""
    if step < settings.warmup_steps:
        return (step + 1) / (settings.warmup_steps + 1)
    if settings.name == "constant":
        return 1.0
    progress = (step - settings.warmup_steps) / max(1, total_steps - settings.warmup_steps)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
