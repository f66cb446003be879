"""The loss for texture: what it measures, and that it sees what squared differences do not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from spikefill.training.losses import loss_over_levels, loss_per_image
from spikefill.training.recipe import LossSettings
from spikefill.training.texture import contrasts, texture_difference


def noise(amplitude: float, seed: int) -> Tensor:
    return 0.5 + amplitude * torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(seed))


def hole(*where: slice) -> Tensor:
    mask = torch.zeros(2, 1, 64, 64)
    mask[:, :, *where] = 1
    return mask


CENTRE = hole(slice(16, 48), slice(16, 48))


def test_the_contrast_of_stripes_is_found_across_them_and_in_their_octave() -> None:
    row = torch.arange(64)
    fine, coarse = ((row // width % 2).float().expand(1, 1, 64, 64) for width in (1, 4))
    nothing = pytest.approx(0.01, abs=1e-6)
    for turned in (False, True):
        across, along = (1, 0) if turned else (0, 1)
        of_fine, of_coarse = (
            [
                [float(part[..., 4:-4, 4:-4].mean()) for part in pair]
                for pair in contrasts(stripes.mT if turned else stripes)
            ]
            for stripes in (fine, coarse)
        )
        assert of_fine[0][across] == pytest.approx(1, abs=0.01)
        assert [pair[across] for pair in of_fine[1:]] == [nothing, nothing]
        assert of_coarse[2][across] > of_coarse[1][across] > of_coarse[0][across] > 0.4
        assert [pair[along] for pair in (*of_fine, *of_coarse)] == [nothing] * 6


def test_a_surface_has_none() -> None:
    surface = torch.full((1, 3, 32, 48), 0.3)
    assert all(torch.allclose(part, torch.tensor(0.01)) for pair in contrasts(surface) for part in pair)
    assert [tuple(pair[0].shape[-2:]) for pair in contrasts(surface)] == [(32, 48), (16, 24), (8, 12)]


def test_stripes_are_not_taken_for_noise_of_their_contrast() -> None:
    target = noise(0.1, 1)
    stripes = (0.5 + 0.15 * (torch.arange(64) % 2 * 2.0 - 1))[:, None].expand(2, 3, 64, 64)
    unlike, like = (texture_difference(other, target, CENTRE) for other in (stripes, noise(0.1, 2)))
    assert (unlike > 3 * like).all()


def test_other_noise_of_the_same_strength_is_nearer_than_a_smooth_fill() -> None:
    """Which is the other way round for squared differences."""
    target, like, smooth = noise(0.1, 1), noise(0.1, 2), torch.full((2, 3, 64, 64), 0.5)
    assert (texture_difference(like, target, CENTRE) < 0.3 * texture_difference(smooth, target, CENTRE)).all()
    mse = LossSettings(name="mse", region="hole")
    assert (loss_per_image(mse, like, target, CENTRE) > 1.8 * loss_per_image(mse, smooth, target, CENTRE)).all()


def test_what_is_restored_outside_of_the_hole_does_not_count() -> None:
    target, restored = noise(0.1, 1), noise(0.1, 2)
    elsewhere = torch.where(CENTRE > 0, restored, torch.rand(2, 3, 64, 64))
    assert torch.equal(texture_difference(elsewhere, target, CENTRE), texture_difference(restored, target, CENTRE))
    assert torch.equal(texture_difference(elsewhere, target, torch.zeros(2, 1, 64, 64)), torch.zeros(2))


def test_it_is_added_with_its_weight_to_the_finest_image_alone() -> None:
    target, restored = noise(0.1, 1), noise(0.1, 2)
    plain, textured = (LossSettings(name="log_mse", region="hole", coarser=0.5, texture=t) for t in (None, 2.0))
    added = 2 * (texture_difference(restored, target, CENTRE) + 1e-3).log()
    half = torch.nn.functional.avg_pool2d(restored, 2)
    for levels, finest, difference in (([restored, half], 0, added), ([half], 1, torch.zeros(2))):
        with_texture, without = (
            loss_over_levels(settings, levels, target, CENTRE, finest=finest) for settings in (textured, plain)
        )
        torch.testing.assert_close(with_texture - without, difference, rtol=1e-5, atol=1e-5)


def test_its_gradient_is_finite_on_a_plain_surface() -> None:
    restored = torch.full((2, 3, 64, 64), 0.5, requires_grad=True)
    texture_difference(restored, torch.full((2, 3, 64, 64), 0.5), CENTRE).sum().backward()
    assert restored.grad is not None
    assert torch.isfinite(restored.grad).all()
