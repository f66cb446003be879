"""Where a library does something else than our neuron, or than its own documentation says; one small example each."""

from __future__ import annotations

import math

import norse.torch
import pytest
import sinabs.activation
import sinabs.layers
import snntorch
import snntorch.surrogate
import torch
from norse.torch.functional.lif_box import lif_box_feed_forward_step
from spikingjelly.activation_based import neuron as spikingjelly_neuron
from spikingjelly.activation_based import surrogate as spikingjelly_surrogate

from spikefill.neurons import LIF, FastSigmoid, LIFParameters, Sigmoid, lif_sequence


def ours(currents: list[float], **parameters):
    """Spikes, potentials before the reset, and the last one after it."""
    spikes, potentials, state = lif_sequence(torch.tensor(currents), LIFParameters(**parameters))
    return spikes.tolist(), potentials.tolist(), state.v.item()


def leaky(currents: list[float], **arguments):
    """Spikes and returned membranes of `snntorch.Leaky`."""
    node, membrane, steps = snntorch.Leaky(**arguments), torch.tensor(0.0), []
    for current in currents:
        spike, membrane = node(torch.tensor(current), membrane)
        steps.append((spike.item(), membrane.item()))
    spikes, membranes = zip(*steps, strict=True)
    return list(spikes), list(membranes)


def node(currents: list[float], **arguments):
    """Spikes and the last potential of SpikingJelly's `LIFNode`."""
    lif = spikingjelly_neuron.LIFNode(step_mode="m", **arguments)
    return lif(torch.tensor(currents).unsqueeze(1)).flatten().tolist(), lif.v.item()


def layer(currents: list[float], **arguments):
    """Spikes and potentials after the reset of `sinabs.layers.LIF`, which halves its potential in a step."""
    lif = sinabs.layers.LIF(tau_mem=1 / math.log(2), norm_input=False, record_states=True, **arguments)
    spikes = lif(torch.tensor(currents)[None, :, None])
    return spikes.flatten().tolist(), lif.recordings["v_mem"].flatten().tolist()


def derivative(run, current: float = 1.5) -> float:
    """How the last potential depends on the first of two currents, the second being 0."""
    leaf = torch.tensor([current, 0.0], requires_grad=True)
    run(leaf).backward()
    return leaf.grad[0].item()


# The threshold itself


def test_snntorch_and_norse_fire_above_the_threshold_the_others_from_it_on():
    assert leaky([1.0], beta=0.5)[0] == [0]
    cell = norse.torch.LIFBoxCell(dt=0.01)  # V becomes the current
    assert cell(torch.tensor([1.0]))[0].tolist() == [0]
    assert ours([1.0], beta=0.5, strict=True)[0] == [0]
    assert node([2.0], tau=2.0)[0] == [1]
    assert layer([1.0], spike_fn=sinabs.activation.SingleSpike)[0] == [1]
    assert ours([1.0], beta=0.5)[0] == [1]


# snnTorch


def test_snntorch_delayed_subtraction_comes_after_the_leak():
    """beta V + I - threshold, where ours is beta (V - threshold) + I."""
    spikes, membranes = leaky([1.5, 0.5], beta=0.5)
    assert (spikes, membranes) == ([1, 0], [1.5, 0.25])
    assert ours([1.5, 0.5], beta=0.5, reset="soft")[:2] == ([1, 0], [1.5, 0.75])


def test_snntorch_subtraction_without_delay_goes_wrong_above_the_threshold():
    """What is still above it after a reset is reduced once more, and raised again if that step has no spike."""
    spikes, membranes = leaky([3.5, 0.0], beta=0.5, reset_delay=False)
    assert (spikes, membranes) == ([1, 0], [2.5, 1.25])
    assert ours([3.5, 0.0], beta=0.5, reset="soft") == ([1, 1], [3.5, 1.25], 0.25)


def test_snntorch_returns_the_membrane_before_the_delayed_reset():
    assert leaky([1.5], beta=0.5, reset_mechanism="zero")[1] == [1.5]
    assert leaky([1.5], beta=0.5, reset_mechanism="zero", reset_delay=False)[1] == [0]
    assert ours([1.5], beta=0.5) == ([1], [1.5], 0)


def test_snntorch_detaches_the_delayed_reset_only():
    def membrane(delay):
        lif = snntorch.Leaky(0.5, reset_mechanism="zero", reset_delay=delay)

        def run(currents):
            _, first = lif(currents[0], torch.tensor(0.0))
            return lif(currents[1], first)[1]

        return run

    def ours_last(detach):
        parameters = LIFParameters(beta=0.5, detach_reset=detach)
        return lambda currents: lif_sequence(currents, parameters)[2].v

    slope = 1 / (1 + (math.pi / 2) ** 2)  # the arctangent's at H - threshold = 0.5
    assert derivative(membrane(True)) == derivative(ours_last(True)) == 0
    assert derivative(membrane(False)) == pytest.approx(0.5 * -1.5 * slope)
    assert derivative(ours_last(False)) == pytest.approx(0.5 * -1.5 * slope)


