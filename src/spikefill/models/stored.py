"""A picture as it is stored, whose holes a network is to fill: not yet float, and not yet in planes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Stored:
    """Pixels and holes.

    Attributes:
        colours: (H, W, 1 or 3), uint8, or float32 in [0, 1], in one piece; grey stands for three equal channels. What
            lies in holes is of no influence.
        holes: (H, W), True where nothing is known; in one piece.
    """

    colours: NDArray[Any]
    holes: NDArray[np.bool_]

    @property
    def largest(self) -> np.float32:
        """What stands for 1."""
        return np.float32(255 if self.colours.dtype == np.uint8 else 1)

    @cached_property
    def places(self) -> NDArray[np.int64]:
        """(N,): where the holes are, the rows of the picture one after the other."""
        return np.flatnonzero(self.holes)

    def planes(self) -> tuple[Tensor, Tensor]:
        """What networks take: masked, 1 x 3 x H x W, float32, 0 in the holes; mask, 1 x 1 x H x W, 1 in the holes."""
        planes = np.empty((self.colours.shape[2], *self.holes.shape), np.float32)
        planes[...] = self.colours.transpose(2, 0, 1)
        planes.reshape(len(planes), -1)[:, self.places] = 0
        planes /= self.largest
        return torch.from_numpy(planes)[None].expand(-1, 3, -1, -1), torch.from_numpy(self.holes)[None, None].float()

    def in_holes(self, image: Tensor) -> Tensor:
        """3 x N, on the CPU: of an image 1 x 3 x H x W what is in the holes, row by row."""
        return image[0].flatten(1).index_select(1, torch.from_numpy(self.places).to(image.device)).cpu()
