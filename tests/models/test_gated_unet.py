"""Gated convolutions by hand, and the size of what passes them at first."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from spikefill.models.gated_unet import _PASSED, GatedConvolution, GatedConvUNet


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2.0, 7.0 / (1 + math.exp(-0.5))),  # features 3 * 2 + 1, gate 2 - 1.5
        (-1.0, (math.exp(-2) - 1) / (1 + math.exp(2.5))),  # features 3 * -1 + 1, below zero
    ],
)
def test_gating_by_hand(value: float, expected: float) -> None:
    layer = GatedConvolution(1, 1, kernel=1)
    with torch.no_grad():
        layer.convolution.weight.copy_(torch.tensor([3.0, 1.0]).reshape(2, 1, 1, 1))
        layer.convolution.bias.copy_(torch.tensor([1.0, -1.5]))
        assert layer(torch.full((1, 1, 1, 1), value)).item() == pytest.approx(expected, rel=1e-6)


def test_the_first_half_of_the_channels_are_features_and_each_has_its_own_gate() -> None:
    layer = GatedConvolution(2, 3)
    image = torch.randn(1, 2, 5, 6, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        layer.convolution.bias[3:] = torch.tensor([-100.0, 0.0, 100.0])
        layer.convolution.weight[3:] = 0
        output = layer(image)
        features = nn.functional.elu(nn.functional.conv2d(image, layer.convolution.weight[:3], padding=1))
    assert (output[:, 0].abs() < 1e-30).all()
    torch.testing.assert_close(output[:, 1:], features[:, 1:] * torch.tensor([0.5, 1.0])[:, None, None])


def test_features_and_gates_start_with_variance_1() -> None:
    x = torch.linspace(-9, 9, 20_001, dtype=torch.float64)
    density = torch.exp(-(x**2) / 2)
    mean_square = [(part.square() * density).sum() / density.sum() for part in (nn.functional.elu(x), x.sigmoid())]
    assert pytest.approx(float(mean_square[0] * mean_square[1]), abs=0.002) == _PASSED
    with torch.random.fork_rng():
        torch.manual_seed(3)
        first, second = GatedConvolution(40, 200), GatedConvolution(200, 200)
        image = torch.randn(1, 40, 24, 24) * math.sqrt(_PASSED)
    with torch.no_grad():
        hidden = second.convolution(first(image))[..., 2:-2, 2:-2]
    assert hidden.var() == pytest.approx(1, rel=0.15)


def test_the_layers_are_gated_but_the_last() -> None:
    model = GatedConvUNet()
    layers = [module for module in model.modules() if isinstance(module, nn.Conv2d)]
    assert [layer.kernel_size[0] for layer in layers] == [5] + [3] * 14
    assert [layer.stride[0] for layer in layers] == [2] * 6 + [1] * 9
    assert sum(isinstance(module, GatedConvolution) for module in model.modules()) == 14
    assert layers[-1].out_channels == 3
    kinds = {type(module) for module in model.modules()}
    assert kinds == {GatedConvUNet, GatedConvolution, nn.ModuleList, nn.Sequential, nn.Conv2d}
