"""A U-Net of partial convolutions: Liu et al., Image Inpainting for Irregular Holes, ECCV 2018."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikefill.models import pyramid
from spikefill.models.unet import MIDDLE, UNet

_FIRST_KERNELS = (7, 5, 5)
_KERNEL = 3


class Features(NamedTuple):
    """Features, and where they are known.

    Attributes:
        values: N x C x H x W, zero where they are not known.
        known: N x 1 x H x W in [0, 1], the share of the channels that is known.
    """

    values: Tensor
    known: Tensor

    def beside(self, others: Features) -> Features:
        """These, every pixel repeated 2 x 2, and the finer ``others``: channels and masks of both."""
        values, known = (pyramid.repeated(part, others.values) for part in self)
        here, there = values.shape[1], others.values.shape[1]
        share = (known * here + others.known * there) / (here + there)
        return Features(torch.cat([values, others.values], dim=1), share)


class PartialConvolution(nn.Module):
    """A convolution of what is known, divided by its share of the window: the paper's equations 1 and 2.

    W (X M) sum(1) / sum(M) + b, and known, where a window holds anything known; zero, and unknown, elsewhere. Sums go
    over the pixels and channels of a window. What is beyond the image is unknown.

    Args:
        channels: C of the input.
        outputs: C of the output.
        kernel: Side of the window, odd.
        stride: 1 or 2.
        bias: Whether there is b.
    """

    def __init__(
        self, channels: int, outputs: int, *, kernel: int = _KERNEL, stride: int = 1, bias: bool = True
    ) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, outputs, kernel, stride, padding=kernel // 2, bias=False)
        nn.init.kaiming_normal_(self.convolution.weight, nonlinearity="relu")
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.kernel, self.stride = kernel, stride

    def forward(self, features: Features) -> Features:
        """Sides are divided by the stride and rounded up."""
        share = F.avg_pool2d(features.known, self.kernel, self.stride, self.kernel // 2)
        known = (share > 0).to(share.dtype)
        values = self.convolution(features.values) / (share + (1 - known))
        if self.bias is not None:
            values = values + self.bias[:, None, None]
        return Features(values * known, known)


class Unit(nn.Module):
    """A partial convolution, batch normalisation, an activation.

    Args:
        channels: C of the input.
        outputs: C of the output.
        activation: After the normalisation.
        kernel: As for the convolution.
        stride: As for the convolution.
        normalised: Whether there is batch normalisation; a bias takes its place.
    """

    def __init__(
        self,
        channels: int,
        outputs: int,
        activation: nn.Module,
        *,
        kernel: int = _KERNEL,
        stride: int = 1,
        normalised: bool = True,
    ) -> None:
        super().__init__()
        self.convolution = PartialConvolution(channels, outputs, kernel=kernel, stride=stride, bias=not normalised)
        self.activation = nn.Sequential(nn.BatchNorm2d(outputs), activation) if normalised else activation

    def forward(self, features: Features) -> Features:
        """As for the convolution."""
        values, known = self.convolution(features)
        return Features(self.activation(values) * known, known)


class PartialConvUNet(UNet):
    """The paper's network, smaller: kernels of 7, 5, 5 and then 3 on the way down, of 3 on the way up.

    ReLU going down, leaky ReLU (0.2) coming up; batch normalisation but in the first and the last convolution; nearest
    upsampling; skips join features and masks, the last one the image itself. The paper has eight levels for 512 px
    and nothing in the middle; with six, batch normalisation has several values a channel on the coarsest level of small
    samples. What a hole's masks do not reach becomes the middle grey.

    Arguments, attributes, shapes and errors are those of `UNet`.
    """

    def __init__(self, *, width: int = 32, widest: int = 78, depth: int = 6, degradation: str = "holes") -> None:
        super().__init__(width=width, widest=widest, depth=depth, degradation=degradation)
        inputs = [3, *self.channels[:-1]]
        kernels = [*_FIRST_KERNELS, *[_KERNEL] * depth]
        self.encoder = nn.ModuleList(
            Unit(finer, coarser, nn.ReLU(), kernel=kernel, stride=2, normalised=level > 0)
            for level, (finer, coarser, kernel) in enumerate(zip(inputs, self.channels, kernels, strict=False))
        )
        self.middle = nn.ModuleList(Unit(self.channels[-1], self.channels[-1], nn.ReLU()) for _ in range(MIDDLE))
        self.decoder = nn.ModuleList(
            Unit(coarser + finer, finer, nn.LeakyReLU(0.2))
            for finer, coarser in zip(self.channels[-2::-1], self.channels[:0:-1], strict=True)
        )
        self.exit = PartialConvolution(self.channels[0] + 3, 3)
        with torch.no_grad():
            self.exit.convolution.weight.mul_(0.1)

    def predicted(self, signal: Tensor, known: Tensor) -> Tensor:
        """See `UNet.predicted`."""
        levels = [Features(signal, known)]
        for unit in self.encoder:
            levels.append(unit(levels[-1]))
        features = levels.pop()
        for unit in self.middle:
            features = unit(features)
        for unit in self.decoder:
            features = unit(features.beside(levels.pop()))
        image: Tensor = self.exit(features.beside(levels.pop())).values
        return image
