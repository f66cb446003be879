"""The spiking U-Net: its size, spikes in every step, normalisation over time, and that it learns."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from spikefill import data, models
from spikefill.degradation import HOLES, Degradation
from spikefill.models import Hybrid, SpikingUNet
from spikefill.models.spiking_unet import SpikingConvolution, ThresholdDependentNorm
from spikefill.training import load_recipe
from spikefill.training.losses import loss_per_image


def tiny(**arguments: Any) -> SpikingUNet:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return SpikingUNet(**{"width": 8, "widest": 16, "depth": 3, **arguments})


def seeded(*sizes: int, **arguments: int) -> SpikingConvolution:
    with torch.random.fork_rng():
        torch.manual_seed(8)
        return SpikingConvolution(*sizes, **arguments).eval()


def watched(model: nn.Module) -> dict[str, Tensor]:
    """What each spiking convolution's neurons gave last, T x N x C x H x W, filled as the network works."""
    seen: dict[str, Tensor] = {}
    for name, layer in model.named_modules():
        if isinstance(layer, SpikingConvolution):
            layer.neuron.register_forward_hook(lambda _, __, spikes, name=name: seen.__setitem__(name, spikes.detach()))
    return seen


def test_it_is_as_large_as_the_small_hybrid_network() -> None:
    with torch.device("meta"):
        sizes = [sum(weight.numel() for weight in kind().parameters()) for kind in (SpikingUNet, Hybrid)]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.01)
    recipe = load_recipe("spiking-unet-small")
    assert isinstance(models.create(**recipe.network), SpikingUNet)


def test_all_layers_pass_on_spikes_in_each_of_four_steps() -> None:
    model = tiny()
    seen = watched(model)
    image = torch.rand(2, 3, 40, 28, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        model(image, torch.zeros(2, 1, 40, 28))
    assert len(seen) == 3 + 3 + 2  # down, in the middle, up
    assert [tuple(seen[name].shape[-2:]) for name in ("entry", "encoder.0", "encoder.1", "decoder.1")] == [
        (20, 14), (10, 7), (5, 4), (20, 14)
    ]  # fmt: skip
    for name, spikes in seen.items():
        assert spikes.shape[:2] == (4, 2), name
        assert set(spikes.unique().tolist()) == {0.0, 1.0}, name
        assert not all(torch.equal(spikes[0], step) for step in spikes[1:]), name


def test_normalised_over_time_batch_and_pixels_to_the_threshold() -> None:
    norm = ThresholdDependentNorm(3, threshold=2.0, alpha=0.5)
    steps = torch.arange(4.0).view(4, 1, 1, 1, 1)  # a mean of its own for each step stays
    currents = steps + torch.randn(4, 2, 3, 8, 8, generator=torch.Generator().manual_seed(1)) * 3
    normalised = norm(currents.flatten(0, 1)).unflatten(0, (4, 2))
    mean, deviation = normalised.mean((0, 1, 3, 4)), normalised.std((0, 1, 3, 4), correction=0)
    torch.testing.assert_close(mean, torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(deviation, torch.ones(3))
    assert (normalised[3].mean() - normalised[0].mean()).item() == pytest.approx(3 / currents.std().item(), rel=0.2)


@torch.no_grad()
def test_a_layer_is_a_convolution_and_a_leaky_neuron_through_time() -> None:
    layer = seeded(2, 5, steps=3)
    layer.norm.bias.fill_(0.3)
    spikes = (torch.rand(3, 2, 2, 9, 7, generator=torch.Generator().manual_seed(4)) < 0.4).float()
    potential, expected = torch.zeros(2, 5, 9, 7), []
    for step in spikes:
        potential = 0.5 * potential + layer.norm(layer.convolution(step))
        expected.append((potential >= 1).float())
        potential = potential * (1 - expected[-1])
    assert (layer(spikes.flatten(0, 1)) == torch.cat(expected)).float().mean() > 0.999
    assert 0.05 < torch.cat(expected).mean() < 0.95


@torch.no_grad()
def test_an_image_is_a_constant_current() -> None:
    layer = seeded(4, 6, steps=4, kernel=5, stride=2)
    image = torch.randn(2, 4, 11, 16, generator=torch.Generator().manual_seed(6))
    assert (layer.of_constant(image) == layer(image.repeat(4, 1, 1, 1))).float().mean() > 0.999


@pytest.mark.parametrize("degradation", [HOLES, Degradation(25)])
def test_it_learns_and_neither_falls_silent_nor_always_fires(degradation: Degradation) -> None:
    samples = data.MaskedPhotographs(
        data.open_photographs("embedded", part="train"), size=32, length=120, degradation=degradation
    )
    model, loss = tiny(degradation=str(degradation)), load_recipe("spiking-unet-small").loss
    seen = watched(model)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for step in range(30):
        batch = [samples[index] for index in range(4 * step, 4 * step + 4)]
        masked, mask, target = (torch.stack([one[name] for one in batch]) for name in ("masked", "mask", "target"))
        value = loss_per_image(loss, model(masked, mask), target, mask).mean()
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        losses.append(value.item())
    assert sum(losses[-10:]) / 10 < sum(losses[:10]) / 10 - 0.1
    rates = {name: spikes.mean().item() for name, spikes in seen.items()}
    assert all(0.02 < rate < 0.6 for rate in rates.values()), rates
