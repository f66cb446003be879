"""Losses and the schedule of the learning rate: small pure functions of tensors and settings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch.nn.functional as F

from spikefill.training.texture import texture_difference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from spikefill.training.recipe import LossSettings, ScheduleSettings

_SMALLEST_ERROR = 1e-5
"""Added to a mean squared error before its logarithm: 50 dB are good enough."""
_SMALLEST_CONTRAST = 1e-3
"""Added to a difference of contrasts before its logarithm."""


def loss_per_image(settings: LossSettings, restored: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """The loss of each image.

    Args:
        settings: Which difference, over which region, and how much texture counts.
        restored: The network's output, N x 3 x H x W, neither clipped nor composited.
        target: The photographs, N x 3 x H x W in [0, 1].
        mask: N x 1 x H x W, 1 in the holes.

    Returns:
        N values; for the region ``hole`` the difference over pixels with a hole, divided by the holes' area.
    """
    loss = _difference(settings, restored, target, mask)
    if settings.texture is not None:
        loss = loss + settings.texture * (texture_difference(restored, target, mask) + _SMALLEST_CONTRAST).log()
    return loss


def _difference(settings: LossSettings, restored: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """The loss but for the texture; the mask may have parts of pixels, as coarser levels do."""
    difference = restored.float() - target
    error = difference.abs() if settings.name == "l1" else difference.square()
    if settings.region == "whole":
        mean = error.mean(dim=(1, 2, 3))
    else:
        mean = (error * (mask > 0)).sum(dim=(1, 2, 3)) / (3 * mask.sum(dim=(1, 2, 3))).clamp(min=1)
    return (mean + _SMALLEST_ERROR).log() if settings.name == "log_mse" else mean


def loss_over_levels(
    settings: LossSettings, restored: Sequence[Tensor], target: Tensor, mask: Tensor, *, finest: int = 0
) -> Tensor:
    """The loss of each image over the levels of a pyramid, whose pixels are means of 2 x 2 of the finer level's.

    Args:
        settings: As above; ``coarser`` is the weight of each level but the first. Texture counts in the image itself.
        restored: The images of level ``finest`` and of the coarser ones, as a network's ``levels`` gives them.
        target: The photographs, N x 3 x H x W in [0, 1]; H and W are multiples of the coarsest level's pixels.
        mask: N x 1 x H x W, 1 in holes.
        finest: The first image's level.

    Returns:
        N values.
    """
    total = target.new_zeros(len(target))
    for number, image in enumerate(restored):
        level = finest + number
        if level == 0:
            total = total + loss_per_image(settings, image, target, mask)
            continue
        truth, hole = (F.avg_pool2d(part, 1 << level) for part in (target, mask))
        total = total + _difference(settings, image, truth, hole) * (1.0 if number == 0 else settings.coarser or 0.0)
    return total


def psnr_over_hole(restored: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """PSNR over each image's hole in dB, of the output clipped to [0, 1]; shapes as above.

    Of a noisy image the mask is 1 everywhere, and it is that over the whole.

    Mean squared errors below 1e-10 count as that (100 dB), so that a mean over images stays finite.
    """
    error = (restored.float().clamp(0, 1) - target).square() * mask
    mse = error.sum(dim=(1, 2, 3)) / (3 * mask.sum(dim=(1, 2, 3))).clamp(min=1)
    return -10 * mse.clamp(min=1e-10).log10()


def learning_rate_factor(settings: ScheduleSettings, step: int, total_steps: int) -> float:
    """The learning rate's factor at ``step`` (from 0): a linear rise, then what the schedule's name says."""
    if step < settings.warmup_steps:
        return (step + 1) / (settings.warmup_steps + 1)
    if settings.name == "constant":
        return 1.0
    if settings.name == "trapezoid":
        return min(1.0, (total_steps - step) / max(1.0, settings.decay * total_steps))
    progress = (step - settings.warmup_steps) / max(1, total_steps - settings.warmup_steps)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
