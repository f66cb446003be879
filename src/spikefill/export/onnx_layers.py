"""Convolutions and neurons as ONNX operators."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from onnx import TensorProto
from torch import nn

from spikefill.errors import InputError
from spikefill.neurons import LIF

if TYPE_CHECKING:
    from torch import Tensor

    from spikefill.export.graph import Graph, Input
    from spikefill.neurons import LIFParameters

READOUTS = ("rate", "count", "latency")
"""Readouts of a neuron that have one value for all steps."""


def convolution(
    graph: Graph, values: str, layer: nn.Conv2d, name: str, *, weight: Tensor | None = None, result: str | None = None
) -> str:
    """A convolution padded with zeros.

    Args:
        graph: To add it to.
        values: What it takes, N x C x H x W.
        layer: The layer; its name in the model is ``name``.
        name: See ``layer``.
        weight: Stands in for the layer's own.
        result: The name of the result.
    """
    inputs = [values, graph.weight(f"{name}.weight", layer.weight if weight is None else weight)]
    if layer.bias is not None:
        inputs.append(graph.weight(f"{name}.bias", layer.bias))
    rows, columns = (int(padding) for padding in layer.padding)
    return graph.add(
        "Conv",
        *inputs,
        name=result,
        kernel_shape=layer.kernel_size,
        strides=layer.stride,
        pads=[rows, columns, rows, columns],
        dilations=layer.dilation,
        group=layer.groups,
    )


def activation(graph: Graph, current: str, neuron: nn.Module, name: str) -> str:
    """The answer of neurons, or of ReLU in their place, to a constant current of any shape.

    Neurons without leak under a soft reset are one step function of their current. All others are run step by step, as
    `neurons.lif` defines them.

    Raises:
        InputError: The layer is neither, or its readout has a value for each step.
    """
    if isinstance(neuron, nn.ReLU):
        return graph.add("Relu", current)
    if not isinstance(neuron, LIF):
        raise InputError(f"layer {name} is a {type(neuron).__name__}; only LIF and ReLU can be exported there")
    if neuron.readout not in READOUTS:
        raise InputError(f"readout of layer {name} is {neuron.readout!r}; exported can be: {', '.join(READOUTS)}")
    with torch.no_grad():
        parameters = neuron.parameters_now()
        v_init = float(neuron.v_init) if "v_init" in neuron.learnable else neuron.v_init_start
    counts_spikes = neuron.readout in ("rate", "count")
    if counts_spikes and _is_staircase(parameters, v_init):
        line = _line(parameters, neuron.steps, v_init)
        integrated = graph.add("Add", graph.add("Mul", current, line.slope), line.start)
        return rate(graph, integrated, line) if neuron.readout == "rate" else _whole(graph, integrated, line)
    total = _step_by_step(graph, current, neuron.steps, parameters, v_init, spikes=counts_spikes)
    return total if neuron.readout == "count" else graph.add("Div", total, float(neuron.steps))


class SpikesLine(NamedTuple):
    """The spikes of neurons whose number is the whole part of a line: ``clip(floor(slope I + start), 0, steps)``."""

    slope: float
    start: float
    steps: int


def spikes_line(neuron: nn.Module) -> SpikesLine | None:
    """The line of neurons with the readout ``"rate"``; None where the number of spikes is not that of a line."""
    if not isinstance(neuron, LIF) or neuron.readout != "rate" or neuron.learnable:
        return None
    parameters, v_init = neuron.parameters_now(), neuron.v_init_start
    return _line(parameters, neuron.steps, v_init) if _is_staircase(parameters, v_init) else None


def rate(graph: Graph, integrated: str, line: SpikesLine) -> str:
    """The rate where ``slope I + start`` is given, in thresholds."""
    return graph.add("Div", _whole(graph, integrated, line), float(line.steps))


def _is_staircase(p: LIFParameters, v_init: float) -> bool:
    """Whether the number of spikes is the whole part of what was integrated, in thresholds.

    Nothing may be lost (leak, hard reset, refractory steps) or added late (synapse), and the neuron must start between
    0 and the threshold.
    """
    keeps_all = p.beta == 1 and p.reset == "soft" and p.alpha is None and not p.refractory
    return bool(keeps_all and not p.strict and p.gain > 0 and 0 <= v_init < p.threshold)


def _line(p: LIFParameters, steps: int, v_init: float) -> SpikesLine:
    """After T steps, what was integrated is ``v_init + T gain I``; in a step there is at most one spike."""
    return SpikesLine(float(steps * p.gain / p.threshold), float(v_init / p.threshold), steps)


def _whole(graph: Graph, integrated: str, line: SpikesLine) -> str:
    return graph.add("Clip", graph.add("Floor", integrated), 0.0, float(line.steps))


def _step_by_step(graph: Graph, current: str, steps: int, p: LIFParameters, v_init: float, *, spikes: bool) -> str:
    """The number of spikes in T steps, or with ``spikes=False`` that of the steps before the first one."""
    threshold, gain, beta = float(p.threshold), float(p.gain), float(p.beta)
    drive = current if gain == 1 else graph.add("Mul", current, gain)
    v: Input = v_init
    synapse: Input | None = None
    waiting: Input | None = None
    silent: str | None = None
    total: str | None = None
    for _ in range(steps):
        if p.alpha is not None:
            synapse = current if synapse is None else graph.add("Add", graph.add("Mul", synapse, p.alpha), current)
            drive = graph.add("Mul", synapse, gain)
        if p.v_leak:
            remaining = graph.add("Add", graph.add("Mul", graph.add("Sub", v, p.v_leak), beta), p.v_leak)
        else:
            remaining = graph.add("Mul", v, beta)
        h = graph.add("Add", remaining, drive)
        if waiting is not None:
            h = graph.add("Where", graph.add("Greater", waiting, 0.0), p.v_reset, h)
        fired = graph.add("Greater" if p.strict else "GreaterOrEqual", h, threshold)
        spike = graph.add("Cast", fired, to=TensorProto.FLOAT)
        if p.reset == "soft":
            v = graph.add("Sub", h, graph.add("Mul", spike, threshold))
        else:
            v = graph.add("Where", fired, p.v_reset, h)
        if p.refractory:
            left: Input = 0.0 if waiting is None else graph.add("Relu", graph.add("Sub", waiting, 1.0))
            waiting = graph.add("Where", fired, float(p.refractory), left)
        counted = spike
        if not spikes:
            quiet = graph.add("Sub", 1.0, spike)
            counted = silent = quiet if silent is None else graph.add("Mul", silent, quiet)
        total = counted if total is None else graph.add("Add", total, counted)
    assert total is not None
    return total
