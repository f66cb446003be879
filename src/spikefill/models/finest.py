"""The finest level of a picture, of which no more becomes float than what the network needs."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spikefill.models import finest_loops
from spikefill.models.cells import Cells, Features
from spikefill.models.pyramid import Level
from spikefill.models.stored import Stored
from spikefill.neurons.kernels.threads import in_shares


class Finest:
    """What `pyramid.Level` is for the coarser levels: here all of a pixel is known or nothing.

    Args:
        picture: Of which it is the finest level.
        multiple: Its sides are padded to multiples of this even number, by holes at the bottom and on the right.

    Attributes:
        picture: As given.
        unknown: bool (H, W), where its holes are, and the padding.
        missing: The share of each of `pixels` that is unknown: 1.
    """

    def __init__(self, picture: Stored, multiple: int) -> None:
        self.picture = picture
        self.missing = torch.ones(1)
        height, width = picture.holes.shape
        below, right = -height % multiple, -width % multiple
        self.unknown = picture.holes
        if below or right:
            self.unknown = np.pad(picture.holes, ((0, below), (0, right)), constant_values=True)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.unknown.shape
        return height, width

    @cached_property
    def pixels(self) -> Cells:
        """The pixels in holes, padding included."""
        return Cells(torch.from_numpy(self.unknown))

    def halved(self, multiple: int) -> Level:
        """The next coarser level, padded to multiples of an even number."""
        height, width = (-(-side // 2 // multiple) * multiple for side in self.size)
        light, known = np.empty((3, height, width), np.float32), np.empty((height, width), np.float32)
        self._run(finest_loops.halved(), (light, known), height, 4 * width)
        return Level(torch.from_numpy(light)[None], torch.from_numpy(known)[None, None])

    def filled(self, enlarged: Tensor) -> Tensor:
        """3 x N: the coarser level's image at `pixels`; that is all there is."""
        return enlarged

    def unshuffled(self, cells: Cells, filled: Tensor) -> Features:
        """The input of a core at some cells of half the resolution, among them all with one of `pixels`.

        Args:
            cells: N.
            filled: Colours of `pixels`.

        Returns:
            N x 16, the order that of `torch.pixel_unshuffle`.
        """
        values = np.empty((len(cells) + 1, 16), np.float32)
        values[-1] = 0
        self._run(finest_loops.unshuffled(), (cells.rows.numpy(), cells.columns.numpy(), values), len(cells), 16)
        found, pixels = torch.from_numpy(values), self.pixels
        found[:, :12].view(-1, 3, 4)[pixels.within(cells), :, pixels.quarters] = (2 * filled - 1).T
        return Features(found, cells)

    def restored(self, values: Tensor) -> Tensor:
        """3 x N, at the holes of the picture: what is left of values at `pixels` without the padding."""
        height, width = self.picture.holes.shape
        if self.size == (height, width):
            return values
        return values[:, (self.pixels.rows < height) & (self.pixels.columns < width)]

    def _run(self, kernel: Any, arrays: tuple[NDArray[Any], ...], count: int, numbers: int) -> None:
        """Calls a kernel for ``count`` rows or cells, each of so many numbers, on one thread or several."""
        colours = self.picture.colours
        given = colours.reshape(len(colours), -1), self.unknown, colours.shape[2], self.picture.largest

        def share(start: int, stop: int) -> None:
            kernel(*given, *arrays, start // numbers, stop // numbers)

        in_shares(share, count * numbers, numbers)
