"""The photograph in which a mask is looked for: an array as people have it, checked and brought to 8 bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spikefill.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_OF_16_BIT = ((np.arange(65536) + 128) // 257).astype(np.uint8)


def check_photograph(pixels: NDArray[Any]) -> NDArray[Any]:
    """The photograph as an array (H, W, 1 to 4); grey without a channel axis gets one.

    Args:
        pixels: (H, W) or (H, W, 1 to 4), uint8, uint16 or floating point.

    Raises:
        InputError: Shape or dtype are none of these, or there are no pixels.
    """
    array = np.asarray(pixels)
    if array.ndim not in (2, 3) or (array.ndim == 3 and not 1 <= array.shape[2] <= 4) or 0 in array.shape:
        raise InputError(f"pixels has shape {array.shape}; it must be (H, W) or (H, W, 1 to 4)")
    if array.dtype.newbyteorder("=") not in (np.uint8, np.uint16) and not np.issubdtype(array.dtype, np.floating):
        raise InputError(f"pixels has dtype {array.dtype}; it must be uint8, uint16 or floating point in [0, 1]")
    return array.reshape(*array.shape[:2], -1)


def colours(photograph: NDArray[Any]) -> NDArray[Any]:
    """The colour channels, one or three, of an array (H, W, 1 to 4): the second of two and the fourth are alpha."""
    return photograph[..., : 1 if photograph.shape[2] < 3 else 3]


def alpha(photograph: NDArray[Any]) -> NDArray[Any] | None:
    """Alpha (H, W) of an array (H, W, 1 to 4), or None where there is none."""
    return photograph[..., -1] if photograph.shape[2] in (2, 4) else None


def as_8_bit(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Values rounded to 0 to 255: of uint16 and of floating point in [0, 1]; uint8 as it is.

    Floating point outside the range is clipped, and what is not a number becomes 0.
    """
    if values.dtype == np.uint8:
        return np.asarray(values)
    if np.issubdtype(values.dtype, np.floating):
        scaled = np.nan_to_num(values, nan=0.0, posinf=1.0, neginf=0.0).clip(0, 1).astype(np.float32)
        return np.asarray(np.rint(scaled * 255), np.uint8)
    return np.asarray(_OF_16_BIT[values])
