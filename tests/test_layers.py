"""The spiking convolution: as the convolution and the neuron it is made of, and its noise."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import nn

from spikefill.layers import SNNConv2d
from spikefill.neurons import LIF, normal_noise


def image(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 4


def layer(**arguments) -> SNNConv2d:
    torch.manual_seed(0)
    return SNNConv2d(3, 6, 3, **{"padding": 1, "steps": 5, "noise": 0.0, **arguments})


def plain(conv: SNNConv2d, x: torch.Tensor) -> torch.Tensor:
    """The convolution, then its bias, as the neurons add it."""
    current = conv._conv_forward(x, conv.weight, None)
    return current if conv.bias is None else current + conv.bias[:, None, None]


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"stride": 2},
        {"padding": 0},
        {"padding": "same", "dilation": 2},
        {"groups": 3},
        {"bias": False},
        {"padding_mode": "reflect"},
    ],
)
def test_a_still_image_is_convolved_as_by_conv2d_and_fires_as_lif(arguments):
    ours = layer(**arguments)
    torch.manual_seed(0)
    reference = nn.Conv2d(3, 6, 3, **{"padding": 1, **arguments})
    assert torch.equal(ours.weight, reference.weight)
    x = image(2, 3, 9, 8)
    assert torch.equal(ours(x), LIF(steps=5)(plain(ours, x)))
    torch.testing.assert_close(ours.current(x), reference(x))


def test_arguments_of_the_neuron():
    ours = layer(tau=10.0, dt=5.0, reset="soft", readout="membrane", learnable=("tau",))
    x = image(1, 3, 5, 5)
    expected = LIF(steps=5, tau=10.0, dt=5.0, reset="soft", readout="membrane")(plain(ours, x))
    torch.testing.assert_close(ours(x), expected)
    assert "neuron.beta_logit" in dict(ours.named_parameters())


def test_the_convolution_runs_once_for_a_still_image(monkeypatch):
    calls = []
    original = SNNConv2d._conv_forward
    monkeypatch.setattr(SNNConv2d, "_conv_forward", lambda self, *a: calls.append(1) or original(self, *a))
    layer()(image(1, 3, 8, 8))
    assert len(calls) == 1


def test_a_sequence_is_convolved_step_by_step():
    ours, frames = layer(), image(4, 2, 3, 7, 7)
    expected = LIF()(torch.stack([plain(ours, frame) for frame in frames]), sequence=True)
    assert torch.equal(ours(frames), expected)
    assert ours(frames).shape == (4, 2, 6, 7, 7)


def test_state_in_and_out():
    ours, frames = layer(), image(4, 2, 3, 7, 7)
    first, state = ours(frames[:2], return_state=True)
    second = ours(frames[2:], state)
    assert torch.equal(torch.cat([first, second]), ours(frames))


def test_an_image_without_batch():
    ours, x = layer(), image(3, 7, 7)
    assert torch.equal(ours(x), ours(x[None])[0])


@pytest.mark.parametrize("mode", ["additive", "multiplicative"])
def test_noise_on_the_current(mode):
    ours, x = layer(noise=0.3, noise_mode=mode), image(2, 3, 9, 9)
    current = plain(ours, x)
    noise = 0.3 * normal_noise(current, seed=7)
    expected = current + noise if mode == "additive" else current * (1 + noise)
    torch.testing.assert_close(ours.current(x, seed=7), expected)
    assert torch.equal(ours(x, seed=7), ours.neuron(ours.current(x, seed=7)))


def test_noise_of_a_sequence_differs_from_step_to_step():
    ours = layer(noise=0.3)
    still = image(1, 3, 9, 9).expand(3, 1, 3, 9, 9)
    current = ours.current(still, seed=7)
    for step in range(3):
        torch.testing.assert_close(
            current[step], plain(ours, still[0]) + 0.3 * normal_noise(current[step], seed=7, step=step)
        )


def test_noise_is_off_in_eval_unless_asked():
    x = image(1, 3, 9, 9)
    ours = layer(noise=0.3).eval()
    assert torch.equal(ours.current(x), plain(ours, x))
    asked = layer(noise=0.3, noise_in_eval=True).eval()
    assert not torch.equal(asked.current(x), plain(asked, x))


def test_noise_follows_torchs_generator():
    ours, x = layer(noise=0.3), image(1, 3, 9, 9)
    torch.manual_seed(1)
    first = ours.current(x)
    again = ours.current(x)
    torch.manual_seed(1)
    assert torch.equal(ours.current(x), first)
    assert not torch.equal(again, first)


def test_noise_does_not_depend_on_memory_layout():
    ours, x = layer(noise=0.3), image(2, 3, 9, 9)
    last = copy.deepcopy(ours).to(memory_format=torch.channels_last)
    torch.testing.assert_close(
        last.current(x.contiguous(memory_format=torch.channels_last), seed=3), ours.current(x, seed=3)
    )


@pytest.mark.parametrize("mode", ["additive", "multiplicative"])
def test_gradients_reach_weights_and_image(mode):
    ours = layer(noise=0.1, noise_mode=mode)
    x = image(1, 3, 8, 8).requires_grad_()
    ours(x).sum().backward()
    assert x.grad.abs().sum() > 0
    assert ours.weight.grad.abs().sum() > 0


def test_copies_and_state_dict():
    ours, x = layer(noise=0.1, learnable=("threshold",)), image(1, 3, 8, 8)
    fresh = SNNConv2d(3, 6, 3, padding=1, steps=5, noise=0.1, learnable=("threshold",))
    fresh.load_state_dict(ours.state_dict())
    for other in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours)), fresh):
        assert torch.equal(other(x, seed=1), ours(x, seed=1))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"noise": -0.1}, "noise is -0.1"),
        ({"noise": float("nan")}, "noise is nan"),
        ({"noise_mode": "poisson"}, "additive, multiplicative"),
        ({"steps": 0}, "steps is 0"),
        ({"beta": 2.0}, "beta is 2.0"),
    ],
)
def test_wrong_arguments(arguments, words):
    with pytest.raises(ValueError, match=words):
        layer(**arguments)


def test_wrong_number_of_dimensions():
    with pytest.raises(ValueError, match=r"shape \(3, 3\)"):
        layer()(torch.zeros(3, 3))
