"""Layers that run over a sequence, step by step in time, as graphs of spiking networks are meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from spikefill.layers import SNNConv2d
from spikefill.neurons import LIF

if TYPE_CHECKING:
    from collections.abc import Iterable


class Stream(nn.Sequential):
    """Layers one after the other over a sequence of inputs.

    `LIF` and `SNNConv2d` keep their potentials from step to step; every other layer takes each step for itself, and a
    ``Sequential`` among them is run the same way. Nothing is kept between calls.

    Shape:
        T x N x ... to T x N x ....
    """

    def forward(self, values: Tensor) -> Tensor:
        """Runs the layers over ``values``; see the class for shapes."""
        return _over_time(self, values)


def _over_time(layers: Iterable[nn.Module], values: Tensor) -> Tensor:
    for layer in layers:
        if isinstance(layer, nn.Sequential):
            values = _over_time(layer, values)
        elif isinstance(layer, LIF):
            values = layer(values, sequence=True)
        elif isinstance(layer, SNNConv2d):
            values = layer(values)
        else:
            values = layer(values.flatten(0, 1)).unflatten(0, values.shape[:2])
    return values
