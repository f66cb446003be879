"""Networks as ONNX files, which need neither torch nor Spikefill to run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
from torch import nn

from spikefill.degradation import HOLES, check_trained_for
from spikefill.errors import InputError
from spikefill.export.description import describe
from spikefill.export.graph import Graph
from spikefill.export.onnx_hybrid import hybrid
from spikefill.export.onnx_layers import activation, convolution
from spikefill.files import atomic_write
from spikefill.models import SCNN, Hybrid
from spikefill.models.hybrid import COARSEST

if TYPE_CHECKING:
    from pathlib import Path

LEVELS = 12
"""Levels of the pyramid in a graph of `Hybrid`: enough for a longer side of 16384 px."""

_HOLE = 0.5
"""From which value on a mask is a hole."""


def to_onnx(model: nn.Module, *, levels: int = LEVELS, name: str = "", licence: str = "") -> onnx.ModelProto:
    """A network as an ONNX model.

    Its inputs are ``image``, 1 x 3 x H x W in [0, 1], and ``mask``, 1 x 1 x H x W, 1 in the holes (from 0.5 on), both
    float32, of any height and width. Its output ``restored`` is 1 x 3 x H x W in [0, 1]: in the holes what the network
    predicts, elsewhere ``image``, bit for bit. What lies in the holes of ``image`` has no influence.

    The number of steps T is that of the model now; noise that belongs to training is not in the graph.

    Args:
        model: An `SCNN` or a `Hybrid`.
        levels: Of a `Hybrid`, how many levels its pyramid has at most. The result is the model's own for images whose
            longer side is up to ``8 * 2 ** (levels - 1)``.
        name: What the file calls the model; empty for its architecture.
        licence: That of the weights, for the file.

    Raises:
        InputError: The model is of another kind, was trained to take noise away, draws noise outside training, or
            ``levels`` is below 1.
    """
    check_trained_for(model, HOLES)
    graph = Graph()
    hole = graph.add("GreaterOrEqual", "mask", _HOLE)
    masked = graph.add("Where", hole, 0.0, "image")
    further: dict[str, str] = {}
    if isinstance(model, SCNN):
        predicted = _scnn(graph, model, masked)
    elif isinstance(model, Hybrid):
        if isinstance(levels, bool) or not isinstance(levels, int) or levels < 1:
            raise InputError(f"levels is {levels!r}; it must be a whole number, 1 or more")
        predicted = hybrid(graph, model, masked, graph.add("Cast", hole, to=onnx.TensorProto.FLOAT), levels)
        further = {"levels": str(levels), "longest_side": str(COARSEST << (levels - 1))}
    else:
        raise InputError(f"model is a {type(model).__name__}; what can be exported to ONNX is SCNN and Hybrid")
    graph.add("Where", hole, graph.add("Clip", predicted, 0.0, 1.0), "image", name="restored")
    size = ["height", "width"]
    return graph.model(
        name or type(model).__name__,
        {"image": [1, 3, *size], "mask": [1, 1, *size]},
        {"restored": [1, 3, *size]},
        describe(model, name=name, licence=licence) | further,
    )


def write(model: onnx.ModelProto, path: str | Path, *, overwrite: bool = False) -> None:
    """Writes a model to a file, which appears whole or not at all.

    Raises:
        InputError: The file exists and ``overwrite`` is false, or it cannot be written.
    """
    with atomic_write(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(model.SerializeToString())


def _scnn(graph: Graph, model: SCNN, masked: str) -> str:
    """Adds `SCNN.forward`."""
    layer = model.spiking
    if layer.noise and layer.noise_in_eval:
        raise InputError("layer spiking draws noise outside training (noise_in_eval); an exported graph has no noise")
    values = activation(graph, convolution(graph, masked, layer, "spiking"), layer.neuron, "spiking.neuron")
    for number, one in enumerate(model.convolutions):
        name = f"convolutions.{number}"
        if isinstance(one, nn.Conv2d):
            values = convolution(graph, values, one, name)
        else:
            values = activation(graph, values, one, name)
    return values
