"""How often, and turned how, a picture is given to the network; the result is the mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spikefill.images import Pixels
from spikefill.inpainting.ensemble import TURNS, UPRIGHT, Turn
from spikefill.inpainting.filling import Filled, Reader, filled
from spikefill.inpainting.in_holes import InHoles
from spikefill.inpainting.planning import Plan, plan_within
from spikefill.masks.squares import bands

if TYPE_CHECKING:
    from spikefill.inpainting.pipeline import Inpainter

_SUM = 12
"""Bytes for each hole that a mean takes."""


@dataclass(frozen=True, eq=False)
class Passes:
    """What is computed of a picture.

    Attributes:
        inpainter: Has the network.
        holes: (H, W), True where to restore.
        plans: How the picture is turned, and in which parts it is then restored.
    """

    inpainter: Inpainter
    holes: NDArray[np.bool_]
    plans: Sequence[tuple[Turn, Plan]]

    @classmethod
    def of(cls, inpainter: Inpainter, holes: NDArray[np.bool_], held: int, copied: int) -> Passes:
        """Those of the inpainter's quality, within its memory.

        Args:
            inpainter: Restores.
            holes: (H, W), True where to restore.
            held: Bytes that the picture and its mask take.
            copied: Bytes that each pixel takes where it is looked at, beside what the network takes.

        Raises:
            InputError: As `plan_within`.
        """
        turns = (UPRIGHT,) if inpainter.quality == "fast" else TURNS
        if len(turns) > 1:
            held += _SUM * int(np.count_nonzero(holes))

        def planned(turn: Turn) -> Plan:
            limit = inpainter.max_memory
            return plan_within(inpainter.model, turn.of(holes), held, max_memory=limit, copied=copied)

        return cls(inpainter, holes, [(turn, planned(turn)) for turn in turns])

    @property
    def parts(self) -> int:
        """How many parts are computed one after the other."""
        return sum(plan.parts for _, plan in self.plans)

    def filled(self, read: Reader, tell: Callable[[], None]) -> Iterator[Filled]:
        """What comes into the holes, in parts that cover each of them once.

        Args:
            read: Gives parts of the picture; see `filling.filled`. With several passes it must not change meanwhile.
            tell: Called before each of `parts` is computed.
        """
        if len(self.plans) == 1:
            yield from filled(read, self.holes, self.plans[0][1], self.inpainter, tell)
            return
        total = InHoles(self.holes, np.zeros((int(np.count_nonzero(self.holes)), 3), np.float32))
        for turn, plan in self.plans:
            self._add(total, turn, plan, read, tell)
        for rows in bands(self.holes.shape):
            area = rows, slice(0, self.holes.shape[1])
            down, across = np.nonzero(self.holes[area])
            yield Filled(area, down + rows.start, across, total[area] / np.float32(len(self.plans)))

    def _add(self, total: InHoles, turn: Turn, plan: Plan, read: Reader, tell: Callable[[], None]) -> None:
        """Adds a pass to the sum of all."""
        turned = turn.of(self.holes)

        def read_turned(*area: slice) -> Pixels:
            return turn.of(read(*turn.place((area[0], area[1]), self.holes.shape)))

        # Rows are read as they lie, which matters where they are decoded on the way.
        across = turn.quarters % 2 == 1
        for part in filled(read_turned, turned, plan, self.inpainter, tell, by_columns=across):
            rows, columns = part.area
            block = np.zeros((rows.stop - rows.start, columns.stop - columns.start, 3), np.float32)
            block[part.rows - rows.start, part.columns - columns.start] = part.values
            area = turn.place(part.area, self.holes.shape)
            total[area] += turn.back(block)[self.holes[area]]
