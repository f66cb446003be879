"""Filling the holes of a picture with what a network gives, a region at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spikefill.errors import InputError
from spikefill.inpainting import workspace
from spikefill.inpainting.checks import LARGEST_VALUE
from spikefill.inpainting.image_file import Pixels
from spikefill.inpainting.regions import TILE, plan
from spikefill.inpainting.stages import OVERLAP, Stage, halved, plan_stages, take_over


def plan_within(
    model: nn.Module, holes: NDArray[np.bool_], held: int, *, quality: str, max_memory: int | None
) -> list[Stage]:
    """What to compute: squares with their context, in stages where the network looks far and a hole is wide.

    Args:
        model: The network; its ``context`` and ``tile`` say what squares it wants.
        holes: (H, W), True where to restore.
        held: Bytes that the picture and its mask take.
        quality: As for `Inpainter`.
        max_memory: The same.

    Raises:
        InputError: Not even the smallest squares fit into ``max_memory``.
    """
    context: int | None = getattr(model, "context", None)
    own: int | None = getattr(model, "tile", None)
    each = workspace.bytes_a_pixel(model, quality)
    height, width = holes.shape

    def side(held: int) -> int:
        around = None if context is None else context + OVERLAP // 2
        return workspace.tile_side(each, (height, width), held, around, own or TILE, max_memory)

    tile = side(held)
    if context is None or own is None:
        return [Stage(holes, holes, None, plan(holes, context, tile))]
    stages = plan_stages(holes, context, tile)
    if len(stages) > 1 and max_memory is not None:  # masks of each stage, and smaller pictures
        return plan_stages(holes, context, side(held * 4 // 3 + 4 * holes.nbytes))
    return stages


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
        holes = stage.holes[region.outer][..., None]
        part = np.where(holes, 0, colours[region.outer]).astype(np.float32)
        output = run(_as_tensor(part / largest), _as_tensor(holes))
        inside = output[0].permute(1, 2, 0).cpu().numpy()[region.inner_in_outer].clip(0, 1)
        if np.isnan(inside).any():
            raise InputError("model answers with values that are not a number; its weights are damaged")
        if part.shape[2] == 1:
            inside = inside.mean(axis=2, keepdims=True)
        here = stage.wanted[region.inner]
        target, values = colours[region.inner], inside[here] * largest
        weights = region.weights()[here][:, None]
        soft = weights[:, 0] < 1  # the others may have nothing yet that is a number
        values[soft] = weights[soft] * values[soft] + (1 - weights[soft]) * target[here][soft].astype(np.float32)
        target[here] = (np.floor(values + 0.5) if largest > 1 else values).astype(colours.dtype)


def _as_tensor(array: Pixels) -> Tensor:
    """(H, W, C) to 1 x C' x H x W float32; a grey picture gets three equal channels, a mask stays one."""
    tensor = torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1)))[None]
    return tensor.float() if array.dtype == bool else tensor.float().expand(-1, 3, -1, -1)
