"""Our NIR files as snnTorch, SpikingJelly, Norse and sinabs import them: the same spikes, or why not.

What each importer leaves out is said in docs/export.md; here is a test for each of these sentences.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nir
import norse.torch
import pytest
import sinabs.nir
import snntorch.import_nir
import torch
from spikingjelly.activation_based import nir_exchange
from torch import Tensor, nn

from spikefill.export import nir as exporting
from spikefill.export.stream import Stream
from spikefill.layers import SNNConv2d
from spikefill.neurons import LIF

pytestmark = [
    pytest.mark.filterwarnings(r"ignore:nirtorch\.load is being deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings(r"ignore:To copy construct from a tensor:UserWarning"),
]

STEPS = 12

Importer = Callable[[nir.NIRGraph, float], Callable[[Tensor, Any], tuple[Tensor, Any]]]

IMPORTERS: dict[str, Importer] = {
    "snntorch": lambda graph, dt: snntorch.import_nir.import_from_nir(graph),  # its time step is 0.1 ms
    "spikingjelly": lambda graph, dt: nir_exchange.import_from_nir(graph, dt=dt / 1000),
    "norse": lambda graph, dt: norse.torch.from_nir(graph, dt=dt / 1000),
}


def linear_stack(**neuron: Any) -> tuple[Stream, tuple[int, ...]]:
    """Two layers of neurons between linear maps, and the shape of their input."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        maps = nn.Linear(30, 40), nn.Linear(40, 20)
    neurons = (LIF(threshold=threshold, readout="spikes", **neuron) for threshold in (0.1, 0.05))
    first, second = zip(maps, neurons, strict=True)
    return Stream(*first, *second).eval(), (30,)


def convolutional_stack(**neuron: Any) -> tuple[Stream, tuple[int, ...]]:
    """Two spiking convolutions, one with batch normalisation of its current, and the shape of their input."""
    with torch.random.fork_rng():
        torch.manual_seed(2)
        normalised = nn.Conv2d(3, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6)
        normalised[1].running_mean.uniform_(-0.1, 0.1)
        normalised[1].running_var.uniform_(0.5, 2)
        first = LIF(threshold=0.1, readout="spikes", **neuron)
        second = SNNConv2d(6, 4, 3, stride=2, noise=0.5, threshold=0.05, readout="spikes", **neuron)
    return Stream(*normalised, first, second).eval(), (3, 9, 10)


STACKS = {"linear": linear_stack, "convolutional": convolutional_stack}


def currents(shape: tuple[int, ...]) -> Tensor:
    """A sequence for two, T x 2 x ...."""
    return 2 * torch.rand(STEPS, 2, *shape, generator=torch.Generator().manual_seed(3))


def from_file(stack: Stream, shape: tuple[int, ...], folder: Path, **options: Any) -> nir.NIRGraph:
    """The graph of a stack, written and read again."""
    exporting.write(exporting.to_nir(stack, shape, **options), folder / "stack.nir")
    return nir.read(folder / "stack.nir")


def run(module: Callable[[Tensor, Any], tuple[Tensor, Any]], sequence: Tensor) -> Tensor:
    """An imported network's spikes, the state handed from step to step."""
    state, spikes = None, []
    with torch.no_grad():
        for values in sequence:
            found, state = module(values, state)
            spikes.append(found)
    return torch.stack(spikes).float()


def ours(stack: Stream, sequence: Tensor) -> Tensor:
    with torch.no_grad():
        spikes = stack(sequence)
    assert 0.01 < spikes.mean() < 0.9
    return spikes


@pytest.mark.parametrize("kind", STACKS)
@pytest.mark.parametrize("library", IMPORTERS)
@pytest.mark.parametrize(
    "neuron",
    [
        {"tau": 4.0},
        {"tau": 4.0, "integration": "euler", "strict": True},
        {"tau": 2.5, "detach_reset": False, "learnable": ("tau", "threshold")},
    ],
    ids=["exact", "euler, strict", "learnt"],
)
def test_neurons_of_unit_resistance_give_the_same_spikes_everywhere(
    library: str, kind: str, neuron: dict[str, Any], tmp_path: Path
) -> None:
    """r is 1: R of a neuron that is given by its time constant."""
    stack, shape = STACKS[kind](**neuron)
    sequence = currents(shape)
    graph = from_file(stack, shape, tmp_path)
    assert torch.equal(run(IMPORTERS[library](graph, exporting.DT), sequence), ours(stack, sequence))


@pytest.mark.parametrize("library", ["spikingjelly", "norse"])
def test_importers_with_a_time_step_take_another_one(library: str, tmp_path: Path) -> None:
    stack, shape = convolutional_stack(tau=4.0)
    sequence = currents(shape)
    graph = from_file(stack, shape, tmp_path, dt=5.0)
    assert torch.equal(run(IMPORTERS[library](graph, 5.0), sequence), ours(stack, sequence))


