"""Spiking networks as NIR graphs, the format that libraries of spiking networks and chips exchange, and back."""

from __future__ import annotations

import copy
import re
from collections import OrderedDict
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

import nir
import numpy as np
from torch import nn
from torch.nn.utils import fuse_conv_bn_eval, fuse_linear_bn_eval

from spikefill.errors import InputError
from spikefill.export.description import describe
from spikefill.export.nir_layers import EXPRESSED, cannot_be_expressed, layer_node, layer_of, neuron_node, neuron_of
from spikefill.export.stream import Stream
from spikefill.files import atomic_write
from spikefill.layers import SNNConv2d
from spikefill.models import SCNN
from spikefill.neurons import LIF

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from spikefill.neurons.lif import Integration

Layer = TypeVar("Layer", bound=nn.Module)

DT = 0.1
"""Duration of a step in ms, unless another one is given: that of the importers of snnTorch and SpikingJelly."""

_SEQUENCES = (nn.Sequential, SCNN)
"""Modules that run their children one after the other."""

_WITHOUT_EFFECT = (nn.Identity, nn.Dropout, nn.Dropout2d)
"""Outside training."""


def to_nir(
    model: nn.Module,
    shape: tuple[int, ...],
    *,
    layer: str | None = None,
    dt: float = DT,
    integration: Integration = "euler",
    name: str = "",
    licence: str = "",
) -> nir.NIRGraph:
    """A sequence of layers as a NIR graph.

    Batch normalisation is folded into the layer before it. Spikes stream from layer to layer, a step at a time: the
    readout of all neurons is ``"spikes"``; that of the last ones may be ``"rate"``, the mean of what the graph gives.

    Our neurons are defined by what they do in a step, those of NIR by time constants. They are such that an importer
    which takes steps of ``dt`` by the method ``integration`` gets the same ``beta`` and ``gain`` back.

    Args:
        model: ``nn.Sequential`` (or `Stream`) of `SNNConv2d`, `LIF`, ``Conv2d``, ``Linear``, ``BatchNorm``,
            ``AvgPool2d``, ``Flatten``; or a layer of them alone.
        shape: Of the input of a step without the batch, C x H x W or features.
        layer: Only this part of the model, by its name there.
        dt: Duration of a step in ms.
        integration: ``"euler"``, as snnTorch, SpikingJelly and Norse import, or ``"exact"``.
        name: What the file calls the model.
        licence: That of its weights, for the file.

    Raises:
        InputError: NIR cannot express a layer; it is named.
    """
    if layer is not None:
        model = _part(model, layer)
    nodes: dict[str, nir.NIRNode] = {"input": nir.Input({"input": np.array(shape)})}
    averaged: str | None = None
    for place, one in _folded(list(_layers(model, layer or ""))):
        key = _node_name(place)
        if isinstance(one, LIF):
            if averaged is not None:
                raise InputError(
                    f"layer {place} gets the rate of layer {averaged}, which is known after all steps; "
                    f"NIR's neurons fire step by step: use readout='spikes' in layer {averaged}"
                )
            if one.readout not in ("spikes", "rate"):
                raise InputError(f"readout of layer {place} is {one.readout!r}; NIR's neurons give 'spikes'")
            averaged = place if one.readout == "rate" else None
            nodes[key] = neuron_node(one, place, shape, dt, integration)
        else:
            nodes[key], shape = layer_node(one, place, shape)
    nodes["output"] = nir.Output({"output": np.array(shape)})
    about = describe(model, name=name, licence=licence) | {"dt": f"{dt:g} ms", "integration": integration}
    return nir.NIRGraph(nodes, list(pairwise(nodes)), metadata=about)


def write(graph: nir.NIRGraph, path: str | Path, *, overwrite: bool = False) -> None:
    """Writes a graph to a file (HDF5), which appears whole or not at all.

    Raises:
        InputError: The file exists and ``overwrite`` is false, or it cannot be written.
    """
    with atomic_write(path, overwrite=overwrite) as temporary:
        nir.write(temporary, graph)


def read(path: str | Path) -> nir.NIRGraph:
    """Reads a graph from a file.

    Raises:
        InputError: It is none.
    """
    try:
        return nir.read(path)
    except (OSError, KeyError, ValueError, TypeError, AttributeError, AssertionError) as error:
        raise InputError(f"{path} is not a NIR graph that can be read: {error}") from error


