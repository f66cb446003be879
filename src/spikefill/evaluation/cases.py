"""The best, the median and the worst case of a method, restored again so that they can be looked at.

Keeping every result of an evaluation would take gigabytes; three per family are made once more instead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spikefill.evaluation.damages import damage_of
from spikefill.evaluation.measuring import centre_crop

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spikefill.evaluation.baselines import Image
    from spikefill.evaluation.measuring import Denoiser, Method, Restorer


@dataclass(frozen=True)
class Choice:
    """Which damage of which photograph is shown, and why."""

    condition: str
    """The family of its mask, or its noise."""
    rank: str
    """"best", "median" or "worst"."""
    image: Mapping[str, Any]
    """The photograph's entry in the document's ``images``."""
    case: Mapping[str, Any]
    """The damage's entry in that photograph's ``cases``."""


@dataclass(frozen=True)
class Case:
    """A choice with its pictures, each (H, W, 3) uint8; ``results`` in the order of the document."""

    choice: Choice
    original: Image
    damaged: Image
    results: Mapping[str, Image]


def ranking_method(document: Mapping[str, Any]) -> str:
    """The method whose cases are shown: the first model, or without one the first baseline."""
    return str(next(iter(document["results"])))


def choose_cases(document: Mapping[str, Any]) -> list[Choice]:
    """The best, median and worst case of each family, or of the noise, by the (hole) PSNR of `ranking_method`.

    With an even number of cases the median is the lower of the two in the middle; of fewer than three cases
    each is shown once. Equal figures are taken in the order of photographs and masks.
    """
    method, damage = ranking_method(document), damage_of(document)
    choices = []
    for condition in damage.conditions:
        ranked = sorted(
            (
                (image, case)
                for image in document["images"]
                for case in image["cases"]
                if case.get("family", condition) == condition
            ),
            key=lambda pair: math.inf if (value := pair[1][damage.figure][method]) is None else value,
        )
        positions = {"best": len(ranked) - 1, "median": (len(ranked) - 1) // 2, "worst": 0}
        shown: set[int] = set()
        for rank in ("best", "worst", "median"):
            if positions[rank] in shown:
                del positions[rank]
            else:
                shown.add(positions[rank])
        choices += [Choice(condition, rank, *ranked[position]) for rank, position in positions.items()]
    return choices


def render_cases(
    document: Mapping[str, Any],
    photographs: Sequence[Image],
    models: Mapping[str, Restorer | Denoiser] | None = None,
) -> list[Case]:
    """Restores the chosen cases again, by every method of the document.

    Args:
        document: What `spikefill.evaluation.evaluate` returned.
        photographs: The same photographs that it was given.
        models: The same models, by their names in the document.
    """
    damage = damage_of(document)
    methods: dict[str, Method] = {name: name for name in document["results"]} | dict(models or {})
    cases = []
    for choice in choose_cases(document):
        index = choice.image["index"]
        original = centre_crop(photographs[index], document["protocol"]["size"])
        damaged = damage.of(original, index, choice.condition, choice.case.get("repeat", 0))
        results = {name: damaged.restored(method) for name, method in methods.items()}
        cases.append(Case(choice, original, damaged.picture, results))
    return cases
