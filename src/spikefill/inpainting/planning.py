"""Which parts a picture is restored in: of those that fit into memory, those that take the least time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import nn

from spikefill.inpainting import workspace
from spikefill.inpainting.regions import TILE, Region, plan
from spikefill.inpainting.workspace import Area, Workspace
from spikefill.masks.squares import Rectangle, wider
from spikefill.memory import PROCESS, too_little
from spikefill.models.hybrid import COARSEST, MULTIPLE, Hybrid
from spikefill.models.windows import Window

SIDES = tuple(side << doublings for doublings in range(16) for side in (512, 768))
"""Sides, in pixels, of the squares that are compared."""

SMALLER_SIDES = (448, 384, 320, 256, 192, 128)
"""Of those that are for want of memory only: they are mostly context."""

_BLOCK = 16
"""Holes are looked at in blocks of so many pixels a side, of which sides are multiples."""

_CALL = 70_000
"""Pixels that take as long to restore as calling the network once more takes."""

_STRIP = 1 << 19
"""Pixels of a picture that are averaged at a time."""

_AVERAGING = 20
"""Bytes that each of these takes."""


@dataclass(frozen=True, eq=False)
class Plan:
    """What is computed of a picture.

    Attributes:
        regions: Rectangles to restore, which cover each hole once, and what the network must see for them.
        coarse: Number of the level from which on the whole picture is computed first, for windows of the finer ones;
            0 where each region is restored by itself.
        needed: Bytes that the network takes.
    """

    regions: Sequence[Region] | Sequence[Window]
    coarse: int = 0
    needed: float = 0

    @property
    def parts(self) -> int:
        """How many parts are computed one after the other."""
        return len(self.regions) + bool(self.coarse)


def plan_within(
    model: nn.Module, holes: NDArray[np.bool_], held: int, *, max_memory: int | None, copied: int = 0
) -> Plan:
    """What to compute: the whole picture at once if it fits; or the squares, with what is seen around them, that fit.

    Args:
        model: The network. Its ``context`` says how far it looks, its ``tile`` the side of the largest square that is
            restored at once where all of it is a hole; larger ones are where they take no more memory. A hybrid network
            looks at all of the picture, and is computed in `windows` of it.
        holes: (H, W), True where to restore.
        held: Bytes that the picture and its mask take.
        max_memory: As for `Inpainter`.
        copied: Bytes that each pixel takes where it is looked at, beside what the network takes.

    Raises:
        InputError: Not even the smallest squares fit into ``max_memory``.
    """
    context: int | None = getattr(model, "context", None)
    own: int | None = getattr(model, "tile", None)
    space = workspace.of(model).with_copies(copied)
    room = math.inf if max_memory is None else max_memory - PROCESS - held
    if context is not None and own is not None:
        room = min(room, workspace.FIXED + space.everywhere[0] * (own + 2 * context) ** 2)
    if isinstance(model, Hybrid) and model.divisible:
        search = partial(_in_windows, model, holes, space, copied=copied)
    else:
        search = partial(_in_squares, context, holes, space, larger=own is not None)
    found = search(room)
    if found.plan is None and max_memory is None:  # the network's own bound is too low for this picture
        found = search(found.needed)
    if found.plan is None:
        height, width = holes.shape
        raise too_little(f"a picture of {width} x {height} px", PROCESS + held + found.needed, max_memory or 0)
    return replace(found.plan, needed=found.needed)


def strip(shape: tuple[int, ...], number: int) -> int:
    """How many rows of a picture (H, W) are averaged at a time to make its level of a number."""
    multiple = MULTIPLE << number
    return min(shape[0], max(1, _STRIP // (shape[1] * multiple)) * multiple)


class Fit(NamedTuple):
    """What was found for a picture.

    Attributes:
        plan: None if nothing fits.
        needed: Bytes that it takes; or that would do.
        time: Pixels that take as long to restore.
    """

    plan: Plan | None
    needed: float
    time: float = math.inf


def _in_squares(context: int | None, holes: NDArray[np.bool_], space: Workspace, room: float, *, larger: bool) -> Fit:
    """For a network that looks no farther than ``context``."""
    height, width = holes.shape

    def seen(inner: Rectangle) -> tuple[Rectangle, Sequence[Rectangle]]:
        area = slice(0, height), slice(0, width)
        if context is not None:
            area = wider(inner[0], context, height), wider(inner[1], context, width)
        return area, [area]

    sides = (*SIDES, *SMALLER_SIDES) if larger else [side for side in SMALLER_SIDES if side <= TILE]
    side, needed, time = Layout(Blocks(holes), seen).side(space, sides, room)
    return Fit(None if side is None else Plan(plan(holes, context, side)), needed, time)


def _in_windows(model: Hybrid, holes: NDArray[np.bool_], space: Workspace, room: float, *, copied: int) -> Fit:
    """For a network that is computed in windows: one of the whole picture, or the best number of levels for smaller."""
    height, width = holes.shape
    whole = slice(0, height), slice(0, width)
    blocks = Blocks(holes)
    best = Fit(None, space.of(holes.size, blocks.area(whole)))
    if best.needed <= room:
        return best._replace(plan=Plan([Region(whole, whole)]))
    number = 0
    while max(holes.shape) >> number + 1 > COARSEST and (best.plan is None or holes.size >> 2 * number > _CALL):
        number += 1
        found = _from_level(model, blocks, room, copied, number)
        if found.time < best.time or (best.plan is None and found.needed < best.needed):
            best = found
    return best


def _from_level(model: Hybrid, blocks: Blocks, room: float, copied: int, number: int) -> Fit:
    """For windows of the levels below a number."""
    shape, radii = blocks.holes.shape, model.radii(number)

    def seen(inner: Rectangle) -> tuple[Rectangle, Sequence[Rectangle]]:
        window = Window.around(inner, shape, radii)
        return window.outer, window.levels

    height, width = (-(-side >> number) for side in shape)
    area = blocks.area((slice(0, height), slice(0, width)), number, around=2)
    level = workspace.of_coarse(model, number, area)
    space = workspace.of_window(model, number).with_copies(copied)
    side, needed, time = Layout(blocks, seen).side(space, (*SIDES, *SMALLER_SIDES), room - level.kept)
    needed = max(level.taken + (_AVERAGING + copied) * strip(shape, number) * shape[1], level.kept + needed)
    if side is None or needed > room:
        return Fit(None, needed)
    windows = [Window.around(square.inner, shape, radii) for square in plan(blocks.holes, 0, side)]
    return Fit(Plan(windows, number), needed, time + area.pixels)


class Blocks:
    """Where a picture has holes, in blocks of 16 px.

    Args:
        holes: (H, W), True where to restore.
    """

    def __init__(self, holes: NDArray[np.bool_]) -> None:
        self.holes = holes
        self._some = _any_of(holes, _BLOCK)
        self._sums: dict[tuple[int, int], NDArray[Any]] = {}

    def squares(self, side: int) -> Iterator[Rectangle]:
        """For each square of a grid that has holes the smallest rectangle of blocks around them, in pixels."""
        height, width = self.holes.shape
        for square in plan(self._some, 0, side // _BLOCK):
            rows, columns = square.inner
            yield (
                slice(rows.start * _BLOCK, min(rows.stop * _BLOCK, height)),
                slice(columns.start * _BLOCK, min(columns.stop * _BLOCK, width)),
            )

    def area(self, area: Rectangle, level: int = 0, around: int = 1) -> Area:
        """A rectangle of a level, in its pixels; near holes are those at most so many blocks from one with a hole."""
        if (level, around) not in self._sums:  # of blocks above and left of each corner
            side = 2 * around + 1
            near = cv2.dilate(_any_of(self._some, 1 << level).view(np.uint8), np.ones((side, side), np.uint8))
            self._sums[level, around] = cv2.integral(near)
        sums = self._sums[level, around]
        (top, bottom), (left, right) = (
            (span.start // _BLOCK, min(-(-span.stop // _BLOCK), length - 1))
            for span, length in zip(area, sums.shape, strict=True)
        )
        near = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
        return Area(_pixels(area), int(near) * _BLOCK**2)


@dataclass(frozen=True)
class Layout:
    """How squares of any size lie over a picture's holes.

    Attributes:
        blocks: The holes.
        seen: What the network looks at for a rectangle, and what of each level it may compute, in the level's pixels.
    """

    blocks: Blocks
    seen: Callable[[Rectangle], tuple[Rectangle, Sequence[Rectangle]]]

    def regions(self, side: int) -> list[tuple[int, list[Area]]]:
        """For each region that squares of a side give, at most: what `Workspace.of` takes."""
        found = []
        for square in self.blocks.squares(side):
            seen, levels = self.seen(square)
            found.append((_pixels(seen), [self.blocks.area(area, level) for level, area in enumerate(levels)]))
        return found

    def side(self, space: Workspace, sides: Sequence[int], room: float) -> tuple[int | None, float, float]:
        """The side of the squares that take the least time, of those that fit; of `SMALLER_SIDES` the first that fits.

        Args:
            space: Of the network.
            sides: To choose from.
            room: Bytes that a region may take.

        Returns:
            The side, None if none fits; the bytes that a region takes then, or with the smallest side; and the time, in
            pixels that take as long to restore.
        """
        best: tuple[int | None, float, float] = None, math.inf, math.inf
        for side in sides:
            if best[0] is not None and (side in SMALLER_SIDES or side >= 2 * max(self.blocks.holes.shape)):
                break
            regions = self.regions(side)
            needed = max(space.of(seen, *levels) for seen, levels in regions)
            time = sum(seen + _CALL for seen, _ in regions)
            if needed <= room and time <= best[2]:
                best = side, needed, time
            elif best[0] is None:
                best = None, min(best[1], needed), math.inf
        return best


def _pixels(area: Rectangle) -> int:
    rows, columns = area
    return int((rows.stop - rows.start) * (columns.stop - columns.start))


def _any_of(mask: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """Whether any pixel of squares of a side is True; what is outside does not count."""
    height, width = mask.shape
    whole = np.pad(mask, ((0, -height % side), (0, -width % side)))
    rows = np.bitwise_or.reduce(whole.reshape(len(whole) // side, side, -1), axis=1)
    return np.asarray(rows.reshape(len(rows), -1, side).any(axis=2))
