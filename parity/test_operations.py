"""Counted operations of a small stack of convolutions and LIF neurons: ours, SpikingJelly's and NeuroBench's."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from neurobench.metrics.workload import SynapticOperations
from neurobench.models import TorchModel
from spikingjelly.activation_based import functional, layer, neuron
from spikingjelly.activation_based.op_counter import DispatchCounterMode, MACCounter, SynOpCounter
from torch import Tensor, nn

from spikefill.activity import watching
from spikefill.energy import Convolution, count
from spikefill.neurons import LIF

STEPS, TAU = 6, 2.0
GEOMETRIES = [
    {"padding": 1},
    {"padding": 1, "stride": 2},
    {},
    {"padding": 2, "dilation": 2},
    {"padding": 1, "groups": 2},
]


class Stack(nn.Module):
    """Takes a picture, and a mask that is of no matter."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, masked: Tensor, mask: Tensor) -> Any:
        return self.layers(masked)


def picture() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(4)
    return 3 * torch.rand(1, 3, 11, 14, generator=generator), torch.zeros(1, 1, 11, 14)


def neurons() -> LIF:
    """SpikingJelly's `LIFNode` with its default settings but for tau."""
    return LIF(steps=STEPS, beta=1 - 1 / TAU, gain=1 / TAU)


def convolution(*arguments: int, **geometry: Any) -> nn.Conv2d:
    """The same weights at each call."""
    with torch.random.fork_rng():
        torch.manual_seed(sum(arguments))
        return nn.Conv2d(*arguments, **geometry)


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_spikingjelly_counts_the_same_accumulates(geometry: dict[str, int]) -> None:
    """Its own neurons run step by step, and each step's spikes go through its convolution."""
    first, second = convolution(3, 4, 3, padding=1), convolution(4, 6, 3, **geometry)
    ours = count(Stack(first, neurons(), second), *picture())
    network = nn.Sequential(
        neuron.LIFNode(tau=TAU, step_mode="m"), layer.Conv2d(4, 6, 3, step_mode="m", bias=False, **geometry)
    )
    network[1].weight = second.weight
    accumulates = SynOpCounter()
    with torch.no_grad():
        currents = first(picture()[0]).expand(STEPS, -1, -1, -1, -1).contiguous()
        with DispatchCounterMode([accumulates]):
            network(currents)
    functional.reset_net(network)
    assert ours.convolutions[1].accumulates == accumulates.get_total() > 0


def test_spikingjelly_counts_the_same_multiply_accumulates_where_nothing_is_padded() -> None:
    """It counts what padding is multiplied with, too; ours does not."""
    inside, padded = convolution(3, 4, 3), convolution(3, 4, 3, padding=1)
    for module, surplus in ((inside, 0), (padded, 3 * 4 * (11 * 14 * 9 - (3 * 11 - 2) * (3 * 14 - 2)))):
        theirs = MACCounter()
        with torch.no_grad(), DispatchCounterMode([theirs]):
            module(picture()[0])
        ours = count(Stack(module, neurons()), *picture()).convolutions[0].synapses
        assert theirs.get_total() == ours + surplus


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_neurobench_counts_the_same_of_every_layer(geometry: dict[str, int]) -> None:
    """Of a deeper stack: each convolution gets the spikes that our neurons before it fire, step by step."""
    convolutions = convolution(3, 4, 3, padding=1), convolution(4, 4, 3, **geometry), convolution(4, 2, 1, stride=2)
    stack = Stack(convolutions[0], neurons(), convolutions[1], neurons(), convolutions[2])
    with torch.no_grad():
        for module in convolutions[1:]:
            module.weight.abs_().mul_(8)  # or the second neurons do not fire
    trains: list[Tensor] = []
    with watching(stack, *picture(), lambda call: trains.append(call.readout("spikes"))):
        stack(*picture())
    ours = count(stack, *picture()).convolutions
    analog = _neurobench(convolutions[0], picture())
    assert analog == {"Effective_MACs": ours[0].active, "Effective_ACs": 0, "Dense": ours[0].synapses}
    for found, module, spikes in zip(ours[1:], convolutions[1:], trains, strict=True):
        _same(found, _neurobench(module, list(spikes)))


def _same(ours: Convolution, theirs: dict[str, float]) -> None:
    expected = {"Effective_MACs": 0, "Effective_ACs": ours.accumulates, "Dense": STEPS * ours.synapses}
    assert theirs == expected
    assert ours.accumulates > 0


def _neurobench(module: nn.Conv2d, inputs: Any) -> dict[str, float]:
    """What its metric says of a convolution that is called with each of some inputs."""
    network = nn.Sequential(module)
    model = TorchModel(network)
    model.register_hooks()
    steps = inputs if isinstance(inputs, list) else [inputs[0]]
    with torch.no_grad():
        for step in steps:
            network(step)
    result: dict[str, float] = SynapticOperations()(model, None, (steps[0],))
    model.cleanup_hooks()
    return result
