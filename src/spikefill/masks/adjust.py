"""Masks made fit for use: grown, feathered at the edges of the holes, and brought to the photograph's size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from spikefill.errors import InputError
from spikefill.masks.arguments import check_whole
from spikefill.masks.convert import as_mask
from spikefill.masks.families import LARGEST_SIDE
from spikefill.masks.squares import largest, squares

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST_MARGIN = 1000
"""The most pixels by which a mask is grown or feathered."""

_DISTANCE = 10
"""Bytes a pixel that finding distances takes."""


def dilated(holes: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    """Holes grown by a margin that is round: a pixel becomes a hole in a circle around each pixel of a hole.

    Args:
        holes: A bool array (H, W), True in the holes.
        pixels: The circle's radius, 0 to 1,000: the largest Euclidean distance between the centres of the pixels. 0
            leaves the holes as they are. A large one takes up to four times the time of a small one.

    Returns:
        A new bool array (H, W).

    Raises:
        InputError: ``pixels`` is not a whole number in its range, or ``holes`` is not a mask.
    """
    check_whole("pixels", pixels, 0, LARGEST_MARGIN)
    is_mask = isinstance(holes, np.ndarray) and holes.dtype == bool and holes.ndim == 2
    mask = holes if is_mask else as_mask(holes)
    grown = mask.copy()
    if pixels == 0:
        return grown
    for square in squares(mask.shape, pixels):
        near = mask[square.outer]
        if near.any() and not near.all():
            grown[square.inner] = (_distance_to(near) <= pixels)[square.inner_in_outer]
    return grown


def dilating(height: int, width: int, pixels: int) -> int:
    """The bytes that `dilated` takes beside what it is given."""
    return height * width + _DISTANCE * largest(height, width, pixels)


def shrunk(holes: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    """Holes made smaller by a round margin, as `dilated` makes the known pixels larger.

    The border of the picture is not an edge of a hole.

    Args:
        holes: As for `dilated`.
        pixels: The same.

    Returns:
        A new bool array (H, W).

    Raises:
        InputError: As `dilated`.
    """
    return ~dilated(~as_mask(holes), pixels)


def feathered(holes: NDArray[np.bool_], pixels: int) -> NDArray[np.float32]:
    """How much of the restored picture counts at each pixel, for a soft passage from the known pixels.

    The weight is 0 in the known pixels. In a hole it is d / (N + 1) and at most 1, where d is the Euclidean distance
    to the nearest known pixel, from centre to centre, and N is ``pixels``. So it rises inwards alone: known pixels
    never change. The border of the picture is not an edge of a hole.

    Args:
        holes: A bool array (H, W), True in the holes.
        pixels: N, the width of the passage, 0 to 1,000. With 0 the weight is 1 in the holes.

    Returns:
        A float32 array (H, W) in [0, 1].

    Raises:
        InputError: ``pixels`` is not a whole number in its range, or ``holes`` is not a mask.
    """
    check_whole("pixels", pixels, 0, LARGEST_MARGIN)
    mask = as_mask(holes)
    if pixels == 0 or mask.all():
        return mask.astype(np.float32)
    return np.asarray(np.minimum(_distance_to(~mask) / np.float32(pixels + 1), 1), np.float32)


def _distance_to(marked: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Euclidean distance of each pixel to the nearest marked one, of which there must be one."""
    distance = cv2.distanceTransform((~marked).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance, np.float32)


def resized(holes: NDArray[np.bool_], height: int, width: int) -> NDArray[np.bool_]:
    """A mask at another size, such as the photograph's; each side by itself is made larger or smaller.

    Where a side is made larger, a pixel is what the nearest pixel of the mask is. Where it is made smaller, a pixel is
    a hole if any of the pixels that it covers, if only in part, is a hole: a scratch of one pixel does not vanish.

    Args:
        holes: A bool array (H, W), True in the holes.
        height: Rows of the result, 1 to 32,768.
        width: Columns of the result, 1 to 32,768.

    Returns:
        A new bool array (height, width).

    Raises:
        InputError: A size is not a whole number in its range, or ``holes`` is not a mask or has no pixels.
    """
    check_whole("height", height, 1, LARGEST_SIDE)
    check_whole("width", width, 1, LARGEST_SIDE)
    mask = as_mask(holes)
    if not mask.size:
        raise InputError(f"mask has shape {mask.shape}; it must have pixels")
    return _with_rows(_with_rows(mask, int(height)).T, int(width)).T.copy()


def resizing(shape: tuple[int, ...], height: int, width: int) -> int:
    """The bytes that `resized` takes beside a mask of a shape."""
    return shape[0] * shape[1] + height * (shape[1] + 3 * max(shape[1], width))


def _with_rows(mask: NDArray[np.bool_], rows: int) -> NDArray[np.bool_]:
    """The mask with another number of rows; see `resized`."""
    old = len(mask)
    number = np.arange(rows)
    if rows >= old:
        return mask[(2 * number + 1) * old // (2 * rows)]
    first = number * old // rows
    last = -(-(number + 1) * old // rows) - 1  # shared with the next row where the edge between them cuts a pixel
    return np.asarray(np.logical_or.reduceat(mask, first, axis=0) | mask[last])
