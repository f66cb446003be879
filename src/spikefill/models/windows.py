"""The hybrid network for a picture of any size: its coarse levels once, the finer ones a window at a time.

A level takes from the coarser one its image and its spikes, of near cells alone. So a part of a picture needs a window
of each fine level, a little wider at each coarser one, and the coarse levels, which are small, as a whole. It then gets
what the picture gets at once: to the last bit where sums of convolutions are exact (`integers`), but for what
`sparse.REACH` leaves out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from spikefill.masks.squares import Rectangle
from spikefill.models import pyramid, sparse
from spikefill.models.cells import grown, halved
from spikefill.models.finest import Finest
from spikefill.models.hybrid import COARSEST, MULTIPLE
from spikefill.models.stored import Stored

if TYPE_CHECKING:
    from spikefill.models.hybrid import Hybrid

_ALIGNED = 2 * MULTIPLE
"""Of so many pixels of a level a window's first row and column are multiples: they begin cells of the coarser level."""


@dataclass(frozen=True)
class Window:
    """A part of a picture, and what is looked at for it.

    Attributes:
        inner: Rows and columns that are asked for.
        outer: Those that are looked at.
        levels: What is computed of each level, in its pixels, the finest first.
        coarse: What is taken of the next coarser one.
    """

    inner: Rectangle
    outer: Rectangle
    levels: Sequence[Rectangle]
    coarse: Rectangle

    @classmethod
    def around(cls, inner: Rectangle, shape: tuple[int, int], radii: Sequence[int]) -> Window:
        """What is looked at for a part of a picture.

        Args:
            inner: The part.
            shape: Height and width of the picture.
            radii: `Hybrid.radii`.
        """
        rows, columns = (_spans(span, length, radii) for span, length in zip(inner, shape, strict=True))
        *levels, coarse = zip(rows, columns, strict=True)
        scale = 1 << len(radii) - 1
        outer = [
            slice(span.start * scale, min(span.stop * scale, length))
            for span, length in zip(levels[-1], shape, strict=True)
        ]
        return cls(inner, (outer[0], outer[1]), levels, coarse)


