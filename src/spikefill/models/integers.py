"""Networks in whole numbers: their weights rounded to eight bits, and computed by `counted.CountedConvolution`.

In float32 the sums of such weights times rates are exact as well, as long as they stay below 2^24 times the scale. So
both ways give the same, up to the multiplication by the scale, and rounded weights are stored and used as any others.
"""

from __future__ import annotations

import copy
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from spikefill.errors import InputError
from spikefill.models.counted import LARGEST, MOST_STEPS, CountedConvolution, CountingFiring, available
from spikefill.models.firing import Firing
from spikefill.models.hybrid import Hybrid
from spikefill.neurons import LIF, Quantiser

_UNIT = 2.0**-24
"""What weights on the grid are multiples of: the least number of float16, so that it holds them exactly."""

_SCALE = 16
"""Scales have four bits, weights seven: their product has the eleven bits of float16."""


class InIntegers:
    """Networks as they are to be computed on the CPU: in whole numbers where their weights are such.

    What was made for the last one is kept, but in no copy of this. Several threads may ask.
    """

    def __init__(self) -> None:
        self._made: tuple[Any, nn.Module] | None = None

    def __getstate__(self) -> dict[str, None]:
        """For copies: oneDNN's weights can neither be copied nor pickled."""
        return {"_made": None}

    def network(self, model: nn.Module) -> nn.Module:
        """`counting` of a network, or the network itself; made anew where it, its weights or T have changed."""
        if not _readers(model) or any(module._forward_hooks or module._forward_pre_hooks for module in model.modules()):
            return model  # somebody watches its layers
        weights = [(tensor.data_ptr(), tensor._version) for tensor in model.parameters()]
        now, made = (id(model), weights, cast("Hybrid", model).arguments["steps"]), self._made
        if made is None or made[0] != now:
            found = counting(model) if available() else None
            made = self._made = now, model if found is None else found
        return made[1]


def rounded(model: nn.Module) -> nn.Module:
    """A copy of a network whose weights are whole numbers of eight bits, times a scale, where spikes are their inputs.

    Scales are such that float16 and float32 hold the weights exactly.

    Raises:
        InputError: The network has no convolutions of spike counts.
    """
    network = copy.deepcopy(model)
    if not _readers(network):
        raise InputError("the model has no convolutions of spike rates, whose weights could be rounded")
    with torch.no_grad():
        for _, convolutions in _readers(network):
            for convolution in convolutions:
                if _whole(convolution.weight) is None:
                    _round(convolution.weight)
    return network


def counting(model: nn.Module) -> nn.Module | None:
    """A copy of a network for inference on the CPU that computes in whole numbers; None if its weights are none.

    Layers of neurons then give numbers of spikes, and `CountedConvolution` takes the place of what reads them.
    """
    layers = _readers(model)
    wholes = [[_whole(convolution.weight) for convolution in convolutions] for _, convolutions in layers]
    steps = int(model.arguments["steps"]) if isinstance(model, Hybrid) else 0
    if not 0 < steps <= MOST_STEPS or not layers or any(whole is None for found in wholes for whole in found):
        return None
    network = copy.deepcopy(model)
    names = {module: name for name, module in network.named_modules()}
    for (layer, convolutions), found in zip(_readers(network), wholes, strict=True):
        network.set_submodule(names[layer], CountingFiring(layer, steps))
        for convolution, whole in zip(convolutions, found, strict=True):
            if whole is not None:
                network.set_submodule(names[convolution], CountedConvolution(*whole, steps, int(convolution.stride[0])))
    return network.eval()


def _readers(model: nn.Module) -> list[tuple[Firing, list[nn.Conv2d]]]:
    """The layers of a network whose neurons give rates, the same whenever they get the same, with what reads them."""
    if not isinstance(model, Hybrid) or model.stream is not None or model.noise.drawn(training=False):
        return []
    return [
        (layer, convolutions)
        for layer, convolutions in model.readers()
        if isinstance(layer.neuron, Quantiser) or (isinstance(layer.neuron, LIF) and layer.neuron.readout == "rate")
    ]


def _round(weight: Tensor) -> None:
    """Brings weights to whole numbers of at most `LARGEST` times the least scale of four bits that allows it."""
    fraction, exponent = torch.frexp(weight.flatten(1).abs().amax(1).double() / LARGEST)
    scales = torch.ldexp((fraction * _SCALE).ceil(), exponent) / _SCALE
    scales = (scales / _UNIT).ceil().mul(_UNIT).clamp(min=_UNIT)[:, None, None, None]
    weight.copy_((weight.double() / scales).round() * scales)


def _whole(weight: Tensor) -> tuple[Tensor, Tensor] | None:
    """Weights as int8 and a scale for each output channel; None for weights that are no such numbers."""
    units = weight.detach().double().numpy() / _UNIT
    if not (units == np.rint(units)).all():
        return None
    numbers = units.astype(np.int64).reshape(len(units), -1)
    common = np.maximum(np.gcd.reduce(numbers, axis=1), 1)
    whole = numbers // common[:, None]
    if abs(whole).max(initial=0) > LARGEST:
        return None
    weights = torch.from_numpy(whole.astype(np.int8)).view(weight.shape)
    return weights, torch.from_numpy((common * _UNIT).astype(np.float32))
