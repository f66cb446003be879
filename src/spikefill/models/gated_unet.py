"""A U-Net of gated convolutions: Yu et al., Free-Form Image Inpainting with Gated Convolution, ICCV 2019."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikefill.models.unet import MIDDLE, UNet, beside

_FIRST_KERNEL, _KERNEL = 5, 3
_INPUTS = 4
"""Channels of the input: red, green, blue, known."""

_PASSED = 0.19
"""The mean square of ELU(x) sigmoid(y) for x and y standard normal: 0.645 * 0.293."""


class GatedConvolution(nn.Module):
    """ELU(features) * sigmoid(gates), both convolutions of the input: the paper's equation 3.

    Weights start so that a layer of such layers has features and gates of variance 1.

    Args:
        channels: C of the input.
        outputs: C of the output.
        kernel: Side of the window, odd.
        stride: 1 or 2.
    """

    def __init__(self, channels: int, outputs: int, *, kernel: int = _KERNEL, stride: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, 2 * outputs, kernel, stride, padding=kernel // 2)
        nn.init.normal_(self.convolution.weight, std=math.sqrt(1 / (_PASSED * channels * kernel**2)))
        nn.init.zeros_(self.convolution.bias)  # type: ignore[arg-type]

    def forward(self, image: Tensor) -> Tensor:
        """Sides are divided by the stride and rounded up."""
        both: Tensor = self.convolution(image)
        features, gates = both.chunk(2, dim=1)
        return F.elu(features) * gates.sigmoid()


class GatedConvUNet(UNet):
    """The paper's layers in one U-Net: no second stage, no attention and no adversary.

    Strides down to 1 / 64 carry what is known into the holes, where the paper has 1 / 4 and dilated convolutions. A
    gated convolution for each level going down and coming up; nearest upsampling; skips join features, the last one the
    image itself and what is known of it, before an ordinary convolution.

    Arguments, attributes, shapes and errors are those of `UNet`.
    """

    def __init__(self, *, width: int = 24, widest: int = 58, depth: int = 6, degradation: str = "holes") -> None:
        super().__init__(width=width, widest=widest, depth=depth, degradation=degradation)
        inputs = [_INPUTS, *self.channels[:-1]]
        self.encoder = nn.ModuleList(
            GatedConvolution(finer, coarser, kernel=_KERNEL if level else _FIRST_KERNEL, stride=2)
            for level, (finer, coarser) in enumerate(zip(inputs, self.channels, strict=True))
        )
        self.middle = nn.Sequential(*(GatedConvolution(self.channels[-1], self.channels[-1]) for _ in range(MIDDLE)))
        self.decoder = nn.ModuleList(
            GatedConvolution(coarser + finer, finer)
            for finer, coarser in zip(self.channels[-2::-1], self.channels[:0:-1], strict=True)
        )
        self.exit = nn.Conv2d(self.channels[0] + _INPUTS, 3, _KERNEL, padding=_KERNEL // 2)
        with torch.no_grad():
            self.exit.weight.mul_(0.1)

    def predicted(self, signal: Tensor, known: Tensor) -> Tensor:
        """See `UNet.predicted`."""
        levels = [torch.cat([signal, known], dim=1)]
        for unit in self.encoder:
            levels.append(unit(levels[-1]))
        features = self.middle(levels.pop())
        for unit in self.decoder:
            features = unit(beside(features, levels.pop()))
        image: Tensor = self.exit(beside(features, levels.pop()))
        return image
