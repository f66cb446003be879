"""The same restoration with more and more time steps, as frames and as an animation."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn

from spikefill.neurons import LIF

STEPS: tuple[int, ...] = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
"""Numbers of time steps that are shown."""

_LONGEST_SIDE = 640
_MILLISECONDS, _LAST_MILLISECONDS = 700, 2100
_CAPTION = 26


def restored_with(model: nn.Module, masked: Tensor, mask: Tensor, steps: Sequence[int]) -> Iterator[tuple[int, Tensor]]:
    """Restores a picture with each of some numbers of time steps and the same weights.

    Args:
        model: A network with neurons; it stays as it is.
        masked: 1 x 3 x H x W in [0, 1], zero in the holes.
        mask: 1 x 1 x H x W, 1 in the holes.
        steps: The numbers, each 1 or more.

    Yields:
        The number of steps and the restored picture, 1 x 3 x H x W in [0, 1], whose known pixels are the given ones.
    """
    changed = copy.deepcopy(model)
    neurons = [module for module in changed.modules() if isinstance(module, LIF)]
    for number in steps:
        for neuron in neurons:
            neuron.steps = number
        with torch.no_grad():
            yield number, torch.where(mask > 0, changed(masked, mask).clamp(0, 1), masked)


def frame(restored: Tensor, steps: int) -> Image.Image:
    """A restored picture, 1 x 3 x H x W, at most 640 px on the longer side, with T written below."""
    pixels: NDArray[np.uint8] = (restored[0] * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    picture.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE), Image.Resampling.LANCZOS)
    whole = Image.new("RGB", (picture.width, picture.height + _CAPTION), "white")
    whole.paste(picture)
    text = f"T = {steps}"
    font = ImageFont.load_default(size=16)
    ImageDraw.Draw(whole).text((picture.width // 2, picture.height + _CAPTION // 2), text, "black", font, anchor="mm")
    return whole


def save_animation(frames: Sequence[Image.Image], path: Path) -> None:
    """Writes frames as a WebP that plays for ever, each for 0.7 s, the last one longer."""
    durations = [*(_MILLISECONDS for _ in frames[1:]), _LAST_MILLISECONDS]
    frames[0].save(
        path, format="WEBP", save_all=True, append_images=list(frames[1:]), duration=durations, loop=0, quality=80,
        method=4,
    )  # fmt: skip
