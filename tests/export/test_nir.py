"""Spiking stacks as NIR graphs and back, and what NIR cannot express."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from spikefill import InputError, __version__, models
from spikefill.export import nir as exporting
from spikefill.export.stream import Stream
from spikefill.layers import SNNConv2d
from spikefill.neurons import LIF

STEPS = 6


def seeded(build: Any) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(4)
        return build().eval()


def spiking(channels: int, outputs: int, **options: Any) -> SNNConv2d:
    settings = {"steps": STEPS, "readout": "spikes", "tau": 5.0, "threshold": 0.05} | options
    return SNNConv2d(channels, outputs, 3, **settings)


def image(*shape: int) -> Tensor:
    return torch.rand(2, *shape, generator=torch.Generator().manual_seed(5))


def streamed(still: Tensor) -> Tensor:
    return still.expand(STEPS, *still.shape)


@pytest.mark.parametrize("integration", ["euler", "exact"])
@pytest.mark.parametrize("strict", [False, True])
def test_a_spiking_stack_comes_back_from_its_file(integration: Any, strict: bool, tmp_path: Path) -> None:
    stack = seeded(
        lambda: nn.Sequential(
            spiking(3, 6, padding=1, strict=strict, v_reset=-0.01),
            nn.Sequential(nn.Identity(), spiking(6, 4, stride=2, strict=strict, beta=1.0, tau=None, gain=0.25)),
        )
    )
    graph = exporting.to_nir(stack, (3, 9, 12), dt=2.0, integration=integration)
    exporting.write(graph, tmp_path / "stack.nir")
    read = exporting.from_nir(exporting.read(tmp_path / "stack.nir"), dt=2.0, integration=integration)
    with torch.no_grad():
        spikes = stack(image(3, 9, 12))
        assert torch.equal(read(streamed(image(3, 9, 12))), spikes)
    assert 0.05 < spikes.mean() < 0.95
    again = exporting.to_nir(read, (3, 9, 12), dt=2.0, integration=integration)
    for one, other in zip(graph.nodes.values(), again.nodes.values(), strict=True):
        assert type(one) is type(other)
        if isinstance(one, nir.LIF | nir.IF):
            np.testing.assert_allclose(one.r, other.r, rtol=1e-12)
            np.testing.assert_array_equal(one.v_threshold, other.v_threshold)


def test_the_neuron_is_what_the_equations_say() -> None:
    """Euler: beta = 1 - dt / tau, gain = r dt / tau; exact: beta = exp(-dt / tau), gain = r (1 - beta). In seconds."""
    neuron = LIF(beta=0.75, gain=0.5, threshold=1.5, v_reset=-0.5, v_leak=0.25, strict=True, readout="spikes")
    euler, exact = (
        exporting.to_nir(nn.Sequential(neuron), (2, 3), dt=2.0, integration=integration).nodes["layer_0"]
        for integration in ("euler", "exact")
    )
    assert euler.tau.shape == (2, 3)
    np.testing.assert_allclose(euler.tau, 0.002 / 0.25)
    np.testing.assert_allclose(exact.tau, -0.002 / math.log(0.75))
    for node in (euler, exact):
        np.testing.assert_allclose(node.r, 0.5 / 0.25)
        assert {float(value[0, 0]) for value in (node.v_threshold, node.v_reset, node.v_leak)} == {1.5, -0.5, 0.25}


def test_an_inclusive_threshold_is_the_same_comparison() -> None:
    """At the threshold itself a neuron of ours fires, one of NIR does not; so NIR's is the next smaller number."""
    node = exporting.to_nir(nn.Sequential(LIF(beta=0.5, threshold=0.7, readout="spikes")), (1,)).nodes["layer_0"]
    (threshold,) = node.v_threshold
    assert np.float32(threshold) < np.float32(0.7)
    assert np.nextafter(np.float32(threshold), np.float32(1)) == np.float32(0.7)


@pytest.mark.parametrize("bias", [True, False])
def test_batch_normalisation_is_folded(bias: bool) -> None:
    def build() -> nn.Sequential:
        convolution, linear = nn.Conv2d(3, 4, 3, bias=bias), nn.Linear(4 * 3 * 4, 5, bias=bias)
        first, second = nn.BatchNorm2d(4), nn.BatchNorm1d(5)
        for norm in (first, second):
            for value in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
                nn.init.uniform_(value, 0.5, 1.5)
        between = nn.Flatten()
        return Stream(convolution, first, LIF(threshold=0.4, readout="spikes"), nn.AvgPool2d(2), nn.Dropout(), between,
                      linear, second, LIF(threshold=0.4, readout="spikes"))  # fmt: skip

    stack = seeded(build)
    graph = exporting.to_nir(stack, (3, 8, 10))
    assert [type(node) for node in graph.nodes.values()] == [
        nir.Input, nir.Conv2d, nir.LIF, nir.AvgPool2d, nir.Flatten, nir.Affine, nir.LIF, nir.Output,
    ]  # fmt: skip
    with torch.no_grad():
        expected = stack(streamed(image(3, 8, 10)))
        assert torch.equal(exporting.from_nir(graph)(streamed(image(3, 8, 10))), expected)
    assert 0.05 < expected.mean() < 0.95


