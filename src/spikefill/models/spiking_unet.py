"""A spiking U-Net through time: LIF neurons behind threshold-dependent batch normalisation, spikes in every step."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikefill.models.unet import MIDDLE, UNet, beside
from spikefill.neurons import LIF

if TYPE_CHECKING:
    from collections.abc import Mapping

NEURON: Mapping[str, Any] = MappingProxyType(
    {"beta": 0.5, "threshold": 1.0, "reset": "hard", "surrogate": {"name": "triangle", "width": 1.0}}
)
"""A leak of one half a step; the reset is to zero."""

_ALPHA = 1.0
"""Zheng et al.'s factor where layers follow one another; the branches of a residual block have less."""

_FIRST_KERNEL, _KERNEL = 5, 3
_INPUTS = 4
"""Channels of the input: red, green, blue, known."""


class ThresholdDependentNorm(nn.BatchNorm2d):
    """Batch normalisation over time, batch and pixels (tdBN: Zheng et al.).

    Currents get mean 0 and the standard deviation ``alpha threshold``, then a learnt scale, at first 1, and bias. The
    factor is in the initial value of the scale, as in SpikingJelly.

    Args:
        channels: C.
        threshold: That of the neurons behind.
        alpha: 1 where layers follow one another.

    Shape:
        T N x C x H x W to the same, the steps in the batch.
    """

    def __init__(self, channels: int, *, threshold: float, alpha: float = _ALPHA) -> None:
        super().__init__(channels)
        nn.init.constant_(self.weight, alpha * threshold)


class SpikingConvolution(nn.Module):
    """A convolution, `ThresholdDependentNorm` and neurons, which hand on their spikes in every step.

    Args:
        channels: C of the input.
        outputs: C of the output.
        steps: T.
        kernel: Side of the window, odd.
        stride: 1 or 2.
    """

    def __init__(self, channels: int, outputs: int, *, steps: int, kernel: int = _KERNEL, stride: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, outputs, kernel, stride, padding=kernel // 2, bias=False)
        nn.init.kaiming_normal_(self.convolution.weight)
        self.norm = ThresholdDependentNorm(outputs, threshold=NEURON["threshold"])
        self.neuron = LIF(steps=steps, readout="spikes", **NEURON)

    def forward(self, spikes: Tensor) -> Tensor:
        """T N x C x H x W to T N x C' x H' x W', 0 or 1; sides are divided by the stride and rounded up."""
        currents: Tensor = self.norm(self.convolution(spikes))
        fired: Tensor = self.neuron(_by_step(currents, self.neuron.steps), sequence=True)
        return fired.flatten(0, 1)

    def of_constant(self, image: Tensor) -> Tensor:
        """The same for an image N x C x H x W that is there in all steps: its convolution runs once."""
        fired: Tensor = self.neuron(self.norm(self.convolution(image)))
        return fired.flatten(0, 1)


class SpikingUNet(UNet):
    """A U-Net whose layers pass on binary spikes, all T steps of them.

    It is after two papers, neither of which has it:

    - "Deep Multi-Threshold Spiking-UNet for Image Processing" (Li et al., 2023, arXiv:2307.10974) turns a trained U-Net
      into a spiking one, for denoising among others. From there: the image as a constant current (direct coding),
      average pooling, skips that concatenate spikes, the last convolution without neurons. Left out: its neurons of
      several thresholds, which serve the conversion; the second convolution of each level, and the transposed ones that
      come up.
    - "Going Deeper With Directly-Trained Larger Spiking Neural Networks" (Zheng et al., AAAI 2021) trains deep networks
      from scratch, by surrogate gradients through time. From there: leaky neurons that are reset to zero, and the
      normalisation before them (tdBN).

    In neither, and ours: the value of the neurons' leak; a triangle for the surrogate, in place of Zheng et al.'s
    rectangle; and all that `UNet` says, so that the rivals differ in their layers alone.

    A convolution of stride 2 takes the image, which is a constant current. From there average pooling and a spiking
    convolution go down each level, and one comes up from it after nearest upsampling; skips join spikes. The image and
    what is known of it join the last convolution, which has no neurons: its output is the mean of T steps.

    Args:
        steps: T, time steps of all layers together.

    Other arguments, attributes, shapes and errors are those of `UNet`.
    """

    def __init__(
        self, *, width: int = 24, widest: int = 86, depth: int = 6, degradation: str = "holes", steps: int = 4
    ) -> None:
        super().__init__(width=width, widest=widest, depth=depth, degradation=degradation)
        self.arguments["steps"] = steps
        self.entry = SpikingConvolution(_INPUTS, self.channels[0], steps=steps, kernel=_FIRST_KERNEL, stride=2)
        self.encoder = nn.ModuleList(
            SpikingConvolution(finer, coarser, steps=steps)
            for finer, coarser in zip(self.channels, self.channels[1:], strict=False)
        )
        self.middle = nn.Sequential(
            *(SpikingConvolution(self.channels[-1], self.channels[-1], steps=steps) for _ in range(MIDDLE))
        )
        self.decoder = nn.ModuleList(
            SpikingConvolution(coarser + finer, finer, steps=steps)
            for finer, coarser in zip(self.channels[-2::-1], self.channels[:0:-1], strict=True)
        )
        self.exit = nn.Conv2d(self.channels[0] + _INPUTS, 3, _KERNEL, padding=_KERNEL // 2)
        with torch.no_grad():
            self.exit.weight.mul_(0.1)

    def predicted(self, signal: Tensor, known: Tensor) -> Tensor:
        """See `UNet.predicted`."""
        image = torch.cat([signal, known], dim=1)
        levels = [self.entry.of_constant(image)]
        for unit in self.encoder:
            levels.append(unit(F.avg_pool2d(levels[-1], 2, ceil_mode=True)))
        spikes = self.middle(levels.pop())
        for unit in self.decoder:
            spikes = unit(beside(spikes, levels.pop()))
        rate = _by_step(spikes, self.entry.neuron.steps).mean(0)
        predicted: Tensor = self.exit(beside(rate, image))
        return predicted


def _by_step(values: Tensor, steps: int) -> Tensor:
    """T N x ... to T x N x ...."""
    return values.view(steps, -1, *values.shape[1:])
