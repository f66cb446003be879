"""What inks (CMYK) look like, and the inks that look like given colours.

``R = (1 - C) (1 - K)`` and so on; back, ``C = 1 - R / (1 - K)``, with no more black than the lightest colour allows.
The formula is that of ideal inks: a profile would give other colours between, but the inks of restored holes continue
those around them in either case.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikefill.images.content import Pixels

SEEING = 12
"""Bytes a pixel that the appearance of inks takes."""

_ROWS = 64
"""How many are converted at a time, for the memory's sake."""


def appearance(inks: Pixels) -> NDArray[np.float32]:
    """What inks (H, W, 4), uint8 or uint16, look like together: RGB, float32 in [0, 1]."""
    colours = np.empty((*inks.shape[:2], 3), np.float32)
    for top in range(0, len(inks), _ROWS):
        known = inks[top : top + _ROWS].astype(np.float32) / np.iinfo(inks.dtype).max
        colours[top : top + _ROWS] = (1 - known[..., :3]) * (1 - known[..., 3:])
    return colours


def separated(colours: NDArray[np.float32], black: Pixels) -> Pixels:
    """The inks (N, 4) that look like some colours (N, 3), float32 in [0, 1], with as much black (N) as these allow."""
    largest = np.iinfo(black.dtype).max
    amount = np.minimum(black.astype(np.float32) / largest, 1 - colours.max(axis=1))[:, None]
    others = np.clip(1 - colours / np.maximum(1 - amount, 1 / largest), 0, 1)
    return np.floor(np.concatenate([others, amount], axis=1) * largest + 0.5).astype(black.dtype)
