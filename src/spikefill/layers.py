"""Layers that spike: a convolution whose output is the current of leaky integrate-and-fire neurons."""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Tensor, nn

from spikefill.errors import InputError, check_choice
from spikefill.neurons import LIF, LIFState, normal_noise
from spikefill.neurons.constant import Readout

NoiseMode = Literal["additive", "multiplicative"]

__all__ = ["NoiseMode", "SNNConv2d"]


class SNNConv2d(nn.Conv2d):
    """Convolution, Gaussian noise, LIF neurons: the spiking layer of Sanaullah et al., NLDL 2024.

    A still image is a constant current: the convolution runs once, noise is drawn once, and the neurons run ``steps``
    steps of it. A sequence is convolved, and gets its own noise, step by step.

    Args:
        in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype:
            As in `torch.nn.Conv2d`.
        steps: T, how many steps a still image is applied.
        noise: Standard deviation of the noise on the current, 0 or more.
        noise_mode: ``"additive"`` (I + noise n) or ``"multiplicative"`` (I (1 + noise n)), n standard normal.
        noise_in_eval: Draw noise in ``eval()`` too.
        readout: Readout of the neurons: ``"rate"``, ``"spikes"``, ``"membrane"`` or ``"latency"``.
        **neuron: Every other argument of `neurons.LIF` (``tau``, ``beta``, ``reset``, ``surrogate``, ...).

    Attributes:
        neuron: The `LIF` module.

    Raises:
        InputError: An argument of the noise or the neuron is out of its range.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: str | int | tuple[int, int] = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: Literal["zeros", "reflect", "replicate", "circular"] = "zeros",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        steps: int = 8,
        noise: float = 0.1,
        noise_mode: NoiseMode = "additive",
        noise_in_eval: bool = False,
        readout: Readout = "rate",
        **neuron: Any,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype
        )
        if not (math.isfinite(noise) and noise >= 0):
            raise InputError(f"noise is {noise!r}; it must be a standard deviation, 0 or more")
        check_choice("noise_mode", noise_mode, ("additive", "multiplicative"))
        self.noise = noise
        self.noise_mode: NoiseMode = noise_mode
        self.noise_in_eval = noise_in_eval
        self.neuron = LIF(steps=steps, readout=readout, **neuron).to(device)

    def forward(  # type: ignore[override]
        self,
        image: Tensor,
        state: LIFState | None = None,
        *,
        return_state: bool = False,
        seed: int | None = None,
    ) -> Tensor | tuple[Tensor, LIFState]:
        """Convolves and fires.

        Args:
            image: A still image, N C H W (or C H W), or a sequence, T N C H W.
            state: The neurons' state before the first step; None starts afresh.
            return_state: Return the final state too.
            seed: Seed of this call's noise; None draws one from torch's global generator.

        Returns:
            What `LIF.forward` returns: for a still image and ``rate``, N C' H' W' in [0, 1].

        Raises:
            InputError: ``image`` has another number of dimensions.
        """
        if image.ndim not in (3, 4, 5):
            raise InputError(f"image has shape {tuple(image.shape)}; give N C H W, C H W, or a sequence T N C H W")
        current = self.current(image, seed=seed)
        result: Tensor | tuple[Tensor, LIFState] = self.neuron(
            current, state, sequence=image.ndim == 5, return_state=return_state
        )
        return result

    def current(self, image: Tensor, *, seed: int | None = None) -> Tensor:
        """What the neurons receive: the convolution's output with its noise; arguments as in `forward`."""
        if image.ndim == 5:  # one step after the other through the convolution, as one batch
            current: Tensor = super().forward(image.flatten(0, 1)).unflatten(0, image.shape[:2])  # type: ignore[no-untyped-call]
        else:
            current = super().forward(image)
        if self.noise == 0 or not (self.training or self.noise_in_eval):
            return current
        if seed is None:
            seed = int(torch.randint(1 << 62, ()))
        if image.ndim == 5:
            return torch.stack([self._with_noise(frame, seed, t) for t, frame in enumerate(current)])
        return self._with_noise(current, seed)

    def _with_noise(self, current: Tensor, seed: int, step: int = 0) -> Tensor:
        noise = normal_noise(current.detach(), seed=seed, step=step).mul_(self.noise)
        return current + noise if self.noise_mode == "additive" else current * noise.add_(1)

    def extra_repr(self) -> str:
        """The settings of convolution and noise, as `print` shows them."""
        return f"{nn.Conv2d.extra_repr(self)}, noise={self.noise}, noise_mode={self.noise_mode!r}"  # type: ignore[no-untyped-call]
