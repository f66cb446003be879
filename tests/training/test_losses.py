from __future__ import annotations

import math

import pytest
import torch

from spikefill.training.losses import learning_rate_factor, loss_over_levels, loss_per_image, psnr_over_hole
from spikefill.training.recipe import LossSettings, ScheduleSettings

TARGET = torch.zeros(2, 3, 2, 2)
MASK = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]], [[[0.0, 0.0], [0.0, 0.0]]]])
RESTORED = torch.full((2, 3, 2, 2), 0.1)
RESTORED[:, :, 0, 0] = -0.5


@pytest.mark.parametrize(
    ("name", "region", "first", "second"),
    [
        ("mse", "whole", (0.25 + 3 * 0.01) / 4, (0.25 + 3 * 0.01) / 4),
        ("l1", "whole", (0.5 + 3 * 0.1) / 4, (0.5 + 3 * 0.1) / 4),
        ("mse", "hole", 0.25, 0.0),
        ("l1", "hole", 0.5, 0.0),
        ("log_mse", "hole", math.log(0.25 + 1e-5), math.log(1e-5)),
        ("log_mse", "whole", math.log(0.07 + 1e-5), math.log(0.07 + 1e-5)),
    ],
)
def test_losses_by_hand(name: str, region: str, first: float, second: float) -> None:
    settings = LossSettings.model_validate({"name": name, "region": region})
    found = loss_per_image(settings, RESTORED, TARGET, MASK)
    torch.testing.assert_close(found, torch.tensor([first, second]))


def test_the_loss_over_levels_by_hand() -> None:
    """A hole of 3 pixels in 4: its error of 0.2 is one of 0.15 in the coarser pixel, whose hole has an area of 0.75."""
    target = torch.full((1, 3, 4, 4), 0.5)
    mask = torch.zeros(1, 1, 4, 4)
    mask[..., 0, 0] = mask[..., 0, 1] = mask[..., 1, 0] = 1
    fine, coarse = target + 0.2 * mask, torch.nn.functional.avg_pool2d(target + 0.2 * mask, 2)
    settings = LossSettings(name="mse", region="hole", coarser=0.5)
    found = loss_over_levels(settings, [fine, coarse], target, mask)
    torch.testing.assert_close(found, torch.tensor([0.04 + 0.5 * 3 * 0.15**2 / (3 * 0.75)]))
    torch.testing.assert_close(
        loss_over_levels(settings, [coarse], target, mask, finest=1), torch.tensor([3 * 0.15**2 / (3 * 0.75)])
    )


def test_psnr_is_over_the_hole_of_the_clipped_output() -> None:
    found = psnr_over_hole(torch.where(MASK > 0, 0.1, RESTORED), TARGET, MASK)
    torch.testing.assert_close(found[0], torch.tensor(20.0))
    clipped = psnr_over_hole(RESTORED, TARGET, MASK)
    torch.testing.assert_close(clipped[0], torch.tensor(100.0))  # -0.5 is clipped to the target's 0


@pytest.mark.parametrize(
    ("name", "warmup", "step", "factor"),
    [
        ("constant", 0, 0, 1.0),
        ("constant", 0, 99, 1.0),
        ("constant", 4, 0, 0.2),
        ("constant", 4, 3, 0.8),
        ("constant", 4, 4, 1.0),
        ("cosine", 0, 0, 1.0),
        ("cosine", 0, 50, 0.5),
        ("cosine", 20, 60, 0.5),
        ("cosine", 20, 19, 20 / 21),
        ("cosine", 0, 100, 0.0),
        ("trapezoid", 0, 74, 1.0),
        ("trapezoid", 0, 90, 0.4),
        ("trapezoid", 4, 0, 0.2),
        ("trapezoid", 0, 100, 0.0),
    ],
)
def test_schedule_by_hand(name: str, warmup: int, step: int, factor: float) -> None:
    settings = ScheduleSettings.model_validate({"name": name, "warmup_steps": warmup})
    assert math.isclose(learning_rate_factor(settings, step, 100), factor, abs_tol=1e-12)
