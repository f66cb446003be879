"""The definition: membrane values written out by hand, resets, refractory steps, synapse, parameters."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError

import pytest
import torch

from spikefill.neurons import LIFParameters, LIFState, initial_state, lif_sequence, lif_step, membrane_factors


def run(currents: list[float], **parameters):
    spikes, membrane, state = lif_sequence(torch.tensor(currents).double(), LIFParameters(**parameters))
    return spikes.tolist(), membrane.tolist(), state


def test_membrane_below_the_threshold():
    _, membrane, state = run([0.5, 0.5, 0.0], beta=0.5)
    assert membrane == [0.5, 0.75, 0.375]
    assert state.v.item() == 0.375


def test_hard_reset_forgets_what_is_above_the_threshold():
    spikes, membrane, _ = run([1.75, 0.25, 1.0], beta=0.5, reset="hard")
    assert spikes == [1, 0, 1]
    assert membrane == [1.75, 0.25, 1.125]


def test_hard_reset_to_another_potential():
    spikes, membrane, _ = run([1.0, 0.5, 0.0], beta=0.5, v_reset=-1.0)
    assert spikes == [1, 0, 0]
    assert membrane == [1.0, 0.0, 0.0]


def test_soft_reset_keeps_what_is_above_the_threshold():
    spikes, membrane, state = run([1.75, 0.25, 1.0], beta=0.5, reset="soft")
    assert spikes == [1, 0, 1]
    assert membrane == [1.75, 0.625, 1.3125]
    assert state.v.item() == 0.3125


def test_leak_towards_another_potential():
    _, membrane, _ = run([0.0, 0.0, 0.25], beta=0.5, v_leak=0.5)
    assert membrane == [0.25, 0.375, 0.6875]


def test_gain():
    assert run([2.0], beta=0.5, gain=0.25)[1] == [0.5]


def test_refractory_steps_hold_the_reset_potential():
    spikes, membrane, state = run([1.0, 5.0, 5.0, 5.0], beta=0.5, v_reset=-0.25, refractory=2)
    assert spikes == [1, 0, 0, 1]
    assert membrane == [1.0, -0.25, -0.25, 4.875]
    assert state.refractory.item() == 2


def test_refractory_steps_after_a_soft_reset():
    spikes, membrane, _ = run([3.0, 3.0, 0.5], beta=0.5, reset="soft", refractory=1)
    assert spikes == [1, 0, 0]
    assert membrane == [3.0, 0.0, 0.5]


def test_synapse():
    _, membrane, state = run([0.5, 0.0], beta=0.5, alpha=0.5)
    assert membrane == [0.5, 0.5]
    assert state.synapse.item() == 0.25


def test_firing_is_inclusive_unless_strict():
    assert run([1.0], beta=0.5)[0] == [1]
    assert run([1.0], beta=0.5, strict=True)[0] == [0]


def test_not_a_number_never_fires_and_infinity_does():
    assert run([math.nan, 5.0], beta=0.5)[0] == [0, 0]
    assert run([math.inf, 0.5], beta=0.5)[0] == [1, 0]


def test_exact_integration_follows_the_differential_equation():
    beta, gain = membrane_factors(tau=40.0, dt=5.0, R=2.0)
    assert beta == pytest.approx(math.exp(-0.125))
    spikes, membrane, _ = run([0.3] * 4, beta=beta, gain=gain)
    assert spikes == [0] * 4
    assert membrane == pytest.approx([0.6 * (1 - math.exp(-t * 0.125)) for t in (1, 2, 3, 4)])


def test_euler_integration():
    assert membrane_factors(tau=40.0, dt=10.0, R=2.0, integration="euler") == (0.75, 0.5)


def test_time_constants_give_the_same_neuron_as_factors():
    parameters = LIFParameters.from_time_constant(40.0, dt=5.0, tau_syn=10.0, reset="soft")
    assert parameters.beta == math.exp(-0.125)
    assert parameters.gain == pytest.approx(1 - math.exp(-0.125))
    assert parameters.alpha == math.exp(-0.5)
    assert parameters.reset == "soft"


def test_parameters_are_frozen():
    with pytest.raises(FrozenInstanceError):
        LIFParameters(beta=0.5).beta = 0.6


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"beta": 1.5}, "beta is 1.5"),
        ({"beta": math.nan}, "beta is nan"),
        ({"gain": math.inf}, "gain is inf"),
        ({"threshold": 0.0}, "above v_reset"),
        ({"reset": "none"}, "hard, soft"),
        ({"refractory": -1}, "refractory is -1"),
        ({"refractory": 1.5}, "whole number"),
        ({"alpha": 1.0}, "alpha is 1.0"),
    ],
)
def test_wrong_parameters(changes, words):
    with pytest.raises(ValueError, match=words):
        LIFParameters(**{"beta": 0.5, **changes})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"tau": 0.0, "dt": 1.0, "R": 1.0}, "tau is 0.0 ms"),
        ({"tau": 1.0, "dt": -1.0, "R": 1.0}, "dt is -1.0 ms"),
        ({"tau": 1.0, "dt": 2.0, "R": 1.0, "integration": "euler"}, "no longer than tau"),
        ({"tau": 1.0, "dt": 1.0, "R": 1.0, "integration": "midpoint"}, "exact, euler"),
    ],
)
def test_wrong_time_constants(arguments, words):
    with pytest.raises(ValueError, match=words):
        membrane_factors(**arguments)


def test_step_does_not_change_its_state():
    parameters = LIFParameters(beta=0.5, refractory=1, alpha=0.5)
    before = initial_state(torch.ones(3), parameters, 0.25)
    kept = LIFState(*(tensor.clone() for tensor in before))
    lif_step(torch.full((3,), 2.0), before, parameters)
    assert all(torch.equal(a, b) for a, b in zip(before, kept, strict=True))


def test_a_sequence_in_two_parts_is_the_sequence():
    parameters = LIFParameters(beta=0.9, refractory=1, alpha=0.5, reset="soft")
    currents = torch.rand(10, 4, generator=torch.Generator().manual_seed(0))
    spikes, membrane, state = lif_sequence(currents, parameters)
    first, first_membrane, middle = lif_sequence(currents[:4], parameters)
    second, second_membrane, end = lif_sequence(currents[4:], parameters, middle)
    assert torch.equal(spikes, torch.cat([first, second]))
    assert torch.equal(membrane, torch.cat([first_membrane, second_membrane]))
    assert all(torch.equal(a, b) for a, b in zip(state, end, strict=True))


@pytest.mark.parametrize("shape", [(), (0, 3)])
def test_a_sequence_needs_a_step(shape):
    with pytest.raises(ValueError, match="at least 1"):
        lif_sequence(torch.zeros(shape), LIFParameters(beta=0.5))


def test_a_state_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"state\.v has shape \(2,\)"):
        lif_sequence(torch.zeros(3, 4), LIFParameters(beta=0.5), LIFState(torch.zeros(2)))


@pytest.mark.parametrize(("change", "words"), [({"refractory": 1}, "refractory"), ({"alpha": 0.5}, "synapse")])
def test_a_state_without_what_the_neuron_carries_is_refused(change, words):
    with pytest.raises(ValueError, match=f"state.{words} is None"):
        lif_step(torch.zeros(2), LIFState(torch.zeros(2)), LIFParameters(beta=0.5, **change))
