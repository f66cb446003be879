"""The rate surrogate: the slope of the smooth curve that the neuron's rate follows."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from spikefill.neurons import LIF, ArcTan, LIFParameters, RateCurve, lif_constant, lif_sequence, lif_varying
from spikefill.neurons.kernels.table import _hard_bounds
from tests.neurons.neurons import random

NEURONS = {
    "hard": {"beta": 0.9, "gain": 0.3},
    "hard, no leak": {"beta": 1.0, "gain": 0.3},
    "hard, refractory, leak": {"beta": 0.9, "gain": 0.3, "refractory": 2, "v_reset": -0.2, "v_leak": 0.1},
    "soft": {"beta": 0.9, "gain": 0.3, "reset": "soft"},
    "soft, no leak": {"beta": 1.0, "reset": "soft"},
}


def integral(parameters: LIFParameters, steps: int, to: torch.Tensor) -> torch.Tensor:
    """Of the slope, from its onset to each of some currents."""
    low, high = parameters.surrogate.onset_and_saturation(parameters, steps)
    current = torch.linspace(low, high, 400_001, dtype=torch.float64)
    grown = torch.cumulative_trapezoid(parameters.surrogate.slope(current, parameters, steps), current)
    return grown[torch.searchsorted(current, to).clamp(1, 400_000) - 1]


@pytest.mark.parametrize("name", ["hard", "hard, no leak", "hard, refractory, leak"])
def test_a_hard_reset_rises_by_the_integral_of_its_slope(name):
    """Where the first spike just comes in step k, the rate of many steps is 1 / (k + refractory): so is the curve."""
    steps, k = 30, torch.arange(1, 31)
    parameters = LIFParameters(surrogate=RateCurve(steepest=100.0), **NEURONS[name])
    bounds, _ = _hard_bounds(replace(parameters, surrogate=ArcTan()), 30, parameters.v_reset, torch.float64)
    first = torch.stack([bounds[(lif_constant(bounds, int(n), replace(parameters, surrogate=ArcTan()),
                                              readout="count", v_init=parameters.v_reset)[0] > 0).int().argmax()]
                         for n in k])  # fmt: skip
    expected = 1 / (k + parameters.refractory) - 1 / (steps + parameters.refractory)
    # The smallest current that fires within k steps is one of the bounds only where the rate changes with it.
    counts = (steps + parameters.refractory) // (k + parameters.refractory)
    changes = torch.cat([counts[:-1] != counts[1:], torch.tensor([True])])
    found = integral(parameters, steps, first)
    torch.testing.assert_close(found[changes], expected[changes].double(), atol=2e-4, rtol=0)


@pytest.mark.parametrize("name", ["soft", "soft, no leak"])
def test_a_soft_reset_rises_by_the_integral_of_its_slope(name):
    parameters = LIFParameters(surrogate=RateCurve(), **NEURONS[name])
    low, high = parameters.surrogate.onset_and_saturation(parameters, 400)
    at = torch.linspace(low, high, 8, dtype=torch.float64)[1:-1]
    rate, _ = lif_constant(at, 400, parameters)
    assert (integral(parameters, 400, at) - rate).abs().max() <= 0.05


def test_a_soft_reset_without_leak_has_slope_one_within_and_a_small_one_outside():
    current = torch.tensor([-0.5, 0.25, 0.75, 1.5, torch.nan], requires_grad=True)
    neuron = LIF(steps=8, beta=1.0, reset="soft", surrogate="rate", v_init=0.5)
    neuron(current).sum().backward()
    assert current.grad.tolist() == pytest.approx([0.1, 1, 1, 0.1, 0])


def test_a_hard_reset_written_out():
    """Without leak kappa = 1 / I, so that f = I: slope 1 between 1 / T and 1."""
    current = torch.tensor([0.05, 0.3, 0.8, 2.0], requires_grad=True)
    LIF(steps=10, beta=1.0, surrogate=RateCurve(outside=0.2))(current).sum().backward()
    chord = 1 / 0.9
    assert current.grad.tolist() == pytest.approx([0.2 * chord, 1, 1, 0.2 * chord])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", NEURONS)
def test_backends_agree(name, dtype):
    for readout in ("rate", "count"):
        found = []
        for backend in ("reference", "recompute", "fused"):
            current = (random(3, 4, 30, 31, dtype=dtype) * 2).requires_grad_()
            neuron = LIFParameters(surrogate=RateCurve(), **NEURONS[name])
            result, _ = lif_constant(current, 8, neuron, readout=readout, backend=backend)
            result.backward(random(3, 4, 30, 31, seed=2, dtype=dtype))
            found.append((result.detach(), current.grad))
        for result, gradient in found[1:]:
            assert torch.equal(result, found[0][0])
            tolerance = 1e-5 if dtype == torch.float32 else 1e-12
            assert (gradient - found[0][1]).norm() <= tolerance * found[0][1].norm()


def test_the_rate_is_that_of_the_spikes():
    parameters = LIFParameters(beta=0.9, gain=0.4, surrogate=RateCurve())
    current = random(500)
    spikes, _, _ = lif_sequence(current.expand(9, 500), LIFParameters(beta=0.9, gain=0.4))
    assert torch.equal(lif_constant(current, 9, parameters, final_state=False)[0], spikes.sum(0) / 9)


def test_a_steep_onset_is_cut():
    parameters = LIFParameters(beta=0.3, surrogate=RateCurve(steepest=2.0))
    low, high = parameters.surrogate.onset_and_saturation(parameters, 64)
    slope = parameters.surrogate.slope(torch.linspace(low, high, 1001), parameters, 64)
    assert slope.max().item() <= 2 / (high - low) * (1 + 1e-6)


def test_a_network_learns_through_it():
    """A straight line of rates is fitted by one neuron for each point, where single steps would see no slope."""
    torch.manual_seed(0)
    target = torch.linspace(0.05, 0.95, 19)
    current = torch.full((19,), 0.5, requires_grad=True)
    neuron = LIF(steps=16, beta=1.0, reset="soft", v_init=0.5, surrogate="rate")
    optimiser = torch.optim.Adam([current], lr=0.02)
    for _ in range(150):
        optimiser.zero_grad()
        (neuron(current) - target).square().mean().backward()
        optimiser.step()
    assert (neuron(current) - target).abs().max().item() <= 1 / 16 + 0.01


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: LIF(surrogate="rate", readout="spikes")(torch.zeros(3)), "rate and count alone"),
        (lambda: LIF(surrogate="rate")(torch.zeros(2, 3), sequence=True), "serves a constant current"),
        (lambda: LIF(surrogate="rate", learnable="threshold")(torch.zeros(3)), "no gradient for learnt"),
        (lambda: LIF(surrogate="rate", beta=0.0)(torch.zeros(3)), "both above 0"),
        (lambda: LIF(surrogate="rate", tau_syn=2.0)(torch.zeros(3)), "without a synapse"),
        (lambda: lif_varying(torch.zeros(2, 3), LIFParameters(beta=0.5, surrogate=RateCurve())), "constant current"),
        (lambda: RateCurve(outside=0.0), "outside is 0.0"),
    ],
)
def test_wrong_calls(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_the_final_state_is_handed_out_without_a_gradient():
    current = random(20).requires_grad_()
    for backend in ("fused", "reference"):
        _, state = lif_constant(current, 4, LIFParameters(beta=0.9, surrogate=RateCurve()), backend=backend)
        assert not state.v.requires_grad
