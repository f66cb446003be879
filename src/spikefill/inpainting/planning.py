"""Which squares a picture is restored in: of those that fit into memory, those that take the least time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import nn

from spikefill.inpainting import workspace
from spikefill.inpainting.regions import TILE, plan
from spikefill.inpainting.stages import OVERLAP, Stage, plan_stages
from spikefill.inpainting.workspace import Workspace
from spikefill.memory import PROCESS, too_little

SIDES = tuple(side << doublings for doublings in range(16) for side in (512, 768))
"""Sides, in pixels, of the squares that are compared."""

SMALLER_SIDES = (448, 384, 320, 256, 192, 128)
"""Of those that are for want of memory only: they are mostly context."""

_BLOCK = 16
"""Holes are looked at in blocks of so many pixels a side, of which sides and overlap are multiples."""

_CALL = 70_000
"""Pixels that take as long to restore as calling the network once more, with its coarsest levels, takes."""


def plan_within(
    model: nn.Module, holes: NDArray[np.bool_], held: int, *, quality: str, max_memory: int | None
) -> list[Stage]:
    """What to compute: squares with their context, in stages where the network looks far and a hole is wide.

    Args:
        model: The network. Its ``context`` says how far it looks, its ``tile`` the side of the largest square that is
            restored at once where all of it is a hole; larger ones are where they take no more memory.
        holes: (H, W), True where to restore.
        held: Bytes that the picture and its mask take.
        quality: As for `Inpainter`.
        max_memory: The same.

    Raises:
        InputError: Not even the smallest squares fit into ``max_memory``.
    """
    context: int | None = getattr(model, "context", None)
    own: int | None = getattr(model, "tile", None)
    space = workspace.of(model, quality)
    if context is None or own is None:
        sides = [side for side in SMALLER_SIDES if side <= TILE]
        tile = Layout(holes, context, 0).side(space, sides, held, None, max_memory)
        return [Stage(holes, holes, None, plan(holes, context, tile))]
    layout = Layout(holes, context, OVERLAP)
    most = space.everywhere * (own + 2 * context + OVERLAP) ** 2

    def stages(held: int) -> list[Stage]:
        return plan_stages(holes, context, layout.side(space, (*SIDES, *SMALLER_SIDES), held, most, max_memory))

    planned = stages(held)
    if len(planned) > 1 and max_memory is not None:  # masks of each stage, and smaller pictures
        return stages(held * 4 // 3 + 4 * holes.nbytes)
    return planned


@dataclass(frozen=True, eq=False)
class Layout:
    """A picture's holes and how squares of any size lie over them.

    Attributes:
        holes: (H, W), True where to restore.
        context: Pixels that the network is given around a square; None for the whole picture.
        overlap: Pixels by which a square reaches into the next ones; a multiple of 16.
    """

    holes: NDArray[np.bool_]
    context: int | None
    overlap: int

    @cached_property
    def _blocks(self) -> NDArray[np.bool_]:
        """The blocks that have a hole."""
        height, width = self.holes.shape
        whole = np.pad(self.holes, ((0, -height % _BLOCK), (0, -width % _BLOCK)))
        rows = np.bitwise_or.reduce(whole.reshape(len(whole) // _BLOCK, _BLOCK, -1), axis=1)
        return np.asarray(rows.reshape(len(rows), -1, _BLOCK).any(axis=2))

    @cached_property
    def _near(self) -> NDArray[np.int64]:
        """How many of the blocks above and left of each corner have a hole or lie beside one."""
        near = cv2.dilate(self._blocks.view(np.uint8), np.ones((3, 3), np.uint8))
        return cv2.integral(near).astype(np.int64)

    def regions(self, side: int) -> list[tuple[int, int]]:
        """For each region that squares of a side give: its pixels with the context, those in or near holes; at most."""
        context = None if self.context is None else -(-self.context // _BLOCK)
        planned = plan(self._blocks, context, side // _BLOCK, overlap=self.overlap // _BLOCK)
        near, block = self._near, _BLOCK**2
        return [
            (
                (rows.stop - rows.start) * (columns.stop - columns.start) * block,
                int(
                    near[rows.stop, columns.stop]
                    - near[rows.start, columns.stop]
                    - near[rows.stop, columns.start]
                    + near[rows.start, columns.start]
                )
                * block,
            )
            for rows, columns in (region.outer for region in planned)
        ]

    def side(self, space: Workspace, sides: Sequence[int], held: int, most: int | None, max_memory: int | None) -> int:
        """The side of the squares that take the least time, of those that fit; of `SMALLER_SIDES` the first that fits.

        Args:
            space: Of the network.
            sides: To choose from.
            held: Bytes that picture and mask take.
            most: Bytes that a region may take in any case; None for any number.
            max_memory: Bytes that the process may take; None for any number.

        Raises:
            InputError: Not even the smallest squares fit.
        """
        best, least, needed = None, 0, 0.0
        for side in sides:
            if best is not None and (side in SMALLER_SIDES or side >= 2 * max(self.holes.shape)):
                break
            regions = self.regions(side)
            needed = max(space.of(*region) for region in regions)
            fits = most is None or needed <= most
            if max_memory is not None:
                fits = fits and PROCESS + held + needed <= max_memory
            time = sum(pixels + _CALL for pixels, _ in regions)
            if fits and (best is None or time <= least):
                best, least = side, time
        if best is not None:
            return best
        height, width = self.holes.shape
        assert max_memory is not None  # `most` leaves room for the smallest squares
        raise too_little(f"a picture of {width} x {height} px", PROCESS + held + needed, max_memory)
