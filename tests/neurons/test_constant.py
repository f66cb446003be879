"""The constant current: what every backend promises; `kernels.test_fused` goes through the kernels' options."""

from __future__ import annotations

import logging
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spikefill.neurons import (
    ArcTan,
    LIFParameters,
    initial_state,
    lif_constant,
    lif_sequence,
    lif_step,
)
from spikefill.neurons.kernels import recompute
from tests.neurons.neurons import NEURONS, SHAPES, random

BACKENDS = ("reference", "recompute", "fused")


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(NEURONS)), SHAPES, st.integers(1, 12), st.integers(0, 1000))
def test_every_backend_gives_the_values_of_the_plain_loop(name, shape, steps, seed):
    parameters, current = NEURONS[name], random(*shape, seed=seed)
    spikes, _, state = lif_sequence(current.expand(steps, *shape), parameters)
    for backend in BACKENDS:
        rate, after = lif_constant(current, steps, parameters, backend=backend)
        assert torch.equal(rate, spikes.sum(0) / steps), backend
        assert torch.equal(after.v, state.v), backend
        assert rate.shape == current.shape


@pytest.mark.parametrize("name", NEURONS)
def test_recompute_has_the_gradients_of_the_plain_loop(name):
    found = {}
    for backend in ("recompute", "reference"):
        current = random(60, dtype=torch.float64).requires_grad_()
        state = initial_state(current.detach(), NEURONS[name])
        v = random(60, seed=2, dtype=torch.float64).requires_grad_()
        rate, after = lif_constant(current, 9, NEURONS[name], state._replace(v=v), backend=backend)
        found[backend] = torch.autograd.grad(rate.sum() + after.v.square().sum(), (current, v))
    for ours, reference in zip(found["recompute"], found["reference"], strict=True):
        assert (ours - reference).norm() <= 1e-12 * reference.norm()


def test_a_gradient_written_out():
    """One step: the derivative of the rate is gain times the surrogate at H - threshold."""
    parameters = LIFParameters(beta=0.5, gain=0.5)
    for backend in BACKENDS:
        current = torch.tensor([2.0, 2 - 2 / math.pi], dtype=torch.float64, requires_grad=True)
        lif_constant(current, 1, parameters, backend=backend)[0].sum().backward()
        assert current.grad.tolist() == pytest.approx([0.5, 0.25])


