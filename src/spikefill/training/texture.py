"""How much texture there is, and where: what squared differences alone smooth away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from torch import Tensor

_OCTAVES = 3
_WINDOW = 7
"""Side of the squares, in an octave's pixels, over which contrast is measured."""
_FAINTEST = 1e-2
"""Contrast far below this counts as none: it keeps the square root's slope finite."""


def contrasts(image: Tensor) -> list[tuple[Tensor, Tensor]]:
    """The local contrast of an image in octaves of spatial frequency, the finest first.

    An octave's contrast is the root mean square of the differences between neighbours over windows of 7 x 7: of those
    in a row, and of those in a column, since stripes are else the cheapest texture. The next octave is that of the
    image reduced to half its size. These are the simplest of the statistics that textures are synthesised from
    (Portilla and Simoncelli, IJCV 2000): where details are is left open.

    Args:
        image: N x C x H x W; sides are at least 4.

    Returns:
        Three pairs, along rows and along columns, of tensors N x C x H x W; those of the second and third pair have
        sides halved once and twice, rounded down.
    """
    found = []
    for octave in range(_OCTAVES):
        image = F.avg_pool2d(image, 2) if octave else image
        along_rows = F.pad(image.diff(dim=-1), (0, 1, 0, 0))
        along_columns = F.pad(image.diff(dim=-2), (0, 0, 0, 1))
        found.append((_contrast(along_rows), _contrast(along_columns)))
    return found


def texture_difference(restored: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """The mean absolute difference of local contrasts over the holes of each image, N values.

    Args:
        restored: N x 3 x H x W; what it has outside of the holes does not count.
        target: N x 3 x H x W in [0, 1].
        mask: N x 1 x H x W, 1 in the holes.
    """
    restored = torch.where(mask > 0, restored.float(), target)
    total = restored.new_zeros(len(restored))
    for octave, (ours, theirs) in enumerate(zip(contrasts(restored), contrasts(target), strict=True)):
        hole = F.avg_pool2d(mask, 1 << octave) if octave else mask
        for mine, wanted in zip(ours, theirs, strict=True):
            total = total + ((mine - wanted).abs() * hole).sum((1, 2, 3)) / (3 * hole.sum((1, 2, 3))).clamp(min=1)
    return total / (2 * _OCTAVES)


def _contrast(differences: Tensor) -> Tensor:
    mean = F.avg_pool2d(differences.square(), _WINDOW, stride=1, padding=_WINDOW // 2, count_include_pad=False)
    return (mean + _FAINTEST**2).sqrt()
