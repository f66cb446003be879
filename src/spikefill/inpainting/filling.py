"""Filling the holes of a picture with what a network gives, a region at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spikefill.errors import InputError
from spikefill.images import Pixels
from spikefill.inpainting.checks import LARGEST_VALUE
from spikefill.inpainting.stages import Stage, halved, take_over


def fill(
    colours: Pixels, stages: Sequence[Stage], run: Callable[[Tensor, Tensor], Tensor], tell: Callable[[], None]
) -> None:
    """Restores what the first of some stages wants.

    What is restored is in a hole, and holes are never read: the regions do not depend on one another.

    Args:
        colours: (H, W, 1 or 3), uint8, uint16 or floating point in [0, 1]; written into.
        stages: As `plan_stages` gives them.
        run: The network: masked 1 x 3 x H x W and mask 1 x 1 x H x W, 1 in the holes, to 1 x 3 x H x W.
        tell: Called at each region.

    Raises:
        InputError: The network answers with what is not a number.
    """
    stage, *coarser = stages
    if stage.deep is not None:
        smaller = halved(colours, stage.holes | stage.deep)
        fill(smaller, coarser, run, tell)
        take_over(colours, smaller, stage.deep)
        del smaller
    largest = LARGEST_VALUE.get(colours.dtype.newbyteorder("="), 1)
    for region in stage.regions:
        tell()
        holes = stage.holes[region.outer].copy()  # which may be turned, and torch takes no such array
        output = run(_network_input(colours[region.outer], holes, largest), torch.from_numpy(holes)[None, None].float())
        here = stage.wanted[region.inner].copy()
        values = _at(output[0, :, *region.inner_in_outer], here).clip(0, 1)
        if np.isnan(values).any():
            raise InputError("model answers with values that are not a number; its weights are damaged")
        if colours.shape[2] == 1:
            values = values.mean(axis=1, keepdims=True)
        values *= largest
        target = colours[region.inner]
        if region.fades != (None, None):
            weights = region.weights()[here][:, None]
            soft = weights[:, 0] < 1  # the others may have nothing yet that is a number
            values[soft] = weights[soft] * values[soft] + (1 - weights[soft]) * target[here][soft].astype(np.float32)
        target[here] = (np.floor(values + 0.5) if largest > 1 else values).astype(colours.dtype)


def _network_input(colours: Pixels, holes: NDArray[np.bool_], largest: float) -> Tensor:
    """Colours (H, W, 1 or 3) as 1 x 3 x H x W, float32 in [0, 1], 0 in the holes; grey as three equal channels."""
    planes = np.empty((colours.shape[2], *holes.shape), np.float32)
    planes[...] = colours.transpose(2, 0, 1)
    planes.reshape(len(planes), -1)[:, np.flatnonzero(holes)] = 0
    planes /= largest
    return torch.from_numpy(planes)[None].expand(-1, 3, -1, -1)


def _at(image: Tensor, where: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The colours N x 3 of an image 3 x H x W at the pixels of a mask (H, W), row by row."""
    rows, columns = torch.from_numpy(where).nonzero(as_tuple=True)
    values: NDArray[np.float32] = image[:, rows.to(image.device), columns.to(image.device)].T.cpu().numpy()
    return values
