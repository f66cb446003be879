"""What anybody could use instead of a network to take noise away; all are told its standard deviation.

The factors by which it is multiplied were the best, or within 0.2 dB of it, of four or five around 1 on two photographs
of scikit-image at standard deviations of 15, 25 and 50.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle

from spikefill.data.noise import GREY_LEVELS

if TYPE_CHECKING:
    from collections.abc import Mapping

Picture = NDArray[np.floating[Any]]

_PATCH, _DISTANCE = 5, 6
"""Side of the patches that scikit-image's non-local means compares, and how far away it looks for them, in pixels."""
_OPENCV_PATCH, _OPENCV_WINDOW = 7, 21
"""Sides of the patches and of the window of OpenCV's, its recommended values."""


def identity(noisy: Picture, sigma: float) -> Picture:
    """The noisy image as it is."""
    return noisy


def total_variation(noisy: Picture, sigma: float) -> Picture:
    """scikit-image's minimum of total variation, its weight the standard deviation: Chambolle, JMIV 2004."""
    weight = sigma / GREY_LEVELS
    denoised: Picture = denoise_tv_chambolle(noisy, weight=weight, channel_axis=-1)  # type: ignore[no-untyped-call]
    return denoised


def nl_means(noisy: Picture, sigma: float) -> Picture:
    """scikit-image's non-local means, h 0.6 standard deviations: Buades, Coll and Morel, CVPR 2005."""
    deviation = sigma / GREY_LEVELS
    denoised: Picture = denoise_nl_means(
        noisy, patch_size=_PATCH, patch_distance=_DISTANCE, h=0.6 * deviation, sigma=deviation, channel_axis=-1
    )
    return denoised


def nl_means_opencv(noisy: Picture, sigma: float) -> Picture:
    """OpenCV's of the 8-bit image, in CIE L*a*b*, h 0.6 standard deviations for lightness and colours alike."""
    eight_bits = np.rint(255 * np.clip(noisy, 0, 1)).astype(np.uint8)
    bgr = cv2.cvtColor(eight_bits, cv2.COLOR_RGB2BGR)
    denoised = cv2.fastNlMeansDenoisingColored(bgr, None, 0.6 * sigma, 0.6 * sigma, _OPENCV_PATCH, _OPENCV_WINDOW)
    return cv2.cvtColor(denoised, cv2.COLOR_BGR2RGB).astype(np.float32) / np.float32(255)


DENOISERS: Mapping[str, Callable[[Picture, float], Picture]] = MappingProxyType(
    {
        "identity": identity,
        "total-variation": total_variation,
        "nl-means": nl_means,
        "nl-means-opencv": nl_means_opencv,
    }
)
"""By name: each takes an image (H, W, 3), float32, not clipped, and its noise's standard deviation in grey levels of
255, and gives the restored image, floating point."""
