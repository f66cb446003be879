"""The neuron without time: its levels, and the clipped and rounded line that stands in for it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from spikefill import InputError
from spikefill.neurons import LIF, PRESETS, LIFParameters, Quantiser, lif_constant, rate_levels

NEURONS: dict[str, LIFParameters] = {
    "hard": LIFParameters(beta=0.9, gain=0.3),
    "hard, no leak": LIFParameters(beta=1.0),
    "hard, refractory": LIFParameters(beta=0.9, gain=0.3, refractory=2),
    "soft": LIFParameters(beta=0.9, reset="soft"),
    "soft, no leak": LIFParameters(beta=1.0, reset="soft"),
}


@pytest.mark.parametrize("steps", [1, 2, 4, 7, 16])
@pytest.mark.parametrize("name", NEURONS)
def test_the_levels_are_the_rates_that_are_found(name: str, steps: int) -> None:
    current = torch.linspace(-1, 8, 100_001, dtype=torch.float64)
    found, _ = lif_constant(current, steps, NEURONS[name])
    assert found.unique().tolist() == pytest.approx(rate_levels(NEURONS[name], steps))


def test_a_hard_reset_has_few_levels() -> None:
    hard, soft = NEURONS["hard"], NEURONS["soft"]
    assert rate_levels(hard, 4) == [0, 0.25, 0.5, 1]
    assert rate_levels(soft, 4) == [0, 0.25, 0.5, 0.75, 1]
    assert (len(rate_levels(hard, 32)), len(rate_levels(soft, 32))) == (11, 33)


@pytest.mark.parametrize("levels", ["uniform", "neuron"])
@pytest.mark.parametrize("steps", [1, 3, 8])
def test_it_is_the_neuron_where_that_neither_leaks_nor_forgets(levels: Any, steps: int) -> None:
    neuron = LIF(steps=steps, beta=1.0, reset="soft", v_init=0.5, surrogate="rate")
    found = []
    for layer in (neuron, Quantiser(neuron, levels=levels)):
        current = torch.linspace(-0.613, 1.729, 2000, requires_grad=True)
        rate = layer(current)
        (rate * torch.linspace(1, 2, 2000)).sum().backward()
        found.append((rate.detach(), current.grad))
    torch.testing.assert_close(found[0], found[1])


def test_the_nearest_level_of_a_hard_reset_written_out() -> None:
    """A spike in every fourth step at a current of 1 / 4, one in each at 1: the line is (4 I - 1) / 3."""
    neuron = LIF(steps=4, beta=1.0)
    current = torch.tensor([-1.0, 0.25, 0.34, 0.35, 0.53, 0.54, 0.81, 0.82, 1.0, 5.0], requires_grad=True)
    rate = Quantiser(neuron, levels="neuron", outside=0.2)(current)
    assert rate.tolist() == [0, 0, 0, 0.25, 0.25, 0.5, 0.5, 1, 1, 1]
    rate.sum().backward()
    assert current.grad is not None
    assert current.grad.tolist() == pytest.approx([4 / 15, *[4 / 3] * 8, 4 / 15])
    uniform = Quantiser(neuron)(torch.tensor([0.25, 0.71, 0.72, 0.90, 0.91]))
    assert uniform.tolist() == [0, 0.5, 0.75, 0.75, 1]


def test_layout_and_dtype_are_kept() -> None:
    quantiser = Quantiser(LIF(**PRESETS["working"]))
    current = (torch.rand(2, 3, 4, 5) * 10).contiguous(memory_format=torch.channels_last)
    assert quantiser(current).is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(quantiser(current), quantiser(current.contiguous()))
    assert quantiser(current.double()).dtype == torch.float64
    assert quantiser.state_dict() == {}


def test_the_number_of_steps_changes_the_levels() -> None:
    quantiser = Quantiser(LIF(steps=2, beta=1.0), levels="neuron")
    assert quantiser(torch.tensor([0.6, 0.7, 0.9])).tolist() == [0, 0.5, 1]
    quantiser.set_steps(1)
    assert quantiser(torch.tensor([0.6, 0.7, 0.9])).tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: Quantiser(LIF(learnable="threshold")), "leave learnable out"),
        (lambda: Quantiser(LIF(tau_syn=3.0)), "neurons without a synapse"),
        (lambda: Quantiser(LIF(beta=0.0)), "needs both above 0"),
        (lambda: Quantiser(LIF(refractory=1, reset="soft")), "refractory is 1; .* soft reset"),
        (lambda: Quantiser(LIF(readout="latency")), "readout of the neuron is 'latency'"),
        (lambda: Quantiser(LIF(), levels="many"), "levels is 'many'; it must be one of: uniform, neuron"),  # type: ignore[arg-type]
        (lambda: Quantiser(LIF(), outside=-1), "outside is -1"),
    ],
)
def test_wrong_calls(call: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        call()


def test_levels_are_known_of_a_hard_reset_that_it_starts_from() -> None:
    with pytest.raises(InputError, match=r"v_init is 0.5 and v_reset 0.0; the levels of a hard reset are known"):
        Quantiser(LIF(steps=8, beta=0.9, reset="hard", v_init=0.5), levels="neuron")


def test_what_is_not_a_number_fires_nothing() -> None:
    neuron = LIF(steps=4, beta=1.0, reset="soft", v_init=0.5)
    current = torch.tensor([float("nan"), 0.5])
    assert torch.equal(Quantiser(neuron)(current), neuron(current))