def test_the_model_is_left_as_it_was() -> None:
    stack = seeded(lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), LIF(readout="spikes"))).train()
    before = {name: value.clone() for name, value in stack.state_dict().items()}
    graph = exporting.to_nir(stack, (3, 8, 8))
    graph.nodes["layer_0"].weight[:] = 0
    assert all(module.training for module in stack.modules())
    for name, value in stack.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_the_last_layer_may_hand_on_its_rate() -> None:
    """What is linear after it can be done step by step, and the mean taken at the end."""
    stack = seeded(lambda: nn.Sequential(spiking(3, 4), spiking(4, 4, readout="rate"), nn.Conv2d(4, 2, 1)))

    still = image(3, 9, 9)
    with torch.no_grad():
        rate = stack[1](stack[0](still)).mean(0)  # it is given a sequence, and so gives spikes
        found = exporting.from_nir(exporting.to_nir(stack, (3, 9, 9)))(streamed(still))
        torch.testing.assert_close(found.mean(0), stack[2](rate))


def test_a_part_of_a_network(tmp_path: Path) -> None:
    scnn = models.read("scnn")
    graph = exporting.to_nir(scnn, (3, 12, 10), layer="spiking", name="scnn", licence="Apache-2.0")
    exporting.write(graph, tmp_path / "scnn.nir")
    read = exporting.read(tmp_path / "scnn.nir")
    assert set(read.nodes) == {"input", "spiking_conv", "spiking_neuron", "output"}
    still = image(3, 12, 10)
    with torch.no_grad():
        rate = exporting.from_nir(read)(still.expand(8, *still.shape)).mean(0)
        assert torch.equal(rate, scnn.spiking(still))
    said = dict(read.metadata)
    assert {name: said[name] for name in ("model", "licence", "spikefill_version", "steps", "dt", "integration")} == {
        "model": "scnn", "licence": "Apache-2.0", "spikefill_version": __version__, "steps": "8", "dt": "0.1 ms",
        "integration": "euler",
    }  # fmt: skip


