"""Networks in whole numbers: rounded weights, and convolutions of spike counts."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from spikefill import inpainting, models
from spikefill.errors import InputError
from spikefill.models import counted, integers
from spikefill.models.counted import CountedConvolution, CountingFiring
from spikefill.models.hybrid import Hybrid

in_whole_numbers = pytest.mark.skipif(
    not counted.available(), reason="this processor or this torch does not convolve whole numbers"
)


@pytest.fixture(scope="module")
def damaged() -> tuple[Tensor, Tensor]:
    """A picture of uneven sides with a hole, masked."""
    generator = np.random.default_rng(0)
    image = torch.from_numpy(generator.random((1, 3, 93, 70), np.float32))
    image = nn.functional.avg_pool2d(image, 5, 1, 2)
    mask = torch.zeros(1, 1, 93, 70)
    mask[..., 20:50, 15:45] = 1
    mask[..., 70, 3:60] = 1
    return image * (1 - mask), mask


def read_by_spikes(network: nn.Module) -> list[Tensor]:
    return [convolution.weight for _, readers in network.readers() for convolution in readers]  # type: ignore[operator]


@pytest.mark.parametrize("seed", [0, 1])
def test_rounded_weights_are_whole_numbers_that_float16_holds(seed: int) -> None:
    torch.manual_seed(seed)
    network = Hybrid(size="tiny").eval()
    with torch.no_grad():
        read_by_spikes(network)[0][0] = 0  # a channel without weights
        read_by_spikes(network)[1][0] *= 1e-5  # and one whose scale is among the least numbers of float16
    rounded = integers.rounded(network)
    for weight, before in zip(read_by_spikes(rounded), read_by_spikes(network), strict=True):
        whole, scales = integers._whole(weight) or pytest.fail("not whole numbers")
        assert torch.equal(whole * scales[:, None, None, None], weight)
        assert torch.equal(weight.half().float(), weight)
        most = before.flatten(1).abs().amax(1)
        allowed = most / integers.LARGEST * (1 + 1 / 8) / 2 + 2.0**-25
        assert ((weight - before).flatten(1).abs().amax(1) <= allowed).all()
    changed = {name for name, value in rounded.state_dict().items() if not value.equal(network.state_dict()[name])}
    assert changed
    assert not any("norm" in name or "entry" in name for name in changed)


def test_rounded_weights_stay_as_they_are() -> None:
    once = integers.rounded(Hybrid(size="tiny"))
    assert all(map(torch.equal, once.state_dict().values(), integers.rounded(once).state_dict().values()))


@pytest.mark.parametrize("name", [name for name in models.BUNDLED if name.startswith("hybrid")])
def test_bundled_weights_are_whole_numbers(name: str) -> None:
    network = models.read(name)
    assert all(integers._whole(weight) is not None for weight in read_by_spikes(network))


@in_whole_numbers
@pytest.mark.parametrize("steps", [1, 3, 8, counted.MOST_STEPS])
@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (3, 1), (3, 2)])
@pytest.mark.parametrize("size", [(1, 2), (9, 7), (40, 33)])
def test_a_counted_convolution_is_exact(steps: int, kernel: int, stride: int, size: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(steps)
    counts = torch.randint(0, steps + 1, (2, 24, *size), dtype=torch.uint8, generator=generator)
    weight = torch.randint(-127, 128, (16, 24, kernel, kernel), dtype=torch.int8, generator=generator)
    weight[0], weight[1] = 127, -127
    counts[0] = steps  # the largest sums
    scales = 2.0 ** -torch.arange(16)
    convolution = CountedConvolution(weight, scales, steps, stride)
    expected = nn.functional.conv2d(counts.double(), weight.double(), stride=stride, padding=kernel // 2)
    expected = expected * (scales.double() / steps)[:, None, None]
    with torch.inference_mode():
        found = convolution(counts.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(found.double(), expected, rtol=3e-7, atol=0)


@in_whole_numbers
@pytest.mark.parametrize("size", ["tiny", "small"])
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"steps": 5},
        {"placement": "encoder"},
        {"activation": "quantised"},
        {"neuron": {"beta": 0.9, "reset": "hard", "threshold": 0.5}},
    ],
)
def test_whole_numbers_give_what_floats_give(
    size: str, arguments: dict[str, object], damaged: tuple[Tensor, Tensor]
) -> None:
    torch.manual_seed(0)
    network = integers.rounded(Hybrid(size=size, **arguments).eval())  # type: ignore[arg-type]
    counting = integers.counting(network)
    assert counting is not None
    assert any(isinstance(module, CountedConvolution) for module in counting.modules())
    with torch.inference_mode():
        for call in ("forward", "restored"):
            found, expected = getattr(counting, call)(*damaged), getattr(network, call)(*damaged)
            near = (found - expected).abs() < 1e-4
            assert near.float().mean() > 0.999, call


@in_whole_numbers
def test_the_default_model_computes_in_whole_numbers_and_gives_the_same(damaged: tuple[Tensor, Tensor]) -> None:
    masked, mask = damaged
    pixels = (masked[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    holes = mask[0, 0].numpy() > 0
    whole, floats = inpainting.load("hybrid"), inpainting.load("hybrid", precision="float32")
    for found, counts in ((whole, True), (floats, False)):
        with found._network() as network:
            assert counts == any(isinstance(module, CountingFiring) for module in network.modules())
    difference = np.abs(whole.inpaint(pixels, holes).astype(int) - floats.inpaint(pixels, holes))
    assert (difference <= 1).mean() > 0.999
    asked = inpainting.load("hybrid", precision="int8")
    assert np.array_equal(asked.inpaint(pixels, holes), whole.inpaint(pixels, holes))


def test_without_whole_numbers_rounded_weights_are_computed_as_floats(
    damaged: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Hybrid(size="tiny").eval()
    monkeypatch.setattr(integers, "available", lambda: False)
    inpainter = inpainting.Inpainter(network, precision="int8")
    with torch.inference_mode():
        expected = integers.rounded(network).restored(*damaged)  # type: ignore[operator]
        assert torch.equal(inpainter.run(*damaged), expected)
        assert not torch.equal(expected, network.restored(*damaged))


@pytest.mark.parametrize(
    "arguments",
    [
        {"activation": "relu"},
        {"streaming": {}},
        {"noise": 0.1, "noise_in_eval": True},
        {"steps": counted.MOST_STEPS + 1},
        {"neuron": {"beta": 0.9, "learnable": ["beta"], "readout": "membrane"}},
    ],
)
def test_what_has_no_counts_of_eight_bits_is_left(arguments: dict[str, object]) -> None:
    network = Hybrid(size="tiny", **arguments).eval()  # type: ignore[arg-type]
    with torch.no_grad():
        for weight in read_by_spikes(network):
            integers._round(weight)
    assert integers.counting(network) is None
    assert integers.InIntegers().network(network) is network


def test_weights_that_are_not_whole_numbers_are_not_rounded_unasked() -> None:
    network = Hybrid(size="tiny").eval()
    assert integers.counting(network) is None
    with inpainting.Inpainter(network)._network() as computing:
        assert computing is network


@pytest.mark.parametrize("architecture", ["scnn", "gated-unet"])
def test_other_networks_cannot_be_rounded(architecture: str) -> None:
    with pytest.raises(InputError, match="no convolutions of spike rates"):
        inpainting.Inpainter(models.create(architecture), precision="int8")


@in_whole_numbers
def test_changes_of_the_model_are_noticed(damaged: tuple[Tensor, Tensor]) -> None:
    network = integers.rounded(Hybrid(size="tiny").eval())
    inpainter = inpainting.Inpainter(network)
    first = inpainter.run(*damaged)
    with inpainter._network() as once, inpainter._network() as again:
        assert once is again is not network
    network.set_steps(2)  # type: ignore[operator]
    second = inpainter.run(*damaged)
    assert not torch.equal(first, second)
    with torch.no_grad():
        network.coarse.exit[1].weight *= 2
    assert not torch.equal(second, inpainter.run(*damaged))
    seen: list[int] = []
    network.coarse.exit[0].register_forward_hook(lambda *_: seen.append(1))
    inpainter.run(*damaged)
    assert seen


@in_whole_numbers
def test_an_inpainter_that_has_restored_can_be_copied_and_pickled(damaged: tuple[Tensor, Tensor]) -> None:
    inpainter = inpainting.load("hybrid-tiny")
    expected = inpainter.run(*damaged)
    for other in (copy.deepcopy(inpainter), pickle.loads(pickle.dumps(inpainter))):
        assert torch.equal(other.run(*damaged), expected)


def test_rounded_weights_can_be_saved(tmp_path: Path) -> None:
    rounded = integers.rounded(Hybrid(size="tiny"))
    models.save(rounded, tmp_path / "rounded.safetensors", dtype=torch.float16)
    back = models.read(tmp_path / "rounded.safetensors")
    assert all(map(torch.equal, read_by_spikes(back), read_by_spikes(rounded)))
    assert integers.counting(back) is not None or not counted.available()
