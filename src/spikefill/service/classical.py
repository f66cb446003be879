"""OpenCV's classical methods in the place of a network, so that they restore whatever file a network restores."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from spikefill.errors import InputError
from spikefill.inpainting import Inpainter

CLASSICAL = ("telea", "navier-stokes")
"""Names of `spikefill.evaluation.BASELINES` that are quick enough for a person who waits."""


class Classical(nn.Module):
    """A baseline as a model: it sees the whole picture, in 8 bits.

    Args:
        name: Of `CLASSICAL`.

    Raises:
        InputError: The extra ``eval`` is not installed.
    """

    context = None

    def __init__(self, name: str) -> None:
        super().__init__()
        try:
            from spikefill.evaluation.baselines import BASELINES
        except ModuleNotFoundError as error:
            raise InputError(f"{name} needs {error.name}; install it with: pip install 'spikefill[eval]'") from error
        self._fill = BASELINES[name]

    def forward(self, masked: Tensor, mask: Tensor) -> Tensor:
        """N x 3 x H x W float32 in [0, 1] and N x 1 x H x W, 1 in the holes, to N x 3 x H x W."""
        filled = [
            self._fill(np.rint(255 * picture.permute(1, 2, 0).numpy()).astype(np.uint8), holes[0].numpy() > 0)
            for picture, holes in zip(masked, mask, strict=True)
        ]
        return torch.from_numpy(np.stack(filled)).permute(0, 3, 1, 2).float() / 255


def classical(name: str) -> Inpainter:
    """An `Inpainter` with a baseline of `CLASSICAL`.

    Raises:
        InputError: As `Classical`.
    """
    return Inpainter(Classical(name))