def from_nir(graph: nir.NIRGraph, *, dt: float = DT, integration: Integration = "euler", steps: int = 8) -> Stream:
    """The layers of a graph, with neurons of `spikefill.neurons`.

    Args:
        graph: A chain of Affine, Linear, Conv2d, AvgPool2d, Flatten, LIF and IF nodes.
        dt: Duration of a step in ms.
        integration: How a step follows from NIR's equations: ``"euler"`` or ``"exact"``.
        steps: T of the neurons, for whom they are given a constant current.

    Returns:
        The layers under the names of their nodes; they take a sequence T x N x ... and give spikes, T x N x ....

    Raises:
        InputError: The graph branches or goes round, a node is of another kind, or its neurons differ.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for name in _chain(graph):
        node = graph.nodes[name]
        if isinstance(node, nir.LIF | nir.IF):
            layers[name] = neuron_of(node, name, dt, integration, steps)
        elif not isinstance(node, nir.Input | nir.Output):
            layers[name] = layer_of(node, name)
    return Stream(layers).eval()


def _part(model: nn.Module, name: str) -> nn.Module:
    try:
        return model.get_submodule(name)
    except AttributeError:
        names = [one for one, _ in model.named_children()]
        raise InputError(f"layer is {name!r}; the parts of the model are: {', '.join(names)}") from None


def _layers(module: nn.Module, name: str) -> Iterator[tuple[str, nn.Module]]:
    """The layers in the order in which they are run, by their names; a spiking layer is two."""
    if isinstance(module, SNNConv2d):
        if module.noise and module.noise_in_eval:
            raise InputError(f"layer {_called(name)} draws noise outside training (noise_in_eval); NIR has no noise")
        yield f"{name}.conv".lstrip("."), _plain(module)
        yield from _layers(module.neuron, f"{name}.neuron".lstrip("."))
    elif isinstance(module, _SEQUENCES):
        for child, one in module.named_children():
            yield from _layers(one, f"{name}.{child}".lstrip("."))
    elif any(module.children()):
        raise _of_its_own(module, name)
    elif not isinstance(module, _WITHOUT_EFFECT):
        yield _called(name), module


def _of_its_own(module: nn.Module, name: str) -> InputError:
    """What is said of a module that runs its layers in a way that cannot be seen: the first of them that NIR lacks."""
    passed = (*EXPRESSED, *_WITHOUT_EFFECT, nn.BatchNorm2d, nn.Sequential, nn.ModuleList, nn.ModuleDict)
    for place, one in module.named_modules(prefix=name):
        if not any(one.children()) and not isinstance(one, passed):
            return cannot_be_expressed(one, place)
    return InputError(
        f"layer {_called(name)} is a {type(module).__name__}, which may join what its layers give: it cannot be "
        "exported to NIR; give its layers in a Sequential"
    )


def _folded(layers: list[tuple[str, nn.Module]]) -> Iterator[tuple[str, nn.Module]]:
    """The same without batch normalisation: its scale and shift are in the weights of the layer before it."""
    held: tuple[str, nn.Module] | None = None
    for name, layer in layers:
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            if layer.running_mean is None:
                raise InputError(
                    f"layer {name} takes statistics of its input; NIR has batch normalisation that is fixed"
                )
            match held:
                case (place, nn.Conv2d() as convolution):
                    held = place, fuse_conv_bn_eval(_outside_training(convolution), _outside_training(layer))
                case (place, nn.Linear() as linear):
                    held = place, fuse_linear_bn_eval(_outside_training(linear), _outside_training(layer))
                case _:
                    raise InputError(
                        f"layer {name} is batch normalisation that follows no convolution or linear layer, into which "
                        "it could be folded: it cannot be exported to NIR"
                    )
        else:
            if held is not None:
                yield held
            held = name, layer
    if held is not None:
        yield held


def _outside_training(layer: Layer) -> Layer:
    """A copy, as what folds wants it."""
    return copy.deepcopy(layer).eval()


def _plain(layer: SNNConv2d) -> nn.Conv2d:
    """The convolution of a spiking layer, with its weights."""
    arguments: Any = (
        layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding, layer.dilation,
        layer.groups, layer.bias is not None, layer.padding_mode, "meta",
    )  # fmt: skip
    plain = nn.Conv2d(*arguments)
    plain.weight, plain.bias = layer.weight, layer.bias
    return plain


def _chain(graph: nir.NIRGraph) -> list[str]:
    """The names of the nodes in their order.

    Raises:
        InputError: They are no chain from one input to one output.
    """
    after: dict[str, str] = {}
    for source, target in graph.edges:
        if source in after or target in after.values():
            raise InputError(
                f"the edges of node {source if source in after else target} branch; the graph must be a chain"
            )
        after[source] = target
    starts = [name for name, node in graph.nodes.items() if isinstance(node, nir.Input)]
    if len(starts) != 1:
        raise InputError(f"the graph has {len(starts)} inputs; it must be a chain from one")
    names = starts
    while names[-1] in after:
        names.append(after[names[-1]])
    if len(names) != len(graph.nodes):
        raise InputError("the graph goes round, or parts of it are not reached from its input; it must be a chain")
    return names


def _node_name(name: str) -> str:
    """A layer's name as importers can call an attribute."""
    return re.sub(r"^(?=\d)", "layer_", re.sub(r"\W", "_", name))


def _called(name: str) -> str:
    return name or "model"
