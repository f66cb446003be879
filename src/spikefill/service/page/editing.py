"""From what was painted on a preview to a mask of the photograph's full size, and back: pure functions.

The editor shows a preview of limited size and paints on a layer of that size. A mask that was uploaded or found has
the photograph's own size; painting on it changes it where the layer was changed, and nowhere else.
"""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spikefill import masks
from spikefill.errors import InputError

LARGEST_SHOWN_SIDE = 2048
"""Pixels of the longer side of a preview, and so of the painted layer."""

_DATA_URI = "data:image/png;base64,"
_PNG_START = b"\x89PNG\r\n\x1a\n"
_OPAQUE = 128
"""The alpha from which a painted pixel counts: strokes have soft edges."""

_SIDES_PER_MARGIN = 400


def shown_size(height: int, width: int) -> tuple[int, int]:
    """Height and width of the preview of a photograph: its own, or reduced to `LARGEST_SHOWN_SIDE`."""
    scale = min(1.0, LARGEST_SHOWN_SIDE / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def layer_from_uri(uri: str, height: int, width: int) -> NDArray[np.bool_]:
    """The painted layer that a browser sends.

    Args:
        uri: ``data:image/png;base64,...``: an image that is opaque where it was painted.
        height: Rows that the layer must have.
        width: Columns that it must have.

    Returns:
        A bool array (height, width), True where it was painted.

    Raises:
        InputError: It is no such text, no PNG or of another size, which its header must say before it is decoded.
    """
    if not uri.startswith(_DATA_URI):
        raise InputError(f"the painted layer starts with {uri[:30]!r}; it must start with {_DATA_URI!r}")
    try:
        encoded = base64.b64decode(uri[len(_DATA_URI) :], validate=True)
    except ValueError as error:  # of base64, or for other than ASCII
        raise InputError(f"the painted layer is not base64: {error}") from error
    if not encoded.startswith(_PNG_START):
        raise InputError("the painted layer is not a PNG file")
    try:
        with Image.open(io.BytesIO(encoded), formats=["PNG"]) as image:
            if image.size != (width, height):
                raise InputError(
                    f"the painted layer is {image.width} x {image.height} px, the preview {width} x {height}"
                )
            alpha = np.asarray(image.convert("RGBA"))[..., 3]
    except InputError:
        raise
    except Exception as error:  # Pillow raises anything on damaged files
        raise InputError(f"the painted layer is damaged: {error}") from error
    return np.asarray(alpha >= _OPAQUE)


def whole_mask(
    layer: NDArray[np.bool_], height: int, width: int, base: NDArray[np.bool_] | None = None
) -> NDArray[np.bool_]:
    """The mask at the photograph's size.

    Args:
        layer: (h, w), the painted layer.
        height: Rows of the photograph as it is displayed.
        width: Its columns.
        base: (height, width), the mask that the painting started from, as `shown_layer` has shown it; None for none.

    Returns:
        A bool array (height, width): the base where the layer is what was shown of it, and the layer, scaled to the
        nearest pixel, elsewhere.
    """
    painted = masks.resized(layer, height, width)
    if base is None:
        return painted
    changed = masks.resized(layer != shown_layer(base), height, width)
    return np.where(changed, painted, base)


def shown_layer(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask at the size of the preview; a pixel of it is a hole if any of those that it covers is one."""
    return masks.resized(mask, *shown_size(*mask.shape))


def layer_file(layer: NDArray[np.bool_]) -> bytes:
    """A PNG for the editor: opaque white in the holes, transparent elsewhere."""
    pixels = np.where(layer[..., None], np.uint8(255), np.uint8(0)).repeat(2, axis=2)
    buffer = io.BytesIO()
    Image.fromarray(pixels, "LA").save(buffer, "PNG")
    return buffer.getvalue()


def mask_file(mask: NDArray[np.bool_]) -> bytes:
    """A 1-bit PNG of a mask, holes white."""
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG")
    return buffer.getvalue()


def margin(height: int, width: int) -> int:
    """Pixels by which one click makes a mask larger or smaller: a 400th of the longer side."""
    return max(1, round(max(height, width) / _SIDES_PER_MARGIN))
