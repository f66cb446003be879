"""Many masks on one picture, to see at a glance what a family looks like."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from spikefill.errors import InputError
from spikefill.masks.convert import as_mask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_GAP = 4
_GREY = 96


def thumbnail(mask: NDArray[np.bool_], side: int = 128) -> Image.Image:
    """A greyscale picture of a mask, holes white, at most ``side`` pixels wide and high.

    A larger mask is reduced by averaging, so that a thin scratch is still seen; a smaller one stays as it is.

    Raises:
        InputError: ``mask`` is not a mask, or has no pixels.
    """
    holes = as_mask(mask)
    if not holes.size:
        raise InputError(f"mask has shape {holes.shape}; it must have pixels")
    picture = Image.fromarray(holes.astype(np.uint8) * np.uint8(255))
    scale = side / max(picture.size)
    if scale >= 1:
        return picture
    reduced = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(reduced, Image.Resampling.BOX)


def contact_sheet(thumbnails: Sequence[Image.Image]) -> Image.Image:
    """The pictures in rows, left to right, on grey: about as many columns as rows.

    Args:
        thumbnails: Greyscale pictures, at least one; the largest gives the size of every cell.

    Raises:
        InputError: There are none.
    """
    if not thumbnails:
        raise InputError("thumbnails is empty; a contact sheet needs at least one")
    columns = math.ceil(math.sqrt(len(thumbnails)))
    rows = math.ceil(len(thumbnails) / columns)
    width = max(picture.width for picture in thumbnails) + _GAP
    height = max(picture.height for picture in thumbnails) + _GAP
    sheet = Image.new("L", (columns * width + _GAP, rows * height + _GAP), _GREY)
    for number, picture in enumerate(thumbnails):
        row, column = divmod(number, columns)
        sheet.paste(picture, (_GAP + column * width, _GAP + row * height))
    return sheet
