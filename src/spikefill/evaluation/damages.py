"""What an evaluation damages photographs by, and what a document says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spikefill.degradation import Degradation
from spikefill.evaluation.masked import Holes
from spikefill.evaluation.noisy import Noise

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from spikefill.evaluation.measuring import Damage


def damage(
    degradation: Degradation, families: Sequence[str] = (), repeats: int = 1, methods: Iterable[str] = ()
) -> Damage:
    """Holes by masks of some families, or noise, to which the other arguments are nothing."""
    return Holes(families, repeats, methods) if degradation.sigma is None else Noise(degradation.sigma)


def degradation_of(document: Mapping[str, Any]) -> Degradation:
    """Whether a document of `spikefill.evaluation.evaluate` is about holes or noise; earlier ones are about holes."""
    return Degradation.parse(document["protocol"].get("degradation", "holes"))


def damage_of(document: Mapping[str, Any]) -> Damage:
    """The same damage that a document of `spikefill.evaluation.evaluate` is about."""
    masks = document["protocol"].get("masks", {"families": (), "repeats": 1})
    return damage(degradation_of(document), masks["families"], masks["repeats"])
