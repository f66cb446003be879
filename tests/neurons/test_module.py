"""The module: its arguments, what is learnt, state in and out, precision, copies."""

from __future__ import annotations

import copy
import io
import math
import pickle

import pytest
import torch

from spikefill.neurons import LIF, LIFState, Triangle, unpack_spikes


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 2


def test_shapes_of_the_readouts():
    current = random(2, 3, 4)
    shapes = {
        readout: LIF(steps=5, readout=readout)(current).shape for readout in ("rate", "spikes", "membrane", "latency")
    }
    assert shapes == {"rate": (2, 3, 4), "spikes": (5, 2, 3, 4), "membrane": (5, 2, 3, 4), "latency": (2, 3, 4)}


def test_a_sequence_gives_as_many_steps():
    currents = random(7, 2, 3)
    spikes = LIF()(currents, sequence=True)
    assert spikes.shape == (7, 2, 3)
    assert set(spikes.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(spikes, LIF(readout="spikes")(currents, sequence=True))
    assert LIF(readout="membrane")(currents, sequence=True).shape == (7, 2, 3)
    assert LIF(readout="latency")(torch.tensor([[0.0], [1.0], [1.0], [1.0]]), sequence=True).tolist() == [0.25]


def test_a_sequence_of_one_current_is_the_constant_current():
    current = random(4, 5)
    neuron = LIF(steps=6, tau=20.0, dt=5.0, readout="spikes")
    assert torch.equal(neuron(current), neuron(current.expand(6, 4, 5), sequence=True))


def test_state_comes_out_and_goes_in():
    neuron, current = LIF(steps=3, beta=0.9, gain=0.3, refractory=1, tau_syn=3.0), random(10)
    first, state = neuron(current, return_state=True)
    second, _ = neuron(current, state, return_state=True)
    whole = LIF(steps=6, beta=0.9, gain=0.3, refractory=1, tau_syn=3.0)(current)
    assert torch.allclose((first + second) / 2, whole)


def test_no_state_is_kept_between_calls():
    neuron, current = LIF(steps=3, beta=0.9, gain=0.3), random(10)
    first = neuron(current)
    neuron(random(10, seed=1))
    assert torch.equal(neuron(current), first)


def test_defaults_follow_the_way_the_leak_is_given():
    def factors(**arguments):
        parameters = LIF(**arguments).parameters_now()
        return parameters.beta, parameters.gain

    assert factors() == (0.5, 1.0)
    assert factors(beta=0.9) == (0.9, 1.0)
    assert factors(beta=0.9, gain=0.1) == (0.9, 0.1)
    assert factors(tau=2.0, integration="euler") == (0.5, 0.5)
    assert factors(tau=2.0, R=3.0) == pytest.approx((math.exp(-0.5), 3 * (1 - math.exp(-0.5))))


def test_table_1_read_literally_needs_a_current_of_11_to_fire_within_8_steps():
    current = torch.linspace(0, 12, 1201)
    rate = LIF.preset("table1", steps=8)(current)
    assert current[rate > 0].min().item() == pytest.approx(1 / (0.5 * (1 - math.exp(-8 / 40))), abs=0.01)
    assert 11 < current[rate > 0].min().item() < 11.05


def test_the_working_preset_fires_from_1_6_to_8_5():
    current = torch.linspace(0, 12, 12001)
    rate = LIF.preset("working", steps=8)(current)
    assert current[rate > 0].min().item() == pytest.approx(1.582, abs=0.002)
    assert current[rate == 1].min().item() == pytest.approx(8.510, abs=0.002)


@pytest.mark.parametrize("backend", ["reference", "recompute", "fused"])
def test_learnt_parameters_get_gradients_of_the_right_sign(backend):
    neuron = LIF(steps=8, tau=40.0, dt=5.0, learnable=("threshold", "tau", "v_init"), backend=backend)
    assert {name for name, _ in neuron.named_parameters()} == {"log_threshold", "beta_logit", "v_init"}
    neuron(random(200).abs() * 2).sum().backward()
    assert neuron.log_threshold.grad.item() < 0
    assert neuron.beta_logit.grad.item() < 0  # a slower membrane charges more slowly
    assert neuron.v_init.grad.item() > 0


def test_learnt_parameters_have_the_same_gradients_in_all_backends():
    gradients = []
    for backend in ("reference", "recompute", "fused"):
        neuron = LIF(steps=8, beta=0.8, gain=0.3, learnable=("threshold", "beta", "v_init"), backend=backend).double()
        neuron(random(500).double()).square().sum().backward()
        gradients.append([parameter.grad.item() for parameter in neuron.parameters()])
    for others in gradients[1:]:
        assert others == pytest.approx(gradients[0], rel=1e-9)


def test_learnt_parameters_start_as_given_and_stay_in_range():
    neuron = LIF(beta=0.7, threshold=0.6, v_reset=-0.2, learnable=("threshold", "tau"))
    start = neuron.parameters_now()
    assert start.beta.item() == pytest.approx(0.7)
    assert start.threshold.item() == pytest.approx(0.6)
    optimiser = torch.optim.SGD(neuron.parameters(), 10.0)
    for direction in (1, -1):
        for _ in range(20):
            optimiser.zero_grad()
            parameters = neuron.parameters_now()
            (direction * (parameters.beta + parameters.threshold)).backward()
            optimiser.step()
            now = neuron.parameters_now()
            assert 0 <= now.beta.item() <= 1
            assert now.threshold.item() >= -0.2


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32(dtype):
    current = random(100).to(dtype)
    rate = LIF(steps=4)(current)
    assert rate.dtype == dtype
    assert torch.equal(rate, LIF(steps=4)(current.float()).to(dtype))


def test_whole_numbers_are_refused():
    with pytest.raises(ValueError, match=r"dtype torch\.int64"):
        LIF()(torch.ones(3, dtype=torch.int64))


def test_a_state_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="the current has"):
        LIF()(torch.zeros(3), LIFState(torch.zeros(4)))


