"""One photograph at a time: crop, damage, restore by each method, measure. The table is made in `averages`.

What the damage is, holes or noise, is the business of `masked` and `noisy`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any, Literal, Protocol

import numpy as np

from spikefill.errors import InputError
from spikefill.evaluation import metrics
from spikefill.evaluation.baselines import Image

Size = int | Literal["full"]
Progress = Callable[[int, int], None]
Figures = dict[str, float | None]


SMALLEST_SIDE = 32
"""A photograph with a shorter side is not measured: strokes scaled to it are thinner than a pixel."""


class Restorer(Protocol):
    """What is measured with holes: `spikefill.Inpainter`, or anything with these two methods."""

    def inpaint(self, image: Any, mask: Any, /) -> Any:
        """An image (H, W, 3) uint8 and a mask (H, W) bool give the restored image (H, W, 3) uint8."""

    def predict(self, masked: Any, mask: Any, /) -> Any:
        """A masked image (1, 3, H, W) and a mask (1, 1, H, W), float32, give the raw output (1, 3, H, W)."""


class Denoiser(Protocol):
    """What is measured under noise: `spikefill.denoising.Denoiser`, or anything with this method."""

    def denoise(self, noisy: Any, /) -> Any:
        """An image (H, W, 3) float32, not clipped, gives the restored one (H, W, 3), floating point.

        It is clipped to [0, 1] before it is measured.
        """


Method = Restorer | Denoiser | str
"""A model, or the name of a baseline."""


class Damaged(Protocol):
    """A photograph with one damage."""

    @property
    def picture(self) -> Image:
        """What a method gets, as a picture (H, W, 3)."""

    @property
    def facts(self) -> dict[str, Any]:
        """What the document says of the damage."""

    @property
    def digest(self) -> bytes:
        """What tells the damage from another."""

    def restored(self, method: Any) -> Image:
        """The 8-bit result (H, W, 3) of a method."""

    def figures(self, result: Image) -> Figures:
        """What is measured of a result: infinite where it is, None if not measured."""

    def raw_figures(self, method: Any) -> Figures:
        """What is measured of a model's own output; nothing of a baseline."""


class Damage(Protocol):
    """What photographs suffer from in an evaluation."""

    @property
    def conditions(self) -> Sequence[str]:
        """Its kinds, by which figures are given."""

    @property
    def repeats(self) -> int:
        """How many damages of each kind a photograph gets."""

    @property
    def figure(self) -> str:
        """The figure by which methods are compared."""

    @property
    def definitions(self) -> Mapping[str, str]:
        """What each figure of the document means."""

    def of(self, image: Image, index: int, condition: str, repeat: int) -> Damaged:
        """Photograph number ``index`` with one of its damages."""

    def add(self, damaged: Any, results: Mapping[str, Image]) -> None:
        """Counts the results of all methods for one damage, in `further`."""

    def further(self, images: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """What the document has beside the means, out of its ``images`` and what was added."""

    def protocol(self, sha256: str) -> dict[str, Any]:
        """What the protocol says of it, with a checksum of all damages."""


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


def whole_figures(result: Image, target: Image) -> Figures:
    """PSNR, mean squared error, SSIM and FLIP over the whole of a result.

    Raises:
        InputError: The result is not of 8 bits.
    """
    if result.dtype != np.uint8:
        raise InputError(f"the result is {result.dtype}; it must be uint8 for uint8")
    mse = metrics.mse(result, target)
    return {
        "psnr": metrics.psnr_of(mse),
        "mse": mse,
        "ssim": metrics.ssim(result, target),
        "flip": metrics.flip(result, target),
    }


class Bench:
    """Runs the methods and takes their time; the first run of each is done twice and timed once.

    Args:
        methods: By name, a model, or the name of a baseline.
        progress: Called with (restorations done, restorations in all).
        total: Restorations in all; may be lowered on the way.
    """

    def __init__(self, methods: Mapping[str, Method], progress: Progress | None, total: int) -> None:
        self.methods = methods
        self.total = total
        self._progress = progress
        self._done = 0
        self._warm: set[str] = set()

    def measure(self, damaged: Damaged) -> tuple[dict[str, Figures], dict[str, Image]]:
        """The figures and the result of every method."""
        figures: dict[str, Figures] = {}
        results: dict[str, Image] = {}
        for name, method in self.methods.items():
            results[name], seconds = self._timed(name, damaged)
            figures[name] = damaged.figures(results[name]) | {"seconds": seconds} | damaged.raw_figures(method)
            self._advance()
        return figures, results

    def _timed(self, name: str, damaged: Damaged) -> tuple[Image, float]:
        if name not in self._warm:  # kernels are compiled and caches filled at the first call
            damaged.restored(self.methods[name])
            self._warm.add(name)
        start = perf_counter()
        result = damaged.restored(self.methods[name])
        return result, perf_counter() - start

    def _advance(self) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self.total)
