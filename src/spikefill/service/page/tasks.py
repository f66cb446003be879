"""What the page asks of the service's processes: tasks on files, whose answers are files again.

See `spikefill.service.work` for what a task is. Each raises `InputError` where a file cannot be read, is too large or
does not fit the others.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikefill import masks
from spikefill.images import ImageFile, decode
from spikefill.inpainting.checks import displayed_size
from spikefill.service.page import editing
from spikefill.service.page.painted import Painted, fitting_mask
from spikefill.service.page.previews import preview, upright
from spikefill.service.toolbox import Toolbox


@dataclass(frozen=True)
class Opened:
    """A photograph as the editor shows it.

    Attributes:
        preview: A file that every browser shows.
        suffix: Of its name.
        width: Of the photograph as it is displayed, in pixels.
        height: The same.
    """

    preview: bytes
    suffix: str
    width: int
    height: int

    @classmethod
    def of(cls, file: ImageFile) -> Opened:
        """From a decoded file."""
        encoded, suffix = preview(file)
        height, width = displayed_size(file)
        return cls(encoded, suffix, width, height)


@dataclass(frozen=True)
class Open:
    """Makes the preview of a photograph.

    Attributes:
        photo: Its file.
    """

    photo: Path

    def run(self, toolbox: Toolbox) -> Opened:
        """Does it."""
        return Opened.of(Painted(self.photo).decoded(toolbox))


@dataclass(frozen=True)
class Masked:
    """A mask for the editor.

    Attributes:
        base: The mask of full size, see `editing.mask_file`.
        layer: What the editor shows of it, see `editing.layer_file`.
        share: Of the photograph that it covers, 0 to 1.
    """

    base: bytes
    layer: bytes
    share: float

    @classmethod
    def of(cls, mask: NDArray[np.bool_]) -> Masked:
        """From a mask of the photograph as it is displayed."""
        layer = editing.layer_file(editing.shown_layer(mask))
        return cls(editing.mask_file(mask), layer, float(mask.mean()))


@dataclass(frozen=True)
class FindScratches:
    """Adds to the mask what `masks.scratches` finds in the photograph."""

    painted: Painted

    def run(self, toolbox: Toolbox) -> Masked:
        """Does it."""
        file = self.painted.decoded(toolbox)
        mask = self.painted.mask(*displayed_size(file), toolbox)
        return Masked.of(mask | masks.scratches(upright(file)))


@dataclass(frozen=True)
class TakeMask:
    """Takes a mask from a file, in place of what was painted."""

    painted: Painted
    file: Path

    def run(self, toolbox: Toolbox) -> Masked:
        """Does it."""
        return Masked.of(fitting_mask(self.file, *displayed_size(self.painted.decoded(toolbox)), toolbox))


@dataclass(frozen=True)
class ChangeMargin:
    """Makes the mask larger, or smaller, by `editing.margin`."""

    painted: Painted
    larger: bool

    def run(self, toolbox: Toolbox) -> Masked:
        """Does it."""
        height, width = displayed_size(self.painted.decoded(toolbox))
        mask = self.painted.mask(height, width, toolbox)
        change = masks.dilated if self.larger else masks.shrunk
        return Masked.of(change(mask, editing.margin(height, width)))


@dataclass(frozen=True)
class Restored:
    """A restored photograph.

    Attributes:
        encoded: Its file, in the format of the photograph's.
        before: The photograph as the page shows it.
        after: The restored one, in the same way.
        seconds: That it took to read, restore and write it.
    """

    encoded: bytes
    before: Opened
    after: Opened
    seconds: float


@dataclass(frozen=True)
class Restore:
    """Restores what is painted over."""

    painted: Painted

    def run(self, toolbox: Toolbox) -> Restored:
        """Does it.

        Raises:
            Cancelled: From `Toolbox.progress`.
        """
        start = time.perf_counter()
        damaged = self.painted.damaged(toolbox)
        encoded = damaged.restored(toolbox.inpainter, progress=toolbox.progress)
        seconds = time.perf_counter() - start
        return Restored(encoded, Opened.of(damaged.file), Opened.of(decode(encoded)), seconds)
