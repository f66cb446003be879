"""What holds for all U-Nets: their size, any size of image and hole, how far they reach, and their files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from spikefill import InputError, models
from spikefill.models import GatedConvUNet, Hybrid, PartialConvUNet, SpikingUNet
from spikefill.models.unet import UNet

KINDS = pytest.mark.parametrize("kind", [PartialConvUNet, GatedConvUNet])
ALL = pytest.mark.parametrize("kind", [PartialConvUNet, GatedConvUNet, SpikingUNet])
HYBRID_MACS = 1.386e9
"""Multiply-accumulates of the small `Hybrid` for 256 x 256 px."""


def tiny(kind: type[UNet], **arguments: Any) -> UNet:
    """A small network with fresh weights, the same at each call."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        return kind(**{"width": 4, "widest": 8, **arguments}).eval()


def masked_image(*size: int, share: float = 0.3) -> tuple[Tensor, Tensor, Tensor]:
    """An image, a mask of pixels at random, and the image with zeros in the holes."""
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(1, 3, *size, generator=generator)
    mask = (torch.rand(1, 1, *size, generator=generator) < share).float()
    return image, mask, image * (1 - mask)


@KINDS
def test_parameters_and_compute_are_those_of_the_small_hybrid(kind: type[UNet]) -> None:
    with torch.device("meta"):
        model, image, mask = kind().eval(), torch.zeros(1, 3, 256, 256), torch.ones(1, 1, 256, 256)
    parameters = [sum(parameter.numel() for parameter in net.parameters()) for net in (model, Hybrid(size="small"))]
    assert parameters[0] == pytest.approx(parameters[1], rel=0.03)
    with FlopCounterMode(display=False) as counter:
        model(image, mask)
    assert counter.get_total_flops() / 2 == pytest.approx(HYBRID_MACS, rel=0.1)


@KINDS
def test_levels_double_their_channels_up_to_the_widest_and_halve_their_sides(kind: type[UNet]) -> None:
    model = tiny(kind, width=3, widest=10, depth=4)
    assert model.channels == [3, 6, 10, 10]
    sides: list[tuple[int, ...]] = []
    is_gated = kind is GatedConvUNet
    for unit in model.encoder:  # type: ignore[union-attr]
        unit.register_forward_hook(lambda _, __, output: sides.append((output if is_gated else output[0]).shape[-2:]))
    _, mask, masked = masked_image(50, 7)
    with torch.no_grad():
        model(masked, mask)
    assert [tuple(side) for side in sides] == [(25, 4), (13, 2), (7, 1), (4, 1)]


@ALL
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (5, 3), (17, 130), (64, 64)])
@pytest.mark.parametrize("depth", [1, 6])
def test_any_size_keeps_its_known_pixels(kind: type[UNet], size: tuple[int, int], depth: int) -> None:
    image, mask, masked = masked_image(*size)
    with torch.no_grad():
        restored = tiny(kind, depth=depth)(masked, mask)
    assert restored.shape == image.shape
    assert torch.isfinite(restored).all()
    known = (mask == 0).expand_as(image)
    assert torch.equal(restored[known], image[known])
    if mask.any():
        assert not torch.equal(restored[~known], masked[~known])


@ALL
def test_what_lies_under_the_mask_has_no_influence(kind: type[UNet]) -> None:
    image, mask, masked = masked_image(40, 56)
    model = tiny(kind)
    with torch.no_grad():
        assert torch.equal(model(image, mask), model(masked, mask))
        assert not torch.equal(model(image, mask), model(image.flip(-1), mask))


@KINDS
@pytest.mark.parametrize("corner", [(0, 0), (0, -1), (-1, 0), (-1, -1)])
def test_what_is_known_goes_256_px_into_a_hole(kind: type[UNet], corner: tuple[int, int]) -> None:
    """The hole fills a corner of the picture: it is known on two sides alone, of which this pixel is the farthest."""
    mask = torch.zeros(1, 1, 257, 257)
    rows, columns = (slice(256) if end == 0 else slice(1, None) for end in corner)
    mask[..., rows, columns] = 1
    image = torch.rand(1, 3, 257, 257, generator=torch.Generator().manual_seed(2)).requires_grad_()
    tiny(kind)(image, mask)[0, :, corner[0], corner[1]].sum().backward()
    assert image.grad is not None
    assert image.grad.abs().sum() > 0
    assert (image.grad * mask == 0).all()


@ALL
def test_where_nothing_is_known_everything_is_finite(kind: type[UNet]) -> None:
    with torch.no_grad():
        restored = tiny(kind)(torch.rand(1, 3, 40, 70), torch.ones(1, 1, 40, 70))
    assert torch.isfinite(restored).all()
    if kind is PartialConvUNet:
        assert (restored == 0.5).all()


@KINDS
def test_no_statistics_are_taken_over_the_batch_or_the_picture(kind: type[UNet]) -> None:
    """A picture gives the same alone, and a far pixel has the influence of the coarse levels' windows alone."""
    model = tiny(kind, depth=2)
    _, mask, masked = masked_image(96, 96)
    other = masked.clone()
    other[..., 80:, 80:] = 0.5 * other[..., 80:, 80:]
    with torch.no_grad():
        alone, changed = model(masked, mask), model(other, mask)
        together = model(torch.cat([masked, other.flip(-1)]), torch.cat([mask, mask.flip(-1)]))
    torch.testing.assert_close(together[:1], alone, rtol=0, atol=1e-5)
    assert torch.equal(alone[..., :32, :32], changed[..., :32, :32])
    assert not torch.equal(alone, changed)


@KINDS
def test_gradients_reach_every_weight(kind: type[UNet]) -> None:
    model = tiny(kind, width=8, widest=16).train()
    image, mask, masked = masked_image(128, 128)
    (model(masked, mask) - image).square().mean().backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().sum() > 0, name


@ALL
def test_a_file_gives_the_same_network_again(kind: type[UNet], tmp_path: Path) -> None:
    model = tiny(kind, depth=3).train()
    _, mask, masked = masked_image(40, 48)
    with torch.no_grad():
        model(masked, mask)  # batch normalisation has statistics of its own
    models.save(model.eval(), tmp_path / "model.safetensors")
    assert json.loads(models.read_header(tmp_path / "model.safetensors")["arguments"])["depth"] == 3
    again = models.read(tmp_path / "model.safetensors")
    assert type(again) is kind
    assert again.context is None
    assert again.arguments == model.arguments
    with torch.no_grad():
        assert torch.equal(model(masked, mask), again(masked, mask))
    counted = models.count_parameters(tmp_path / "model.safetensors")
    assert counted == sum(parameter.numel() for parameter in model.parameters())


@ALL
@pytest.mark.parametrize("name", ["width", "widest", "depth"])
@pytest.mark.parametrize("value", [0, True, 2.0])
def test_wrong_arguments_are_named(kind: type[UNet], name: str, value: Any) -> None:
    with pytest.raises(InputError, match=f"{name} is {value}; it must be a whole number, 1 or more"):
        kind(**{name: value})


def test_all_are_architectures() -> None:
    kinds = {"partial-unet": PartialConvUNet, "gated-unet": GatedConvUNet, "spiking-unet": SpikingUNet}
    for name, kind in kinds.items():
        assert type(models.create(name, width=2, widest=2, depth=1)) is kind