def test_copies_and_files():
    neuron = LIF(steps=3, tau=10.0, learnable=("threshold", "tau"), surrogate=Triangle(width=2.0))
    with torch.no_grad():
        neuron.log_threshold.fill_(0.25)
    current = random(50)
    expected = neuron(current)
    fresh = LIF(steps=3, tau=30.0, learnable=("threshold", "tau"), surrogate=Triangle(width=2.0))
    buffer = io.BytesIO()
    torch.save(neuron.state_dict(), buffer)
    buffer.seek(0)
    fresh.load_state_dict(torch.load(buffer, weights_only=True))
    for other in (copy.deepcopy(neuron), pickle.loads(pickle.dumps(neuron)), fresh):
        assert torch.equal(other(current), expected)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"steps": 2.0}, "whole number"),
        ({"beta": 0.5, "tau": 2.0}, "give one of them"),
        ({"beta": 0.5, "R": 2.0}, "goes with tau"),
        ({"readout": "voltage"}, "rate, count, spikes, packed, membrane, latency"),
        ({"backend": "cuda"}, "auto, reference, recompute, fused, compiled"),
        ({"learnable": ("gain",)}, "threshold, tau"),
        ({"beta": 1.0, "learnable": "tau"}, "within"),
        ({"v_init": math.nan}, "v_init is nan"),
        ({"surrogate": "relu"}, "arctan"),
    ],
)
def test_wrong_arguments(arguments, words):
    with pytest.raises(ValueError, match=words):
        LIF(**arguments)


def test_unknown_preset():
    with pytest.raises(ValueError, match="table1, working"):
        LIF.preset("table2")


def test_recompute_does_not_serve_a_sequence():
    with pytest.raises(ValueError, match="'recompute' cannot serve a current that varies; these can: fused"):
        LIF(backend="recompute")(torch.zeros(2, 3), sequence=True)


def test_counts_and_bits():
    current, neuron = random(40), LIF(steps=11, beta=0.9)
    spikes = LIF(steps=11, beta=0.9, readout="spikes")(current)
    assert torch.equal(LIF(steps=11, beta=0.9, readout="count")(current), spikes.sum(0))
    packed = LIF(steps=11, beta=0.9, readout="packed")
    assert torch.equal(unpack_spikes(packed(current), 11), spikes)
    frames = random(11, 40, seed=3)
    assert torch.equal(unpack_spikes(packed(frames, sequence=True), 11), neuron(frames, sequence=True))
