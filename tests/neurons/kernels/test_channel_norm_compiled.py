"""Normalisation and neurons through ``torch.compile``, as a GPU runs them; here with an engine that needs none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from spikefill.models.firing import Firing
from spikefill.models.hybrid import NEURON
from spikefill.neurons import LIF
from spikefill.neurons.kernels import channel_norm_compiled, compiled

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning"),
]


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(compiled, "ENGINE", "aot_eager")
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    yield
    torch._dynamo.reset()


def plain(current: Tensor, firing: Firing) -> Tensor:
    rate: Tensor = firing.neuron(firing.norm(current.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))
    return rate


def both(firing: Firing, current: Tensor) -> list[tuple[Tensor, tuple[Tensor, ...]]]:
    """Values and gradients of the compiled and of the plain form."""
    weights = (current.requires_grad_(), firing.norm.weight, firing.norm.bias)
    found = []
    for rate in (channel_norm_compiled.fired(current, firing.norm, firing.neuron), plain(current, firing)):
        goal = torch.linspace(0, 1, rate.numel()).reshape(rate.shape)
        found.append((rate.detach(), torch.autograd.grad(((rate - goal) ** 2).sum(), weights)))
    return found


@pytest.mark.parametrize("neuron", [LIF(steps=8, **NEURON), nn.ReLU()], ids=["lif", "relu"])
def test_values_and_gradients_are_those_of_one_after_the_other(neuron: nn.Module) -> None:
    torch.manual_seed(1)
    for channels, shape in ((6, (2, 5, 4)), (6, (3, 9, 2)), (10, (2, 5, 4))):
        firing = Firing(channels, neuron)
        current = torch.randn(shape[0], channels, *shape[1:]).contiguous(memory_format=torch.channels_last)
        (rate, gradients), (expected, expected_gradients) = both(firing, current)
        torch.testing.assert_close(rate, expected)
        torch.testing.assert_close(gradients, expected_gradients)


def test_one_kernel_serves_images_of_any_size_and_number() -> None:
    counter = torch._dynamo.utils.counters["stats"]
    firing = Firing(5, LIF(steps=4, **NEURON))
    for shape in ((2, 5, 8, 8), (4, 5, 16, 6), (3, 5, 7, 9)):
        channel_norm_compiled.fired(torch.randn(shape), firing.norm, firing.neuron)
    assert counter["unique_graphs"] == 1


def test_half_precision_is_computed_in_float32_and_keeps_its_dtype() -> None:
    firing = Firing(6, LIF(steps=8, **NEURON))
    current = torch.randn(2, 6, 8, 8).bfloat16()
    with torch.inference_mode():
        rate = channel_norm_compiled.fired(current, firing.norm, firing.neuron)
        expected = plain(current.float(), firing)
    assert rate.dtype == torch.bfloat16
    torch.testing.assert_close(rate.float(), expected)


def test_the_number_of_steps_may_change() -> None:
    firing, current = Firing(6, LIF(steps=8, **NEURON)), torch.randn(1, 6, 8, 8)
    for steps in (8, 2):
        firing.neuron.steps = steps
        rate = channel_norm_compiled.fired(current, firing.norm, firing.neuron)
        torch.testing.assert_close(rate, plain(current, firing))
        assert torch.equal(rate * steps, (rate * steps).round())
