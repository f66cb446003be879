"""The mean of a network's answers to a picture turned and mirrored in every way.

This is the self-ensemble of Timofte et al., "Seven Ways to Improve Example-Based Single Image Super Resolution", CVPR
2016.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from spikefill.images import Pixels
from spikefill.masks.squares import Rectangle


class Turn(NamedTuple):
    """A picture mirrored, or not, and then turned.

    Attributes:
        quarters: By how many right angles it is turned, against the clock.
        mirrored: Whether left and right are exchanged before.
    """

    quarters: int = 0
    mirrored: bool = False

    def of(self, pixels: Pixels) -> Pixels:
        """A view of (H, W, ...)."""
        return np.rot90(pixels[:, ::-1] if self.mirrored else pixels, self.quarters)

    def back(self, pixels: Pixels) -> Pixels:
        """Undoes `of`."""
        upright = np.rot90(pixels, -self.quarters)
        return upright[:, ::-1] if self.mirrored else upright

    def place(self, area: Rectangle, shape: tuple[int, ...]) -> Rectangle:
        """Where a rectangle of the turned picture lies in the picture, of a shape (H, W)."""
        rows, columns = area
        height, width = shape[:2] if self.quarters % 2 == 0 else shape[1::-1]
        for _ in range(self.quarters % 4):
            # What is first in a row of the turned picture was on top, and its last row on the left.
            rows, columns = columns, slice(height - rows.stop, height - rows.start)
            height, width = width, height
        if self.mirrored:
            columns = slice(width - columns.stop, width - columns.start)
        return rows, columns


UPRIGHT = Turn()
TURNS = tuple(Turn(quarters, mirrored) for mirrored in (False, True) for quarters in range(4))
"""All that the mean is taken over."""


def mean_of_eight(answer: Callable[[Tensor, Tensor], Tensor], masked: Tensor, mask: Tensor) -> Tensor:
    """The mean answer, N x 3 x H x W, float32.

    Args:
        answer: The network: masked and mask to what it restores.
        masked: N x 3 x H x W.
        mask: N x 1 x H x W.
    """
    total = torch.zeros_like(masked, dtype=torch.float32)
    for quarters, mirrored in TURNS:
        given = answer(*(_turned(part, quarters, mirrored) for part in (masked, mask)))
        total += _turned_back(given, quarters, mirrored)
    return total / len(TURNS)


def _turned(image: Tensor, quarters: int, mirrored: bool) -> Tensor:
    """An image mirrored, or not, and then turned by so many right angles."""
    return torch.rot90(image.flip(-1) if mirrored else image, quarters, (-2, -1))


def _turned_back(image: Tensor, quarters: int, mirrored: bool) -> Tensor:
    """Undoes `_turned`."""
    back = torch.rot90(image, -quarters, (-2, -1))
    return back.flip(-1) if mirrored else back
