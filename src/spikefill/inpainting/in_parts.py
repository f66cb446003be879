"""Restoring a picture of which no more is in memory than a strip, or what lies around a few holes.

Its parts are those of the whole picture, and each is computed from the same pixels, so the result is the same, too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikefill.images import Pixels, inks
from spikefill.inpainting.checks import check_known
from spikefill.inpainting.filling import Reader, as_pixels, copied
from spikefill.inpainting.in_holes import InHoles
from spikefill.inpainting.passes import Passes
from spikefill.inpainting.pipeline import Inpainter
from spikefill.inpainting.progress import Count, Progress


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
        read: Gives parts of the picture, of all its channels; its values under the mask have no influence.
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
    size = 28 if cmyk else channels * dtype.itemsize + copied(dtype, shown)  # of inks, and twice the colours they make
    passes = Passes.of(inpainter, holes, held, size)
    count = Count(passes.parts * (2 if cmyk else 1), progress)

    def restored(part: Reader, values: Pixels) -> Pixels:
        def checked(rows: slice, columns: slice) -> Pixels:
            pixels = part(rows, columns)
            check_known(pixels, holes[rows, columns])
            return pixels

        found = InHoles(holes, values)
        for given in passes.filled(checked, count):
            found[given.area] = as_pixels(given.values, values.shape[1], values.dtype)
        return values

    if cmyk:
        colours = restored(lambda *area: inks.appearance(read(*area)), np.zeros((number, 3), np.float32))
        black = restored(lambda *area: read(*area)[..., 3:], np.zeros((number, 1), dtype))
        result = inks.separated(colours, black[:, 0])
    else:
        result = restored(lambda *area: read(*area)[..., :shown], np.zeros((number, shown), dtype))
    count.ended()
    return result
