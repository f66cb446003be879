"""From a photograph and a mask to the restored photograph."""

from spikefill.inpainting.checks import check_something_known, stored_mask
from spikefill.inpainting.damaged import Damaged
from spikefill.inpainting.loading import inpaint, load
from spikefill.inpainting.notebook import RestoredImage
from spikefill.inpainting.pipeline import Inpainter
from spikefill.inpainting.progress import Cancelled
from spikefill.inpainting.regions import Region, plan
from spikefill.inpainting.sequence import Carry

__all__ = [
    "Cancelled",
    "Carry",
    "Damaged",
    "Inpainter",
    "Region",
    "RestoredImage",
    "check_something_known",
    "inpaint",
    "load",
    "plan",
    "stored_mask",
]
