"""Layers that spike: a convolution whose output is the current of leaky integrate-and-fire neurons."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from spikefill.errors import InputError
from spikefill.neurons import LIF, LIFState, Pointwise
from spikefill.neurons.constant import Readout
from spikefill.neurons.pointwise import Noise, NoiseMode


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
        Noise(noise, noise_mode)  # which checks both
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
    ) -> Tensor | tuple[Tensor, LIFState | None]:
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
        result: Tensor | tuple[Tensor, LIFState | None] = self.neuron(
            self._convolved(image), state, sequence=image.ndim == 5, return_state=return_state,
            pointwise=self._pointwise(seed),
        )  # fmt: skip
        return result

    def current(self, image: Tensor, *, seed: int | None = None) -> Tensor:
        """What the neurons receive: the convolution's output with its bias and noise; arguments as in `forward`."""
        current, pointwise = self._convolved(image), self._pointwise(seed)
        return pointwise.apply_to_sequence(current) if image.ndim == 5 else pointwise.apply(current)

    def _convolved(self, image: Tensor) -> Tensor:
        """The convolution without its bias; a sequence goes through it as one batch."""
        if image.ndim == 5:
            current: Tensor = self._conv_forward(image.flatten(0, 1), self.weight, None).unflatten(0, image.shape[:2])
        else:
            current = self._conv_forward(image, self.weight, None)
        return current

    def _pointwise(self, seed: int | None) -> Pointwise:
        """The bias, and the noise of a call: the neurons add both as they read the convolution's output."""
        noise = Noise(self.noise, self.noise_mode, self.noise_in_eval)
        if not noise.drawn(training=self.training):
            return Pointwise(bias=self.bias)
        return noise.pointwise(bias=self.bias, seed=seed)

    def extra_repr(self) -> str:
        """The settings of convolution and noise, as `print` shows them."""
        return f"{nn.Conv2d.extra_repr(self)}, noise={self.noise}, noise_mode={self.noise_mode!r}"  # type: ignore[no-untyped-call]