@pytest.mark.parametrize("library", ["snntorch", "spikingjelly"])
@pytest.mark.parametrize("kind", STACKS)
def test_a_gain_of_one_is_kept_but_by_norse(library: str, kind: str, tmp_path: Path) -> None:
    """r is tau / dt."""
    stack, shape = STACKS[kind](beta=0.8)
    sequence = currents(shape)
    graph = from_file(stack, shape, tmp_path)
    assert torch.equal(run(IMPORTERS[library](graph, exporting.DT), sequence), ours(stack, sequence))
    assert not torch.equal(run(IMPORTERS["norse"](graph, exporting.DT), sequence), ours(stack, sequence))


def test_any_other_resistance_is_kept_by_snntorch_alone(tmp_path: Path) -> None:
    stack, shape = linear_stack(tau=4.0, R=0.5)
    sequence = currents(shape)
    graph = from_file(stack, shape, tmp_path)
    assert torch.equal(run(IMPORTERS["snntorch"](graph, exporting.DT), sequence), ours(stack, sequence))
    assert not torch.equal(run(IMPORTERS["norse"](graph, exporting.DT), sequence), ours(stack, sequence))
    with pytest.raises(ValueError, match="must equal 1 or tau / dt"):
        IMPORTERS["spikingjelly"](graph, exporting.DT)


def test_potentials_other_than_zero(tmp_path: Path) -> None:
    """SpikingJelly and Norse start where they leak to; ours starts from 0."""

    def stack(**neuron: Any) -> Stream:
        return linear_stack(tau=4.0, **neuron)[0]

    sequence = currents((30,))
    reset = from_file(stack(v_reset=-0.05), (30,), tmp_path)
    for library in ("snntorch", "norse"):
        found = run(IMPORTERS[library](reset, exporting.DT), sequence)
        assert torch.equal(found, ours(stack(), sequence)), library  # as if v_reset were 0
    with pytest.raises(ValueError, match="v_leak must equal v_reset"):
        IMPORTERS["spikingjelly"](reset, exporting.DT)

    (tmp_path / "stack.nir").unlink()
    leak = from_file(stack(v_leak=0.02), (30,), tmp_path)
    with pytest.raises(AssertionError, match="v_leak not supported"):
        IMPORTERS["snntorch"](leak, exporting.DT)
    found = run(IMPORTERS["norse"](leak, exporting.DT), sequence)
    assert torch.equal(found, ours(stack(v_leak=0.02, v_init=0.02), sequence))

    (tmp_path / "stack.nir").unlink()
    both = from_file(stack(v_leak=-0.05, v_reset=-0.05), (30,), tmp_path)
    found = run(IMPORTERS["spikingjelly"](both, exporting.DT), sequence)
    assert torch.equal(found, ours(stack(v_leak=-0.05, v_reset=-0.05, v_init=-0.05), sequence))


def test_neurons_without_leak(tmp_path: Path) -> None:
    """With a gain of 1, r is 1 / dt. Norse adds the current itself, whatever r is."""
    stack, shape = linear_stack(beta=1.0)
    sequence = currents(shape)
    graph = from_file(stack, shape, tmp_path)
    for library in ("spikingjelly", "norse"):
        assert torch.equal(run(IMPORTERS[library](graph, exporting.DT), sequence), ours(stack, sequence)), library
    with pytest.raises(AssertionError, match="r != 1 not supported"):
        IMPORTERS["snntorch"](graph, exporting.DT)


def test_sinabs_agrees_until_a_neuron_has_fired(tmp_path: Path) -> None:
    """It takes tau for steps, so that one is a second; its gain is 1; it subtracts, and may fire twice in a step."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        stack = Stream(nn.Linear(30, 40), LIF(beta=0.8, threshold=1.0, readout="spikes")).eval()
    graph = from_file(stack, (30,), tmp_path, dt=1000.0, integration="exact")
    sequence = currents((30,))[:, :1]
    with torch.no_grad():
        found = sinabs.nir.from_nir(graph, batch_size=1)(sequence[:, 0])
    theirs, expected = found[0] if isinstance(found, tuple) else found, ours(stack, sequence)[:, 0]
    first = expected.cumsum(0) <= 1
    first[1:] &= expected.cumsum(0)[:-1] == 0  # up to the first spike
    assert expected[first].sum() > 10
    assert torch.equal((theirs > 0)[first], (expected > 0)[first])
    assert not torch.equal(theirs, expected)


def test_sinabs_does_not_read_neurons_of_feature_maps(tmp_path: Path) -> None:
    stack, shape = convolutional_stack(tau=4.0)
    graph = from_file(stack, shape, tmp_path)
    with pytest.raises(ValueError, match="truth value of an array"):
        sinabs.nir.from_nir(graph, batch_size=1)


def test_flattening_counts_the_batch_in_snntorch_and_norse(tmp_path: Path) -> None:
    """NIR's dimensions are those without the batch; SpikingJelly adds it, the others do not."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        stack = Stream(nn.Flatten(), nn.Linear(30, 20), LIF(tau=4.0, threshold=0.1, readout="spikes")).eval()
    sequence = currents((2, 3, 5))
    graph = from_file(stack, (2, 3, 5), tmp_path)
    assert torch.equal(run(IMPORTERS["spikingjelly"](graph, exporting.DT), sequence), ours(stack, sequence))
    for library in ("snntorch", "norse"):
        with pytest.raises(RuntimeError, match="mat1 and mat2|size"):
            run(IMPORTERS[library](graph, exporting.DT), sequence)
