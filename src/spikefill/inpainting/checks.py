"""What a picture and its mask must be to be restored, and how the two lie."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikefill.errors import InputError
from spikefill.images import ImageFile, Pixels
from spikefill.images.orientation import displayed_shape, displayed_to_stored

LARGEST_VALUE = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}
"""What stands for 1 in the types of whole numbers that pixels have."""


def stored_mask(file: ImageFile, displayed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask in displayed orientation, turned as the file stores its pixels; checked to be of the same size."""
    check_same_size(displayed.shape, displayed_size(file))
    return displayed_to_stored(displayed, file.orientation)


def displayed_size(file: ImageFile) -> tuple[int, int]:
    """Height and width of a photograph as it is displayed."""
    return displayed_shape(file.pixels.shape, file.orientation)


def check_pil_holds(file: ImageFile, name: str) -> None:
    """Raises `InputError` if no PIL image holds the pixels of a file."""
    if file.pixels.ndim == 3 and file.pixels.dtype != np.uint8:
        what = "16 bits" if file.pixels.dtype == np.uint16 else "floating-point values"
        raise InputError(
            f"{name} has {what} a colour channel, which no PIL image holds; restore it with Damaged.read or as an array"
        )


def check_something_known(holes: NDArray[np.bool_]) -> None:
    """Raises `InputError` if a mask leaves nothing to restore the picture from."""
    if holes.all():
        raise InputError("mask covers the whole picture: there is nothing to restore it from")


def check_pixels(pixels: Pixels, holes: NDArray[np.bool_]) -> None:
    """Raises `InputError` if an array holds no picture, or one of another size than the holes."""
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and not 1 <= pixels.shape[2] <= 4) or 0 in pixels.shape:
        raise InputError(f"image has shape {pixels.shape}; it must be (H, W) or (H, W, 1 to 4)")
    if pixels.dtype.newbyteorder("=") not in LARGEST_VALUE and not np.issubdtype(pixels.dtype, np.floating):
        raise InputError(f"image has dtype {pixels.dtype}; it must be uint8, uint16 or floating point in [0, 1]")
    check_same_size(holes.shape, pixels.shape)


def check_same_size(mask: tuple[int, ...], image: tuple[int, ...]) -> None:
    """Raises `InputError` if two shapes differ in height or width, which it says as people do: width first."""
    if mask[:2] != image[:2]:
        raise InputError(
            f"mask is {mask[1]} x {mask[0]} px, the photograph {image[1]} x {image[0]}; they must be of one size"
        )


def check_known(colours: Pixels, holes: NDArray[np.bool_]) -> None:
    """Floating-point pixels that are known must be in [0, 1]; what is under the mask may be anything."""
    if np.issubdtype(colours.dtype, np.floating):
        for row, unknown in zip(colours, holes, strict=True):  # a row at a time, without a copy of the picture
            known = row[~unknown]
            if not ((known >= 0) & (known <= 1)).all():
                raise InputError("image holds known values outside [0, 1] or not a number; scale it to [0, 1] first")
