"""The mean of a network's answers to a picture turned and mirrored in every way.

This is the self-ensemble of Timofte et al., "Seven Ways to Improve Example-Based Single Image Super Resolution", CVPR
2016.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def mean_of_eight(answer: Callable[[Tensor, Tensor], Tensor], masked: Tensor, mask: Tensor) -> Tensor:
    """The mean answer, N x 3 x H x W, float32.

    Args:
        answer: The network: masked and mask to what it restores.
        masked: N x 3 x H x W.
        mask: N x 1 x H x W.
    """
    total = torch.zeros_like(masked, dtype=torch.float32)
    for mirrored in (False, True):
        for quarters in range(4):
            given = answer(*(_turned(part, quarters, mirrored) for part in (masked, mask)))
            total += _turned_back(given, quarters, mirrored)
    return total / 8


def _turned(image: Tensor, quarters: int, mirrored: bool) -> Tensor:
    """An image mirrored, or not, and then turned by so many right angles."""
    return torch.rot90(image.flip(-1) if mirrored else image, quarters, (-2, -1))


def _turned_back(image: Tensor, quarters: int, mirrored: bool) -> Tensor:
    """Undoes `_turned`."""
    back = torch.rot90(image, -quarters, (-2, -1))
    return back.flip(-1) if mirrored else back
