"""An image pyramid of what is known: exact box averages of the known pixels, and how much of each pixel they are.

A pixel of a coarser level stands for 2 x 2 of the finer one. With ``known`` the known fraction w of a pixel and
``light`` the sum of its known part, w times the mean of what is known, a prediction p of the mean of what is not gives
``light + (1 - w) p``, the mean of the whole pixel: coarse levels are neither frozen at a biased mean nor lose the few
pixels that are known. (Normalised averaging: Knutsson and Westin, CVPR 1993; pull-push: Gortler et al., SIGGRAPH 1996.)

A spike hangs on the last bit of what is computed here. So these are single additions and products in a stated order,
which every program rounds alike, and means in double precision: elsewhere the same comes out, bit for bit.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Level(NamedTuple):
    """One level, padded at the bottom and on the right by pixels of which nothing is known.

    Attributes:
        light: N x 3 x H x W, the known part of each pixel: its known fraction times the mean of what is known.
        known: N x 1 x H x W in [0, 1], the known fraction.
    """

    light: Tensor
    known: Tensor

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.known.shape[-2:]
        return height, width

    def composed(self, prediction: Tensor) -> Tensor:
        """N x 3 x H x W, the pixels' means if ``prediction`` is the mean of what is unknown in each of them."""
        return self.light + (1 - self.known) * prediction

    def first_guess(self, coarser: Tensor) -> Tensor:
        """N x 3 x H x W, for the unknown part of each pixel: the mean of its known part, ``coarser`` where it has none.

        Composed, this is normalised averaging: what lies nearest to a hole closes it.
        """
        return _quotient(self.light, self.known, coarser)

    def mean(self) -> Tensor:
        """N x 3 x 1 x 1, the mean of all that is known; middle grey where nothing is."""
        light, known = (part.double().mean(dim=(2, 3), keepdim=True).to(part.dtype) for part in self)
        return _quotient(light, known, torch.full_like(light, 0.5))


def _quotient(light: Tensor, known: Tensor, otherwise: Tensor) -> Tensor:
    """The mean of what is known, where anything is; ``light`` is 0 elsewhere."""
    nothing = (known == 0).to(known.dtype)
    return (light / (known + nothing)).addcmul_(nothing, otherwise)  # `torch.where` takes four times as long


def build(masked: Tensor, mask: Tensor, *, multiple: int, coarsest: int) -> list[Level]:
    """The levels of masked images, the finest first.

    Args:
        masked: N x 3 x H x W, zero in the holes.
        mask: N x 1 x H x W, 1 in the holes.
        multiple: Every level's sides are padded to multiples of this even number.
        coarsest: Levels are added until the longer side is at most this, at least ``multiple``.
    """
    known = 1 - mask
    finest = Level(*(_padded(part, multiple) for part in (masked * known, known)))
    return continued(finest, multiple=multiple, coarsest=coarsest)


def continued(level: Level, *, multiple: int, coarsest: int) -> list[Level]:
    """A level and all that are coarser; ``multiple`` and ``coarsest`` are those of `build`."""
    levels = [level]
    while max(levels[-1].size) > coarsest:
        levels.append(coarser(levels[-1], multiple))
    return levels


def coarser(level: Level, multiple: int) -> Level:
    """The next coarser level, padded to multiples of an even number."""
    return Level(*(_padded(_halved(part), multiple) for part in level))


def _halved(fine: Tensor) -> Tensor:
    """The means of 2 x 2 pixels each, of sides that are even; `torch.avg_pool2d` takes three times as long."""
    upper, lower = fine[..., ::2, :], fine[..., 1::2, :]
    return (upper[..., ::2] + upper[..., 1::2] + lower[..., ::2] + lower[..., 1::2]) / 4


def enlarged(coarse: Tensor, like: Tensor) -> Tensor:
    """A coarser level's image at the next finer level, by bilinear interpolation, cut to the size of ``like``."""
    return _cut(_between(_between(coarse, 2), 3), like)


def repeated(coarse: Tensor, like: Tensor) -> Tensor:
    """The same with every pixel repeated 2 x 2."""
    return _cut(F.interpolate(coarse, scale_factor=2, mode="nearest"), like)


def _between(image: Tensor, dimension: int) -> Tensor:
    """Twice as many pixels along a dimension: three quarters of one, and a quarter of the nearer neighbour."""
    length = image.shape[dimension]
    first, last = image.narrow(dimension, 0, 1), image.narrow(dimension, length - 1, 1)
    before = torch.cat([first, image.narrow(dimension, 0, length - 1)], dimension)
    after = torch.cat([image.narrow(dimension, 1, length - 1), last], dimension)
    most = 0.75 * image
    return torch.stack([most + 0.25 * before, most + 0.25 * after], dimension + 1).flatten(dimension, dimension + 1)


def _cut(image: Tensor, like: Tensor) -> Tensor:
    """The upper left part in the size of ``like``; what has this size is no view of anything."""
    height, width = like.shape[-2:]
    return image if image.shape[-2:] == (height, width) else image[..., :height, :width]


def _padded(image: Tensor, multiple: int) -> Tensor:
    """Padded with zeros at the bottom and on the right."""
    height, width = image.shape[-2:]
    bottom, right = -height % multiple, -width % multiple
    return F.pad(image, (0, right, 0, bottom)) if bottom or right else image
