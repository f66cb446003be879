"""The holes of a picture, as it is stored: found in it, or read from a mask; and then adjusted, within memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikefill import masks, memory
from spikefill.images import ImageFile
from spikefill.images.orientation import displayed_shape, displayed_to_stored
from spikefill.inpainting.checks import check_same_size
from spikefill.masks.adjust import resizing


def found(file: ImageFile, settings: masks.MaskSettings, held: int, max_memory: int | None) -> NDArray[np.bool_]:
    """The holes that a picture shows by itself.

    Args:
        file: The picture.
        settings: What in it is a hole, and what is done to the holes.
        held: Bytes that are held beside the holes, the picture included.
        max_memory: Bytes that the process may take; None for any number.

    Returns:
        (H, W).

    Raises:
        InputError: As `MaskSettings.found`, or it would take too much memory.
    """
    height, width = file.pixels.shape[:2]
    needed = held + file.seeing + settings.finding(height, width)
    memory.check_fits(f"finding the holes of a picture of {width} x {height} px", needed, max_memory)
    return _adjusted(settings.found(file.appearance), settings, held, max_memory)


def of_mask(
    displayed: NDArray[np.bool_],
    shape: tuple[int, ...],
    orientation: int,
    settings: masks.MaskSettings,
    held: int,
    max_memory: int | None,
) -> NDArray[np.bool_]:
    """The holes that a mask says.

    Args:
        displayed: The mask, as the picture is displayed.
        shape: Height and width of the picture, as it is stored.
        orientation: Its EXIF orientation.
        settings: As for `found`, and so are the others.
        held: See there; without the mask.
        max_memory: See there.

    Returns:
        (H, W), which may be a view of the mask.

    Raises:
        InputError: The mask is of another size, or it would take too much memory.
    """
    shown = displayed_shape(shape, orientation)
    if settings.resize:
        needed = held + displayed.size + resizing(displayed.shape, *shown)
        memory.check_fits(f"resizing the mask to {shown[1]} x {shown[0]} px", needed, max_memory)
        held += displayed.size
        displayed = masks.resized(displayed, *shown)
    check_same_size(displayed.shape, shown)
    return _adjusted(displayed_to_stored(displayed, orientation), settings, held, max_memory)


def _adjusted(
    holes: NDArray[np.bool_], settings: masks.MaskSettings, held: int, max_memory: int | None
) -> NDArray[np.bool_]:
    height, width = holes.shape
    needed = held + holes.size + settings.adjusting(height, width)
    memory.check_fits(f"adjusting a mask of {width} x {height} px", needed, max_memory)
    return settings.adjusted(holes)
