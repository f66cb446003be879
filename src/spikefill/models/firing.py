"""Normalised neurons: what stands before the convolutions of the hybrid network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from spikefill.models.carrying import Carrying
from spikefill.neurons import LIF, Noise
from spikefill.neurons.kernels import channel_norm, channel_norm_compiled

if TYPE_CHECKING:
    from spikefill.models.streaming import Stream

NO_NOISE = Noise()
FRESH_SCALE, FRESH_BIAS = 0.5, 0.25
"""Of a channel's normalised current before training: most of it is where rates change, 0 to 1."""


class Firing(nn.Module):
    """Channels brought into the neurons' range, then neurons: an analog current becomes the rate of spikes.

    Each pixel's channels get mean 0 and variance 1, then a learnt scale and bias each (layer normalisation: Ba et al.,
    2016). No statistics are taken over space. Without it, what residual blocks and levels add up leaves the range in
    which rates change, and never comes back: beyond it a surrogate gradient is wrong.

    Args:
        channels: C.
        neuron: The neurons, or an activation in their place; it may be shared, since it keeps nothing.
        noise: On the normalised current.
        stream: How the layer runs in time; None for the rates of a constant current.
    """

    def __init__(
        self, channels: int, neuron: nn.Module, *, noise: Noise = NO_NOISE, stream: Stream | None = None
    ) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        nn.init.constant_(self.norm.weight, FRESH_SCALE)
        nn.init.constant_(self.norm.bias, FRESH_BIAS)
        self.neuron = neuron
        self.noise = noise
        self.stream = stream

    def forward(self, current: Tensor) -> Tensor:
        """N x C x H x W to the same shape; rates are in [0, 1]."""
        norm, neuron = self.norm, self.neuron
        noise = self.noise if self.noise.drawn(training=self.training) else None
        if self.stream is not None:
            return self.stream.fired(current, norm, neuron, noise)
        alone = isinstance(neuron, Carrying) or torch.compiler.is_compiling() or watched(norm) or watched(neuron)
        if not (noise or alone):
            if current.is_cuda:
                return channel_norm_compiled.fired(current, norm, neuron)
            response, weight, bias = _response(neuron), norm.weight, norm.bias
            if torch.is_autocast_enabled("cpu") and response is not None:
                current = current.float()  # in mixed precision convolutions compute in bfloat16, the neurons do not
            if response is not None and channel_norm.serves(current, weight, bias, response):
                return channel_norm.fired(current, weight, bias, norm.eps, response)
        normalised = norm(current.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        if noise is not None:
            normalised = noise.pointwise().apply(normalised)
        rate: Tensor = neuron(normalised)
        return rate

    def counted(self, current: Tensor) -> Tensor | None:
        """The numbers of spikes, uint8, T of at most 255; None where the kernels cannot give them.

        Without a gradient, and without noise.
        """
        norm, response = self.norm, _response(self.neuron)
        if response is None or response.line is None or watched(norm) or watched(self.neuron):
            return None
        if not channel_norm.serves(current, norm.weight, norm.bias, response):
            return None
        return channel_norm.counted(current, norm.weight, norm.bias, norm.eps, response)


def _response(neuron: nn.Module) -> channel_norm.Response | None:
    """What the neurons are to the kernels that join them to the normalisation; None where they must be called."""
    if type(neuron) is nn.ReLU:
        return channel_norm.RELU
    if type(neuron) is not LIF or neuron.learnable or neuron.readout != "rate":
        return None
    if neuron.backend not in ("auto", "fused"):
        return None
    return channel_norm.response(neuron.parameters_now(), neuron.steps, neuron.v_init_start)


def watched(module: nn.Module) -> bool:
    """Whether hooks want to be called with the module."""
    return bool(module._forward_hooks or module._forward_pre_hooks)
