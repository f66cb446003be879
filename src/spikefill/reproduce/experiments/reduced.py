"""Measuring the same pictures at several sizes, under the same holes, which are enlarged with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from spikefill import masks
from spikefill.data.resizing import with_shorter_side
from spikefill.errors import InputError
from spikefill.evaluation import centre_crop, metrics
from spikefill.evaluation.averages import mean_of_each
from spikefill.evaluation.masked import restore
from spikefill.reproduce import networks
from spikefill.reproduce.measuring import MeasuringSettings
from spikefill.reproduce.trials import Context, Result

if TYPE_CHECKING:
    from spikefill.data import Photographs
    from spikefill.evaluation.baselines import Mask


def measure_reduced(
    context: Context,
    *,
    network: networks.Network | None,
    baseline: str | None,
    size: int,
    sizes: Sequence[int],
    settings: Mapping[str, Any],
) -> Result:
    """The hole PSNR of a method on photographs reduced to a size; without any of that size, nothing.

    At each of ``sizes`` the photographs are the same (`large_enough`), and so are their masks: the fixed ones of the
    smallest size, enlarged. The result has ``images`` as `measuring.interval` and `measuring.difference` take them.
    """
    asked = MeasuringSettings.model_validate(settings)
    numbers, largest = large_enough(context.val_photographs, sizes)
    if size > largest:
        return {}
    method = str(baseline) if network is None else networks.inpainter(context, network)
    numbers = numbers[: asked.limit]
    images = []
    with context.progress("restoring") as progress:
        for done, number in enumerate(numbers):
            progress(done, len(numbers))
            image = centre_crop(with_shorter_side(context.val_photographs[number], size), size)
            results = {}
            for family in asked.families:
                figures = []
                for repeat in range(asked.repeats):
                    mask = enlarged(masks.evaluation(family, min(sizes), image_index=number, repeat=repeat), size)
                    error = metrics.mse(restore(method, image, mask), image, mask)
                    figures.append({"psnr_hole": metrics.psnr_of(error), "hole_ratio": float(mask.mean())})
                results[family] = mean_of_each(figures)
            images.append({"name": context.val_photographs.names[number], "results": results})
    return {"images": images}


def large_enough(photographs: Photographs, sizes: Sequence[int]) -> tuple[list[int], int]:
    """The photographs that serve at all sizes at which there are any, by number; damaged ones are left out.

    Args:
        photographs: Of any size.
        sizes: Shorter sides to which they are reduced, in pixels.

    Returns:
        The numbers, and the largest of the sizes that a photograph has: 0 where none has one.
    """
    sides: dict[int, int] = {}
    for number in range(len(photographs)):
        try:
            sides[number] = min(photographs[number].shape[:2])
        except (InputError, OSError):
            continue
    largest = max((size for size in sizes if size <= max(sides.values(), default=0)), default=0)
    return [number for number, side in sides.items() if side >= largest > 0], largest


def enlarged(mask: Mask, size: int) -> Mask:
    """A square mask at another size, by nearest neighbour in whole numbers."""
    place = (2 * np.arange(size) + 1) * len(mask) // (2 * size)
    return mask[np.ix_(place, place)]