@pytest.mark.parametrize("reset", ["hard", "soft"])
def test_attached_reset_written_out(reset):
    """Two steps, both spikes at the threshold's surrogate peak: only the reset carries the first into the second."""
    parameters = LIFParameters(beta=0.5, reset=reset, detach_reset=False)
    for backend in BACKENDS:
        current = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
        _, state = lif_constant(current, 1, parameters, backend=backend)
        state.v.backward()
        # V = H + S (v_reset - H): (1 - 1) - 1 for the hard one; V = H - S: 1 - 1 for the soft one.
        assert current.grad.item() == pytest.approx(-1.0 if reset == "hard" else 0.0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_memory_layouts(backend):
    parameters = LIFParameters(beta=0.9, gain=0.3)
    plain = random(2, 5, 7, 6)
    expected = lif_constant(plain, 6, parameters, backend="reference")[0]
    layouts = {
        "channels last": plain.contiguous(memory_format=torch.channels_last),
        "transposed": plain.transpose(1, 3).contiguous().transpose(1, 3),
        "strided": plain.repeat_interleave(2, dim=3)[..., ::2],
    }
    for name, current in layouts.items():
        current = current.detach().requires_grad_()
        rate, _ = lif_constant(current, 6, parameters, backend=backend)
        assert torch.equal(rate, expected), name
        (rate * plain).sum().backward()
        leaf = plain.clone().requires_grad_()
        (lif_constant(leaf, 6, parameters, backend="reference")[0] * plain).sum().backward()
        torch.testing.assert_close(current.grad, leaf.grad)
    if backend != "reference":
        assert lif_constant(layouts["channels last"], 6, parameters, backend=backend)[0].is_contiguous(
            memory_format=torch.channels_last
        )


def test_an_expanded_current():
    parameters = LIFParameters(beta=0.5)
    for backend in BACKENDS:
        assert (
            lif_constant(torch.tensor(2.0).expand(3, 4), 2, parameters, backend=backend)[0].tolist() == [[1.0] * 4] * 3
        )


@pytest.mark.parametrize("backend", BACKENDS)
def test_ties_infinity_and_not_a_number(backend):
    current = torch.tensor([0.5, 1.0, math.nextafter(1.0, 0.0), math.nan, math.inf, -math.inf], dtype=torch.float64)
    rate, _ = lif_constant(current, 1, LIFParameters(beta=0.5), backend=backend)
    assert rate.tolist() == [0, 1, 0, 0, 1, 0]
    rate, _ = lif_constant(current, 2, LIFParameters(beta=1.0), backend=backend)
    assert rate.tolist() == [0.5, 1, 0.5, 0, 1, 0]


def test_hard_reset_gives_floor_t_over_k():
    current = torch.linspace(0, 12, 4001, dtype=torch.float64)
    parameters = LIFParameters.from_time_constant(40.0, dt=5.0)
    rate, _ = lif_constant(current, 8, parameters)
    first = [next((k for k in range(1, 9) if i * -math.expm1(-k / 8) >= 1), None) for i in current.tolist()]
    assert rate.tolist() == [0 if k is None else (8 // k) / 8 for k in first]


def test_soft_reset_from_half_the_threshold_rounds():
    current = torch.linspace(-0.5, 1.5, 401, dtype=torch.float64) + 1e-6
    rate, _ = lif_constant(current, 4, LIFParameters(beta=1.0, reset="soft"), v_init=0.5)
    assert torch.equal(rate, (current * 4 + 0.5).floor().clamp(0, 4) / 4)


def test_latency():
    parameters = LIFParameters(beta=1.0)
    current = torch.tensor([1.0, 0.5, 0.25, 0.1])
    for backend in ("reference", "recompute", "auto"):
        latency, _ = lif_constant(current, 4, parameters, readout="latency", backend=backend)
        assert latency.tolist() == [0.0, 0.25, 0.75, 1.0]


def test_latency_falls_with_the_current():
    current = torch.tensor([0.45], requires_grad=True)
    lif_constant(current, 4, LIFParameters(beta=1.0), readout="latency")[0].sum().backward()
    assert current.grad.item() < 0


def test_spikes_and_membrane():
    current, parameters = random(3, 4), LIFParameters(beta=0.9, refractory=1, alpha=0.5)
    spikes, membrane, _ = lif_sequence(current.expand(5, 3, 4), parameters)
    assert torch.equal(lif_constant(current, 5, parameters, readout="spikes")[0], spikes)
    assert torch.equal(lif_constant(current, 5, parameters, readout="membrane")[0], membrane)


@pytest.mark.parametrize("readout", ["rate", "latency"])
@pytest.mark.parametrize(
    "change", [{"refractory": 2}, {"alpha": 0.5}, {"refractory": 1, "alpha": 0.3, "reset": "soft"}]
)
def test_recompute_serves_synapses_and_refractory_steps(change, readout, monkeypatch):
    monkeypatch.setattr(recompute, "BLOCK", 7)
    parameters = LIFParameters(beta=0.9, detach_reset=False, **change)
    results = []
    for backend in ("reference", "recompute"):
        current = random(5, 6, dtype=torch.float64).requires_grad_()
        state = initial_state(current.detach(), parameters, 0.1)
        result, after = lif_constant(current, 6, parameters, state, readout=readout, backend=backend)
        (result.sum() + after.v.sum()).backward()
        results.append((result, *after, current.grad))
    for ours, reference in zip(results[1], results[0], strict=True):
        assert (ours is None) == (reference is None)
        if reference is not None:
            torch.testing.assert_close(ours, reference)


def test_many_steps_one_at_a_time_are_the_whole():
    current, parameters = random(50), LIFParameters(beta=0.9, gain=0.4)
    whole, end = lif_constant(current, 6, parameters)
    state, total = initial_state(current, parameters), 0
    for _ in range(6):
        spikes, _, state = lif_step(current, state, parameters)
        total = total + spikes
    assert torch.equal(whole, total / 6)
    assert torch.equal(end.v, state.v)


def test_second_derivatives_are_refused():
    current = random(4).requires_grad_()
    rate, _ = lif_constant(current, 3, LIFParameters(beta=0.5), backend="recompute")
    (gradient,) = torch.autograd.grad(rate.sum(), current, create_graph=True)
    with pytest.raises(RuntimeError, match=r"differentiate twice|does not require grad"):
        gradient.sum().backward()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"readout": "voltage"}, "rate, count, spikes"),
        ({"backend": "gpu"}, "auto, reference, recompute, fused, compiled"),
        ({"backend": "recompute", "readout": "spikes"}, "as large as all steps; these can: fused, .*reference"),
        ({"backend": "fused", "readout": "latency"}, "readout 'latency'; these can: .*recompute, reference"),
    ],
)
def test_wrong_calls(call, words):
    with pytest.raises(ValueError, match=words):
        lif_constant(torch.zeros(3), **{"steps": 2, "parameters": LIFParameters(beta=0.5), **call})


def test_the_choice_is_logged(caplog):
    with caplog.at_level(logging.DEBUG, "spikefill"):
        lif_constant(torch.zeros(3), 2, LIFParameters(beta=0.5))
        lif_constant(torch.zeros(3), 2, LIFParameters(beta=0.5, alpha=0.5))
    first, second = caplog.messages
    assert first.startswith("backend fused for rate")
    assert second.startswith("backend recompute for rate")
    assert "'fused': 'a synapse'" in second


def test_a_surrogate_that_the_kernels_do_not_know_is_served_by_another_backend():
    class Flat(ArcTan):
        def derivative(self, u: torch.Tensor) -> torch.Tensor:
            return torch.full_like(u, 0.5)

    parameters = LIFParameters(beta=0.5, surrogate=Flat())
    with pytest.raises(ValueError, match="the surrogate 'arctan'; these can: .*recompute"):
        lif_constant(torch.zeros(3), 1, parameters, backend="fused")
    current = torch.zeros(3, requires_grad=True)
    lif_constant(current, 1, parameters)[0].sum().backward()
    assert current.grad.tolist() == [0.5] * 3


def test_what_inference_mode_leaves_behind_can_be_trained_with():
    def rate(current: torch.Tensor) -> torch.Tensor:
        return lif_constant(current, 3, LIFParameters(beta=0.77), v_init=0.123)[0]

    with torch.inference_mode():
        rate(torch.ones(5))
    current = torch.ones(5, requires_grad=True)
    rate(current).sum().backward()
    assert current.grad is not None