def test_snntorch_keeps_numbers_and_spikes_in_float32():
    """Numbers given as such are rounded to float32, spikes are float32 whatever the current is; so is threshold S."""
    lif = snntorch.Leaky(0.9, threshold=0.7)
    spikes, membrane = lif(torch.zeros(1, dtype=torch.float64), torch.full((1,), 0.5, dtype=torch.float64))
    assert (spikes.dtype, membrane.dtype) == (torch.float32, torch.float64)
    assert membrane.item() == 0.5 * torch.tensor(0.9).item() != 0.45
    assert lif_sequence(torch.ones(1, 1, dtype=torch.float64), LIFParameters(beta=0.9))[0].dtype == torch.float64
    lif = snntorch.Leaky(0.9, threshold=torch.tensor(0.7, dtype=torch.float64), reset_delay=False)
    assert lif(torch.ones(1, dtype=torch.float64))[1].item() == 1 - torch.tensor(0.7).item() != 1 - 0.7


def test_snntorch_sigmoid_is_not_a_number_far_below_the_threshold():
    """exp(-slope u) overflows in float32 from about u = -3.55 down with the default slope of 25."""
    membrane = torch.tensor([-3.0, -4.0], requires_grad=True)
    snntorch.surrogate.sigmoid()(membrane).sum().backward()
    assert membrane.grad.isnan().tolist() == [False, True]
    assert Sigmoid(25.0).derivative(membrane.detach()).tolist() == pytest.approx([0, 0])


def test_snntorch_triangular_is_no_triangle():
    membrane = torch.tensor([-5.0, -0.5, 0.5, 5.0], requires_grad=True)
    snntorch.surrogate.triangular(2)(membrane).sum().backward()
    assert membrane.grad.tolist() == [2, 2, -2, -2]


# SpikingJelly


def test_spikingjelly_attaches_the_reset_by_default_and_ours_detaches_it():
    def run(**arguments):
        def last(currents):
            lif = spikingjelly_neuron.LIFNode(tau=2.0, decay_input=False, step_mode="m", **arguments)
            lif(currents.unsqueeze(1))
            return lif.v.sum()

        return last

    s = 1 / (1 + math.exp(-4 * 0.5))  # its default surrogate is the sigmoid with alpha 4
    assert derivative(run()) == pytest.approx(0.5 * -1.5 * 4 * s * (1 - s))
    assert derivative(run(detach_reset=True)) == 0
    assert derivative(lambda currents: LIF(beta=0.5)(currents, sequence=True, return_state=True)[1].v) == 0


def test_spikingjelly_leaks_to_where_it_resets_to_and_starts_there():
    assert node([0.0], tau=2.0, v_reset=-1.0) == ([0], -1)
    assert ours([0.0], beta=0.5, gain=0.5, v_reset=-1.0, v_leak=-1.0)[2] == -0.5  # from 0


def test_spikingjelly_refuses_a_neuron_without_memory():
    with pytest.raises(AssertionError):
        spikingjelly_neuron.LIFNode(tau=1.0)
    assert ours([1.0, 0.5], beta=0.0)[1] == [1, 0.5]


def test_spikingjelly_surrogates_have_other_heights_than_fast_sigmoid():
    """SoftSign is alpha / 2 of it; SuperSpike's alpha is its height, the slope being 1."""
    u = torch.tensor([-0.5, 0.25], requires_grad=True)
    for surrogate, same in (
        (spikingjelly_surrogate.SoftSign(6.0), 3 * FastSigmoid(6.0).derivative(u.detach())),
        (spikingjelly_surrogate.SuperSpike(6.0), 6 * FastSigmoid(1.0).derivative(u.detach())),
    ):
        (gradient,) = torch.autograd.grad(surrogate(u).sum(), u)
        torch.testing.assert_close(gradient, same)


# Norse


def test_norse_super_spike_ignores_its_alpha():
    gradients = []
    for alpha in (1.0, 100.0):
        u = torch.tensor([-0.5, 0.25], requires_grad=True)
        norse.torch.functional.threshold.threshold(u, "super", alpha).sum().backward()
        gradients.append(u.grad)
    assert torch.equal(*gradients)
    torch.testing.assert_close(gradients[0], FastSigmoid(1.0).derivative(u.detach()))
    assert FastSigmoid(100.0).derivative(u.detach())[0] < 0.01 * gradients[0][0]


