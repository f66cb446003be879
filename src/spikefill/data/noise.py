"""White Gaussian noise, as the literature on denoising has it: added to every channel of every pixel, not clipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

GREY_LEVELS = 255.0
"""Those of the range [0, 1], by which standard deviations are divided."""

_STREAM = 2
"""Of the random numbers of a sample, beside those of its crop and of an epoch's order."""


def gaussian_noise(shape: Sequence[int], sigma: float, *, seed: int, index: int) -> NDArray[np.float32]:
    """The noise of one sample, a function of the arguments alone.

    Args:
        shape: Of the noise.
        sigma: Standard deviation in grey levels of 255.
        seed: Noise of different seeds is independent.
        index: The sample's number, and so is that of different samples.

    Returns:
        float32 of that shape, in units of the range [0, 1].
    """
    generator = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, index, _STREAM])))
    return generator.standard_normal(shape, dtype=np.float32) * np.float32(sigma / GREY_LEVELS)