def _spans(inner: slice, length: int, radii: Sequence[int]) -> Iterator[slice]:
    """`Window.levels` and `Window.coarse`, of rows or of columns alone."""
    wanted, length = inner, _up(length, MULTIPLE)
    for radius in radii:
        first, last = wanted.start - radius, wanted.stop + radius
        seen = slice(max(0, first // _ALIGNED * _ALIGNED), min(length, _up(last, _ALIGNED)))
        yield seen
        length = _up(length // 2, MULTIPLE)
        first, last = seen.start // 2 - 1, seen.stop // 2 + 1  # a pixel is made of its coarser one and a neighbour
        wanted = slice(max(0, first // MULTIPLE * MULTIPLE), min(length, _up(last, MULTIPLE)))
    yield wanted


def _up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


class Coarse(NamedTuple):
    """What the coarse levels of a picture give to windows of the finer ones: image and state of the finest of them.

    Attributes:
        image: 1 x 3 x H x W.
        state: Where a window may need it.
    """

    image: Tensor
    state: sparse.State

    def within(self, area: Rectangle) -> Coarse:
        """A part of the level, in its pixels: of multiples of `MULTIPLE`."""
        half, quarter = (
            features.within(*(slice(span.start // side, span.stop // side) for span in area))
            for features, side in zip(self.state, (2, 4), strict=True)
        )
        return Coarse(self.image[..., area[0], area[1]], sparse.State(half, quarter))


def averaged(picture: Stored, number: int) -> pyramid.Level:
    """The level of a number, at least 1, of a picture, or of rows of it.

    Args:
        picture: It, or rows of it. Of these the first, and unless they are the last ones the end, are multiples of
            ``MULTIPLE << number``.
        number: Of the level; 0 is the picture's own size.
    """
    level = Finest(picture, MULTIPLE).halved(MULTIPLE)
    for _ in range(number - 1):
        level = pyramid.coarser(level, MULTIPLE)
    return level


def coarse(model: Hybrid, level: pyramid.Level, number: int) -> Coarse:
    """What a level of a picture and all that are coarser give to windows of the finer ones.

    Args:
        model: The network.
        level: The level, of one image, as `pyramid.build` gives it.
        number: Its number, at least 1; 0 is the picture's own size.
    """
    levels = pyramid.continued(level, multiple=MULTIPLE, coarsest=COARSEST)
    # What finer levels look at around their holes, in pixels of this one, of which a cell has two.
    reach = sum(radius / 2 ** (number - finer) for finer, radius in enumerate(model.radii(number)))
    half = grown(halved(level.known[0, 0] < 1), int(reach / 2) + 2)
    return Coarse(*model.refined(levels, model.needed(levels, number, (half, halved(half))), number))


def in_window(model: Hybrid, picture: Stored, window: Window, given: Coarse) -> Tensor:
    """3 x N, on the CPU: what a picture gets in the holes of a part of it, row by row.

    Args:
        model: The network.
        picture: Its rows and columns ``window.outer``.
        window: The part.
        given: By the coarse levels of the whole picture.
    """
    levels = _levels(model, picture, window)
    offsets = [_offset(*two) for two in pairwise([*window.levels, window.coarse])]
    needed: list[sparse.Needs] = []
    handed = None
    for number, level in enumerate(levels):
        unknown = torch.from_numpy(level.unknown) if isinstance(level, Finest) else level.known[0, 0] < 1
        needed.append(sparse.needs(halved(unknown), model.core(number)[0], handed))
        if number + 1 < len(levels):
            handed = needed[-1].of_coarser(levels[number + 1].size, offsets[number])
    image, state = given.within(window.coarse)
    for number in reversed(range(len(levels))):
        core, before = model.core(number)[0], model.core(number + 1)[1]
        image, state = sparse.refined(core, levels[number], needed[number], image, state, before, offsets[number])
    return _at_holes(image, picture, window)


def _levels(model: Hybrid, picture: Stored, window: Window) -> list[pyramid.Level | Finest]:
    """What a window has of each of its levels."""
    device, number = next(model.parameters()).device, len(window.levels)
    if not _takes_bytes(device):
        masked, mask = (plane.to(device) for plane in picture.planes())
        planes = pyramid.build(masked, mask, multiple=MULTIPLE, coarsest=COARSEST)[:number]
        return [_cut(level, window, level_number) for level_number, level in enumerate(planes)]
    whole = Finest(picture, MULTIPLE)
    if number == 1:
        return [whole]
    coarser = pyramid.continued(whole.halved(MULTIPLE), multiple=MULTIPLE, coarsest=COARSEST)[: number - 1]
    area = _relative(window.levels[0], window.outer)
    finest = Stored(np.ascontiguousarray(picture.colours[area]), np.ascontiguousarray(picture.holes[area]))
    return [Finest(finest, MULTIPLE), *(_cut(level, window, number) for number, level in enumerate(coarser, 1))]


def _takes_bytes(device: torch.device) -> bool:
    """Whether what `Finest` calls runs there."""
    return device.type == "cpu"


def _cut(level: pyramid.Level, window: Window, number: int) -> pyramid.Level:
    """A window's part of a level of what is looked at for it."""
    rows, columns = (
        slice(span.start - (outer.start >> number), span.stop - (outer.start >> number))
        for span, outer in zip(window.levels[number], window.outer, strict=True)
    )
    return pyramid.Level(*(part[..., rows, columns] for part in level))


def _at_holes(image: Tensor, picture: Stored, window: Window) -> Tensor:
    """3 x N: those in the inner part, of an image 1 x 3 x H x W, or of what is in its holes."""
    holes = picture.holes[_relative(window.levels[0], window.outer)]
    asked = np.zeros_like(holes)
    inner = _relative(window.inner, window.levels[0])
    asked[inner] = holes[inner]
    if image.ndim == 2:
        return image[:, torch.from_numpy(asked[holes])]
    return image[0, :, : asked.shape[0], : asked.shape[1]][:, torch.from_numpy(asked).to(image.device)].cpu()


def _relative(area: Rectangle, to: Rectangle) -> Rectangle:
    """A rectangle by where it lies in another one."""
    rows, columns = (slice(a.start - b.start, a.stop - b.start) for a, b in zip(area, to, strict=True))
    return rows, columns


def _offset(level: Rectangle, coarser: Rectangle) -> tuple[int, int]:
    """How far a level's first row and column lie from those of the coarser one, in the level's pixels."""
    down, right = (fine.start - 2 * near.start for fine, near in zip(level, coarser, strict=True))
    return down, right
