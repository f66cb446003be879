"""The frame of the U-Nets that the hybrid network is measured against: arguments, channels, input and result."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor, nn

from spikefill.errors import InputError

MIDDLE = 3
"""Convolutions on the coarsest level: with six levels, what is known goes 256 px into a hole from any side of it."""


class UNet(nn.Module, ABC):
    """A network whose convolutions of stride 2 go down ``depth`` levels, and which comes up again with skips.

    Between the two are `MIDDLE` convolutions.

    Sides of a level are those of the finer one, halved and rounded up: what is beyond an image is the convolutions'
    padding, of which nothing is known.

    Args:
        width: Channels at half the image's resolution; each level below has twice those of the one above.
        widest: The most channels of a level.
        depth: Levels below the image; the last has 1 / 2^depth of its resolution.

    Attributes:
        context: None: an output pixel may depend on any pixel.
        arguments: The constructor's arguments, as JSON can hold them.
        channels: Channels of the levels below the image, the finest first.

    Shape:
        Masked images N x 3 x H x W in [0, 1] (zero in the holes) and masks N x 1 x H x W (1 in the holes) to
        N x 3 x H x W, not clipped; known pixels are those of the input. Any height and width.

    Raises:
        InputError: An argument is out of its range.
    """

    context: int | None = None
    arguments: dict[str, Any]

    def __init__(self, *, width: int, widest: int, depth: int) -> None:
        super().__init__()
        self.arguments = {"width": width, "widest": widest, "depth": depth}
        for name, value in self.arguments.items():
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InputError(f"{name} is {value!r}; it must be a whole number, 1 or more")
        self.channels = [min(width << level, widest) for level in range(depth)]

    def forward(self, masked: Tensor, mask: Tensor) -> Tensor:
        """Restores ``masked``; see the class for shapes."""
        known = 1 - mask
        light = masked * known
        return light + mask * (0.5 + 0.5 * self.predicted(2 * light - known, known))

    @abstractmethod
    def predicted(self, signal: Tensor, known: Tensor) -> Tensor:
        """The whole image, N x 3 x H x W, black -1 and white 1; zero, the middle grey, where nothing is to be said.

        Args:
            signal: N x 3 x H x W in [-1, 1], zero in the holes.
            known: N x 1 x H x W, 0 in the holes.
        """
