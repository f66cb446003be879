"""Networks in whole numbers: rounded weights, and convolutions of spike counts."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from spikefill import inpainting, models
from spikefill.errors import InputError
from spikefill.models import counted, integers
from spikefill.models.cells import Cells, Features
from spikefill.models.core import Entry, in_two
from spikefill.models.counted import CountedConvolution, CountedEntry, CountingFiring
from spikefill.models.firing import Firing
from spikefill.models.hybrid import Hybrid
from spikefill.neurons import LIF

in_whole_numbers = pytest.mark.skipif(
    not counted.available(), reason="this processor or this torch does not convolve whole numbers"
)


def masked_picture(height: int, width: int, images: int = 1) -> tuple[Tensor, Tensor]:
    """Pictures with a hole and a scratch, masked."""
    generator = np.random.default_rng(0)
    image = torch.from_numpy(generator.random((images, 3, height, width), np.float32))
    image = nn.functional.avg_pool2d(image, 5, 1, 2)
    mask = torch.zeros(images, 1, height, width)
    mask[..., 20:40, 15:45] = 1
    mask[..., 45, 3:60] = 1
    return image * (1 - mask), mask


@pytest.fixture(scope="module")
def damaged() -> tuple[Tensor, Tensor]:
    """A small picture of uneven sides, which is computed everywhere."""
    return masked_picture(93, 70)


@pytest.fixture(scope="module")
def large() -> tuple[Tensor, Tensor]:
    """One of which only what the holes need is computed."""
    return masked_picture(301, 407)


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
    convolutions = {f"{name}.weight" for name, module in network.named_modules() if isinstance(module, nn.Conv2d)}
    assert changed == convolutions


def test_rounded_weights_stay_as_they_are() -> None:
    once = integers.rounded(Hybrid(size="tiny"))
    assert all(map(torch.equal, once.state_dict().values(), integers.rounded(once).state_dict().values()))


@pytest.mark.parametrize("name", [name for name in models.BUNDLED if name.startswith("hybrid")])
def test_bundled_weights_are_whole_numbers(name: str) -> None:
    network = models.read(name)
    assert all(integers._whole(weight) is not None for weight in read_by_spikes(network))


@pytest.mark.parametrize("name", [name for name in models.BUNDLED if name.startswith("hybrid")])
def test_sums_of_bundled_networks_stay_exact_in_float32(name: str) -> None:
    """Below 2^24 of the units that all their parts are multiples of, with room for signals beyond 1 and T up to 16."""
    network = models.read(name)
    assert isinstance(network, Hybrid)

    def largest(weight: Tensor, steps: int) -> float:
        units = weight.detach().double() * 2.0**24
        divisor = torch.from_numpy(np.gcd.reduce(units.flatten(1).long().numpy(), axis=1))
        return float((units.flatten(1).abs().sum(1) / (divisor & -divisor)).max()) * steps / 2**24

    for core in (network.fine, network.coarse):
        most, rest = in_two(torch.linspace(-1, 1, 4097))
        assert rest.abs().max() <= 1 / 32
        assert torch.equal(most * 16, (most * 16).round())
        assert torch.equal(rest * 512, (rest * 512).round())
        assert largest(core.entry.weight, 16) < 1 / 8
    for weight in read_by_spikes(network):
        assert largest(weight, 16) < 1


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
@pytest.mark.parametrize("size", [(1, 2), (9, 7), (40, 33)])
@pytest.mark.parametrize("largest", [1.3, 3.9, 5.0])
def test_a_counted_entry_gives_what_floats_give(size: tuple[int, int], largest: float) -> None:
    """To the last bit; signals beyond 4 are none that restoring brings forth, and are computed in floats."""
    generator = torch.Generator().manual_seed(1)
    entry = Entry(24).eval()
    with torch.no_grad():
        entry.weight.copy_(torch.randint(-127, 128, entry.weight.shape, generator=generator))
        entry.weight[0], entry.weight[1] = 127, -127
        entry.weight *= 2.0**-7
    whole = integers._whole(entry.weight) or pytest.fail("not whole numbers")
    counting = CountedEntry(entry, *whole)
    signal = torch.rand(2, 16, *size, generator=generator) * 2 - 1
    signal[0] *= largest
    signal[0, 0, 0, :2] = torch.tensor([largest, -largest])
    rows = torch.cat([signal[0].flatten(1).T, torch.zeros(1, 16)])
    with torch.inference_mode():
        assert torch.equal(counting(signal.contiguous(memory_format=torch.channels_last)), entry(signal))
        (most, _), (rest, _) = parts = counting.parts(rows)
        assert most.dtype == rest.dtype == (torch.uint8 if largest < 4 else torch.float32)
        cells = Cells(torch.ones(size, dtype=torch.bool))
        found = Features(rows, cells).convolved(counting, cells)
        assert torch.equal(found.values, entry(signal[:1])[0].flatten(1).T)
        assert len(parts) == 2


VARIANTS: list[dict[str, object]] = [
    {},
    {"size": "small"},
    {"steps": 1},
    {"placement": "encoder"},
    {"activation": "quantised"},
    {"activation": "quantised-lif"},
]


def rounded_network(**arguments: object) -> Hybrid:
    torch.manual_seed(0)
    network = Hybrid(**{"size": "tiny", **arguments}).eval()  # type: ignore[arg-type]
    with torch.no_grad():
        network.fine.exit[1].weight.mul_(5)  # what neurons do is to be seen
        network.coarse.exit[1].weight.mul_(5)
    return integers.rounded(network)  # type: ignore[return-value]


@in_whole_numbers
@pytest.mark.parametrize("arguments", VARIANTS)
def test_whole_numbers_give_what_floats_give_bit_for_bit(
    arguments: dict[str, object], damaged: tuple[Tensor, Tensor], large: tuple[Tensor, Tensor]
) -> None:
    network = rounded_network(**arguments)
    counting = integers.counting(network)
    assert counting is not None
    assert any(isinstance(module, CountedConvolution) for module in counting.modules())
    with torch.inference_mode():
        for given in (damaged, masked_picture(50, 61, images=3)):
            assert torch.equal(counting(*given), network(*given))
        for given in (damaged, large):
            assert torch.equal(counting.restored(*given), network.restored(*given))  # type: ignore[operator]
    assert torch.equal(inpainting.Inpainter(counting).run(*large), inpainting.Inpainter(network).run(*large))


@in_whole_numbers
@pytest.mark.parametrize("arguments", [{"steps": 5}, {"neuron": {"beta": 0.9, "reset": "hard", "threshold": 0.5}}])
def test_of_other_time_steps_and_neurons_they_give_nearly_the_same(
    arguments: dict[str, object], large: tuple[Tensor, Tensor]
) -> None:
    network = rounded_network(**arguments)
    counting = integers.counting(network)
    assert counting is not None
    holes = large[1].bool().expand(-1, 3, -1, -1)
    with torch.inference_mode():
        found, expected = (one.restored(*large)[holes] for one in (counting, network))  # type: ignore[operator]
    assert ((found - expected).abs() < 1e-4).float().mean() > 0.99


@in_whole_numbers
def test_what_holes_need_is_computed_in_whole_numbers(
    large: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[int, ...]] = []
    of_neighbours = CountedConvolution.of_neighbours

    def counted_call(self: CountedConvolution, counts: Tensor) -> Tensor:
        calls.append(tuple(counts.shape))
        assert counts.dtype == torch.uint8
        return of_neighbours(self, counts)

    monkeypatch.setattr(CountedConvolution, "of_neighbours", counted_call)
    counting = integers.counting(rounded_network())
    assert counting is not None
    with torch.inference_mode():
        counting.restored(*large)  # type: ignore[operator]
    assert len(calls) > 5


@in_whole_numbers
@pytest.mark.parametrize("quality", ["fast", "best"])
def test_the_default_model_computes_in_whole_numbers_and_gives_the_same(
    quality: str, damaged: tuple[Tensor, Tensor]
) -> None:
    masked, mask = damaged
    pixels = (masked[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    holes = mask[0, 0].numpy() > 0
    whole, floats, asked = (
        inpainting.load("hybrid", precision=precision, quality=quality) for precision in (None, "float32", "int8")
    )
    for found, counts in ((whole, True), (floats, False), (asked, True)):
        with found._network() as network:
            assert counts == any(isinstance(module, CountingFiring) for module in network.modules())
    expected = floats.inpaint(pixels, holes)
    assert np.array_equal(whole.inpaint(pixels, holes), expected)
    assert np.array_equal(asked.inpaint(pixels, holes), expected)


@pytest.mark.parametrize("name", ["hybrid-small", "hybrid-base"])
def test_results_do_not_depend_on_threads_precision_or_what_is_computed(
    name: str, large: tuple[Tensor, Tensor]
) -> None:
    model, threads = models.read(name), torch.get_num_threads()
    with torch.inference_mode():
        everywhere = model(*large)
    try:
        for number in (1, 2):
            torch.set_num_threads(number)
            for precision in (None, "float32"):
                found = inpainting.Inpainter(model, precision=precision).run(*large)
                assert torch.equal(found, everywhere), (number, precision)
    finally:
        torch.set_num_threads(threads)


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


def swap_neurons(network: Hybrid) -> None:
    for layer, _ in network.readers():
        layer.neuron = nn.ReLU()


def change_steps(network: Hybrid) -> None:
    for module in network.modules():
        if isinstance(module, LIF):
            module.steps = 2


def turn_round(network: Hybrid) -> None:
    with torch.no_grad():
        for core in (network.fine, network.coarse):
            core.exit[1].weight.copy_(core.exit[1].weight.flip(0, -1))


def replace_a_parameter(network: Hybrid) -> None:
    network.coarse.entry.weight = nn.Parameter(0.5 * network.coarse.entry.weight.detach())


def double_behind_autograd(network: Hybrid) -> None:
    for core in (network.fine, network.coarse):
        core.exit[1].weight.data.mul_(2)


def shift_normalisation(network: Hybrid) -> None:
    for layer, _ in network.readers():
        layer.norm.bias.data.add_(0.3)


@in_whole_numbers
@pytest.mark.parametrize(
    "change",
    [
        lambda network: network.set_steps(2),
        change_steps,
        swap_neurons,
        turn_round,
        replace_a_parameter,
        double_behind_autograd,
        shift_normalisation,
        lambda network: network.load_state_dict(rounded_network(steps=3).state_dict()),
    ],
)
def test_changes_of_the_model_are_noticed(change: Callable[[Hybrid], object], damaged: tuple[Tensor, Tensor]) -> None:
    network = rounded_network()
    inpainter, floats = inpainting.Inpainter(network), inpainting.Inpainter(network, precision="float32")
    first = inpainter.run(*damaged)
    with inpainter._network() as once, inpainter._network() as again:
        assert once is again is not network
    with torch.no_grad():
        network.coarse.exit[1].weight.mul_(0.5)
    second = inpainter.run(*damaged)
    assert not torch.equal(first, second)
    change(network)
    third = inpainter.run(*damaged)
    assert torch.equal(third, floats.run(*damaged))
    assert not torch.equal(third, second)


@in_whole_numbers
def test_hooks_are_called(damaged: tuple[Tensor, Tensor]) -> None:
    network = rounded_network()
    inpainter = inpainting.Inpainter(network)
    inpainter.run(*damaged)
    seen: list[nn.Module] = []
    handle = network.coarse.exit[0].register_forward_hook(lambda module, *_: seen.append(module))
    inpainter.run(*damaged)
    assert set(seen) == {network.coarse.exit[0]}
    handle.remove()
    everywhere = nn.modules.module.register_module_forward_hook(lambda module, *_: seen.append(module))
    try:
        inpainter.run(*damaged)
    finally:
        everywhere.remove()
    kinds = set(map(type, seen))
    assert Firing in kinds
    assert CountingFiring not in kinds


@in_whole_numbers
def test_neurons_and_convolutions_that_counts_cannot_stand_for_are_left(damaged: tuple[Tensor, Tensor]) -> None:
    class Weaker(LIF):
        def forward(self, *arguments: Any, **options: Any) -> Any:
            return super().forward(*arguments, **options) * 0.77

    for change in ("neuron", "bias", "groups"):
        network = rounded_network()
        if change == "neuron":
            for layer, _ in network.readers():
                layer.neuron = Weaker(steps=8, beta=1.0, reset="soft", v_init=0.5)
        elif change == "bias":
            network.coarse.exit[1].bias = nn.Parameter(torch.ones(12))
        else:
            network.coarse.exit[1] = nn.Conv2d(24, 12, 3, padding=1, groups=2, bias=False)
            with torch.no_grad():
                integers._round(network.coarse.exit[1].weight)
        assert integers.counting(network) is None, change
        assert torch.equal(
            inpainting.Inpainter(network).run(*damaged),
            inpainting.Inpainter(network, precision="float32").run(*damaged),
        )


@in_whole_numbers
def test_a_model_made_under_inference_mode_and_one_in_double_precision(damaged: tuple[Tensor, Tensor]) -> None:
    with torch.inference_mode():
        made = models.read("hybrid-tiny")
    expected = inpainting.load("hybrid-tiny").run(*damaged)
    assert torch.equal(inpainting.Inpainter(made).run(*damaged), expected)
    double = models.read("hybrid-tiny").double()
    found = inpainting.Inpainter(double).run(*(part.double() for part in damaged))
    assert ((found - expected).abs() < 1e-4).float().mean() > 0.99


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 2.0**40])
def test_what_is_no_weight_of_eight_bits_is_not_taken_for_one(value: float) -> None:
    weight = torch.full((2, 3, 1, 1), 0.5)
    weight[1] = value
    weight[1, 0] = 1
    assert integers._whole(weight) is None


@in_whole_numbers
def test_several_threads_share_one_network(damaged: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[nn.Module] = []
    counting = integers.counting
    monkeypatch.setattr(integers, "counting", lambda model: made.append(model) or counting(model))  # type: ignore[func-returns-value]
    inpainter = inpainting.load("hybrid-tiny")
    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(lambda _: inpainter.run(*damaged), range(8))
    assert all(torch.equal(first, other) for other in others)
    assert len(made) == 1


@in_whole_numbers
def test_an_inpainter_that_has_restored_can_be_copied_and_pickled(damaged: tuple[Tensor, Tensor]) -> None:
    inpainter = inpainting.load("hybrid-tiny")
    expected = inpainter.run(*damaged)
    pickled = [pickle.loads(pickle.dumps(inpainter, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    for other in (copy.deepcopy(inpainter), *pickled):
        assert torch.equal(other.run(*damaged), expected)


def test_rounded_weights_can_be_saved(tmp_path: Path) -> None:
    rounded = integers.rounded(Hybrid(size="tiny"))
    models.save(rounded, tmp_path / "rounded.safetensors", dtype=torch.float16)
    back = models.read(tmp_path / "rounded.safetensors")
    assert all(map(torch.equal, read_by_spikes(back), read_by_spikes(rounded)))
    assert (integers.counting(back) is not None) == counted.available()
