"""`Denoiser`: a network that takes noise away, for arrays; to be measured, and set beside other restorers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from spikefill import models
from spikefill.degradation import Degradation, check_trained_for
from spikefill.devices import find_device
from spikefill.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn


class Denoiser:
    """Takes white Gaussian noise of one standard deviation away.

    Args:
        model: A network of `spikefill.models`, trained for it; moved to the device and put into ``eval()`` mode.
        degradation: Noise.
        device: Such as ``"cpu"`` or ``"cuda"``; None for the CPU.
        name: What messages call the network.

    Attributes:
        model: The `nn.Module`.

    Raises:
        InputError: The network was trained for something else, or the device is not there.
    """

    def __init__(
        self, model: nn.Module, degradation: Degradation, *, device: str | None = None, name: str = "model"
    ) -> None:
        check_trained_for(model, degradation, name=name)
        self.device = find_device(device or "cpu")
        self.model = model.eval().to(self.device)

    def denoise(self, noisy: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """What the network gives for a noisy image.

        Args:
            noisy: (H, W, 3), floating point; the image in [0, 1] with the noise added, not clipped.

        Returns:
            (H, W, 3) float32, not clipped.

        Raises:
            InputError: ``noisy`` has another shape or dtype, or the network answers with what is not a number.
        """
        if noisy.ndim != 3 or noisy.shape[2] != 3 or not np.issubdtype(noisy.dtype, np.floating):
            raise InputError(f"noisy has shape {noisy.shape}, {noisy.dtype}; it must be (H, W, 3), floating point")
        given = torch.from_numpy(np.ascontiguousarray(noisy.transpose(2, 0, 1)[None], dtype=np.float32))
        with torch.inference_mode():
            here = given.to(self.device)
            output: NDArray[np.float32] = self.model(here, torch.ones_like(here[:, :1]))[0].float().cpu().numpy()
        if not np.isfinite(output).all():
            raise InputError("model answers with values that are not finite; its weights are damaged")
        return output.transpose(1, 2, 0)


def load(name_or_file: str | Path, degradation: Degradation, *, device: str | None = None) -> Denoiser:
    """A `Denoiser` with a FILE of weights, or the best weights of a training run's folder.

    Raises:
        InputError: There is no such model, or an argument of `Denoiser` is wrong.
    """
    return Denoiser(models.read(name_or_file), degradation, device=device, name=str(name_or_file))