def test_norse_starts_from_its_leak_potential():
    p = norse.torch.LIFBoxParameters(v_leak=torch.tensor(0.5))
    assert norse.torch.LIFBoxCell(p)(torch.zeros(1))[1].v.item() == 0.5
    assert ours([0.0], beta=0.9, gain=0.1, v_leak=0.5)[2] == pytest.approx(0.05)  # from 0


def test_norse_attaches_the_reset():
    p = norse.torch.LIFBoxParameters(tau_mem_inv=torch.tensor(0.5))

    def last(currents):
        state = norse.torch.LIFBoxFeedForwardState(v=torch.tensor(0.0))
        for current in currents:
            _, state = lif_box_feed_forward_step(current, state, p, dt=1.0)
        return state.v

    def ours_last(currents):
        parameters = LIFParameters(beta=0.5, gain=0.5, detach_reset=False, surrogate=FastSigmoid(1.0))
        return lif_sequence(currents, parameters)[2].v

    assert derivative(last, 3.0) == pytest.approx(0.5 * 0.5 * -1.5 / 1.5**2)
    assert derivative(ours_last, 3.0) == pytest.approx(0.5 * 0.5 * -1.5 / 1.5**2)


# sinabs


def test_sinabs_fires_several_times_in_a_step_by_default():
    assert layer([2.5]) == ([2], [0.5])
    assert layer([2.5], spike_fn=sinabs.activation.SingleSpike) == ([1], [1.5])
    assert ours([2.5], beta=0.5, reset="soft") == ([1], [2.5], 1.5)


def test_sinabs_reset_value_is_added_to_neurons_that_did_not_fire_too():
    reset = sinabs.activation.MembraneReset(-0.25)
    assert layer([0.5, 0.5], spike_fn=sinabs.activation.SingleSpike, reset_fn=reset) == ([0, 0], [0.25, 0.375])
    assert ours([0.5, 0.5], beta=0.5, v_reset=-0.25) == ([0, 0], [0.5, 0.75], 0.75)


def test_sinabs_detaches_the_hard_reset_and_attaches_the_soft_one():
    def run(reset):
        def last(currents):
            lif = sinabs.layers.LIF(
                tau_mem=1 / math.log(2),
                norm_input=False,
                spike_fn=sinabs.activation.SingleSpike,
                reset_fn=reset,
                surrogate_grad_fn=lambda v, threshold: FastSigmoid(1.0).derivative(v - threshold),
            )
            lif(currents[None, :, None])
            return lif.v_mem.sum()

        return last

    assert derivative(run(sinabs.activation.MembraneReset())) == 0
    assert derivative(run(sinabs.activation.MembraneSubtract())) == pytest.approx(
        0.5 * (1 - 1 / 1.5**2) * (1 - 1 / 1.75**2)
    )


def test_sinabs_scales_the_input_of_a_synapse():
    """J = alpha (J + I), where ours is alpha J + I."""
    assert layer([1.0], tau_syn=1 / math.log(2))[1] == [0.5]
    assert ours([1.0], beta=0.5, alpha=0.5, threshold=2.0)[1] == [1]


def test_sinabs_keeps_spikes_in_float32():
    """The threshold that a soft reset subtracts is a product with them, and so of float32 precision too."""
    threshold = torch.tensor(0.7, dtype=torch.float64)
    lif = sinabs.layers.LIF(2.0, spike_threshold=threshold, spike_fn=sinabs.activation.SingleSpike, norm_input=False)
    assert lif(torch.ones(1, 1, 1, dtype=torch.float64)).dtype == torch.float32
    assert lif.v_mem.item() == 1 - torch.tensor(0.7).item() != 1 - 0.7


# State


def second_call_depends_on_the_first(neuron, current: torch.Tensor) -> bool:
    first, second = (neuron(current.clone()) for _ in range(2))
    return not torch.equal(first, second)


def test_three_libraries_keep_their_state_between_calls():
    current = torch.full((1, 1, 1), 0.75)
    leaky_node = snntorch.Leaky(0.5)
    assert second_call_depends_on_the_first(lambda x: leaky_node(x)[0], current)
    assert second_call_depends_on_the_first(spikingjelly_neuron.LIFNode(decay_input=False), current)
    assert second_call_depends_on_the_first(sinabs.layers.LIF(tau_mem=2.0, norm_input=False), current)
    cell = norse.torch.LIFBoxCell(dt=0.005)
    assert not second_call_depends_on_the_first(lambda x: cell(x)[0], 2 * current)
    assert not second_call_depends_on_the_first(LIF(steps=1, beta=0.5), current)
