"""The task of restoring with one method of several, to see what each makes of the same hole."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spikefill import models
from spikefill.images.orientation import stored_to_displayed
from spikefill.service.classical import CLASSICAL
from spikefill.service.page.painted import Painted
from spikefill.service.page.previews import preview
from spikefill.service.toolbox import Toolbox

TWINS = {"hybrid-small": "relu-small", "hybrid-base": "relu-base"}
"""Of networks with spiking neurons: the same with ReLU in their place, where the package has it."""

_TITLES = {"telea": "Telea", "navier-stokes": "Navier-Stokes"}
_MARGIN = 24
_LEAST_SIDE = 160


@dataclass(frozen=True)
class Method:
    """What can be compared.

    Attributes:
        title: What people call it.
        name: As for `Toolbox.inpainter`.
    """

    title: str
    name: str | None


def methods(model: str) -> tuple[Method, ...]:
    """What is compared: the service's model, its twin with ReLU if there is one, and the classical methods."""
    twin = TWINS.get(models.resolved(model))
    twins = (Method(f"{twin} (ReLU)", twin),) if twin in models.bundled_names() else ()
    return Method(models.resolved(model), None), *twins, *(Method(_TITLES[name], name) for name in CLASSICAL)


@dataclass(frozen=True)
class Sample:
    """The surroundings of the holes, as one method restores them.

    Attributes:
        damaged: The photograph's, a file that every browser shows.
        restored: The same of the restored one.
        suffix: Of the names of both.
        seconds: That restoring took, without reading and writing.
    """

    damaged: bytes
    restored: bytes
    suffix: str
    seconds: float


@dataclass(frozen=True)
class Compare:
    """Restores with one method."""

    painted: Painted
    method: str | None

    def run(self, toolbox: Toolbox) -> Sample:
        """Does it.

        Raises:
            InputError: As for the other tasks of the page; or the method is not installed.
            Cancelled: From `Toolbox.progress`.
        """
        damaged, inpainter = self.painted.damaged(toolbox), toolbox.inpainter(self.method)
        file, holes = damaged.file, damaged.holes
        start = time.perf_counter()
        pixels = inpainter.restore(file.pixels, holes, cmyk=file.cmyk, progress=toolbox.progress)
        seconds = time.perf_counter() - start
        part = around(stored_to_displayed(holes, file.orientation))
        before, suffix = preview(file, part)
        after, _ = preview(replace(file, pixels=pixels), part)
        return Sample(before, after, suffix, seconds)


def around(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Rows and columns of the smallest rectangle around the holes, with a margin, and not too small to be seen."""

    def along(axis: int) -> slice:
        holes = np.flatnonzero(mask.any(axis=1 - axis))
        first, stop = int(holes[0]) - _MARGIN, int(holes[-1]) + 1 + _MARGIN
        side = min(mask.shape[axis], max(_LEAST_SIDE, stop - first))
        start = min(max(0, (first + stop - side) // 2), mask.shape[axis] - side)
        return slice(start, start + side)

    return along(0), along(1)
