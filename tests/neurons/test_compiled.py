"""The definition through ``torch.compile``, and models that contain the layer compiled as a whole."""

from __future__ import annotations

import pytest
import torch

from spikefill.layers import SNNConv2d
from spikefill.models import SCNN
from spikefill.neurons import LIF, LIFParameters, lif_constant, lif_sequence, lif_varying
from spikefill.neurons.kernels import compiled
from tests.neurons.neurons import NEURONS, random

# Warnings of torch's about itself, which it raises while it traces.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning"),
]


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """``aot_eager`` runs everything but the C++ compiler."""
    monkeypatch.setattr(compiled, "ENGINE", "aot_eager")
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.mark.parametrize("name", ["plain", "soft, attached", "hard, refractory", "hard, leak, attached"])
def test_values_and_gradients_are_the_definitions(name):
    parameters = NEURONS[name]
    for shape in ((40,), (3, 5, 7)):
        found = []
        for backend in ("reference", "compiled"):
            current = random(*shape, dtype=torch.float64).requires_grad_()
            rate, state = lif_constant(current, 6, parameters, backend=backend)
            (gradient,) = torch.autograd.grad(rate.sum() + state.v.square().sum(), current)
            currents = random(4, *shape, dtype=torch.float64).requires_grad_()
            spikes, _ = lif_varying(currents, parameters, backend=backend)
            found.append((rate, state.v, gradient, spikes, *torch.autograd.grad(spikes.sum(), currents)))
        for ours, reference in zip(found[1], found[0], strict=True):
            torch.testing.assert_close(ours, reference, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("readout", ["rate", "count", "latency", "spikes", "membrane"])
def test_readouts(readout):
    current, parameters = random(20), NEURONS["plain"]
    ours, none = lif_constant(current, 5, parameters, readout=readout, backend="compiled", final_state=False)
    assert none is None
    torch.testing.assert_close(ours, lif_constant(current, 5, parameters, readout=readout, backend="reference")[0])


def test_a_synapse_and_what_is_learnt():
    found = []
    for backend in ("reference", "compiled"):
        neuron = LIF(steps=5, tau=8.0, tau_syn=3.0, learnable=("tau", "threshold", "v_init"), backend=backend).double()
        neuron(random(50, dtype=torch.float64).abs()).sum().backward()
        found.append([parameter.grad.item() for parameter in neuron.parameters()])
    assert found[1] == pytest.approx(found[0], rel=1e-9)


def test_packed_spikes_are_not_served():
    with pytest.raises(ValueError, match="'compiled' cannot serve readout 'packed'; these can: fused, reference"):
        lif_constant(torch.zeros(3), 2, LIFParameters(beta=0.5), readout="packed", backend="compiled")


def test_a_cpu_without_a_compiler(monkeypatch):
    monkeypatch.setattr(compiled, "ENGINE", "inductor")
    monkeypatch.setattr(compiled, "_has_cpp_compiler", lambda: False)
    with pytest.raises(ValueError, match=r"a CPU without a C\+\+ compiler; these can: fused"):
        lif_constant(torch.zeros(3), 2, LIFParameters(beta=0.5), backend="compiled")


def test_through_the_c_compiler(monkeypatch):
    monkeypatch.setattr(compiled, "ENGINE", "inductor")
    if not compiled._has_cpp_compiler():
        pytest.skip("this machine has no C++ compiler; the other tests of this file do without")
    current = random(33).requires_grad_()
    rate, _ = lif_constant(current, 3, NEURONS["plain"], backend="compiled", final_state=False)
    rate.sum().backward()
    # The compiler may join a multiplication and an addition: spikes near a tie may differ.
    agree = rate == lif_constant(current.detach(), 3, NEURONS["plain"], backend="reference")[0]
    assert agree.float().mean() > 0.9


@pytest.mark.parametrize("training", [False, True])
def test_a_layer_under_a_sequence_compiles_without_a_graph_break(training):
    layer = SNNConv2d(3, 4, 3, padding=1, noise=0.1, tau=10.0).train(training)
    frames = torch.rand(4, 1, 3, 6, 7, generator=torch.Generator().manual_seed(0)) * 4
    whole = torch.compile(layer, backend="aot_eager", fullgraph=True)
    spikes = whole(frames)
    spikes.sum().backward()
    assert set(spikes.unique().tolist()) <= {0.0, 1.0}
    assert layer.weight.grad.abs().sum() > 0
    if not training:
        assert torch.equal(spikes, lif_sequence(layer.current(frames), layer.neuron.parameters_now())[0])


def test_a_whole_model_compiles_without_a_graph_break():
    model = SCNN(width=4, steps=3).eval()
    image = torch.rand(1, 3, 9, 8, generator=torch.Generator().manual_seed(0))
    whole = torch.compile(model, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(whole(image), model(image))


def test_a_kernel_asked_for_by_name_is_refused_within_a_compiled_model():
    neuron = torch.compile(LIF(backend="fused"), backend="aot_eager", fullgraph=True)
    with pytest.raises(Exception, match="a model that is being compiled"):
        neuron(torch.zeros(3))
