"""Variants of a network, each trained with several seeds and measured on the same photographs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

from scipy.special import stdtrit

from spikefill import models
from spikefill.evaluation.bootstrap import LEVEL
from spikefill.neurons import LIF
from spikefill.reproduce import plots
from spikefill.reproduce.findings import Table
from spikefill.reproduce.measuring import difference, interval
from spikefill.reproduce.networks import TOY_TRAINING, TrainingSettings
from spikefill.reproduce.wording import bounds_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import nn

    from spikefill.reproduce.findings import Cell
    from spikefill.reproduce.trials import Done, Result

SHORT_TRAINING = TOY_TRAINING.model_copy(update={"steps": 12, "validations": 1})
"""What quick experiments train that compare many variants."""

TOY_HYBRID = TrainingSettings(
    recipe="hybrid-tiny",
    changes=(
        "stages=[]",
        "data.size=32",
        "data.mask_size=null",
        "data.shorter_side=64",
        "batch_size=2",
        "validation.size=32",
        "validation.count=2",
        "validation.pictures=1",
    ),
    steps=10,
    validations=1,
)
"""What quick experiments train of the hybrid network."""

SEEDS = (0, 1, 2)
"""Of weights, samples and noise."""


def changed(settings: TrainingSettings, *changes: str, **fields: Any) -> TrainingSettings:
    """A training with further changes of its recipe, and other fields, such as ``seed``."""
    return settings.model_copy(update={"changes": (*settings.changes, *changes), **fields})


def untrained(settings: TrainingSettings) -> nn.Module:
    """The network that a training begins with, but for its weights."""
    return models.create(**settings.load().network)


def first_neuron(network: nn.Module) -> LIF:
    """The first layer of neurons."""
    return next(module for module in network.modules() if isinstance(module, LIF))


def trainings(seeds: Sequence[int]) -> str:
    """Of how many trainings a figure is the mean, in words."""
    return "one training" if len(seeds) == 1 else f"mean of {len(seeds)} trainings"


def of_seeds(done: Mapping[str, Done], variant: str, seeds: Sequence[int]) -> list[Result]:
    """What was measured of a variant, whose trials are called ``VARIANT, seed SEED``."""
    return [done[f"{variant}, seed {seed}"].result for seed in seeds]


def pooled(results: Sequence[Result]) -> Result:
    """One method out of the trainings of several seeds: of each photograph and family the mean hole PSNR.

    It has what `interval` and `difference` take: these are then over photographs, with the seeds' mean for each.
    """
    return {
        "images": [
            {
                "name": same[0]["name"],
                "results": {
                    family: {"psnr_hole": _mean([image["results"][family]["psnr_hole"] for image in same])}
                    for family in same[0]["results"]
                },
            }
            for same in zip(*(result["images"] for result in results), strict=True)
        ]
    }


def versus(first: Sequence[Result], second: Sequence[Result]) -> Mapping[str, float | None]:
    """By how much the hole PSNR of one variant is higher than another's, in dB, the mean over seeds.

    The 95 % interval is one over other photographs and other seeds. Half of its width is the root of the sum of two
    squares: half the width of the paired interval over photographs (`measuring.difference`), and half that of Student's
    interval over the trainings' means. So there are no bounds where each variant was trained once, which says nothing
    of other seeds, nor with fewer than `measuring.FEWEST_PHOTOGRAPHS`.
    """
    found = difference({"first": pooled(first), "second": pooled(second)}, "first", "second")
    mean, bounds, reach = found["mean"], bounds_of(found), _reach([first, second])
    if mean is None or bounds is None or reach is None:
        return {"mean": mean, "low": None, "high": None}
    low, high = bounds
    return {"mean": mean, "low": mean - math.hypot(mean - low, reach), "high": mean + math.hypot(high - mean, reach)}


def table(
    name: str,
    title: str,
    measured: Mapping[str, Sequence[Result]],
    reference: str,
    *,
    further: Mapping[str, tuple[str, Mapping[str, Cell]]] | None = None,
) -> Table:
    """The hole PSNR of variants, and how far each is above one of them.

    Args:
        name: What the CSV file calls it.
        title: The line above it.
        measured: By variant, the results of all its seeds.
        reference: The variant that the others are compared with.
        further: By heading, the format of a further column, and its cells by variant.
    """
    others = further or {}
    rows: list[list[Cell]] = []
    for variant, results in measured.items():
        own, seeds = interval(pooled(results)), [interval(result)["mean"] for result in results]
        finite = [value for value in seeds if value is not None]
        more: Mapping[str, float | None] = (
            {"mean": None, "low": None, "high": None} if variant == reference else versus(results, measured[reference])
        )
        rows.append([
            variant, *(cells.get(variant) for _, cells in others.values()), own["mean"], own["low"], own["high"],
            min(finite, default=None), max(finite, default=None), more["mean"], more["low"], more["high"],
        ])  # fmt: skip
    columns = {heading: form for heading, (form, _) in others.items()}
    figures = {
        "hole PSNR, dB": ".2f", "from": ".2f", "to": ".2f", "lowest seed": ".2f", "highest seed": ".2f",
        f"minus {reference}": "+.2f", "at least": "+.2f", "at most": "+.2f",
    }  # fmt: skip
    return Table(name, title, {"variant": "", **columns, **figures}, rows)


def bars(measured: Mapping[str, Mapping[str, Sequence[Result]]], reference: str) -> Figure:
    """How far variants are above one of them, with 95 % intervals.

    Args:
        measured: By group of bars, and variant, the results of all seeds.
        reference: The variant that the others are compared with.
    """
    others = [variant for variant in next(iter(measured.values())) if variant != reference]
    found = {variant: [versus(group[variant], group[reference]) for group in measured.values()] for variant in others}
    return plots.bars(
        list(measured),
        {variant: [one["mean"] for one in ones] for variant, ones in found.items()},
        f"hole PSNR minus {reference}, dB",
        bounds={variant: [bounds_of(one) for one in ones] for variant, ones in found.items()},
    )


def _reach(variants: Sequence[Sequence[Result]]) -> float | None:
    """Half the width of Student's 95 % interval of the difference of two variants, over their trainings' means.

    Both are taken to scatter alike. None where neither was trained twice, or a figure is infinite.
    """
    means = [[interval(result)["mean"] for result in results] for results in variants]
    finite = [[value for value in values if value is not None] for values in means]
    freedom = sum(len(values) - 1 for values in means)
    if finite != means or freedom == 0:
        return None
    squares = sum((value - fmean(values)) ** 2 for values in finite for value in values)
    error = math.sqrt(squares / freedom * sum(1 / len(values) for values in finite))
    return float(stdtrit(freedom, (1 + LEVEL) / 2)) * error


def _mean(values: Sequence[float | None]) -> float | None:
    """None where one of them is."""
    finite = [value for value in values if value is not None]
    return sum(finite) / len(finite) if len(finite) == len(values) else None
