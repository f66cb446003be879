"""Networks that restore: the paper's `SCNN`, our `Hybrid`, and how models are named, built, saved and read."""

from spikefill.models.checkpoint import BEST_WEIGHTS, LAST_WEIGHTS, find, read, read_header, save
from spikefill.models.hybrid import Hybrid
from spikefill.models.presets import ARCHITECTURES, BUNDLED, DEFAULT, architecture_of, create, weights_file
from spikefill.models.scnn import SCNN

__all__ = [
    "ARCHITECTURES",
    "BEST_WEIGHTS",
    "BUNDLED",
    "DEFAULT",
    "LAST_WEIGHTS",
    "SCNN",
    "Hybrid",
    "architecture_of",
    "create",
    "find",
    "read",
    "read_header",
    "save",
    "weights_file",
]
