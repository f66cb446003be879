"""One photograph at a time: crop, mask, restore by each method, measure. The table is made in `averages`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import torch

from spikefill import masks
from spikefill.errors import InputError
from spikefill.evaluation import metrics
from spikefill.evaluation.averages import finite
from spikefill.evaluation.baselines import BASELINES, Image, Mask
from spikefill.evaluation.edge_distance import EdgeDistance

if TYPE_CHECKING:
    from numpy.typing import NDArray

Size = int | Literal["full"]
Progress = Callable[[int, int], None]


SMALLEST_SIDE = 32
"""A photograph with a shorter side is not measured: strokes scaled to it are thinner than a pixel."""


class Restorer(Protocol):
    """What is measured: `spikefill.Inpainter`, or anything with these two methods."""

    def inpaint(self, image: Any, mask: Any, /) -> Any:
        """An image (H, W, 3) uint8 and a mask (H, W) bool give the restored image (H, W, 3) uint8."""

    def predict(self, masked: Any, mask: Any, /) -> Any:
        """A masked image (1, 3, H, W) and a mask (1, 1, H, W), float32, give the raw output (1, 3, H, W)."""


def centre_crop(photograph: Image, size: Size) -> Image:
    """The central ``size`` x ``size`` pixels (H, W, 3), one nearer the top left where halves differ, or all.

    Raises:
        InputError: A side is shorter than ``size``, or than 32 pixels.
    """
    height, width = photograph.shape[:2]
    side = SMALLEST_SIDE if size == "full" else size
    if min(height, width) < side:
        raise InputError(f"{width} x {height} pixels; both sides must be at least {side}")
    if size == "full":
        return photograph
    top, left = (height - size) // 2, (width - size) // 2
    return photograph[top : top + size, left : left + size]


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
class Case:
    """One mask over one photograph, and every method's figures: infinite where they are, None if not measured."""

    family: str
    repeat: int
    hole_ratio: float
    figures: dict[str, dict[str, float | None]]

    def summary(self) -> dict[str, Any]:
        """What the document keeps of it."""
        return {
            "family": self.family,
            "repeat": self.repeat,
            "hole_ratio": self.hole_ratio,
            "psnr_hole": {method: finite(figures["psnr_hole"]) for method, figures in self.figures.items()},
        }


class Bench:
    """Runs the methods and takes their time; the first run of each is done twice and timed once.

    `edge_distance` has the errors of all cases measured so far.

    Args:
        methods: By name, a model, or the name of a baseline.
        progress: Called with (restorations done, restorations in all).
        total: Restorations in all; may be lowered on the way.
    """

    def __init__(self, methods: Mapping[str, Restorer | str], progress: Progress | None, total: int) -> None:
        self.methods = methods
        self.total = total
        self.edge_distance = EdgeDistance(methods)
        self._progress = progress
        self._done = 0
        self._warm: set[str] = set()

    def measure(self, image: Image, index: int, family: str, repeat: int) -> tuple[Case, Mask]:
        """Restores photograph number ``index`` under one mask by every method."""
        mask = evaluation_mask(family, image, index, repeat)
        figures = {}
        results = {}
        for name, method in self.methods.items():
            results[name], seconds = self._timed(name, image, mask)
            figures[name] = _figures(results[name], image, mask) | {"seconds": seconds}
            if not isinstance(method, str):
                figures[name] |= _raw_figures(method, image, mask)
            self._advance()
        self.edge_distance.add(image, mask, results)
        return Case(family, repeat, float(mask.mean()), figures), mask

    def _timed(self, name: str, image: Image, mask: Mask) -> tuple[Image, float]:
        if name not in self._warm:  # kernels are compiled and caches filled at the first call
            restore(self.methods[name], image, mask)
            self._warm.add(name)
        start = perf_counter()
        result = restore(self.methods[name], image, mask)
        return result, perf_counter() - start

    def _advance(self) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self.total)


def _figures(result: Image, target: Image, mask: Mask) -> dict[str, float | None]:
    if result.dtype != np.uint8:
        raise InputError(f"inpaint returned {result.dtype}; it must return uint8 for uint8")
    mse_hole, mse = metrics.mse(result, target, mask), metrics.mse(result, target)
    return {
        "psnr_hole": metrics.psnr_of(mse_hole),
        "psnr": metrics.psnr_of(mse),
        "mse_hole": mse_hole,
        "mse": mse,
        "ssim": metrics.ssim(result, target),
        "flip": metrics.flip(result, target),
        "hole_ratio": float(mask.mean()),
    }


def _raw_figures(model: Restorer, target: Image, mask: Mask) -> dict[str, float | None]:
    known = torch.from_numpy(~mask)[None, None]
    image = torch.from_numpy(np.ascontiguousarray(target)).permute(2, 0, 1)[None].float() / 255
    with torch.inference_mode():
        output = model.predict(image * known, (~known).float())
    raw: NDArray[Any] = output[0].permute(1, 2, 0).cpu().numpy()
    error_known = metrics.mse(raw, target, ~mask)
    return {
        "raw_mse_known": error_known,
        "raw_psnr_known": metrics.psnr_of(error_known),
        "raw_mse": metrics.mse(raw, target),
    }
