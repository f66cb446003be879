"""Holes that the photograph shows by itself: painted over in a colour, or transparent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import ImageColor

from spikefill.errors import InputError
from spikefill.masks.arguments import check_whole
from spikefill.masks.photograph import alpha, as_8_bit, check_photograph, colours
from spikefill.masks.squares import bands

if TYPE_CHECKING:
    from numpy.typing import NDArray


COMPARING = 16_000_000
"""Bytes that some rows take whose colours are compared at a time."""


def of_colour(pixels: NDArray[Any], colour: str | tuple[int, int, int], tolerance: int = 0) -> NDArray[np.bool_]:
    """The pixels of one colour, such as the red with which somebody painted over what is to go.

    Args:
        pixels: (H, W) or (H, W, 1 to 4), uint8, uint16 or floating point in [0, 1]. Two and four channels: the last
            is alpha, which does not count. Values are rounded to 8 bit. Grey is equal red, green and blue.
        colour: A name or notation of CSS, such as ``"red"``, ``"#ff0000"`` or ``"rgb(255, 0, 0)"``, whose alpha, if
            any, does not count (see `PIL.ImageColor.getrgb`); or red, green and blue, 0 to 255 each.
        tolerance: By how much red, green and blue may each differ, 0 to 255. Files with losses (JPEG) need about 40.

    Returns:
        A bool array (H, W), True where the colour is.

    Raises:
        InputError: ``pixels`` is of another kind, nobody knows the colour, or ``tolerance`` is not a whole number in
            its range.
    """
    photograph = check_photograph(pixels)
    wanted = as_rgb(colour)
    check_whole("tolerance", tolerance, 0, 255)
    found = np.ones(photograph.shape[:2], bool)
    for rows in bands(found.shape):
        values = as_8_bit(colours(photograph[rows]))
        for channel, value in enumerate(wanted):
            values_here = values[..., min(channel, values.shape[2] - 1)]
            found[rows] &= (values_here >= max(0, value - tolerance)) & (values_here <= min(255, value + tolerance))
    return found


def as_rgb(colour: str | tuple[int, int, int]) -> tuple[int, ...]:
    """Red, green and blue, 0 to 255, of a colour as `of_colour` takes it.

    Raises:
        InputError: It is none.
    """
    try:
        values = ImageColor.getrgb(colour)[:3] if isinstance(colour, str) else tuple(colour)
    except (TypeError, ValueError) as error:
        raise _no_colour(colour) from error
    whole = all(isinstance(value, int | np.integer) and 0 <= value <= 255 for value in values)
    if len(values) != 3 or not whole:
        raise _no_colour(colour)
    return tuple(int(value) for value in values)


def _no_colour(colour: object) -> InputError:
    return InputError(
        f"colour is {colour!r}; it must be a colour such as 'red', '#ff0000' or 'rgb(255, 0, 0)', "
        "or red, green and blue from 0 to 255"
    )


def of_transparency(pixels: NDArray[Any]) -> NDArray[np.bool_]:
    """The pixels that are rather transparent than opaque: those whose alpha is below half of its range.

    Args:
        pixels: (H, W, 2) or (H, W, 4), uint8, uint16 or floating point in [0, 1]; the last channel is alpha.

    Returns:
        A bool array (H, W): True from 0 to 127 of 255, to 32,767 of 65,535, and below 0.5.

    Raises:
        InputError: ``pixels`` has no alpha channel, or is of another kind.
    """
    photograph = check_photograph(pixels)
    opacity = alpha(photograph)
    if opacity is None:
        raise InputError(f"pixels has shape {np.shape(pixels)}, so no alpha channel; it must be (H, W, 2) or (H, W, 4)")
    half = 0.5 if np.issubdtype(opacity.dtype, np.floating) else np.iinfo(opacity.dtype).max / 2
    return np.asarray(opacity < half)
