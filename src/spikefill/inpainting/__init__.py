"""From a photograph and a mask to the restored photograph."""

from spikefill.inpainting.checks import check_something_known, stored_mask
from spikefill.inpainting.damaged import Damaged
from spikefill.inpainting.image_file import FORMATS, ImageFile, decode
from spikefill.inpainting.notebook import RestoredImage
from spikefill.inpainting.pipeline import Cancelled, Inpainter, inpaint, load
from spikefill.inpainting.regions import Region, plan

__all__ = [
    "FORMATS",
    "Cancelled",
    "Damaged",
    "ImageFile",
    "Inpainter",
    "Region",
    "RestoredImage",
    "check_something_known",
    "decode",
    "inpaint",
    "load",
    "plan",
    "stored_mask",
]
