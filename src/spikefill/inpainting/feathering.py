"""The passage from a photograph's own pixels to the restored ones, from the edge of a hole inwards."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikefill import masks, memory
from spikefill.images import Pixels
from spikefill.inpainting.in_holes import InHoles
from spikefill.masks.squares import bands, largest, squares

_MIXED_AT_ONCE = 1 << 18
"""Pixels."""

_WEIGHT = 4
_WEIGHING, _MIXING = 20, 130 * _MIXED_AT_ONCE
"""Bytes for each pixel of a square whose weights are computed, and for those that are mixed at once."""


def check_feathering(
    holes: NDArray[np.bool_], feather: int, held: int, bytes_a_pixel: int, max_memory: int | None
) -> None:
    """Raises `InputError` if there is no memory for it; call it before restoring.

    Args:
        holes: (H, W), True where to restore.
        feather: Pixels over which to fade; none need no memory.
        held: Bytes that are held when it is done, but for the pixels that fade.
        bytes_a_pixel: Those of one of these.
        max_memory: Bytes that the process may take; None for any number.
    """
    if feather:
        height, width = holes.shape
        working = max(_WEIGHING * largest(height, width, feather + 1), _MIXING)
        fading = int(np.count_nonzero(holes)) * (bytes_a_pixel + _WEIGHT)
        memory.check_fits(f"feathering a picture of {width} x {height} px", held + fading + working, max_memory)


def weights(holes: NDArray[np.bool_], feather: int) -> InHoles:
    """`masks.feathered` in the holes, float32, computed a square at a time."""
    found = InHoles(holes, np.empty(np.count_nonzero(holes), np.float32))
    for square in squares(holes.shape, feather + 1):
        here = holes[square.inner]
        if here.any():
            found[square.inner] = masks.feathered(holes[square.outer], feather)[square.inner_in_outer][here]
    return found


def feather_in(pixels: Pixels, damaged: InHoles, feather: int) -> None:
    """Lets damaged pixels fade into restored ones.

    Args:
        pixels: (H, W) or (H, W, C), restored; written into.
        damaged: What was in its holes.
        feather: Pixels over which they fade.
    """
    shares = weights(damaged.holes, feather).values
    for rows in bands(damaged.holes.shape):
        here, part = damaged.holes[rows], damaged.within(rows)
        pixels[rows][here] = mixed(damaged.values[part], pixels[rows][here], shares[part])


def mixed(before: Pixels, restored: Pixels, weights: NDArray[np.float32]) -> Pixels:
    """Restored pixels (N) or (N, C) with a weight from 0 to 1, mixed with those before, if these are numbers."""
    result = np.empty_like(before)
    for start in range(0, len(before), _MIXED_AT_ONCE):
        part = slice(start, start + _MIXED_AT_ONCE)
        share = weights[part].reshape(-1, *[1] * (before.ndim - 1))
        old, new = before[part].astype(np.float64), restored[part].astype(np.float64)
        mixed = np.where(np.isfinite(old), old + share * (new - old), new)
        result[part] = np.floor(mixed + 0.5) if before.dtype.kind == "u" else mixed
    return result
