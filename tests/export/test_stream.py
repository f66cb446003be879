"""Layers over a sequence: neurons keep their potential from step to step, all else takes each step for itself."""

from __future__ import annotations

import torch
from torch import nn

from spikefill.export.stream import Stream
from spikefill.layers import SNNConv2d
from spikefill.neurons import LIF

SEQUENCE = torch.rand(5, 2, 3, 8, 7, generator=torch.Generator().manual_seed(1))


def test_neurons_integrate_over_the_sequence() -> None:
    """Without leak, half the threshold in a step: a spike in every second step."""
    spikes = Stream(LIF(beta=1.0, threshold=1.0))(torch.full((5, 1, 1), 0.5))
    assert spikes.flatten().tolist() == [0, 1, 0, 1, 0]


def test_a_nested_sequence_is_the_same_as_its_layers() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        convolution, norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
        neuron, last = LIF(threshold=0.2), SNNConv2d(4, 2, 3, threshold=0.1, noise=0)
    flat = Stream(convolution, norm, neuron, last).eval()
    nested = Stream(nn.Sequential(convolution, nn.Sequential(norm, neuron)), last).eval()
    with torch.no_grad():
        spikes = flat(SEQUENCE)
        assert torch.equal(nested(SEQUENCE), spikes)
        by_hand = torch.stack([norm(convolution(step)) for step in SEQUENCE])
        assert torch.equal(spikes, last(neuron(by_hand, sequence=True)))
    assert spikes.shape == (5, 2, 2, 4, 3)
    assert 0.02 < spikes.mean() < 0.98


def test_nothing_is_kept_between_calls() -> None:
    layers = Stream(LIF(beta=1.0, threshold=1.0))
    assert torch.equal(layers(torch.full((1, 1, 1), 0.6)), layers(torch.full((1, 1, 1), 0.6)))
