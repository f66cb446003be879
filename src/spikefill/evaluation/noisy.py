"""Photographs under white Gaussian noise: what every method gets, and what is measured of its result."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from spikefill.data.noise import gaussian_noise
from spikefill.degradation import Degradation
from spikefill.evaluation.denoisers import DENOISERS
from spikefill.evaluation.measuring import Denoiser, Figures, whole_figures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from spikefill.evaluation.baselines import Image

SEED = 1 << 32
"""Of the noise, which no run trains with."""

DEFINITIONS: Mapping[str, str] = MappingProxyType(
    {
        "psnr": "PSNR of the 8-bit result in dB: mean over photographs",
        "mse": "mean squared error of the 8-bit result, in [0, 1], averaged in the same way",
        "ssim": "SSIM of the 8-bit result, averaged in the same way",
        "flip": "mean of the FLIP error map of the 8-bit result, in [0, 1], averaged in the same way; null without "
        "flip-evaluator",
        "n": "number of photographs",
        "seconds": "mean seconds of one restoration, after one that is not counted",
        "intervals": "95 % interval of the mean PSNR of a method: the middle of its percentile bootstrap over "
        "photographs",
        "differences": "the same of the mean difference in PSNR between the first method and another on the same "
        "photographs",
        "null": "a figure that is infinite for at least one photograph",
    }
)
"""What each figure of the document means; part of every document."""


@dataclass(frozen=True)
class Noisy:
    """One photograph under its noise.

    Attributes:
        target: The photograph, (H, W, 3).
        noisy: The same in [0, 1] with the noise added, not clipped, float32.
        sigma: Standard deviation of the noise in grey levels of 255.
    """

    target: Image
    noisy: NDArray[np.float32]
    sigma: float

    @property
    def picture(self) -> Image:
        """The noisy photograph in 8 bits."""
        return _eight_bits(self.noisy)

    @property
    def facts(self) -> dict[str, Any]:
        """Nothing: the protocol says all."""
        return {}

    @property
    def digest(self) -> bytes:
        """The noisy photograph."""
        return self.noisy.tobytes()

    def restored(self, method: Denoiser | str) -> Image:
        """The 8-bit result (H, W, 3) of a model or of the baseline of that name, which is told sigma."""
        if isinstance(method, str):
            return _eight_bits(DENOISERS[method](self.noisy, self.sigma))
        return _eight_bits(method.denoise(self.noisy))

    def figures(self, result: Image) -> Figures:
        """What is measured of a result."""
        return whole_figures(result, self.target)

    def raw_figures(self, method: Denoiser | str) -> Figures:
        """Nothing: no pixel is put back, so that the result is the output but for its 8 bits."""
        return {}


class Noise:
    """Noise of one standard deviation, once on each photograph (`spikefill.evaluation.measuring.Damage`).

    Args:
        sigma: Standard deviation in grey levels of 255.
    """

    figure = "psnr"
    repeats = 1
    definitions = DEFINITIONS

    def __init__(self, sigma: float) -> None:
        self.sigma = sigma
        self.conditions = (str(Degradation(sigma)),)

    def of(self, image: Image, index: int, condition: str, repeat: int) -> Noisy:
        """The photograph under the noise of its number."""
        noise = gaussian_noise(image.shape, self.sigma, seed=SEED, index=index)
        return Noisy(image, image.astype(np.float32) / np.float32(255) + noise, self.sigma)

    def add(self, damaged: Noisy, results: Mapping[str, Image]) -> None:
        """Nothing is counted."""

    def further(self, images: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Nothing further."""
        return {}

    def protocol(self, sha256: str) -> dict[str, Any]:
        """What the noise is, and the checksum of the noisy photographs."""
        return {
            "noise": {"distribution": "normal", "sigma": self.sigma, "clipped": False, "seed": SEED, "sha256": sha256}
        }


def _eight_bits(image: NDArray[Any]) -> Image:
    eight_bits: Image = np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8)
    return eight_bits
