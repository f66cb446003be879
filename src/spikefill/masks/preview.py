"""A photograph with a mask laid over it, to look at before anything is restored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from spikefill.errors import InputError
from spikefill.masks.adjust import dilated, dilating
from spikefill.masks.convert import as_mask
from spikefill.masks.photograph import alpha, as_8_bit, check_photograph, colours
from spikefill.masks.squares import bands

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RED = np.array((255, 0, 0), np.float32)
_COVER = 0.55
_SIDE_PER_PIXEL_OF_CONTOUR = 1000

_BYTES = 16
"""A pixel: the picture as numbers, as a PIL image and in displayed orientation, or being encoded."""


def preview(pixels: NDArray[Any], holes: NDArray[np.bool_]) -> Image.Image:
    """The photograph with its holes in translucent red and their contours in solid red.

    The contour lies inside the holes, so that a scratch of one pixel is solid red. It is one pixel wide up to 1,499 px
    of the longer side, and one more for every 1,000 px. There, what is thinner is drawn wider, outwards, to be seen
    where the picture is shown reduced.

    Args:
        pixels: (H, W) or (H, W, 1 to 4), uint8, uint16 or floating point in [0, 1]. Two and four channels: the last is
            alpha, and the photograph is shown on white. Floating point outside the range is clipped.
        holes: A bool array (H, W), True in the holes.

    Returns:
        A PIL image of mode RGB, of the photograph's size.

    Raises:
        InputError: ``pixels`` is of another kind, or ``holes`` is not a mask of its size.
    """
    photograph = check_photograph(pixels)
    mask = as_mask(holes)
    height, width = photograph.shape[:2]
    if mask.shape != (height, width):
        raise InputError(
            f"mask is {mask.shape[1]} x {mask.shape[0]} px, the photograph {width} x {height}; they must be of one size"
        )
    breadth = _breadth(height, width)
    inner = mask & ~dilated(~mask, breadth)
    contour = dilated(mask, breadth - 1) & ~inner
    shown = np.empty((height, width, 3), np.uint8)
    for rows in bands(mask.shape):
        part, within = _on_white(photograph[rows]), inner[rows]
        part[within] = np.rint((1 - _COVER) * part[within] + _COVER * _RED).astype(np.uint8)
        part[contour[rows]] = _RED.astype(np.uint8)
        shown[rows] = part
    return Image.fromarray(shown)


def previewing(height: int, width: int) -> int:
    """The bytes that `preview` takes beside photograph and holes, and then writing it as PNG."""
    return _BYTES * height * width + dilating(height, width, _breadth(height, width))


def _breadth(height: int, width: int) -> int:
    """That of the contour."""
    return min(max(1, round(max(height, width) / _SIDE_PER_PIXEL_OF_CONTOUR)), 1000)


def _on_white(photograph: NDArray[Any]) -> NDArray[np.uint8]:
    """A new array (H, W, 3)."""
    values = as_8_bit(colours(photograph))
    rgb = np.array(np.broadcast_to(values, (*values.shape[:2], 3)))
    opacity = alpha(photograph)
    if opacity is None:
        return rgb
    layer = Image.fromarray(np.dstack([rgb, as_8_bit(opacity)]))
    ground = Image.new("RGBA", layer.size, "white")
    return np.array(Image.alpha_composite(ground, layer).convert("RGB"))