class Joined(nn.Module):
    """Concatenates what its layers give."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 2, 1), nn.Conv2d(3, 2, 1)

    def forward(self, values: Tensor) -> Tensor:
        return torch.cat([self.left(values), self.right(values)], 1)


def fire(**options: Any) -> LIF:
    return LIF(**{"readout": "spikes", **options})


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ([spiking(3, 4), nn.ReLU()], "layer 1 is a ReLU, which NIR 1.0 cannot express"),
        ([nn.Upsample(scale_factor=2), spiking(3, 4)], "layer 0 is a Upsample, which"),
        ([nn.Sequential(spiking(3, 4), nn.GroupNorm(2, 4)), fire()], r"layer 0\.1 is a GroupNorm, which"),
        ([Joined(), fire()], "layer 0 is a Joined, which may join what its layers give"),
        ([spiking(3, 4, readout="rate"), spiking(4, 4)], r"layer 1\.neuron gets the rate of layer 0\.neuron, .*spikes"),
        ([spiking(3, 4, readout="latency")], r"readout of layer 0\.neuron is 'latency'"),
        ([fire(reset="soft")], "layer 0 resets by subtraction"),
        ([fire(refractory=1)], "layer 0 has refractory steps"),
        ([fire(tau_syn=2.0)], "layer 0 has a synapse"),
        ([fire(v_init=0.5)], r"layer 0 starts from v_init = 0\.5"),
        ([spiking(3, 4, noise_in_eval=True)], "layer 0 draws noise outside training"),
        ([spiking(3, 4, padding=1, padding_mode="reflect")], r"layer 0\.conv pads by 'reflect'"),
        ([nn.Conv2d(3, 3, 3, groups=3)], "layer 0 has 3 groups"),
        ([nn.Conv2d(3, 3, (3, 5))], r"layer 0 has a kernel of \(3, 5\)"),
        ([nn.AvgPool2d(2, ceil_mode=True)], "layer 0 averages in a way of its own"),
        ([fire(), nn.BatchNorm2d(3)], "layer 1 is batch normalisation that follows no convolution"),
        ([nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3, track_running_stats=False)], "layer 1 takes statistics"),
        ([nn.Linear(8, 4)], r"layer 0 is linear and takes values of shape \(3, 8, 8\)"),
        ([nn.Conv2d(4, 4, 3)], r"layer 0 does not take values of shape \(3, 8, 8\)"),
    ],
)
def test_what_nir_cannot_express_is_named(layers: list[nn.Module], said: str) -> None:
    with pytest.raises(InputError, match=said):
        exporting.to_nir(nn.Sequential(*layers).eval(), (3, 8, 8))


@pytest.mark.parametrize(
    ("architecture", "said"),
    [
        ("scnn", r"layer convolutions\.1 is a ReLU"),
        ("hybrid", r"layer fine\.\S+\.norm is a LayerNorm"),
        ("partial-unet", r"layer \S+ is a \w+, which NIR 1.0 cannot express"),
    ],
)
def test_our_networks_have_layers_that_nir_lacks(architecture: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        exporting.to_nir(models.create(architecture), (3, 8, 8))


def test_a_part_that_there_is_not() -> None:
    with pytest.raises(InputError, match="layer is 'spikes'; the parts of the model are: spiking, convolutions"):
        exporting.to_nir(models.create("scnn"), (3, 8, 8), layer="spikes")


def test_exact_integration_needs_some_potential_to_be_kept() -> None:
    with pytest.raises(InputError, match=r"layer 0 keeps nothing of its potential.*euler"):
        exporting.to_nir(nn.Sequential(fire(beta=0.0)), (3,), integration="exact")
    node = exporting.to_nir(nn.Sequential(fire(beta=0.0)), (3,), dt=1.0).nodes["layer_0"]
    np.testing.assert_allclose(node.tau, 0.001)


def lif(*shape: int, **values: Any) -> nir.LIF:
    default = {"tau": 0.01, "r": 1.0, "v_leak": 0.0, "v_threshold": 1.0}
    return nir.LIF(**{name: np.full(shape, value) for name, value in (default | values).items()})


def test_neurons_from_a_graph_of_others() -> None:
    """A graph as another library writes it: tau 10 ms, steps of 1 ms, a current of 2.5 from step 1 on."""
    graph = nir.NIRGraph.from_list(nir.Affine(np.array([[2.0]]), np.array([0.5])), lif(1))
    layers = exporting.from_nir(graph, dt=1.0)
    potentials = 2.5 * (1 - 0.9 ** np.arange(1, 7))  # 1.02 in step 5
    spikes = layers(torch.ones(6, 1, 1)).flatten().tolist()
    assert spikes == [float(value > 1 and index == 4) for index, value in enumerate(potentials)]
    (neuron,) = (layer for layer in layers if isinstance(layer, LIF))
    assert neuron.parameters_now().beta == pytest.approx(0.9)
    assert neuron.parameters_now().strict


def branching() -> nir.NIRGraph:
    ends = {"input": nir.Input({"input": np.array([1])}), "output": nir.Output({"output": np.array([1])})}
    edges = [("input", "a"), ("a", "output"), ("input", "b"), ("b", "output")]
    return nir.NIRGraph({**ends, "a": lif(1), "b": lif(1)}, edges)


def recurrent() -> nir.NIRGraph:
    ends = {"input": nir.Input({"input": np.array([1])}), "output": nir.Output({"output": np.array([1])})}
    edges = [("input", "a"), ("a", "b"), ("b", "a"), ("a", "output")]
    return nir.NIRGraph({**ends, "a": lif(1), "b": nir.Linear(np.ones((1, 1)))}, edges)


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        (branching, "the edges of node input branch"),
        (recurrent, "the edges of node a branch"),
        (lambda: nir.NIRGraph.from_list(nir.Delay(np.ones(1))), "node delay is of the kind Delay; known are Affine"),
        (lambda: nir.NIRGraph.from_list(lif(2, tau=[0.1, 0.2])), "node lif: tau differs from neuron to neuron"),
        (lambda: nir.NIRGraph.from_list(lif(1, tau=1e-5)), "dt is 0.1 ms; Euler integration needs a step no longer"),
    ],
)  # fmt: skip
def test_graphs_that_cannot_be_read(graph: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        exporting.from_nir(graph())


def test_files_that_are_no_graph(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.nir is not a NIR graph"):
        exporting.read(tmp_path / "missing.nir")
    (tmp_path / "text.nir").write_text("no graph")
    with pytest.raises(InputError, match=r"text\.nir is not a NIR graph"):
        exporting.read(tmp_path / "text.nir")


def test_a_file_that_exists_is_kept(tmp_path: Path) -> None:
    graph = exporting.to_nir(nn.Sequential(fire()), (3,))
    file = tmp_path / "kept.nir"
    file.write_text("mine")
    with pytest.raises(InputError, match=r"kept\.nir exists"):
        exporting.write(graph, file)
    assert file.read_text() == "mine"
    exporting.write(graph, file, overwrite=True)
    assert list(exporting.read(file).nodes) == list(graph.nodes)
    assert [one.name for one in tmp_path.iterdir()] == ["kept.nir"]
