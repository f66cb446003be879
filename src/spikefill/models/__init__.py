"""Networks that restore: the paper's `SCNN`, our `Hybrid`, its rivals; how models are named, built, saved and read."""

from spikefill.models.checkpoint import BEST_WEIGHTS, LAST_WEIGHTS, count_parameters, find, read, read_header, save
from spikefill.models.gated_unet import GatedConvUNet
from spikefill.models.hybrid import Hybrid
from spikefill.models.integers import rounded
from spikefill.models.partial_unet import PartialConvUNet
from spikefill.models.presets import (
    ALIASES,
    ARCHITECTURES,
    BUNDLED,
    DEFAULT,
    RELEASED,
    Bundled,
    architecture_of,
    bundled_names,
    create,
    rebuilt,
    released,
    resolved,
    weights_file,
)
from spikefill.models.scnn import SCNN
from spikefill.models.spiking_unet import SpikingUNet

__all__ = [
    "ALIASES",
    "ARCHITECTURES",
    "BEST_WEIGHTS",
    "BUNDLED",
    "DEFAULT",
    "LAST_WEIGHTS",
    "RELEASED",
    "SCNN",
    "Bundled",
    "GatedConvUNet",
    "Hybrid",
    "PartialConvUNet",
    "SpikingUNet",
    "architecture_of",
    "bundled_names",
    "count_parameters",
    "create",
    "find",
    "read",
    "read_header",
    "rebuilt",
    "released",
    "resolved",
    "rounded",
    "save",
    "weights_file",
]
