"""Single layers as nodes of NIR 1.0, and back.

NIR (Pedersen et al., Nature Communications 2024) describes neurons by differential equations, in seconds; ours are
steps. A neuron of NIR starts at 0 and fires where its potential is above the threshold.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import nir
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spikefill.errors import InputError
from spikefill.neurons import LIF
from spikefill.neurons.lif import Integration

MILLISECONDS = 1000.0
"""In a second."""

_KNOWN = ("Affine", "Linear", "Conv2d", "AvgPool2d", "Flatten", "LIF", "IF")
"""The kinds of nodes that are written and read."""

EXPRESSED = (nn.Conv2d, nn.Linear, nn.AvgPool2d, nn.Flatten, LIF)
"""The layers that become nodes."""


def neuron_node(
    neuron: LIF, name: str, shape: tuple[int, ...], dt: float, integration: Integration
) -> nir.LIF | nir.IF:
    """A node for neurons of one step, ``dt`` ms.

    ``beta = 1 - dt / tau`` and ``gain = r dt / tau`` for Euler's method, ``beta = exp(-dt / tau)`` and
    ``gain = r (1 - beta)`` for exact integration; without leak ``gain = r dt``. An inclusive threshold becomes the next
    smaller number of float32, above which is the same as from the threshold on.

    Raises:
        InputError: NIR has no such neuron; names the layer.
    """
    with torch.no_grad():
        p = neuron.parameters_now()
        beta, gain, threshold = float(p.beta), float(p.gain), np.float32(p.threshold)
        v_init = float(neuron.v_init) if "v_init" in neuron.learnable else neuron.v_init_start
    for wrong, what in (
        (p.reset == "soft", "resets by subtraction, and NIR's neurons to a potential (reset='hard')"),
        (p.refractory, "has refractory steps, and NIR's neurons have none (refractory=0)"),
        (p.alpha is not None, "has a synapse, and importers differ in when its current arrives (tau_syn=None)"),
        (v_init, f"starts from v_init = {v_init:g}, and NIR's neurons from 0 (v_init=0)"),
        (beta == 0 and integration == "exact", "keeps nothing of its potential: beta is 0 (integration='euler')"),
    ):
        if wrong:
            raise InputError(f"layer {name} {what}: it cannot be exported to NIR")
    if not p.strict:
        threshold = np.nextafter(threshold, np.float32(-np.inf))

    def each(value: float) -> NDArray[np.float64]:
        return np.full(shape, value)

    seconds = dt / MILLISECONDS
    fires = {"v_threshold": each(float(threshold)), "v_reset": each(p.v_reset)}
    if beta == 1:
        return nir.IF(r=each(gain / seconds), **fires)
    tau = seconds / (1 - beta) if integration == "euler" else -seconds / math.log(beta)
    return nir.LIF(tau=each(tau), r=each(gain / (1 - beta)), v_leak=each(p.v_leak), **fires)


def neuron_of(node: nir.LIF | nir.IF, name: str, dt: float, integration: Integration, steps: int) -> LIF:
    """The neurons of a node, in steps of ``dt`` ms; their readout is ``"spikes"``."""

    def one(value: str) -> float:
        found = np.unique(getattr(node, value))
        if len(found) != 1:
            raise InputError(f"node {name}: {value} differs from neuron to neuron; here it must be the same for all")
        return float(found[0])

    leak: dict[str, Any]
    if isinstance(node, nir.LIF):
        leak = {"tau": one("tau") * MILLISECONDS, "R": one("r"), "v_leak": one("v_leak")}
    else:
        leak = {"beta": 1.0, "gain": one("r") * dt / MILLISECONDS}
    return LIF(
        steps=steps, dt=dt, integration=integration, threshold=one("v_threshold"), v_reset=one("v_reset"),
        strict=True, readout="spikes", **leak,
    )  # fmt: skip


def layer_node(layer: nn.Module, name: str, shape: tuple[int, ...]) -> tuple[nir.NIRNode, tuple[int, ...]]:
    """A node for a layer without neurons, and the shape of what it gives.

    Args:
        layer: The layer.
        name: What errors call it.
        shape: Of what it takes, without the batch.

    Raises:
        InputError: NIR has no such layer, or it does not take this shape.
    """
    node: nir.NIRNode
    if isinstance(layer, nn.Conv2d):
        node = _convolution_node(layer, name, shape)
    elif isinstance(layer, nn.Linear):
        weight = _array(layer.weight)
        node = nir.Linear(weight) if layer.bias is None else nir.Affine(weight, _array(layer.bias))
    elif isinstance(layer, nn.AvgPool2d):
        if layer.ceil_mode or layer.divisor_override or (layer.padding and not layer.count_include_pad):
            raise InputError(
                f"layer {name} averages in a way of its own; NIR's AvgPool2d has a kernel, stride, padding"
            )
        node = nir.AvgPool2d(*(np.array(_pair(value)) for value in (layer.kernel_size, layer.stride, layer.padding)))
    elif isinstance(layer, nn.Flatten):
        first, last = (dim - 1 if dim > 0 else dim for dim in (layer.start_dim, layer.end_dim))
        node = nir.Flatten({"input": np.array(shape)}, first, last)
    else:
        raise cannot_be_expressed(layer, name)
    if isinstance(layer, nn.Linear) and len(shape) != 1:
        raise InputError(
            f"layer {name} is linear and takes values of shape {shape}; NIR's takes a vector: flatten before"
        )
    try:
        after = copy.deepcopy(layer).to("meta")(torch.empty(1, *shape, device="meta")).shape[1:]
    except RuntimeError as error:
        raise InputError(f"layer {name} does not take values of shape {shape}: {str(error).splitlines()[0]}") from error
    return node, tuple(after)


def layer_of(node: nir.NIRNode, name: str) -> nn.Module:
    """The layer of a node without neurons.

    Raises:
        InputError: There is no such layer here.
    """
    if isinstance(node, nir.AvgPool2d):
        return nn.AvgPool2d(_pair(node.kernel_size), _pair(node.stride), _pair(node.padding))
    if isinstance(node, nir.Flatten):
        return nn.Flatten(*(int(dim) + 1 if dim >= 0 else int(dim) for dim in (node.start_dim, node.end_dim)))
    layer: nn.Conv2d | nn.Linear
    if isinstance(node, nir.Linear | nir.Affine):
        outputs, inputs = node.weight.shape
        layer = nn.Linear(inputs, outputs, bias=isinstance(node, nir.Affine))
    elif isinstance(node, nir.Conv2d):
        outputs, inputs, *kernel = node.weight.shape
        padding = node.padding if isinstance(node.padding, str) else _pair(node.padding)
        groups = int(node.groups)
        layer = nn.Conv2d(
            inputs * groups, outputs, _pair(kernel), _pair(node.stride), padding, _pair(node.dilation), groups
        )
    else:
        raise InputError(f"node {name} is of the kind {type(node).__name__}; known are {', '.join(_KNOWN)}")
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(np.asarray(node.weight)))
        if layer.bias is not None:
            layer.bias.copy_(torch.from_numpy(np.asarray(node.bias)))
    return layer


def cannot_be_expressed(layer: nn.Module, name: str) -> InputError:
    """What is said of a layer that NIR lacks."""
    kinds = ", ".join(_KNOWN)
    return InputError(f"layer {name} is a {type(layer).__name__}, which NIR 1.0 cannot express; its nodes are: {kinds}")


def _convolution_node(layer: nn.Conv2d, name: str, shape: tuple[int, ...]) -> nir.Conv2d:
    for wrong, what in (
        (layer.padding_mode != "zeros", f"pads by {layer.padding_mode!r}, and NIR by zeros"),
        (layer.groups != 1, f"has {layer.groups} groups, which NIR's check of shapes takes for an error"),
        (len(set(layer.kernel_size)) > 1, f"has a kernel of {layer.kernel_size}, and NIR takes it for a square"),
    ):
        if wrong:
            raise InputError(f"layer {name} {what}: it cannot be exported to NIR")
    weight = _array(layer.weight)
    bias = np.zeros(len(weight), weight.dtype) if layer.bias is None else _array(layer.bias)
    return nir.Conv2d(shape[1:], weight, layer.stride, layer.padding, layer.dilation, layer.groups, bias)


def _array(tensor: Tensor) -> NDArray[Any]:
    """A copy, so that the graph does not change with the network."""
    return tensor.detach().cpu().numpy().copy()


def _pair(value: Any) -> tuple[int, int]:
    """Height and width from one number for both, or from two."""
    first, second = np.broadcast_to(value, 2)
    return int(first), int(second)
