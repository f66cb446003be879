"""From a photograph and a mask to the restored photograph."""

from spikefill.inpainting.checks import check_something_known, stored_mask
from spikefill.inpainting.damaged import Damaged
from spikefill.inpainting.image_file import FORMATS, ImageFile, decode, is_tiff
from spikefill.inpainting.notebook import RestoredImage
from spikefill.inpainting.pipeline import Cancelled, Inpainter, inpaint, load
from spikefill.inpainting.regions import Region, plan
from spikefill.inpainting.sequence import Carry

__all__ = [
    "FORMATS",
    "Cancelled",
    "Carry",
    "Damaged",
    "ImageFile",
    "Inpainter",
    "Region",
    "RestoredImage",
    "check_something_known",
    "decode",
    "inpaint",
    "is_tiff",
    "load",
    "plan",
    "stored_mask",
]
