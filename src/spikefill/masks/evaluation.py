"""The fixed masks on which models are compared: drawn once and kept, so that no library update moves them.

There is an atlas for each family and size (128, 256, 512 px), a 1-bit TIFF (CCITT group 4, less than half of a PNG): a
row for each of 24 images, a column for each of 5 repeats. They were drawn by `make_evaluation_sets`.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from spikefill.errors import InputError, check_choice
from spikefill.masks.families import check_count, check_size, family_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

EVALUATION_REPEATS = 5
EVALUATION_IMAGES = 24
EVALUATION_SIZES = (128, 256, 512)


def evaluation(family: str, size: int | tuple[int, int], *, image_index: int, repeat: int) -> NDArray[np.bool_]:
    """The fixed mask for an image.

    Args:
        family: One of `family_names`.
        size: Side or (height, width) in pixels. Squares of 128, 256 and 512 are kept as such. For another
            size, the smallest of these that is at least the longer side (else 512) is scaled to a square of
            the longer side by nearest neighbour, in whole numbers, and its centre is cut out.
        image_index: Number of the image, 0 or more; the masks repeat after 24 images.
        repeat: Which of the image's 5 masks, 0 to 4.

    Returns:
        A bool array (height, width), True in the holes. Where the cut has no hole, or nothing else, it is the
        next image's: no mask is empty or full. A family's range of hole ratios holds for the sets themselves;
        a mask that is scaled or cut may lie a little, or at an elongated size far, outside.

    Raises:
        InputError: An argument is unknown or out of its range, or no mask of the set fits so small a size.
    """
    check_choice("family", family, family_names())
    height, width = check_size(size)
    check_count("image_index", image_index)
    check_count("repeat", repeat)
    if repeat >= EVALUATION_REPEATS:
        raise InputError(f"repeat is {repeat!r}; it must be from 0 to {EVALUATION_REPEATS - 1}")
    longer = max(height, width)
    base = next((side for side in EVALUATION_SIZES if side >= longer), EVALUATION_SIZES[-1])
    position = (2 * np.arange(longer) + 1) * base // (2 * longer)
    top, left = (longer - height) // 2, (longer - width) // 2
    rows, columns = position[top : top + height], position[left : left + width]
    atlas = _atlas(family, base)
    for offset in range(EVALUATION_IMAGES):
        mask: NDArray[np.bool_] = atlas[(image_index + offset) % EVALUATION_IMAGES, repeat][np.ix_(rows, columns)]
        if mask.any() and not mask.all():
            return mask
    raise InputError(f"size is {size!r}; no mask of the evaluation set has both holes and known pixels there")


@lru_cache(maxsize=8)
def _atlas(family: str, size: int) -> NDArray[np.bool_]:
    """Images x repeats x size x size."""
    file = files("spikefill") / "masks" / "evaluation_sets" / f"{family}-{size}.tif"
    if not file.is_file():
        raise InputError(
            f"family is {family!r}, which has no evaluation set; "
            "draw it with: python -m spikefill.masks.make_evaluation_sets"
        )
    with file.open("rb") as stream, Image.open(stream) as image:
        array = np.asarray(image.convert("L")) > 0
    return array.reshape(EVALUATION_IMAGES, size, EVALUATION_REPEATS, size).swapaxes(1, 2)
