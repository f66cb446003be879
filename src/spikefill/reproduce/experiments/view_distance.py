"""Restoration by distance to the nearest known pixel, measured as a square view sees it.

A network of 3 x 3 convolutions sees a square. So the distance is Chebyshev's: at distance d the nearest known pixel
lies on the border of a square of 2 d + 1 pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch

from spikefill.evaluation.averages import finite
from spikefill.evaluation.masked import restore
from spikefill.evaluation.metrics import psnr_of
from spikefill.inpainting import Inpainter
from spikefill.reproduce import networks
from spikefill.reproduce.cases import cases
from spikefill.reproduce.trials import Context, Result

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spikefill.evaluation.baselines import Image, Mask


def distances(mask: Mask) -> NDArray[np.int64]:
    """Of each pixel the Chebyshev distance to the nearest known one, which is 0 for these.

    Args:
        mask: (H, W) bool, True in the holes, some known. What is outside of it is not known.
    """
    return cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_C, cv2.DIST_MASK_3).astype(np.int64)


def blind(mask: Mask, view: int) -> Mask:
    """Where a view of ``view`` pixels to each side shows nothing but hole: no known pixel, no edge of the picture."""
    inside = np.zeros_like(mask)
    inside[view : mask.shape[0] - view, view : mask.shape[1] - view] = True
    blind: Mask = inside & (distances(mask) > view)
    return blind


def measure_distances(
    context: Context,
    *,
    network: networks.Network | None,
    baseline: str | None,
    settings: Mapping[str, Any],
    largest: int,
) -> Result:
    """The PSNR of a method at each distance up to ``largest``, over all pixels at it.

    The result has ``psnr`` and ``pixels`` by distance from 1 on; those that are farther are left out. Of a network
    further ``view``, its own in pixels to each side (None: no bounds), the number of ``blind`` pixels, and ``spread``:
    in 8-bit levels, how much its raw output differs over all of these in all pictures, channel by channel, at most
    (None without any).
    """
    method = str(baseline) if network is None else networks.inpainter(context, network)
    pixels, squared = np.zeros(largest, np.int64), np.zeros(largest)
    view = None if isinstance(method, str) else method.model.context
    assert view is None or isinstance(view, int)
    low, high, unseeing = np.full(3, np.inf), np.full(3, -np.inf), 0
    for case in cases(context, settings, "restoring"):
        away = distances(case.mask)
        counted = case.mask & (away <= largest)
        error = np.square(restore(method, case.image, case.mask)[counted].astype(np.float64) - case.image[counted])
        pixels += np.bincount(away[counted] - 1, minlength=largest)
        squared += np.bincount(away[counted] - 1, weights=error.sum(axis=1), minlength=largest)
        if isinstance(method, Inpainter) and view is not None:
            where = blind(case.mask, view)
            if where.any():
                raw = _raw(method, case.image, case.mask)[where]
                low, high = np.minimum(low, raw.min(axis=0)), np.maximum(high, raw.max(axis=0))
                unseeing += len(raw)
    result: Result = {
        "pixels": pixels.tolist(),
        "psnr": [
            finite(psnr_of(float(total) / (3 * 255**2 * int(count)))) if count else None
            for count, total in zip(pixels, squared, strict=True)
        ],
    }
    if isinstance(method, Inpainter):
        spread = float((high - low).max()) * 255 if unseeing else None
        result |= {"view": view, "blind": unseeing, "spread": spread}
    return result


def _raw(inpainter: Inpainter, image: Image, mask: Mask) -> NDArray[np.float32]:
    """The network's output (H, W, 3) before anything is done to it."""
    known = torch.from_numpy(~mask)[None, None]
    masked = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 255 * known
    raw: NDArray[np.float32] = inpainter.predict(masked, (~known).float())[0].permute(1, 2, 0).numpy()
    return raw
