"""Neurons as ONNX operators: what ONNX Runtime gives is, number by number, what the definition gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from spikefill import InputError
from spikefill.export.graph import Graph
from spikefill.export.onnx_layers import activation
from spikefill.neurons import LIF, PRESETS

CURRENTS = torch.linspace(-3, 12, 4001)

NEURONS: dict[str, dict[str, Any]] = {
    "working": dict(PRESETS["working"]),
    "table1": {**PRESETS["table1"], "steps": 24},
    "leak": {"beta": 0.75, "v_leak": -0.5, "v_reset": -0.25, "v_init": 0.25},
    "soft with leak": {"beta": 0.9, "reset": "soft", "threshold": 1.5},
    "synapse": {"tau": 4.0, "tau_syn": 2.0, "refractory": 2, "gain": 0.3},
    "strict": {"beta": 1.0, "reset": "soft", "strict": True, "gain": 0.5},
    "latency": {"beta": 0.5, "gain": 0.25, "readout": "latency"},
    "count": {"beta": 0.5, "readout": "count"},
    "learnt": {"beta": 0.5, "learnable": ("tau", "threshold", "v_init"), "v_init": 0.25, "threshold": 1.25},
    "a single step": {"steps": 1, "beta": 0.5},
}


def exported(neuron: nn.Module, currents: torch.Tensor) -> tuple[np.ndarray, set[str]]:
    """What ONNX Runtime gives, and which operators there are."""
    graph = Graph()
    graph.add("Identity", activation(graph, "current", neuron, "neuron"), name="answer")
    model = graph.model("neuron", {"current": ["n"]}, {"answer": ["n"]}, {})
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"current": currents.numpy()})[0], {node.op_type for node in model.graph.node}


@pytest.mark.parametrize("name", NEURONS)
def test_neurons_answer_as_the_definition_says(name: str) -> None:
    neuron = LIF(backend="reference", **NEURONS[name])
    with torch.no_grad():
        expected = neuron(CURRENTS).numpy()
    answer, _ = exported(neuron, CURRENTS)
    np.testing.assert_array_equal(answer, expected)
    assert len(np.unique(answer)) > 1


@pytest.mark.parametrize("steps", [1, 8, 12])
def test_neurons_that_lose_nothing_are_one_staircase(steps: int) -> None:
    """Half-way to a spike to begin with, the rate is the current rounded to a multiple of 1 / T, within [0, 1]."""
    neuron = LIF(steps=steps, beta=1.0, reset="soft", v_init=0.5, surrogate="rate")
    currents = torch.linspace(-0.5, 1.5, 997)  # none of them half-way between two multiples
    answer, operators = exported(neuron, currents)
    np.testing.assert_allclose(answer, (currents.double() * steps).round().clamp(0, steps) / steps, rtol=1e-6)
    assert "GreaterOrEqual" not in operators
    np.testing.assert_array_equal(answer, neuron(currents).numpy())


@pytest.mark.parametrize("v_init", [-0.25, 1.5])
def test_a_start_outside_of_zero_to_threshold_is_run_step_by_step(v_init: float) -> None:
    neuron = LIF(beta=1.0, reset="soft", v_init=v_init, backend="reference")
    answer, operators = exported(neuron, CURRENTS)
    np.testing.assert_array_equal(answer, neuron(CURRENTS).numpy())
    assert "GreaterOrEqual" in operators


def test_relu_in_place_of_neurons() -> None:
    np.testing.assert_array_equal(exported(nn.ReLU(), CURRENTS)[0], CURRENTS.relu().numpy())


def test_what_has_a_value_for_each_step_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"readout of layer neuron is 'spikes'; .*rate, count, latency"):
        exported(LIF(readout="spikes"), CURRENTS)
    with pytest.raises(InputError, match="layer neuron is a GELU; only LIF and ReLU"):
        exported(nn.GELU(), CURRENTS)
