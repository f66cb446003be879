"""Photographs with holes: the fixed masks, what every method gets, and what is measured of its result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from spikefill import masks
from spikefill.errors import InputError
from spikefill.evaluation import metrics
from spikefill.evaluation.baselines import BASELINES, Image, Mask
from spikefill.evaluation.edge_distance import EdgeDistance
from spikefill.evaluation.hole_ratio import by_hole_ratio
from spikefill.evaluation.measuring import Figures, Restorer, whole_figures

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

DEFINITIONS = {
    "psnr_hole": "PSNR over the hole of the 8-bit result in dB: mean over the masks of a photograph, "
    "then over photographs",
    "psnr": "PSNR over the whole 8-bit result in dB, averaged in the same way",
    "mse_hole": "mean squared error over the hole of the 8-bit result, in [0, 1], averaged in the same way",
    "mse": "mean squared error over the whole 8-bit result, in [0, 1], averaged in the same way",
    "ssim": "SSIM of the whole 8-bit result, averaged in the same way",
    "flip": "mean of the FLIP error map of the whole 8-bit result, in [0, 1], averaged in the same way; null without "
    "flip-evaluator",
    "hole_ratio": "part of the pixels that is hole, averaged in the same way",
    "n": "number of photographs",
    "seconds": "mean seconds of one restoration, after one that is not counted",
    "raw_mse_known": "mean squared error over the known pixels of the model's own output, before rounding, "
    "clipping and putting the known pixels back",
    "raw_psnr_known": "PSNR over the known pixels of the same output in dB",
    "raw_mse": "mean squared error over all pixels of the same output, as a loss over the whole image has it",
    "intervals": "95 % interval of the mean hole PSNR of a method: the middle of its percentile bootstrap over "
    "photographs",
    "differences": "the same of the mean difference in hole PSNR between the first method and another on the same "
    "photographs",
    "by_hole_ratio": "mean hole PSNR over the masks of all families whose hole ratio is over one bound, up to another",
    "by_distance": "PSNR over all pixels of all holes whose distance in pixels to the nearest known one is in a band",
    "null": "a figure that is infinite (or, of a raw output, not a number) for at least one mask",
}
"""What each figure of the document means; part of every document."""


def evaluation_mask(family: str, image: Image, index: int, repeat: int) -> Mask:
    """The fixed mask (H, W) of photograph number ``index``, of the size of ``image``.

    Raises:
        InputError: The mask is all hole or has none: nothing could be measured with it.
    """
    height, width = image.shape[:2]
    mask: Mask = np.asarray(masks.evaluation(family, (height, width), image_index=index, repeat=repeat))
    if mask.all() or not mask.any():
        raise InputError(f"size {width} x {height} leaves {family!r} masks without a hole or a known pixel")
    return mask


def restore(method: Restorer | str, image: Image, mask: Mask) -> Image:
    """The 8-bit result (H, W, 3) of a model or of the baseline of that name; none sees under the mask."""
    masked = np.where(mask[..., None], np.uint8(0), image)
    if isinstance(method, str):
        return BASELINES[method](masked, mask)
    result: Image = np.asarray(method.inpaint(masked, mask))
    return result


@dataclass(frozen=True)
class Masked:
    """One mask over one photograph.

    Attributes:
        target: The photograph, (H, W, 3).
        mask: (H, W), True = hole.
        family: The mask's.
        repeat: Its number among those of the family, from 0.
    """

    target: Image
    mask: Mask
    family: str
    repeat: int

    @property
    def picture(self) -> Image:
        """The photograph, black in the holes."""
        return np.where(self.mask[..., None], np.uint8(0), self.target)

    @property
    def facts(self) -> dict[str, Any]:
        """Which mask it is, and how much of the picture is hole."""
        return {"family": self.family, "repeat": self.repeat, "hole_ratio": float(self.mask.mean())}

    @property
    def digest(self) -> bytes:
        """The mask, packed."""
        return np.packbits(self.mask).tobytes()

    def restored(self, method: Restorer | str) -> Image:
        """`restore`."""
        return restore(method, self.target, self.mask)

    def figures(self, result: Image) -> Figures:
        """What is measured of a result, over the hole and over the whole."""
        whole = whole_figures(result, self.target)
        mse = metrics.mse(result, self.target, self.mask)
        over_hole = {"psnr_hole": metrics.psnr_of(mse), "psnr": whole["psnr"], "mse_hole": mse}
        return over_hole | whole | {"hole_ratio": float(self.mask.mean())}

    def raw_figures(self, method: Restorer | str) -> Figures:
        """What is measured of a model's output before the known pixels are put back."""
        if isinstance(method, str):
            return {}
        known = torch.from_numpy(~self.mask)[None, None]
        image = torch.from_numpy(np.ascontiguousarray(self.target)).permute(2, 0, 1)[None].float() / 255
        with torch.inference_mode():
            output = method.predict(image * known, (~known).float())
        raw: NDArray[Any] = output[0].permute(1, 2, 0).cpu().numpy()
        error_known = metrics.mse(raw, self.target, ~self.mask)
        return {
            "raw_mse_known": error_known,
            "raw_psnr_known": metrics.psnr_of(error_known),
            "raw_mse": metrics.mse(raw, self.target),
        }


class Holes:
    """The fixed masks of some families (`spikefill.evaluation.measuring.Damage`).

    Args:
        families: Of `spikefill.masks.FAMILIES`.
        repeats: Masks of each for every photograph, 1 to 5.
        methods: The names of what is measured.
    """

    figure = "psnr_hole"
    definitions = DEFINITIONS

    def __init__(self, families: Sequence[str], repeats: int, methods: Iterable[str] = ()) -> None:
        self.conditions = tuple(families)
        self.repeats = repeats
        self._distances = EdgeDistance(methods)

    def of(self, image: Image, index: int, condition: str, repeat: int) -> Masked:
        """The photograph under a mask of the family ``condition``."""
        return Masked(image, evaluation_mask(condition, image, index, repeat), condition, repeat)

    def add(self, damaged: Masked, results: Mapping[str, Image]) -> None:
        """Counts errors by their distance to the hole's edge."""
        self._distances.add(damaged.target, damaged.mask, results)

    def further(self, images: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Figures by hole ratio and by distance to the hole's edge."""
        return {"by_hole_ratio": by_hole_ratio(images), "by_distance": self._distances.rows()}

    def protocol(self, sha256: str) -> dict[str, Any]:
        """Families, number and checksum of the masks."""
        return {"masks": {"families": list(self.conditions), "repeats": self.repeats, "sha256": sha256}}
