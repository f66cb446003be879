"""Which pixels of a damaged picture are worth a closer look."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def telling_pixels(holes: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The pixel deepest in a hole, and the known one farthest from any hole; the middle where there is but one kind.

    Args:
        holes: bool (H, W), True in the holes.

    Returns:
        One or two (row, column).
    """
    places = [_deepest(part) for part in (holes, ~holes) if part.any() and not part.all()]
    return places or [(holes.shape[0] // 2, holes.shape[1] // 2)]


def _deepest(part: NDArray[np.bool_]) -> tuple[int, int]:
    """The pixel farthest from what is not in a part; of several, the one nearest to the part's middle."""
    depth = cv2.distanceTransform(part.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    rows, columns = np.nonzero(depth >= depth.max() - 1e-6)
    middle = [axis.mean() for axis in np.nonzero(part)]
    nearest = np.argmin((rows - middle[0]) ** 2 + (columns - middle[1]) ** 2)
    return int(rows[nearest]), int(columns[nearest])
