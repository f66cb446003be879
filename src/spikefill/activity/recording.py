"""What every spiking layer of a network did with a picture: how often each neuron fired, and when first."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

import torch.nn.functional as F
from torch import Tensor, nn

from spikefill.activity.layers import Call
from spikefill.activity.watching import watching
from spikefill.degradation import HOLES, check_trained_for
from spikefill.errors import InputError


@dataclass(frozen=True, eq=False)
class LayerActivity:
    """A spiking layer at one level of a picture.

    Attributes:
        name: The layer's path in the network.
        level: 0 for the picture itself, 1 for that of half its resolution, and so on.
        scale: How many of the picture's pixels are the side of a cell, a power of two.
        steps: T, how many steps the neurons ran; of a streaming network with the warm-up.
        counts: N x C x H x W, spikes of each neuron in T steps; uint8, or int32 for T above 255.
        first: N x C x H x W, float32: the step of a neuron's first spike, 1 to T, and T + 1 where it never fired; None
            unless it was asked for.
        inside: N x 1 x H x W, float32: which part of a cell is hole.
        outside: N x 1 x H x W, float32: which part of it is known. Where the two do not add up to 1, a part of the cell
            lies beyond the picture.
    """

    name: str
    level: int
    scale: int
    steps: int
    counts: Tensor
    first: Tensor | None
    inside: Tensor
    outside: Tensor

    @classmethod
    def of(cls, call: Call, mask: Tensor, *, first_spikes: bool = False) -> Self:
        """That of a call, within the restoration of a picture with this mask; ``first_spikes`` as for `record`."""
        counts, steps = call.counts(), call.layer.steps
        inside, outside = (_shares(part, call.scale, counts) for part in (mask, 1 - mask))
        first = (call.readout("latency") * steps).round() + 1 if first_spikes else None
        return cls(call.layer.name, call.level, call.scale, steps, counts, first, inside, outside)

    @property
    def rate_map(self) -> Tensor:
        """N x H x W, float32 in [0, 1]: spikes in a step, mean over the channels."""
        return self.counts.float().mean(1) / self.steps

    @property
    def rate(self) -> float:
        """Spikes of a neuron in a step, in [0, 1]: the mean over all of them, those beyond the picture included."""
        return float(self.counts.double().mean()) / self.steps

    @property
    def rate_inside(self) -> float:
        """The same over the holes, cells weighted by the part of them that is hole; NaN without a hole."""
        return self._rate_in(self.inside)

    @property
    def rate_outside(self) -> float:
        """The same over what is known; NaN where nothing is."""
        return self._rate_in(self.outside)

    @property
    def first_map(self) -> Tensor:
        """N x H x W, float32 in [1, T]: the mean step of the first spike over the channels that fire; NaN without any.

        Raises:
            InputError: First spikes were not recorded.
        """
        if self.first is None:
            raise InputError("first spikes were not recorded; record(..., first_spikes=True) does")
        fired = self.first <= self.steps
        return (self.first * fired).sum(1) / fired.sum(1)

    def _rate_in(self, share: Tensor) -> float:
        spikes = (self.counts.sum(1, keepdim=True) * share.double()).sum()
        return float(spikes / (share.double().sum() * self.counts.shape[1] * self.steps))


@dataclass(frozen=True, eq=False)
class Activity:
    """What a network did with a picture.

    Attributes:
        layers: Its spiking layers in the order in which they fired: from the coarsest level to the finest.
        output: N x 3 x H x W, what it gave: exactly what it gives without being recorded.
    """

    layers: tuple[LayerActivity, ...]
    output: Tensor

    def at_level(self, level: int) -> tuple[LayerActivity, ...]:
        """The layers of one level, in their order."""
        return tuple(layer for layer in self.layers if layer.level == level)

    def summary(self) -> dict[str, Any]:
        """The figures that JSON can hold: rates of each layer, and how many of its channels never fire."""
        return {
            "layers": [
                {
                    "name": layer.name,
                    "level": layer.level,
                    "scale": layer.scale,
                    "steps": layer.steps,
                    "channels": layer.counts.shape[1],
                    "silent_channels": int((layer.counts.amax((0, 2, 3)) == 0).sum()),
                    "rate": layer.rate,
                    "rate_inside": _number(layer.rate_inside),
                    "rate_outside": _number(layer.rate_outside),
                }
                for layer in self.layers
            ]
        }

    @property
    def levels(self) -> tuple[int, ...]:
        """The levels that have spiking layers, the finest first."""
        return tuple(sorted({layer.level for layer in self.layers}))


def record(model: nn.Module, masked: Tensor, mask: Tensor, *, first_spikes: bool = False) -> Activity:
    """Restores a picture and records every spiking layer. The whole network is computed, holes or not.

    Args:
        model: A network of `spikefill.models` with neurons, in the mode (``eval()``) that it is to be recorded in.
        masked: N x 3 x H x W in [0, 1], zero in the holes.
        mask: N x 1 x H x W, 1 in the holes.
        first_spikes: Record when each neuron fires first, too; this runs the neurons a second time.

    Returns:
        The activity; about C bytes for each cell of each layer.

    Raises:
        InputError: The network has no spiking layer, or was trained to take noise away.
    """
    check_trained_for(model, HOLES)
    layers: list[LayerActivity] = []

    def keep(call: Call) -> None:
        layers.append(LayerActivity.of(call, mask, first_spikes=first_spikes))

    with watching(model, masked, mask, keep):
        output = model(masked, mask)
    return Activity(tuple(layers), output)


def _shares(part: Tensor, scale: int, like: Tensor) -> Tensor:
    """Which part of each cell of ``like`` a part of the picture, N x 1 x H x W, takes; what is beyond it is no part."""
    height, width = (side * scale for side in like.shape[-2:])
    here = part[..., :height, :width].float()
    return F.avg_pool2d(F.pad(here, (0, width - here.shape[-1], 0, height - here.shape[-2])), scale)


def _number(value: float) -> float | None:
    """None for what is not a number."""
    return None if math.isnan(value) else value
