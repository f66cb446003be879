"""Networks in whole numbers: their weights rounded to eight bits, and computed by `counted.CountedConvolution`.

In float32 the sums of such weights times rates are exact as well, if T is a power of two and they stay below 2^24 times
the largest power of two that divides the scale, over T. Those of the bundled networks do for T up to 16. Both ways then
give the same, bit for bit, and rounded weights are stored and used as any others.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spikefill.errors import InputError
from spikefill.models.core import Entry
from spikefill.models.counted import (
    LARGEST,
    MOST_STEPS,
    CountedConvolution,
    CountedEntry,
    CountingFiring,
    available,
)
from spikefill.models.firing import Firing, watched
from spikefill.models.hybrid import Hybrid
from spikefill.neurons import LIF, Quantiser

_UNIT = 2.0**-24
"""What weights on the grid are multiples of: the least number of float16, so that it holds them exactly."""

_SCALE = 16
"""Scales have four bits, weights seven: their product has the eleven bits of float16."""

_EXACT = 2.0**53
"""Up to here float64 has every whole number."""


class InIntegers:
    """Networks as they are to be computed on the CPU: in whole numbers where their weights are such.

    What was made for the last one is kept, but in no copy of this. Several threads may ask.
    """

    def __init__(self) -> None:
        self._made: tuple[Any, nn.Module] | None = None
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """For copies: oneDNN's weights can neither be copied nor pickled."""
        return {"made": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """A copy has made nothing yet."""
        self.__init__()  # type: ignore[misc]

    def network(self, model: nn.Module) -> nn.Module:
        """`counting` of a network, or the network itself; made anew where it, its weights or T have changed."""
        layers = _readers(model)
        if not layers or _watched(model) or any(p.dtype != torch.float32 for p in model.parameters()):
            return model
        with self._lock:
            entries = _contents([module for module in model.modules() if isinstance(module, Entry)])
            now = [(id(layer), _steps(layer), _contents(readers)) for layer, readers in layers], entries, _shell(model)
            if self._made is None or self._made[0] != now:
                found = counting(model)
                self._made = now, model if found is None else found
            return self._made[1]


def rounded(model: nn.Module) -> nn.Module:
    """A copy of a network whose convolutions have whole numbers of eight bits, times a scale, as weights.

    Each output channel has its scale. Scales are such that float16 and float32 hold the weights exactly.

    Raises:
        InputError: The network has no convolutions of spike rates.
    """
    network = copy.deepcopy(model)
    if not _readers(network):
        raise InputError("the model has no convolutions of spike rates, whose weights could be rounded")
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d) and _whole(layer.weight) is None:
                _round(layer.weight)
    return network


def counting(model: nn.Module) -> nn.Module | None:
    """A network for inference on the CPU that computes in whole numbers; None where weights or processor forbid it.

    Layers of neurons then give numbers of spikes, and `CountedConvolution` takes the place of what reads them. All
    else, neurons included, it shares with ``model``.
    """
    layers = _readers(model)
    if not layers or not available() or any(_steps(layer) > MOST_STEPS for layer, _ in layers):
        return None
    found: dict[nn.Conv2d, tuple[Tensor, Tensor]] = {}
    entries = [module for module in model.modules() if isinstance(module, Entry)]
    for reader in chain(*(readers for _, readers in layers), entries):
        whole = _whole(reader.weight) if _is_plain(reader) else None
        if whole is None:
            return None
        found[reader] = whole
    shared = chain(model.parameters(), model.buffers(), (layer for layer, _ in layers))
    network = copy.deepcopy(model, {id(one): one for one in shared})
    names = {module: name for name, module in model.named_modules()}
    for layer, readers in layers:
        steps = _steps(layer)
        network.set_submodule(names[layer], CountingFiring(layer, steps))
        for reader in readers:
            network.set_submodule(names[reader], CountedConvolution(*found[reader], steps, int(reader.stride[0])))
    for entry in entries:
        network.set_submodule(names[entry], CountedEntry(entry, *found[entry]))
    return network


def _readers(model: nn.Module) -> list[tuple[Firing, list[nn.Conv2d]]]:
    """The layers of a network whose neurons give rates, the same whenever they get the same, with what reads them."""
    if not isinstance(model, Hybrid) or model.stream is not None or model.noise.drawn(training=False):
        return []
    return [
        (layer, convolutions)
        for layer, convolutions in model.readers()
        if isinstance(layer, Firing)  # not one that counts already
        and (type(layer.neuron) is Quantiser or (type(layer.neuron) is LIF and layer.neuron.readout == "rate"))
    ]


def _steps(layer: Firing) -> int:
    return int(layer.neuron.steps)  # type: ignore[arg-type]


def _contents(readers: Sequence[nn.Conv2d]) -> list[float]:
    """What tells weights from others: their sum, each number with a weight of its own."""
    found = []
    for reader in readers:
        numbers = reader.weight.detach().permute(0, 2, 3, 1).reshape(-1)
        found.append(float(numbers @ _probe(len(numbers))))
    return found


@lru_cache(maxsize=64)
def _probe(length: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(0).uniform(1, 2, length).astype(np.float32))


def _shell(model: nn.Module) -> tuple[object, ...]:
    """What tells a network from another one, whose parameters are shared with what counts."""
    return id(model), model.training, tuple(map(id, model.parameters()))


def _watched(model: nn.Module) -> bool:
    """Whether hooks want to be called with the network's layers."""
    everywhere: bool = nn.modules.module._has_any_global_hook()  # type: ignore[no-untyped-call]
    return everywhere or any(map(watched, model.modules()))


def _is_plain(convolution: nn.Conv2d) -> bool:
    """Whether `CountedConvolution` can stand for a convolution."""
    (height, width), (down, right) = convolution.kernel_size, convolution.stride
    padding = (height // 2, height // 2)
    return (
        convolution.bias is None and convolution.groups == 1 and convolution.dilation == (1, 1)
        and height == width and down == right
        and convolution.padding == padding and convolution.padding_mode == "zeros"
    )  # fmt: skip


def _round(weight: Tensor) -> None:
    """Brings weights to whole numbers of at most `LARGEST` times the least scale of four bits that allows it."""
    fraction, exponent = torch.frexp(weight.flatten(1).abs().amax(1).double() / LARGEST)
    scales = torch.ldexp((fraction * _SCALE).ceil(), exponent) / _SCALE
    scales = (scales / _UNIT).ceil().mul(_UNIT).clamp(min=_UNIT)[:, None, None, None]
    weight.copy_((weight.double() / scales).round() * scales)


def _whole(weight: Tensor) -> tuple[Tensor, Tensor] | None:
    """Weights as int8 and a scale for each output channel; None for weights that are no such numbers."""
    units = weight.detach().cpu().double().numpy() / _UNIT
    if not ((units == np.rint(units)) & (abs(units) < _EXACT)).all():
        return None
    numbers = units.astype(np.int64).reshape(len(units), -1)
    common = np.maximum(np.gcd.reduce(numbers, axis=1), 1)
    whole = numbers // common[:, None]
    if abs(whole).max(initial=0) > LARGEST:
        return None
    weights = torch.from_numpy(whole.astype(np.int8)).view(weight.shape)
    return weights, torch.from_numpy((common * _UNIT).astype(np.float32))
