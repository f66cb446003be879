"""Exact fan-out and counts: by hand for small layers, against a plain loop, and against what the sparse path does."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from spikefill import data, masks
from spikefill.energy import count, fan_out
from spikefill.energy.counting import IMAGE, NORMALISATION
from spikefill.energy.operations import update_costs
from spikefill.layers import SNNConv2d
from spikefill.models import Hybrid, cells, read
from spikefill.models.firing import Firing
from spikefill.neurons import LIFParameters, lif_sequence


def table(*rows: str) -> Tensor:
    return torch.tensor([[int(number) for number in row.split()] for row in rows])


@pytest.mark.parametrize(
    ("convolution", "size", "expected"),
    [
        (nn.Conv2d(1, 1, 1), (2, 3), table("1 1 1", "1 1 1")),
        (nn.Conv2d(1, 5, 1), (1, 2), table("5 5")),
        (nn.Conv2d(1, 1, 3, padding=1), (3, 4), table("4 6 6 4", "6 9 9 6", "4 6 6 4")),
        (nn.Conv2d(1, 1, 3), (3, 4), table("1 2 2 1", "1 2 2 1", "1 2 2 1")),
        # Outputs at rows and columns 0 and 2: each sees one more on either side.
        (nn.Conv2d(1, 1, 3, stride=2, padding=1), (4, 4), table("1 2 1 1", "2 4 2 2", "1 2 1 1", "1 2 1 1")),
        (nn.Conv2d(1, 1, 1, stride=2), (3, 3), table("1 0 1", "0 0 0", "1 0 1")),
        (nn.Conv2d(1, 1, 3, padding=2, dilation=2), (3, 3), table("4 2 4", "2 1 2", "4 2 4")),
        (nn.Conv2d(4, 6, 3, padding=1, groups=2), (1, 2), table("6 6")),
        (nn.Conv2d(1, 1, 3, padding="same"), (1, 2), table("2 2")),
        # The border's cells stand in for the padding: each takes part as often as it is seen.
        (nn.Conv2d(1, 1, 3, padding=1, padding_mode="replicate"), (1, 3), table("9 9 9")),
    ],
)
def test_fan_out_by_hand(convolution: nn.Conv2d, size: tuple[int, int], expected: Tensor) -> None:
    assert torch.equal(fan_out(convolution, size), expected)


def test_fan_out_to_some_outputs() -> None:
    """One output of a 3 x 3 convolution, at the upper left: four cells reach it."""
    outputs = torch.zeros(3, 3, dtype=torch.bool)
    outputs[0, 0] = True
    assert torch.equal(fan_out(nn.Conv2d(1, 2, 3, padding=1), (3, 3), outputs), table("2 2 0", "2 2 0", "0 0 0"))


def looped(convolution: nn.Conv2d, spikes: Tensor) -> int:
    """Additions of a weight, spike by spike: T x N x C x H x W of zeros and ones."""
    kernel, stride, padding = convolution.kernel_size[0], convolution.stride[0], int(convolution.padding[0])
    height, width = spikes.shape[-2:]
    rows, columns = ((side + 2 * padding - kernel) // stride + 1 for side in (height, width))
    additions = 0
    for *_, row, column in spikes.nonzero().tolist():
        for out_row, out_column in itertools.product(range(rows), range(columns)):
            inside = [
                0 <= place + padding - stride * out < kernel for place, out in ((row, out_row), (column, out_column))
            ]
            additions += all(inside) * convolution.out_channels
    return additions


@pytest.mark.parametrize("arguments", [{"padding": 1}, {"padding": 1, "stride": 2}, {"stride": 3}, {"padding": 2}])
def test_accumulates_are_those_of_a_loop_over_spikes(arguments: dict[str, Any]) -> None:
    torch.manual_seed(3)
    first = SNNConv2d(3, 4, 3, padding=1, steps=5, beta=0.8, noise=0)
    second = nn.Conv2d(4, 2, 3, **arguments)
    model = nn.Sequential(first, second).eval()
    image = torch.rand(1, 3, 6, 7) * 4
    found = count(_Given(model), image, torch.zeros(1, 1, 6, 7))
    with torch.no_grad():
        spikes, *_ = lif_sequence(first.current(image).expand(5, -1, -1, -1, -1), first.neuron.parameters_now())
    analog, fed = found.convolutions
    (neurons,) = found.neurons
    assert fed.accumulates == looped(second, spikes) > 0
    assert fed.fed_by == neurons.name == "layers.0"
    assert analog.fed_by is None
    assert analog.accumulates == 0
    assert analog.synapses == looped(first, torch.ones(1, 1, 3, 6, 7))
    assert fed.synapses == looped(second, torch.ones(1, 1, 4, 6, 7))
    assert fed.active == looped(second, (spikes.sum(0, keepdim=True) > 0).float())
    assert neurons.spikes == int(spikes.sum())
    assert neurons.firing == int((spikes.sum(0) > 0).sum())
    assert neurons.updates == spikes.numel()
    assert (fed.biases, fed.outputs) == (found.convolutions[1].outputs,) * 2


def test_weights_times_rates_are_accumulated_spikes() -> None:
    """The ground of the ledger, in float64: the convolution of the rate is the mean of those of the spikes."""
    torch.manual_seed(1)
    convolution = nn.Conv2d(4, 3, 3, stride=2, padding=1).double()
    with torch.no_grad():
        spikes, *_ = lif_sequence(2 * torch.rand(8, 1, 4, 9, 9, dtype=torch.float64), LIFParameters(beta=0.9))
        streamed = sum(nn.functional.conv2d(s, convolution.weight, None, 2, 1) for s in spikes) / 8
        at_once = convolution(spikes.mean(0))
    torch.testing.assert_close(at_once, streamed + convolution.bias[:, None, None], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("parameters", "multiplies", "adds"),
    [
        (LIFParameters(beta=1.0), 0, 8 * 10 * 2),
        (LIFParameters(beta=1.0, reset="soft"), 0, 8 * 10 * 2 + 7),
        (LIFParameters(beta=0.9, gain=0.1), 8 * 10 + 10, 8 * 10),
        (LIFParameters(beta=0.9, v_leak=0.2, alpha=0.5), 2 * 8 * 10, 2 * 8 * 10),
        (LIFParameters(beta=torch.tensor(1.0), gain=torch.tensor(1.0)), 8 * 10 + 10, 8 * 10),
    ],
)
def test_updates_of_ten_neurons_in_eight_steps(parameters: LIFParameters, multiplies: int, adds: int) -> None:
    assert update_costs(parameters, neurons=10, spikes=7, steps=8) == (multiplies, adds)


@pytest.fixture(scope="module")
def hybrid() -> Hybrid:
    model = read("hybrid-small")
    assert isinstance(model, Hybrid)
    return model


def damaged(side: int, family: str) -> tuple[Tensor, Tensor]:
    """The middle of a photograph under a mask; zero in the holes."""
    photograph = data.open_photographs("embedded", part="val")[1]
    top, left = (photograph.shape[0] - side) // 2, (photograph.shape[1] - side) // 2
    image = torch.from_numpy(photograph[top : top + side, left : left + side].copy()).permute(2, 0, 1)[None] / 255
    mask = torch.from_numpy(masks.evaluation(family, side, image_index=0, repeat=0).copy())[None, None].float()
    return image * (1 - mask), mask


def test_the_hybrid_network_is_counted_whole(hybrid: Hybrid) -> None:
    """64 x 64 pixels: four levels. Convolutions, neurons and what is analog, some of it by hand."""
    found = count(hybrid, *damaged(64, "thick"))
    levels = {layer.level for layer in found.convolutions}
    assert levels == {0, 1, 2, 3}
    analog = {layer.name for layer in found.convolutions if layer.fed_by is None}
    assert analog == {"fine.entry", "coarse.entry"}
    readers = {(layer.fed_by, layer.name) for layer in found.convolutions if layer.fed_by}
    names = {module: name for name, module in hybrid.named_modules()}
    wired = {(names[layer], names[reader]) for layer, all_ in hybrid.readers() for reader in all_}
    assert readers == wired
    by_kind = {(a.name, a.level, a.kind): a.multiply_accumulates for a in found.analog}
    assert by_kind["fine", 0, "image"] == IMAGE * 64 * 64
    assert by_kind["fine", 0, "joins"] == 2 * 24 * 32 * 32 + 64 * 16 * 16
    assert by_kind["coarse", 3, "joins"] == 48 * 4 * 4  # the coarsest level has nothing before it
    assert by_kind["fine.middle.0", 0, "shortcut"] == 64 * 16 * 16
    assert by_kind["fine.exit.0", 0, "normalisation"] == NORMALISATION * 24 * 32 * 32
    for layer in found.neurons:
        assert layer.inside + layer.outside == pytest.approx(layer.neurons)
        assert layer.spikes_inside + layer.spikes_outside == pytest.approx(layer.spikes)


def test_the_twin_has_the_same_synapses_and_no_accumulates(hybrid: Hybrid) -> None:
    from spikefill.energy import relu_twin

    pictures = damaged(32, "thick")
    ours, twin = count(hybrid, *pictures), count(relu_twin(hybrid), *pictures, layers=[])
    assert [c.name for c in twin.convolutions] == [c.name for c in ours.convolutions]
    assert [c.synapses for c in twin.convolutions] == [c.synapses for c in ours.convolutions]
    assert sum(c.accumulates for c in twin.convolutions) == 0
    assert twin.neurons == ()
    assert [(a.kind, a.multiply_accumulates) for a in twin.analog] == [
        (a.kind, a.multiply_accumulates) for a in ours.analog
    ]


def test_the_quantised_twin_gives_the_same_picture(hybrid: Hybrid) -> None:
    """In place of eight steps, one activation with nine levels; but for currents that rounding moves over a level.

    The twin normalises in single precision, the neurons' kernel in double.
    """

    class Quantised(nn.Module):
        def forward(self, current: Tensor) -> Tensor:
            return (8 * current + 0.5).floor().clamp(0, 8) / 8

    masked, mask = damaged(64, "thick")
    twin = copy.deepcopy(hybrid)
    for layer in twin.modules():
        if isinstance(layer, Firing):
            layer.neuron = Quantised()
    with torch.no_grad():
        ours, theirs = hybrid(masked, mask), twin(masked, mask)
    assert ((ours - theirs).abs() < 1e-3).float().mean() > 0.99
    assert (ours - theirs).square().mean() < 1e-6


def test_sums_over_pictures_keep_levels_apart(hybrid: Hybrid) -> None:
    one, other = count(hybrid, *damaged(32, "thick")), count(hybrid, *damaged(64, "thin"))
    both = one.plus(other)
    assert both.pictures == 2
    for kind in ("convolutions", "neurons", "analog"):
        for layer in getattr(both, kind):
            parts = [
                part
                for part in (*getattr(one, kind), *getattr(other, kind))
                if (part.name, part.level, getattr(part, "kind", ""))
                == (layer.name, layer.level, getattr(layer, "kind", ""))
            ]
            assert parts
            for number in layer.SUMMED:
                assert getattr(layer, number) == pytest.approx(sum(getattr(part, number) for part in parts))
    assert {layer.steps for layer in both.neurons} == {8}


@pytest.mark.parametrize("family", ["text", "scratches"])
def test_what_is_computed_is_what_the_sparse_path_computes(
    family: str, hybrid: Hybrid, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every convolution that the sparse path calls is watched: where, and how many weights its spikes would add."""
    masked, mask = damaged(128, family)
    mask[..., :64] = 0  # half of the picture without holes
    mask[..., 64:, :] = 0
    called: list[tuple[nn.Conv2d, int]] = []
    convolved, times = cells.Features.convolved, cells.Features.times

    def products(convolution: nn.Conv2d, at: Tensor) -> int:
        """Weights that the output cells of ``at`` see an input cell through."""
        stride, kernel = convolution.stride[0], convolution.kernel_size[0]
        everywhere = torch.ones(1, 1, stride * at.shape[0], stride * at.shape[1])
        seen = nn.functional.conv2d(everywhere, torch.ones(1, 1, kernel, kernel), None, stride, kernel // 2)
        return int(seen[0, 0][at].sum()) * convolution.in_channels * convolution.out_channels

    def watched_convolved(self: cells.Features, convolution: nn.Conv2d, at: cells.Cells) -> cells.Features:
        call = convolution, products(convolution, at.mask)
        if called[-1:] != [call]:  # an entry takes its input in two parts, which are one to hardware
            called.append(call)
        return convolved(self, convolution, at)

    def watched_times(self: cells.Features, convolution: nn.Conv2d) -> cells.Features:
        called.append((convolution, products(convolution, self.cells.mask)))
        return times(self, convolution)

    monkeypatch.setattr(cells.Features, "convolved", watched_convolved)
    monkeypatch.setattr(cells.Features, "times", watched_times)
    with torch.no_grad():
        hybrid.restored(masked, mask)
    monkeypatch.undo()

    found = count(hybrid, masked, mask).convolutions
    levels = {layer.level for layer in found if layer.computed_synapses < layer.synapses}
    assert levels == set(range(len(levels)))  # the finest ones
    ours = sorted((layer.name, layer.computed_synapses) for layer in found if layer.level in levels)
    names = {module: name for name, module in hybrid.named_modules()}
    assert ours == sorted((names[convolution], number) for convolution, number in called)
    assert len(ours) > 10
    assert all(layer.computed_accumulates <= layer.accumulates for layer in found)


class _Given(nn.Module):
    """Layers that are given the picture."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, masked: Tensor, mask: Tensor) -> Tensor:
        restored: Tensor = self.layers(masked)
        return restored
