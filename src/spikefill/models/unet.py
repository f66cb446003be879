"""The frame of the U-Nets that the hybrid network is measured against: arguments, channels, input and result."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from spikefill.degradation import Degradation
from spikefill.errors import InputError
from spikefill.models import pyramid

MIDDLE = 3
"""Convolutions on the coarsest level: with six levels, what is known goes 256 px into a hole from any side of it."""


class UNet(nn.Module, ABC):
    """A network that goes down ``depth`` levels, each half as fine, and comes up again with skips.

    Between the two are `MIDDLE` convolutions.

    Sides of a level are those of the finer one, halved and rounded up: what is beyond an image is the convolutions'
    padding, of which nothing is known.

    Args:
        width: Channels at half the image's resolution; each level below has twice those of the one above.
        widest: The most channels of a level.
        depth: Levels below the image; the last has 1 / 2^depth of its resolution.
        degradation: ``"holes"``, or ``"noise:SIGMA"`` (`spikefill.degradation`) for a network that denoises: the same
            layers, to which all of the image is given, and whose output is added to it.

    Attributes:
        context: None: an output pixel may depend on any pixel.
        arguments: The constructor's arguments, as JSON can hold them.
        channels: Channels of the levels below the image, the finest first.

    Shape:
        Masked images N x 3 x H x W in [0, 1] (zero in the holes) and masks N x 1 x H x W (1 in the holes) to
        N x 3 x H x W, not clipped; known pixels are those of the input. Any height and width. Where there is noise
        in place of holes, noisy images N x 3 x H x W, not clipped, and masks of 1, since no pixel is known exactly.

    Raises:
        InputError: An argument is out of its range.
    """

    context: int | None = None
    arguments: dict[str, Any]

    def __init__(self, *, width: int, widest: int, depth: int, degradation: str) -> None:
        super().__init__()
        self.arguments = {"width": width, "widest": widest, "depth": depth}
        for name, value in self.arguments.items():
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InputError(f"{name} is {value!r}; it must be a whole number, 1 or more")
        self.degradation = Degradation.parse(degradation)
        self.arguments["degradation"] = str(self.degradation)
        self.channels = [min(width << level, widest) for level in range(depth)]

    def forward(self, masked: Tensor, mask: Tensor) -> Tensor:
        """Restores ``masked``; see the class for shapes."""
        if self.degradation.is_noise:
            return masked + 0.5 * self.predicted(2 * masked - 1, torch.ones_like(mask))
        known = 1 - mask
        light = masked * known
        return light + mask * (0.5 + 0.5 * self.predicted(2 * light - known, known))

    @abstractmethod
    def predicted(self, signal: Tensor, known: Tensor) -> Tensor:
        """The whole image, N x 3 x H x W, black -1 and white 1; zero, the middle grey, where nothing is to be said.

        Where there is noise, twice the image less the noisy one.

        Args:
            signal: N x 3 x H x W in [-1, 1], zero in the holes.
            known: N x 1 x H x W, 0 in the holes.
        """


def beside(coarse: Tensor, fine: Tensor) -> Tensor:
    """The coarse channels, every pixel repeated 2 x 2, and the fine ones."""
    return torch.cat([pyramid.repeated(coarse, fine), fine], dim=1)
