"""The best, the median and the worst case of a method, restored again so that they can be looked at.

Keeping every result of an evaluation would take gigabytes; three per family are made once more instead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spikefill.evaluation.measuring import Restorer, centre_crop, evaluation_mask, restore

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spikefill.evaluation.baselines import Image


@dataclass(frozen=True)
class Choice:
    """Which mask over which photograph is shown, and why."""

    family: str
    rank: str
    """"best", "median" or "worst"."""
    image: Mapping[str, Any]
    """The photograph's entry in the document's ``images``."""
    case: Mapping[str, Any]
    """The mask's entry in that photograph's ``cases``."""


@dataclass(frozen=True)
class Case:
    """A choice with its pictures, each (H, W, 3) uint8; ``results`` in the order of the document."""

    choice: Choice
    original: Image
    masked: Image
    results: Mapping[str, Image]


def ranking_method(document: Mapping[str, Any]) -> str:
    """The method whose cases are shown: the first model, or without one the first baseline."""
    return str(next(iter(document["results"])))


def choose_cases(document: Mapping[str, Any]) -> list[Choice]:
    """The best, median and worst case of each family, by the hole PSNR of `ranking_method`.

    With an even number of cases the median is the lower of the two in the middle; of fewer than three cases
    each is shown once. Equal figures are taken in the order of photographs and masks.
    """
    method = ranking_method(document)
    choices = []
    for family in document["protocol"]["masks"]["families"]:
        ranked = sorted(
            ((image, case) for image in document["images"] for case in image["cases"] if case["family"] == family),
            key=lambda pair: math.inf if (value := pair[1]["psnr_hole"][method]) is None else value,
        )
        positions = {"best": len(ranked) - 1, "median": (len(ranked) - 1) // 2, "worst": 0}
        shown: set[int] = set()
        for rank in ("best", "worst", "median"):
            if positions[rank] in shown:
                del positions[rank]
            else:
                shown.add(positions[rank])
        choices += [Choice(family, rank, *ranked[position]) for rank, position in positions.items()]
    return choices


def render_cases(
    document: Mapping[str, Any],
    photographs: Sequence[Image],
    models: Mapping[str, Restorer] | None = None,
) -> list[Case]:
    """Restores the chosen cases again, by every method of the document.

    Args:
        document: What `spikefill.evaluation.evaluate` returned.
        photographs: The same photographs that it was given.
        models: The same models, by their names in the document.
    """
    methods: dict[str, Restorer | str] = {name: name for name in document["results"]} | dict(models or {})
    cases = []
    for choice in choose_cases(document):
        index = choice.image["index"]
        original = centre_crop(photographs[index], document["protocol"]["size"])
        mask = evaluation_mask(choice.family, original, index, choice.case["repeat"])
        masked = np.where(mask[..., None], np.uint8(0), original)
        results = {name: restore(method, original, mask) for name, method in methods.items()}
        cases.append(Case(choice, original, masked, results))
    return cases
