"""Masks: random families, the user's own, and the fixed evaluation sets. True is a hole, everywhere."""

from spikefill.masks.convert import as_mask, read, write
from spikefill.masks.evaluation import EVALUATION_IMAGES, EVALUATION_REPEATS, EVALUATION_SIZES, evaluation
from spikefill.masks.families import families, family, sample

FAMILIES = families()

__all__ = [
    "EVALUATION_IMAGES",
    "EVALUATION_REPEATS",
    "EVALUATION_SIZES",
    "FAMILIES",
    "as_mask",
    "evaluation",
    "families",
    "family",
    "read",
    "sample",
    "write",
]
