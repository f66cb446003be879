"""A photograph and what was painted on it, as the page's tasks get them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikefill.errors import InputError
from spikefill.images import ImageFile, decode
from spikefill.inpainting import Damaged, stored_mask
from spikefill.inpainting.checks import check_something_known, displayed_size
from spikefill.service.page import editing
from spikefill.service.toolbox import Toolbox
from spikefill.service.work import read_mask


@dataclass(frozen=True)
class Painted:
    """A photograph and what was painted on it.

    Attributes:
        photo: The photograph's file.
        layer: The painted layer as a browser sends it, see `editing.layer_from_uri`; None where nothing is painted.
        base: The file of the mask of full size that the painting started from; None for none.
    """

    photo: Path
    layer: str | None = None
    base: Path | None = None

    def decoded(self, toolbox: Toolbox) -> ImageFile:
        """The photograph."""
        return decode(self.photo, self.photo.name, largest_megapixels=toolbox.largest_megapixels)

    def mask(self, height: int, width: int, toolbox: Toolbox) -> NDArray[np.bool_]:
        """The mask of the photograph as it is displayed, bool (height, width); see `editing.whole_mask`."""
        if self.layer is None:
            return np.zeros((height, width), bool)
        layer = editing.layer_from_uri(self.layer, *editing.shown_size(height, width))
        base = None if self.base is None else fitting_mask(self.base, height, width, toolbox)
        return editing.whole_mask(layer, height, width, base)

    def damaged(self, toolbox: Toolbox) -> Damaged:
        """Both, ready to be restored.

        Raises:
            InputError: Nothing is painted over, or everything.
        """
        file = self.decoded(toolbox)
        mask = self.mask(*displayed_size(file), toolbox)
        if not mask.any():
            raise InputError("nothing is painted over yet: paint over the damage, or let scratches be found")
        check_something_known(mask)
        return Damaged(file, stored_mask(file, mask))


def fitting_mask(path: Path, height: int, width: int, toolbox: Toolbox) -> NDArray[np.bool_]:
    """The mask in a file, which must be of the photograph's size."""
    try:
        encoded = path.read_bytes()
    except OSError as error:  # deleted meanwhile
        raise InputError("the mask is no longer kept; upload it again") from error
    mask = read_mask(encoded, toolbox.largest_megapixels)
    if mask.shape != (height, width):
        raise InputError(
            f"the mask is {mask.shape[1]} x {mask.shape[0]} px, the photograph {width} x {height}; "
            "they must be of one size"
        )
    return mask
