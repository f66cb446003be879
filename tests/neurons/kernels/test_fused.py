"""The fused kernels against the definition: spikes exactly, gradients in norm."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spikefill.neurons import (
    LIFParameters,
    LIFState,
    initial_state,
    lif_constant,
    lif_sequence,
    lif_varying,
    unpack_spikes,
)
from tests.neurons.neurons import LAYOUTS, NEURONS, SHAPES, laid_out, random, with_ties


def equal(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and torch.allclose(a, b, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("name", NEURONS)
@settings(max_examples=15, deadline=None)
@given(SHAPES, st.integers(1, 100), LAYOUTS, st.booleans(), st.integers(0, 1000), st.sampled_from([0.0, 0.5, 0.3]))
def test_a_constant_current(name, shape, steps, layout, ties, seed, v_init):
    parameters = NEURONS[name]
    current = with_ties(random(*shape, seed=seed), seed) if ties else random(*shape, seed=seed)
    currents = current.expand(steps, *shape)
    spikes, membrane, state = lif_sequence(currents, parameters, v_init=v_init)
    current = laid_out(current, layout)

    def ours(readout, final_state=True):
        return lif_constant(
            current, steps, parameters, readout=readout, v_init=v_init, backend="fused", final_state=final_state
        )

    rate, after = ours("rate")
    assert equal(rate, spikes.sum(0) / steps)
    assert equal(after.v, state.v)
    if parameters.refractory:
        assert torch.equal(after.refractory, state.refractory)
    assert equal(ours("count", final_state=False)[0], spikes.sum(0))
    assert equal(ours("spikes")[0], spikes)
    assert equal(ours("membrane")[0], membrane)
    packed, none = ours("packed", final_state=False)
    assert none is None
    assert equal(unpack_spikes(packed, steps), spikes)


@pytest.mark.parametrize("name", NEURONS)
@settings(max_examples=10, deadline=None)
@given(SHAPES, st.integers(1, 40), LAYOUTS, st.booleans(), st.integers(0, 1000))
def test_a_current_that_varies(name, shape, steps, layout, ties, seed):
    parameters = NEURONS[name]
    currents = random(steps, *shape, seed=seed)
    currents = with_ties(currents, seed) if ties else currents
    state = initial_state(currents[0], parameters, 0.25)
    spikes, membrane, end = lif_sequence(currents, parameters, state)
    currents = laid_out(currents, layout)
    for readout, expected in (("spikes", spikes), ("membrane", membrane)):
        found, after = lif_varying(currents, parameters, state, readout=readout, backend="fused")
        assert equal(found, expected)
        assert equal(after.v, end.v)
    packed, _ = lif_varying(currents, parameters, state, readout="packed", backend="fused")
    assert packed.dtype == torch.uint8
    assert equal(unpack_spikes(packed, steps), spikes)


@pytest.mark.parametrize("name", ["plain", "soft", "hard, refractory", "soft, leak, refractory, attached"])
def test_float64(name):
    current, parameters = random(700, dtype=torch.float64), NEURONS[name]
    spikes, _, state = lif_sequence(current.expand(9, 700), parameters)
    rate, after = lif_constant(current, 9, parameters, backend="fused")
    assert equal(rate, spikes.sum(0) / 9)
    assert equal(after.v, state.v)
    assert equal(lif_constant(current, 9, parameters, backend="fused", final_state=False)[0], rate)
    assert equal(lif_varying(current.expand(9, 700), parameters, backend="fused")[0], spikes)


def gradients(name: str, steps: int, tensors: tuple[torch.Tensor, ...], dtype: torch.dtype, backend: str):
    """Of a weighted sum of a readout and the final potential: to the current, the first potential, what is learnt."""
    current, first, weights, last_weights = (tensor.to(dtype) for tensor in tensors)
    current, first = current.requires_grad_(), first.requires_grad_()
    p = NEURONS[name]
    learnt = [torch.tensor(value, dtype=dtype, requires_grad=True) for value in (p.beta, p.gain, p.threshold)]
    neuron = replace(p, **dict(zip(("beta", "gain", "threshold"), learnt, strict=True)))
    state = initial_state(first.detach(), p)._replace(v=first)
    if current.ndim == first.ndim:
        found, after = lif_constant(current, steps, neuron, state, backend=backend)
    else:
        found, after = lif_varying(current, neuron, state, backend=backend)
    total = (found * weights).sum() + (after.v * last_weights).sum()
    return torch.autograd.grad(total, (current, first, *learnt))


@pytest.mark.parametrize("form", ["constant", "varying"])
@pytest.mark.parametrize("name", NEURONS)
def test_gradients_against_float64(name, form):
    """Wherever the spikes of float32 and float64 agree."""
    for shape, steps, seed in (((1,), 1, 1), ((513,), 7, 2), ((3, 2, 9, 11), 33, 3), ((60,), 100, 4)):
        sizes = shape if form == "constant" else (steps, *shape)
        current, first = random(*sizes, seed=seed), random(*shape, seed=seed + 10) / 4
        spikes = []
        for dtype in (torch.float32, torch.float64):
            currents = (current.expand(steps, *shape) if form == "constant" else current).to(dtype)
            state = initial_state(currents[0], NEURONS[name])._replace(v=first.to(dtype))
            spikes.append(lif_sequence(currents, NEURONS[name], state)[0])
        agree = (spikes[0] == spikes[1]).all(0)
        assert agree.float().mean() > 0.98
        current, first = torch.where(agree, current, 0.1), torch.where(agree, first, 0.0)
        tensors = (current, first, random(*sizes, seed=seed + 20), random(*shape, seed=seed + 30))
        ours = gradients(name, steps, tensors, torch.float32, "fused")
        exact = gradients(name, steps, tensors, torch.float64, "reference")
        for one, other in zip(ours, exact, strict=True):
            # What is learnt gets a sum over all neurons, whose terms may cancel.
            size = other.norm() if other.ndim else max(other.abs(), exact[0].abs().sum())
            assert (one - other).norm() <= 1e-5 * size + 1e-6, (shape, steps)


@pytest.mark.parametrize("form", ["constant", "varying"])
@pytest.mark.parametrize("name", ["soft, attached", "hard, leak, attached", "hard, refractory"])
def test_gradients_in_float64(name, form):
    found = {}
    for backend in ("fused", "reference"):
        current = random(6, 70, dtype=torch.float64).requires_grad_()
        if form == "constant":
            result, after = lif_constant(current, 12, NEURONS[name], backend=backend)
        else:
            result, after = lif_varying(current, NEURONS[name], backend=backend)
        weights = random(6, 70, seed=5, dtype=torch.float64)
        (found[backend],) = torch.autograd.grad((result * weights).sum() + after.v.square().sum(), current)
    assert (found["fused"] - found["reference"]).norm() <= 1e-12 * found["reference"].norm()


@pytest.mark.parametrize("form", ["constant", "varying"])
@pytest.mark.parametrize("readout", ["membrane", "spikes"])
def test_gradients_of_potentials_and_spikes(readout, form):
    for name in ("plain", "soft, refractory"):
        found = {}
        for backend in ("fused", "reference"):
            current = random(5, 90, dtype=torch.float64).requires_grad_()
            if form == "constant":
                result, _ = lif_constant(current, 5, NEURONS[name], readout=readout, backend=backend)
            else:
                result, _ = lif_varying(current, NEURONS[name], readout=readout, backend=backend)
            weights = random(*result.shape, seed=5, dtype=torch.float64)
            (found[backend],) = torch.autograd.grad((result * weights).sum(), current)
        assert (found["fused"] - found["reference"]).norm() <= 1e-12 * found["reference"].norm()


@pytest.mark.parametrize("layout", ["channels last", "transposed", "strided"])
def test_gradients_in_any_memory_layout(layout):
    plain = random(2, 5, 7, 6)
    expected = []
    for backend, tensor in (("reference", plain), ("fused", laid_out(plain, layout))):
        current = tensor.detach().requires_grad_()
        rate, _ = lif_constant(current, 6, NEURONS["soft"], backend=backend)
        (gradient,) = torch.autograd.grad((rate * plain).sum(), current)
        expected.append((rate, gradient))
    torch.testing.assert_close(expected[1], expected[0], rtol=1e-5, atol=1e-7)


def test_channels_last_stays_so_without_a_copy():
    current = random(2, 5, 7, 6).contiguous(memory_format=torch.channels_last).requires_grad_()
    rate, _ = lif_constant(current, 6, NEURONS["plain"], backend="fused")
    rate.backward(torch.ones_like(rate))
    frames = random(3, 2, 5, 7, 6).transpose(2, 4).contiguous().transpose(2, 4)
    for tensor in (rate, current.grad):
        assert tensor.is_contiguous(memory_format=torch.channels_last)
    assert lif_varying(frames, NEURONS["plain"], backend="fused")[0].stride() == frames.stride()


@pytest.mark.parametrize("name", ["plain", "soft"])
def test_bfloat16_is_read_and_written_as_it_is(name):
    current = random(3, 700).bfloat16()
    weights = random(3, 700, seed=3).bfloat16()
    exact = current.float().requires_grad_()
    expected, state = lif_constant(exact, 8, NEURONS[name], backend="reference")
    expected.backward(weights.float())
    given = current.clone().requires_grad_()
    rate, after = lif_constant(given, 8, NEURONS[name], backend="fused")
    rate.backward(weights)
    assert rate.dtype == given.grad.dtype == torch.bfloat16
    assert after.v.dtype == torch.float32
    assert equal(after.v, state.v)
    assert equal(rate, expected.bfloat16())
    assert equal(lif_constant(current, 8, NEURONS[name], backend="fused", final_state=False)[0], rate)
    assert (given.grad.float() - exact.grad).norm() <= 3e-3 * exact.grad.norm()

    frames = random(5, 400, seed=8).bfloat16().requires_grad_()
    spikes, _ = lif_varying(frames, NEURONS[name], backend="fused")
    assert equal(spikes, lif_sequence(frames.float(), NEURONS[name])[0].bfloat16())
    spikes.sum().backward()
    assert frames.grad.dtype == torch.bfloat16


def test_rounding_to_bfloat16_is_torchs():
    odd = torch.tensor([0.0, -0.0, 1.0, 1.00390625, 1.01171875, torch.inf, -torch.inf, torch.nan, 3.4e38, 1e-40])
    values = torch.cat([odd, random(5000, seed=1)])
    membrane, _ = lif_constant(values.bfloat16(), 1, LIFParameters(beta=0.5, gain=0.3), readout="membrane")
    expected, _ = lif_constant(values.bfloat16().float(), 1, LIFParameters(beta=0.5, gain=0.3), readout="membrane")
    assert equal(membrane, expected.bfloat16())


def test_sums_do_not_depend_on_the_number_of_threads():
    """Gradients of what is learnt are added up in a fixed order."""
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            for steps in (4, 40):
                threshold = torch.tensor(1.0, requires_grad=True)
                neuron = replace(NEURONS["plain"], threshold=threshold)
                lif_constant(random(100_001), steps, neuron, backend="fused")[0].sum().backward()
                lif_varying(random(steps, 70_001), neuron, backend="fused")[0].sum().backward()
                found.append(threshold.grad.item())
    finally:
        torch.set_num_threads(before)
    assert found[0:2] == found[2:4] == found[4:6]


def test_state_goes_on():
    parameters = NEURONS["soft, refractory"]
    current = random(300)
    whole, end = lif_constant(current, 9, parameters, readout="spikes", backend="fused")
    first, state = lif_constant(current, 4, parameters, readout="spikes", backend="fused")
    second, after = lif_constant(current, 5, parameters, state, readout="spikes", backend="fused")
    assert equal(torch.cat([first, second]), whole)
    assert equal(after.v, end.v)
    assert torch.equal(after.refractory, end.refractory)


def test_the_current_alone_is_saved():
    saved = []
    current = random(1000).requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t.numel()) or t, lambda t: t):
        lif_constant(current, 64, NEURONS["plain"], backend="fused")
    assert sorted(saved)[-2:] == [1, 1000]


@pytest.mark.parametrize(
    ("neuron", "words"),
    [
        (LIFParameters(beta=0.5, alpha=0.5), "a synapse; these can: .*reference"),
        (LIFParameters(beta=0.5, threshold=torch.ones(3)), "a threshold that is not a single number"),
    ],
)
def test_what_is_not_served(neuron, words):
    with pytest.raises(ValueError, match=f"'fused' cannot serve {words}"):
        lif_constant(torch.zeros(3), 2, neuron, backend="fused")
    with pytest.raises(ValueError, match=f"'fused' cannot serve {words}"):
        lif_varying(torch.zeros(2, 3), neuron, backend="fused")


def test_second_derivatives_are_refused():
    for run in (lambda x: lif_constant(x, 3, NEURONS["plain"])[0], lambda x: lif_varying(x, NEURONS["plain"])[0]):
        current = random(4, 4).requires_grad_()
        (gradient,) = torch.autograd.grad(run(current).sum(), current, create_graph=True)
        with pytest.raises(RuntimeError, match=r"differentiate twice|does not require grad"):
            gradient.sum().backward()


def test_gradient_through_the_state_alone():
    current = random(50, dtype=torch.float64).requires_grad_()
    _, state = lif_constant(current, 5, NEURONS["soft"], backend="fused")
    (ours,) = torch.autograd.grad(state.v.sum(), current)
    _, state = lif_constant(current, 5, NEURONS["soft"], backend="reference")
    (reference,) = torch.autograd.grad(state.v.sum(), current)
    torch.testing.assert_close(ours, reference)


def test_a_state_without_a_gradient():
    state = LIFState(random(30))
    current = random(30).requires_grad_()
    rate, _ = lif_constant(current, 5, NEURONS["plain"], state, backend="fused")
    rate.sum().backward()
    assert state.v.grad is None
    assert current.grad.abs().sum() > 0


def test_packed_spikes_of_a_current_that_requires_a_gradient():
    current = random(9, 30).requires_grad_()
    packed, state = lif_varying(current, NEURONS["soft, refractory"], readout="packed", backend="fused")
    assert not packed.requires_grad
    state.v.sum().backward()
    assert current.grad.abs().sum() > 0
