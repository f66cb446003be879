"""Features of some cells of a grid only, and the convolutions that make them.

Where few cells are asked for, a convolution is a matrix product over gathered neighbours. The sum is that of the dense
convolution, in another order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikefill.models.core import Entry, Part, of_neighbours
from spikefill.models.counted import CountedConvolution, CountedEntry

_GATHERED = 1 << 20
"""Numbers of neighbours that are gathered at once: few enough to stay in the processor's cache."""

_IMAGES = 16
"""As so many images cells go into a convolution of 1 x 1: of fewer, on a single thread, torch makes a product of MKL's.

That takes more than twice as long as oneDNN's convolution on AMD processors with AVX-512.
"""


@dataclass(frozen=True, eq=False)
class Cells:
    """Some cells of a grid, in the order of their rows.

    Attributes:
        mask: bool (H, W), which they are.
    """

    mask: Tensor

    def __len__(self) -> int:
        return len(self.index)

    @cached_property
    def index(self) -> Tensor:
        """int64 (N,): where they are in the grid, its rows one after the other."""
        found = np.flatnonzero(self.mask.cpu().numpy())  # takes a quarter of the time of `torch.nonzero`
        return torch.from_numpy(found).to(self.mask.device)

    @cached_property
    def rows(self) -> Tensor:
        """int64 (N,): the row of each."""
        return self.index // self.mask.shape[1]

    @cached_property
    def columns(self) -> Tensor:
        """int64 (N,): the column of each."""
        return self.index - self.rows * self.mask.shape[1]

    @cached_property
    def slots(self) -> Tensor:
        """int32 (H + 2, W + 2): which of them lies there, in a grid with a border; N for none."""
        height, width = self.mask.shape
        slots = torch.full((height + 2, width + 2), len(self), dtype=torch.int32, device=self.mask.device)
        numbers = torch.arange(len(self), dtype=torch.int32, device=self.mask.device)
        slots.view(-1).index_copy_(0, self.index + 2 * self.rows + width + 3, numbers)
        return slots

    @cached_property
    def quarters(self) -> Tensor:
        """int64 (N,): which of the 2 x 2 in a cell of the grid half as fine each of them is, from 0 to 3."""
        return self.rows % 2 * 2 + self.columns % 2

    def within(self, coarser: Cells, offset: tuple[int, int] = (0, 0)) -> Tensor:
        """int32 (N,): the numbers of the cells of a grid half as fine that they lie in, all among those given.

        Args:
            coarser: The cells given.
            offset: How far their grid's first row and column lie before those of this one, in rows and columns of this.
        """
        rows, columns = (part + by if by else part for part, by in zip((self.rows, self.columns), offset, strict=True))
        return coarser.at(rows // 2, columns // 2)

    def at(self, rows: Tensor, columns: Tensor) -> Tensor:
        """int32: the cells' numbers by row and column; N where there is none, also one beyond the border."""
        width = self.slots.shape[1]
        return self.slots.flatten().index_select(0, (rows * width + columns).add_(width + 1))

    def seen_from(self, cells: Cells, stride: int) -> Tensor:
        """int32 (M,): where in `slots` the first of the 3 x 3 cells lies that a convolution sees for each cell."""
        return (stride * (cells.rows * self.slots.shape[1] + cells.columns)).int()

    def around(self, first: Tensor) -> Tensor:
        """int32 (9 M,): the numbers, as `at` has them, of 3 x 3 cells each, row by row, by where the first lies."""
        return self.slots.flatten().index_select(0, (first[:, None] + self._steps).flatten())

    @cached_property
    def _steps(self) -> Tensor:
        """int32 (9,): how far from the first of 3 x 3 cells each of them lies in `slots`."""
        width = self.slots.shape[1]
        steps = [width * down + right for down in range(3) for right in range(3)]
        return torch.tensor(steps, dtype=torch.int32, device=self.mask.device)


@dataclass(frozen=True, eq=False)
class Features:
    """A row of channels for each of some cells.

    Attributes:
        rows: (N + 1) x C; the last row is 0, for a convolution to take where it sees none of the cells.
        cells: The N cells.
    """

    rows: Tensor
    cells: Cells

    @classmethod
    def of(cls, values: Tensor, cells: Cells) -> Features:
        """N x C, of some cells."""
        return cls(F.pad(values, (0, 0, 0, 1)), cells)

    @classmethod
    def everywhere(cls, dense: Tensor) -> Features:
        """All cells of a tensor 1 x C x H x W."""
        cells = Cells(torch.ones(dense.shape[-2:], dtype=torch.bool, device=dense.device))
        return cls.of(dense[0].permute(1, 2, 0).reshape(-1, dense.shape[1]), cells)

    @property
    def values(self) -> Tensor:
        """N x C."""
        return self.rows[:-1]

    def through(self, layer: nn.Module) -> Features:
        """What a layer makes of them that looks at each cell alone and takes N x C x H x W."""
        rows: Tensor = layer(self.rows[None, :, None].permute(0, 3, 1, 2)).permute(0, 2, 3, 1).flatten(0, 2)
        rows[-1] = 0
        return Features(rows, self.cells)

    def times(self, convolution: nn.Conv2d) -> Features:
        """A 1 x 1 convolution of them."""
        return self.through(convolution)

    def convolved(self, convolution: nn.Conv2d | CountedEntry, cells: Cells) -> Features:
        """A 3 x 3 convolution, padded by 1, of stride 1 or 2, at some cells.

        Args:
            convolution: Without a bias.
            cells: Where its result is asked for. What they see must be among these features' cells, or beyond the
                border; elsewhere zeros are taken.
        """
        parts = _parts(convolution, self.rows)
        channels = 9 * self.rows.shape[1]
        first = F.pad(self.cells.seen_from(cells, convolution.stride[0]), (0, -len(cells) % _IMAGES))
        result = self.rows.new_empty(len(first) + 1, convolution.out_channels, dtype=torch.float32)
        chunk = -(-_GATHERED // channels // _IMAGES) * _IMAGES
        for start in range(0, len(first), chunk):
            here = slice(start, start + chunk)
            around = self.cells.around(first[here])
            total, *others = (
                convolve(rows.index_select(0, around).view(_IMAGES, -1, 1, channels).permute(0, 3, 1, 2))
                for rows, convolve in parts
            )
            for other in others:
                total += other
            result[:-1][here] = total.permute(0, 2, 3, 1).flatten(0, 2)
        result[len(cells)] = 0
        return Features(result[: len(cells) + 1], cells)

    def taken(self, cells: Cells) -> Tensor:
        """N x C: the values at some cells, all among these."""
        if cells is self.cells:
            return self.values
        return self.values.index_select(0, self.cells.at(cells.rows, cells.columns))

    def taken_finer(self, cells: Cells, offset: tuple[int, int] = (0, 0)) -> Tensor:
        """N x C: the values at cells of a grid twice as fine; see `Cells.within`."""
        return self.values.index_select(0, cells.within(self.cells, offset))

    def within(self, rows: slice, columns: slice) -> Features:
        """Those of a part of the grid, as of a grid of its own."""
        cells = Cells(self.cells.mask[rows, columns].contiguous())
        numbers = self.cells.at(cells.rows + rows.start, cells.columns + columns.start)
        return Features.of(self.values.index_select(0, numbers), cells)


def _parts(convolution: nn.Module, rows: Tensor) -> list[Part]:
    """What a convolution takes, in parts that are convolved each by itself and added up: one but for a core's first."""
    if isinstance(convolution, Entry | CountedEntry):
        return convolution.parts(rows)
    if isinstance(convolution, CountedConvolution):
        return [(rows, convolution.of_neighbours)]
    return [(rows, partial(F.conv2d, weight=of_neighbours(cast("nn.Conv2d", convolution).weight)))]


def grown(mask: Tensor, by: int = 1) -> Tensor:
    """The cells of a mask (H, W) and all that lie at most ``by`` rows and columns from one of them."""
    for _ in range(by):
        wider = mask.clone()
        wider[:, 1:] |= mask[:, :-1]
        wider[:, :-1] |= mask[:, 1:]
        mask = wider.clone()
        mask[1:] |= wider[:-1]
        mask[:-1] |= wider[1:]
    return mask


def halved(mask: Tensor) -> Tensor:
    """Of a grid half as fine, the cells that hold one of the mask's."""
    height, width = mask.shape
    even = F.pad(mask, (0, width % 2, 0, height % 2))
    rows = even[::2] | even[1::2]
    return rows[:, ::2] | rows[:, 1::2]


def doubled(mask: Tensor) -> Tensor:
    """Of a grid twice as fine, the cells that a convolution of stride 2, padded by 1, sees for the cells of a mask."""
    fine = mask.repeat_interleave(2, 0).repeat_interleave(2, 1)
    fine[:-1] |= fine[1:].clone()
    fine[:, :-1] |= fine[:, 1:].clone()
    return fine
