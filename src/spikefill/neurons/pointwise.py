"""What is done to each element of the current before it reaches the neuron: bias, scale and shift, noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from spikefill.errors import InputError, check_choice
from spikefill.neurons.noise import normal_noise

NoiseMode = Literal["additive", "multiplicative"]
NOISE_MODES: tuple[str, ...] = ("additive", "multiplicative")


@dataclass(frozen=True, kw_only=True)
class Pointwise:
    """``noise((x + bias) scale + shift)``, which the fused kernels do as they load ``x``.

    Attributes:
        bias: What is added to each channel, C numbers in the dtype of the current; may be learnt. None for nothing.
        scale, shift: Fixed numbers for each channel, C each, as a folded batch normalisation has them; no gradient
            reaches them. Statistics taken from ``x`` itself need a pass of their own before.
        noise: Standard deviation of the noise, 0 or more.
        noise_mode: ``"additive"`` (I + noise n) or ``"multiplicative"`` (I (1 + noise n)), n of `normal_noise`.
        seed: Seed of the noise; step t of a sequence has noise of its own. None takes numbers from torch's generator,
            as a model does that is being compiled; the fused kernels need a seed.

    The channels are the third axis from the end: (N x) C x H x W.

    Raises:
        InputError: A value is out of its range, or scale or shift requires a gradient.
    """

    bias: Tensor | None = None
    scale: Tensor | None = None
    shift: Tensor | None = None
    noise: float = 0.0
    noise_mode: NoiseMode = "additive"
    seed: int | None = 0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.noise) and self.noise >= 0):
            raise InputError(f"noise is {self.noise!r}; it must be a standard deviation, 0 or more")
        check_choice("noise_mode", self.noise_mode, NOISE_MODES)
        for name in ("scale", "shift"):
            value = getattr(self, name)
            if value is not None and value.requires_grad:
                raise InputError(f"{name} requires a gradient; here it is fixed (apply a learnt one to the current)")

    @property
    def by_channel(self) -> bool:
        """Whether there is a bias, a scale or a shift."""
        return any(value is not None for value in (self.bias, self.scale, self.shift))

    def check(self, shape: torch.Size) -> None:
        """Raises `InputError` unless the values by channel fit a current of this shape (a step's)."""
        for name in ("bias", "scale", "shift"):
            value = getattr(self, name)
            if value is not None and (len(shape) < 3 or value.shape != shape[-3:-2]):
                raise InputError(
                    f"{name} has shape {tuple(value.shape)}; for a current of shape {tuple(shape)} it is one number "
                    "for each channel, the third axis from the end"
                )

    def apply(self, current: Tensor, step: int = 0) -> Tensor:
        """The current of a step, (N x) C x H x W, as the neuron receives it."""
        self.check(current.shape)
        if self.bias is not None:
            current = current + self.bias[:, None, None]
        if self.scale is not None:
            current = current * self.scale[:, None, None]
        if self.shift is not None:
            current = current + self.shift[:, None, None]
        if not self.noise:
            return current
        if self.seed is None:
            noise = torch.randn_like(current)
        else:
            noise = normal_noise(current.detach(), seed=self.seed, step=step)
        noise = noise.mul_(self.noise)
        return current + noise if self.noise_mode == "additive" else current * noise.add_(1)

    def apply_to_sequence(self, currents: Tensor) -> Tensor:
        """The currents of all steps, T x (N x) C x H x W; each has noise of its own."""
        return torch.stack([self.apply(current, step) for step, current in enumerate(currents)])


@dataclass(frozen=True)
class Noise:
    """Gaussian noise on a layer's currents.

    Attributes:
        deviation: Standard deviation, 0 or more.
        mode: ``"additive"`` (I + deviation n) or ``"multiplicative"`` (I (1 + deviation n)), n standard normal.
        in_eval: Draw noise in ``eval()`` too.

    Raises:
        InputError: A value is out of its range.
    """

    deviation: float = 0.0
    mode: NoiseMode = "additive"
    in_eval: bool = False

    def __post_init__(self) -> None:
        Pointwise(noise=self.deviation, noise_mode=self.mode)  # which checks both

    def drawn(self, *, training: bool) -> bool:
        """Whether a layer in this mode draws any."""
        return self.deviation > 0 and (training or self.in_eval)

    def pointwise(self, *, bias: Tensor | None = None, seed: int | None = None) -> Pointwise:
        """The noise of one call, after a bias; without a seed, it is drawn from torch's generator."""
        if seed is None and not torch.compiler.is_compiling():  # where a number drawn here would break the graph
            seed = int(torch.randint(1 << 62, ()))
        return Pointwise(bias=bias, noise=self.deviation, noise_mode=self.mode, seed=seed)
