"""Restoring a picture of which no more is in memory than what lies around its holes.

The regions are those of the whole picture, and each is computed from the same pixels, so the result is the same, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from spikefill.images import Pixels, inks
from spikefill.inpainting.checks import check_known
from spikefill.inpainting.filling import fill
from spikefill.inpainting.in_holes import InHoles
from spikefill.inpainting.pipeline import Inpainter
from spikefill.inpainting.planning import plan_within
from spikefill.inpainting.progress import Progress
from spikefill.inpainting.regions import Region
from spikefill.inpainting.stages import Stage, halved, taken_from

Reader = Callable[[slice, slice], Pixels]
"""Gives the pixels (H, W, C) of some rows and columns, in an array of their own."""

_ROWS = 64
"""Of the picture at half its size that are made at a time."""


def restore_in_parts(
    inpainter: Inpainter,
    read: Reader,
    holes: NDArray[np.bool_],
    *,
    channels: int,
    dtype: np.dtype[np.generic],
    cmyk: bool = False,
    held: int = 0,
    progress: Progress | None = None,
) -> Pixels:
    """What `Inpainter.restore` gives in the holes, without the whole picture.

    Args:
        inpainter: Restores.
        read: Gives parts of the picture; its values under the mask have no influence.
        holes: (H, W), True where to restore.
        channels: Of the picture: 1 to 4; the last of two or four is alpha, unless they are ``cmyk``.
        dtype: Of its pixels: uint8, uint16 or floating point in [0, 1].
        cmyk: The four channels are inks.
        held: Bytes that ``read`` holds.
        progress: As for `Inpainter.inpaint`.

    Returns:
        (N, C) of ``dtype``, a row for each hole, row by row from left to right; without alpha.

    Raises:
        InputError: As `Inpainter.restore`.
    """
    number = int(np.count_nonzero(holes))
    shown = 4 if cmyk else 1 if channels < 3 else 3
    # Beside what is read: the values, and as many before or as colours.
    held += holes.nbytes + number * (shown * dtype.itemsize * 2 + (16 if cmyk else 0))
    stages = plan_within(inpainter.model, holes, held, quality=inpainter.quality, max_memory=inpainter.max_memory)
    total, done = sum(len(stage.regions) for stage in stages) * (2 if cmyk else 1), 0

    def tell() -> None:
        nonlocal done
        if progress is not None:
            progress(done, total)
        done += 1

    def restored(part: Reader, values: Pixels) -> Pixels:
        return _filled(part, InHoles(holes, values), stages, inpainter, tell)

    if cmyk:
        colours = restored(lambda *area: inks.appearance(read(*area)), np.zeros((number, 3), np.float32))
        black = restored(lambda *area: read(*area)[..., 3:], np.zeros((number, 1), dtype))
        result = inks.separated(colours, black[:, 0])
    else:
        result = restored(lambda *area: read(*area)[..., :shown], np.zeros((number, shown), dtype))
    if progress is not None:
        progress(total, total)
    return result


def _filled(
    read: Reader, found: InHoles, stages: Sequence[Stage], inpainter: Inpainter, tell: Callable[[], None]
) -> Pixels:
    """`fill` for a picture that is read in parts; writes into ``found`` what is in its holes."""
    stage, *coarser = stages
    if stage.deep is not None:
        smaller = _halved(read, found.holes, coarser)
        fill(smaller, coarser, inpainter.in_holes, tell)
        _take_over(found, smaller, stage.deep)
        del smaller
    for region in stage.regions:
        part = read(*region.outer)
        check_known(part, found.holes[region.outer])
        part[found.holes[region.outer]] = found[region.outer]
        alone = Stage(stage.holes[region.outer], stage.wanted[region.outer], None, [_by_itself(region)])
        fill(part, [alone], inpainter.in_holes, tell)
        found[region.inner] = part[region.inner_in_outer][found.holes[region.inner]]
    return found.values


def _by_itself(region: Region) -> Region:
    """A region in the coordinates of its own outer rectangle."""
    rows, columns = region.outer

    def moved(span: slice, by: int) -> slice:
        return slice(span.start - by, span.stop - by)

    fades = tuple(
        None if fade is None else moved(fade, outer.start)
        for fade, outer in zip(region.fades, region.outer, strict=True)
    )
    whole = moved(rows, rows.start), moved(columns, columns.start)
    return Region(region.inner_in_outer, whole, (fades[0], fades[1]))


def _halved(read: Reader, holes: NDArray[np.bool_], coarser: Sequence[Stage]) -> Pixels:
    """The picture at half its size, where the coarser stages look; 0 elsewhere, which takes no memory."""
    height, width = holes.shape
    seen = np.zeros(coarser[0].holes.shape, bool)
    for power, stage in enumerate(coarser):
        for region in stage.regions:
            rows, columns = (slice(span.start << power, span.stop << power) for span in region.outer)
            seen[rows, columns] = True
    smaller: Pixels | None = None
    for top in range(0, len(seen), _ROWS):
        here = np.flatnonzero(seen[top : top + _ROWS].any(axis=0))
        if not here.size:
            continue
        rows = slice(2 * top, min(2 * (top + _ROWS), height))
        columns = slice(2 * int(here[0]), min(2 * int(here[-1]) + 2, width))
        part = halved(read(rows, columns), holes[rows, columns])
        if smaller is None:
            smaller = np.zeros((*seen.shape, part.shape[2]), part.dtype)
        smaller[top : top + len(part), here[0] : here[-1] + 1] = part
    assert smaller is not None  # deep pixels are wanted from the next stage, which has regions for them
    return smaller


def _take_over(found: InHoles, smaller: Pixels, deep: NDArray[np.bool_]) -> None:
    """Gives deep pixels the values of a picture of half the size."""
    width = deep.shape[1]
    for top in range(0, len(deep), _ROWS):
        part = deep[top : top + _ROWS]
        rows, columns = np.nonzero(part)
        if not rows.size:
            continue
        area = slice(top, top + len(part)), slice(0, width)
        values, new = found[area], taken_from(smaller, rows + top, columns)
        values[part[found.holes[area]]] = np.rint(new) if values.dtype.kind == "u" else new
        found[area] = values
