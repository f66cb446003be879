"""Normalised neurons: what stands before the convolutions of the hybrid network."""

from __future__ import annotations

from torch import Tensor, nn


class Firing(nn.Module):
    """Channels brought into the neurons' range, then neurons: an analog current becomes the rate of spikes.

    Each pixel's channels get mean 0 and variance 1, then a learnt scale and bias each (layer normalisation: Ba et al.,
    2016). No statistics are taken over space. Without it, what residual blocks and levels add up leaves the range in
    which rates change, and never comes back: beyond it a surrogate gradient is wrong.

    Args:
        channels: C.
        neuron: The neurons, or an activation in their place; it may be shared, since it keeps nothing.
    """

    def __init__(self, channels: int, neuron: nn.Module) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        nn.init.constant_(self.norm.weight, 0.5)
        nn.init.constant_(self.norm.bias, 0.25)
        self.neuron = neuron

    def forward(self, current: Tensor) -> Tensor:
        """N x C x H x W to the same shape; rates are in [0, 1]."""
        rate: Tensor = self.neuron(self.norm(current.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))
        return rate
