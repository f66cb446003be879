"""A photograph and its mask as a network takes them, for whatever looks at the network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spikefill.errors import InputError
from spikefill.images.content import Pixels
from spikefill.images.orientation import stored_to_displayed
from spikefill.inpainting import Damaged
from spikefill.inpainting.checks import LARGEST_VALUE

LARGEST = 1 << 22
"""Pixels up to which every spike of every layer can be kept."""


def read_damaged(photo: str | Path, mask: str | Path) -> tuple[Tensor, Tensor]:
    """The photograph as it is displayed and its mask.

    Args:
        photo: A file of any format that can be restored; grey becomes three equal channels, alpha is left out.
        mask: A file of the same size, white or 1 in the holes.

    Returns:
        1 x 3 x H x W, float32 in [0, 1], zero in the holes; and 1 x 1 x H x W, float32, 1 in the holes.

    Raises:
        InputError: One of them cannot be read, they differ in size, nothing is known, or there are more than `LARGEST`
            pixels.
    """
    damaged = Damaged.read(photo, mask)
    height, width = damaged.holes.shape
    if height * width > LARGEST:
        raise InputError(f"{photo} has {width} x {height} pixels; up to {LARGEST:,} can be looked at: cut it smaller")
    grid = damaged.file.appearance.reshape(height, width, -1)
    colours = grid[..., : 3 if grid.shape[2] >= 3 else 1]
    return as_tensors(*(stored_to_displayed(part, damaged.file.orientation) for part in (colours, damaged.holes)))


def as_tensors(colours: Pixels, holes: NDArray[np.bool_]) -> tuple[Tensor, Tensor]:
    """What a network is given.

    Args:
        colours: (H, W, 1 or 3), uint8, uint16, or floating point in [0, 1].
        holes: (H, W).

    Returns:
        As `read_damaged`.
    """
    mask = torch.from_numpy(np.ascontiguousarray(holes))[None, None].float()
    values = np.where(holes[..., None], 0, colours.astype(np.float32) / LARGEST_VALUE.get(colours.dtype, 1))
    image = torch.from_numpy(np.ascontiguousarray(values)).permute(2, 0, 1)[None]
    return image.expand(1, 3, -1, -1).contiguous(), mask
