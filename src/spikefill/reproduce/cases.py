"""The masked photographs of the fixed protocol, one after the other, for what `measuring` does not measure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spikefill.errors import InputError
from spikefill.evaluation import centre_crop, evaluation_mask
from spikefill.reproduce.measuring import MeasuringSettings

if TYPE_CHECKING:
    from spikefill.evaluation.baselines import Image, Mask
    from spikefill.reproduce.trials import Context


@dataclass(frozen=True)
class MaskedCase:
    """A photograph's centre and one of its fixed masks.

    Attributes:
        name: The photograph's.
        family: The mask's.
        image: The crop (H, W, 3), uint8, whole.
        mask: (H, W) bool, True in the holes.
    """

    name: str
    family: str
    image: Image
    mask: Mask


def cases(context: Context, settings: Mapping[str, Any], description: str) -> Iterator[MaskedCase]:
    """The crops and masks that `spikefill.evaluation.evaluate` measures with these settings, in its order.

    Args:
        context: Whose validation photographs are taken; those that are too small or damaged are left out.
        settings: The fields of `MeasuringSettings`.
        description: Beside the progress bar.

    Raises:
        InputError: No photograph is large enough.
    """
    asked = MeasuringSettings.model_validate(settings)
    photographs = context.val_photographs
    chosen = range(len(photographs))[: asked.limit]
    total, given = len(chosen) * len(asked.families) * asked.repeats, 0
    with context.progress(description) as progress:
        for index in chosen:
            try:
                image = centre_crop(photographs[index], asked.size)
            except (InputError, OSError):
                total -= len(asked.families) * asked.repeats
                continue
            for family in asked.families:
                for repeat in range(asked.repeats):
                    mask = evaluation_mask(family, image, index, repeat)
                    yield MaskedCase(photographs.names[index], family, image, mask)
                    given += 1
                    progress(given, total)
    if not given:
        raise InputError(f"measuring.size is {asked.size}; no validation photograph is as large")
