"""Masks: random families, the user's own, and the fixed evaluation sets. True is a hole, everywhere."""

# First the families, in the order of `family_names`.
from spikefill.masks import lama, damage, objects, irregular  # isort: skip # noqa: F401
from spikefill.masks.adjust import LARGEST_MARGIN, dilated, feathered, resized, shrunk
from spikefill.masks.convert import as_mask, read, write
from spikefill.masks.evaluation import EVALUATION_IMAGES, EVALUATION_REPEATS, EVALUATION_SIZES, evaluation
from spikefill.masks.families import LARGEST_HOLE_RATIO, LARGEST_SIDE, family, family_names, sample
from spikefill.masks.pictures import contact_sheet, thumbnail
from spikefill.masks.preview import preview
from spikefill.masks.scratches import SCRATCH_THRESHOLD, scratches
from spikefill.masks.settings import DETECTORS, MaskSettings
from spikefill.masks.sources import of_colour, of_transparency

FAMILIES = family_names()
"""The names of the families that come with the package; `family_names` knows those that were added, too."""

__all__ = [
    "DETECTORS",
    "EVALUATION_IMAGES",
    "EVALUATION_REPEATS",
    "EVALUATION_SIZES",
    "FAMILIES",
    "LARGEST_HOLE_RATIO",
    "LARGEST_MARGIN",
    "LARGEST_SIDE",
    "SCRATCH_THRESHOLD",
    "MaskSettings",
    "as_mask",
    "contact_sheet",
    "dilated",
    "evaluation",
    "family",
    "family_names",
    "feathered",
    "of_colour",
    "of_transparency",
    "preview",
    "read",
    "resized",
    "sample",
    "scratches",
    "shrunk",
    "thumbnail",
    "write",
]
