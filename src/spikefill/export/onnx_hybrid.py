"""The hybrid network as an ONNX graph without branches and loops, for images of any size.

How many levels the pyramid has depends on the size of the image. The graph has a fixed number of them. Those that a
smaller image lacks are computed, from a few pixels, and then left out: the first level that there is starts from the
mean of what is known, and takes no state. A state of zeros is the same as none, since the convolutions that read it
have no bias.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from onnx import TensorProto
from torch import nn

from spikefill.errors import InputError
from spikefill.export.onnx_layers import activation, convolution, rate, spikes_line
from spikefill.models.core import COARSENESS, FINENESS, Block, Core
from spikefill.models.hybrid import COARSEST, FINE_LEVELS, MULTIPLE, Hybrid

if TYPE_CHECKING:
    from spikefill.export.graph import Graph
    from spikefill.models.firing import Firing

_BLOCK = 2
"""A core takes blocks of 2 x 2 pixels, one of its own pixels each."""

_END = (1 << 63) - 1
"""Where a slice ends that goes on to the last element."""


class _Level(NamedTuple):
    """Names of the values of a level, as `pyramid.Level` has them.

    Attributes:
        light: N x 3 x H x W.
        known: N x 1 x H x W.
        size: H and W.
        coarser: Whether there is a coarser level in the image's own pyramid, 0 or 1.
    """

    light: str
    known: str
    size: str
    coarser: str


def hybrid(graph: Graph, model: Hybrid, masked: str, mask: str, levels: int) -> str:
    """Adds the network.

    Args:
        graph: To add it to.
        model: The network.
        masked: N x 3 x H x W, zero in the holes.
        mask: N x 1 x H x W, 1 in the holes.
        levels: How many levels the graph has.

    Returns:
        What `Hybrid.forward` returns, for images whose longer side is at most ``COARSEST * 2 ** (levels - 1)``.
    """
    if model.stream is not None:
        raise InputError("the model is streaming, step by step; a graph of rates can be exported, of streaming=None")
    if model.arguments["noise"] and model.arguments["noise_in_eval"]:
        raise InputError("the model draws noise outside training (noise_in_eval); an exported graph has no noise")
    known = graph.add("Sub", 1.0, mask)
    pyramid = [_level(graph, masked, known)]
    for _ in range(levels - 1):
        pyramid.append(_level(graph, *(_halved(graph, part) for part in pyramid[-1][:2])))

    image, state, before = None, None, "coarse"
    for number in reversed(range(levels)):
        level = pyramid[number]
        name = "fine" if number < FINE_LEVELS else "coarse"
        start = graph.add("Expand", _mean(graph, level), graph.add("Shape", level.light))
        if image is not None and state is not None:
            coarser = _cut(graph, _enlarged(graph, image), level.size)
            start = graph.add("Where", graph.add("Cast", level.coarser, to=TensorProto.BOOL), coarser, start)
            state = [graph.add("Mul", rates, level.coarser) for rates in state]
        unknown = graph.add("Sub", 1.0, level.known)
        guess = _quotient(graph, level.light, level.known, start)
        filled = graph.add("Add", level.light, graph.add("Mul", unknown, guess))
        core: Core = getattr(model, name)
        correction, state = _core(graph, core, name, filled, level.known, state, before)
        image = graph.add("Add", filled, graph.add("Mul", unknown, correction))
        before = name
    assert image is not None
    return _cut(graph, image, graph.add("Shape", mask, start=2))


def _core(
    graph: Graph, core: Core, name: str, image: str, known: str, state: list[str] | None, before: str
) -> tuple[str, list[str]]:
    """`hybrid.Core.forward`."""

    def fire(current: str, layer: nn.Module, at: str) -> str:
        return _firing(graph, current, cast("Firing", layer), f"{name}.{at}")

    def convolve(values: str, layer: nn.Module, at: str) -> str:
        return convolution(graph, values, cast("nn.Conv2d", layer), f"{name}.{at}")

    def through(current: str, blocks: nn.Module, at: str) -> str:
        for number, block in enumerate(cast("list[Block]", blocks)):
            here = f"{at}.{number}.residual"
            changed = current
            for place in (0, 2):
                fired = fire(changed, block.residual[place], f"{here}.{place}")
                changed = convolve(fired, block.residual[place + 1], f"{here}.{place + 1}")
            current = graph.add("Add", changed, current)
        return current

    def joined(current: str, rates: str, place: int) -> str:
        layer = cast("nn.ModuleList", core.before[before])[place]
        coarser = convolve(rates, layer, f"before.{before}.{place}")
        size = graph.add("Shape", current, start=2)
        return graph.add("Add", current, _cut(graph, _repeated(graph, coarser), size))

    signal = graph.add("Concat", graph.add("Sub", graph.add("Mul", image, 2.0), 1.0), known, axis=1)
    signal = _rounded(graph, signal, FINENESS)
    most = _rounded(graph, signal, COARSENESS)
    parts = [_entry(graph, core.entry, f"{name}.entry", part) for part in (most, graph.add("Sub", signal, most))]
    half = graph.add("Add", *parts)
    if state is not None:
        half = joined(half, state[0], 0)
    half = through(half, core.encoder, "encoder")
    quarter = convolve(fire(half, core.down[0], "down.0"), core.down[1], "down.1")
    if state is not None:
        quarter = joined(quarter, state[1], 1)
    quarter = through(quarter, core.middle, "middle")
    up = convolve(fire(quarter, core.up[0], "up.0"), core.up[1], "up.1")
    half = through(graph.add("Add", _repeated(graph, up), half), core.decoder, "decoder")
    handed = [fire(half, core.handed[0], "handed.0"), fire(quarter, core.handed[1], "handed.1")]
    out = convolve(fire(half, core.exit[0], "exit.0"), core.exit[1], "exit.1")
    return graph.add("DepthToSpace", out, blocksize=_BLOCK, mode="CRD"), handed


def _rounded(graph: Graph, signal: str, steps: int) -> str:
    """Rounded to multiples of one over ``steps``."""
    return graph.add("Div", graph.add("Round", graph.add("Mul", signal, float(steps))), float(steps))


def _entry(graph: Graph, layer: nn.Conv2d, name: str, signal: str) -> str:
    """The first convolution: SpaceToDepth puts the pixels of a block first, `torch.pixel_unshuffle` the channels."""
    outputs, inputs, *kernel = layer.weight.shape
    weight = layer.weight.view(outputs, inputs // _BLOCK**2, _BLOCK**2, *kernel).transpose(1, 2).flatten(1, 2)
    blocks = graph.add("SpaceToDepth", signal, blocksize=_BLOCK)
    return convolution(graph, blocks, layer, name, weight=weight)


def _firing(graph: Graph, current: str, layer: Firing, name: str) -> str:
    """`Firing`, by the operations of `neurons.kernels.channel_norm_loops`: mean and deviation are in double precision.

    ONNX has an operator for the normalisation, but for the last axis only, and what runs it may take the variance as a
    difference of large numbers.
    """
    precise = graph.add("Cast", current, to=TensorProto.DOUBLE)
    mean = graph.add("ReduceMean", precise, [1])
    away = graph.add("Sub", precise, mean)
    variance = graph.add("ReduceMean", graph.add("Mul", away, away), [1])
    deviation = graph.add("Sqrt", graph.add("Add", variance, graph.double(layer.norm.eps)))
    scale = graph.add("Div", graph.double(1), deviation)
    mean, scale = (graph.add("Cast", part, to=TensorProto.FLOAT) for part in (mean, scale))
    normalised = graph.add("Mul", graph.add("Sub", current, mean), scale)
    factors, offsets = (part.detach()[:, None, None] for part in (layer.norm.weight, layer.norm.bias))
    line = spikes_line(layer.neuron)
    if line is not None:
        factors, offsets = factors * line.slope, offsets * line.slope + line.start
    scaled = graph.add("Mul", normalised, graph.weight(f"{name}.factors", factors))
    shifted = graph.add("Add", scaled, graph.weight(f"{name}.offsets", offsets))
    return activation(graph, shifted, layer.neuron, name) if line is None else rate(graph, shifted, line)


def _level(graph: Graph, light: str, known: str) -> _Level:
    """A level, padded at the bottom and on the right to sides that are multiples of `MULTIPLE`."""
    missing = graph.add("Mod", graph.add("Neg", graph.add("Shape", known, start=2)), [MULTIPLE])
    pads = graph.add("Concat", [0, 0], missing, axis=0)
    light, known = (graph.add("Pad", part, pads, "", [2, 3]) for part in (light, known))
    size = graph.add("Shape", known, start=2)
    longer = graph.add("ReduceMax", size, keepdims=0)
    coarser = graph.add("Cast", graph.add("Greater", longer, [COARSEST]), to=TensorProto.FLOAT)
    return _Level(light, known, size, coarser)


def _mean(graph: Graph, level: _Level) -> str:
    """N x 3 x 1 x 1, the mean of what is known, in double precision; middle grey where nothing is."""

    def mean(part: str) -> str:
        precise = graph.add("ReduceMean", graph.add("Cast", part, to=TensorProto.DOUBLE), [2, 3])
        return graph.add("Cast", precise, to=TensorProto.FLOAT)

    return _quotient(graph, mean(level.light), mean(level.known), 0.5)


def _quotient(graph: Graph, light: str, known: str, otherwise: str | float) -> str:
    """The mean of what is known, where anything is."""
    nothing = graph.add("Equal", known, 0.0)
    part = graph.add("Div", light, graph.add("Where", nothing, 1.0, known))
    return graph.add("Where", nothing, otherwise, part)


def _halved(graph: Graph, fine: str) -> str:
    """`pyramid._halved`, its sums in the same order."""
    parts = [
        graph.add("Slice", fine, [row, column], [_END, _END], [2, 3], [2, 2]) for row in (0, 1) for column in (0, 1)
    ]
    total = parts[0]
    for part in parts[1:]:
        total = graph.add("Add", total, part)
    return graph.add("Div", total, 4.0)


def _enlarged(graph: Graph, coarse: str) -> str:
    """`pyramid.enlarged`, by the same operations."""
    for axis in (2, 3):
        first, last = graph.add("Slice", coarse, [0], [1], [axis]), graph.add("Slice", coarse, [-1], [_END], [axis])
        before = graph.add("Concat", first, graph.add("Slice", coarse, [0], [-1], [axis]), axis=axis)
        after = graph.add("Concat", graph.add("Slice", coarse, [1], [_END], [axis]), last, axis=axis)
        most = graph.add("Mul", coarse, 0.75)
        pair = [graph.add("Add", most, graph.add("Mul", other, 0.25)) for other in (before, after)]
        stacked = graph.add("Concat", *(graph.add("Unsqueeze", one, [axis + 1]) for one in pair), axis=axis + 1)
        shape = graph.add("Mul", graph.add("Shape", coarse), [1 + (each == axis) for each in range(4)])
        coarse = graph.add("Reshape", stacked, shape)
    return coarse


def _repeated(graph: Graph, coarse: str) -> str:
    """`pyramid.repeated`: each pixel four times."""
    factors = [1.0, 1.0, 2.0, 2.0]
    places = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return graph.add("Resize", coarse, "", factors, mode="nearest", **places)


def _cut(graph: Graph, image: str, size: str) -> str:
    """The upper left part of this height and width."""
    return graph.add("Slice", image, [0, 0], size, [2, 3])
