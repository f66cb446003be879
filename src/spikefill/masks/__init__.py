"""Masks: random families, the user's own, and the fixed evaluation sets. True is a hole, everywhere."""

# First the families, in the order of `family_names`.
from spikefill.masks import lama, damage, objects, irregular  # isort: skip # noqa: F401
from spikefill.masks.convert import as_mask, read, write
from spikefill.masks.evaluation import EVALUATION_IMAGES, EVALUATION_REPEATS, EVALUATION_SIZES, evaluation
from spikefill.masks.families import LARGEST_HOLE_RATIO, LARGEST_SIDE, family, family_names, sample
from spikefill.masks.pictures import contact_sheet, thumbnail

FAMILIES = family_names()
"""The names of the families that come with the package; `family_names` knows those that were added, too."""

__all__ = [
    "EVALUATION_IMAGES",
    "EVALUATION_REPEATS",
    "EVALUATION_SIZES",
    "FAMILIES",
    "LARGEST_HOLE_RATIO",
    "LARGEST_SIDE",
    "as_mask",
    "contact_sheet",
    "evaluation",
    "family",
    "family_names",
    "read",
    "sample",
    "thumbnail",
    "write",
]
