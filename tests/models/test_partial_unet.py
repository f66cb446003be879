"""Partial convolutions against a plain loop over windows, and how masks close."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from spikefill.models.partial_unet import Features, PartialConvolution, PartialConvUNet


def plain_loop(
    values: Tensor, masks: Tensor, weights: Tensor, bias: Tensor | None, stride: int
) -> tuple[Tensor, Tensor]:
    """The paper's equations for one image, C x H x W, with a mask for each channel, in float64."""
    outputs, channels, kernel, _ = weights.shape
    height, width = (-(-side // stride) for side in values.shape[-2:])
    result = torch.zeros(outputs, height, width, dtype=torch.float64)
    known = torch.zeros(height, width, dtype=torch.float64)
    for row in range(height):
        for column in range(width):
            sums, area = torch.zeros(outputs, dtype=torch.float64), 0.0
            for i in range(kernel):
                for j in range(kernel):
                    y, x = row * stride + i - kernel // 2, column * stride + j - kernel // 2
                    if 0 <= y < values.shape[1] and 0 <= x < values.shape[2]:
                        sums += weights[:, :, i, j].double() @ (values[:, y, x] * masks[:, y, x]).double()
                        area += float(masks[:, y, x].sum())
            if area > 0:
                known[row, column] = 1
                result[:, row, column] = sums * channels * kernel**2 / area + (0 if bias is None else bias.double())
    return result, known


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 2), (7, 2)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_partial_convolution_is_the_papers(kernel: int, stride: int, bias: bool) -> None:
    """Three channels have one mask, two another, as where a skip joins."""
    generator = torch.Generator().manual_seed(kernel)
    first, second = (torch.rand(2, 1, 9, 11, generator=generator) < 0.15).float()
    second[:, :, :5] = first[:, :, :5] = 0
    masks = torch.cat([first.expand(3, -1, -1), second.expand(2, -1, -1)])
    values = torch.randn(5, 9, 11, generator=generator)
    layer = PartialConvolution(5, 4, kernel=kernel, stride=stride, bias=bias)
    if layer.bias is not None:
        nn.init.normal_(layer.bias)
    expected, known = plain_loop(values, masks, layer.convolution.weight.detach(), layer.bias, stride)
    with torch.no_grad():
        output = layer(Features((values * masks)[None], (3 * first + 2 * second)[None] / 5))
    assert 0 < known.mean() < 1
    assert torch.equal(output.known[0, 0].double(), known)
    torch.testing.assert_close(output.values[0].double(), expected, rtol=1e-4, atol=1e-5)
    assert (output.values[0][:, known == 0] == 0).all()


def test_a_skip_joins_channels_and_masks() -> None:
    coarse = Features(torch.full((1, 2, 1, 2), 5.0), torch.tensor([[[[1.0, 0.5]]]]))
    fine = Features(torch.full((1, 6, 2, 3), 7.0), torch.tensor([[[[0.0, 1.0, 1.0], [0.0, 0.0, 1.0]]]]))
    joined = coarse.beside(fine)
    assert joined.values.shape == (1, 8, 2, 3)
    assert (joined.values[:, :2] == 5).all()
    assert (joined.values[:, 2:] == 7).all()
    assert joined.known.tolist() == [[[[0.25, 1.0, 0.875], [0.25, 0.25, 0.875]]]]


def test_the_brightness_of_the_known_part_does_not_depend_on_its_size() -> None:
    """What the division is for: windows of a plain surface give the same, however much of them is known."""
    layer = PartialConvolution(1, 1)
    nn.init.ones_(layer.convolution.weight)
    known = torch.zeros(1, 1, 8, 8)
    known[..., 2, 2] = known[..., 5, 4:] = 1
    with torch.no_grad():
        output = layer(Features(0.3 * known, known))
    torch.testing.assert_close(output.values, 9 * 0.3 * output.known)


def test_normalisation_leaves_what_is_unknown_at_zero() -> None:
    model = PartialConvUNet(width=2, widest=2, depth=2).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.constant_(module.bias, 3.0)
    seen: list[Features] = []
    for unit in [*model.encoder, *model.middle, *model.decoder]:
        unit.register_forward_hook(lambda _, __, output: seen.append(output))
    mask = torch.ones(1, 1, 200, 200)
    mask[..., 0, 0] = 0
    with torch.no_grad():
        model(1 - mask.expand(-1, 3, -1, -1), mask)
    assert len(seen) == 2 + 3 + 1
    for output in seen:
        assert output.known.min() == 0
        assert output.known.max() == 1
        assert (output.values * (1 - output.known) == 0).all()
        assert output.values.abs().max() > 0


def test_every_convolution_but_the_first_and_the_last_is_normalised() -> None:
    model = PartialConvUNet()
    convolutions = [module for module in model.modules() if isinstance(module, PartialConvolution)]
    assert [layer.kernel for layer in convolutions] == [7, 5, 5] + [3] * 12
    assert [layer.stride for layer in convolutions] == [2] * 6 + [1] * 9
    assert [layer.bias is not None for layer in convolutions] == [True, *[False] * 13, True]
    assert sum(isinstance(module, nn.BatchNorm2d) for module in model.modules()) == 13
