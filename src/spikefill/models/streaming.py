"""The hybrid network step by step in time: each layer passes its spikes on at once, not their rate after T steps.

This is what hardware of spiking neurons runs. In every step a layer gets the binary spikes that the layer before has
just fired; membranes are kept from step to step, and the result is the mean of what the last T steps give. It takes T
steps instead of T for each layer one after the other (`latency`), and is another function than that of the rates:

- A neuron that subtracts its threshold and does not leak passes on, over many steps, the mean of its current limited to
  [0, 1], however its spikes are spaced. Layers of convolutions and such neurons thus tend to the network with that
  limiter in the place of neurons, by 1 / T; in the first steps, deep layers have not got their input yet, which a
  warm-up leaves out of the mean.
- The normalisation before the neurons is not linear. Of the spikes of a single step it takes other statistics than of
  their mean, and no number of steps makes up for it. With ``statistics="running"`` they are those of the mean current
  so far, for which hardware needs a running sum for each neuron; this tends to the network with the limiter.

Levels of the pyramid follow one another. What is known of a level is filled from the finished coarser one, so that the
current of a core's first convolution is constant; the coarser level's spikes are played again, step by step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

from spikefill.errors import InputError, check_choice
from spikefill.neurons import LIF, ArcTan, LIFParameters, Noise, RateCurve, lif_varying

if TYPE_CHECKING:
    from collections.abc import Mapping

Statistics = Literal["step", "running"]
STATISTICS: tuple[str, ...] = ("step", "running")


@dataclass
class Stream:
    """How a network runs in time. Its steps lie in the batch: those of the first step come first.

    Attributes:
        steps: T, over which results are means; at least 1.
        warm_up: Steps before these, 0 or more.
        statistics: Of what the normalisation takes mean and variance: the currents of the ``"step"``, or their mean so
            far (``"running"``).

    Raises:
        InputError: A value is out of its range.
    """

    steps: int
    warm_up: int = 0
    statistics: Statistics = "step"

    def __post_init__(self) -> None:
        if isinstance(self.warm_up, bool) or not isinstance(self.warm_up, int) or self.warm_up < 0:
            raise InputError(f"warm_up is {self.warm_up!r}; it must be a whole number of steps, 0 or more")
        check_choice("statistics", self.statistics, STATISTICS)

    @classmethod
    def of(cls, settings: Mapping[str, object], steps: int) -> Stream:
        """From settings by name.

        Raises:
            InputError: One of them is unknown.
        """
        for name in settings:
            check_choice("setting of streaming", name, ("warm_up", "statistics"))
        return cls(steps, **settings)  # type: ignore[arg-type]

    @property
    def length(self) -> int:
        """Steps in all."""
        return self.warm_up + self.steps

    def constant(self, current: Tensor) -> Tensor:
        """N x ... to S N x ...: the same in all S steps."""
        return torch.cat([current] * self.length)

    def by_step(self, values: Tensor) -> Tensor:
        """S N x ... to S x N x ...."""
        return values.view(self.length, -1, *values.shape[1:])

    def mean(self, values: Tensor) -> Tensor:
        """S N x ... to N x ...: the mean over the steps after the warm-up."""
        return self.by_step(values)[self.warm_up :].mean(0)

    def fired(self, current: Tensor, norm: nn.LayerNorm, neuron: nn.Module, noise: Noise | None) -> Tensor:
        """What normalised neurons answer in each step.

        Args:
            current: S N x C x H x W.
            norm: The normalisation of the C channels.
            neuron: `LIF`, which keeps its state from step to step; every other layer takes each step for itself.
            noise: To be drawn for each step; None for none.

        Returns:
            S N x C x H x W; of `LIF` spikes, 0 or 1.
        """
        currents = self.by_step(self._normalised(current, norm))
        pointwise = None if noise is None else noise.pointwise()
        if isinstance(neuron, LIF):
            v_init = neuron.v_init if "v_init" in neuron.learnable else neuron.v_init_start
            spikes, _ = lif_varying(
                currents, _through_time(neuron.parameters_now()), v_init=v_init, pointwise=pointwise,
                backend=neuron.backend, final_state=False,
            )  # fmt: skip
            return spikes.flatten(0, 1)
        result: Tensor = neuron(currents if pointwise is None else pointwise.apply_to_sequence(currents))
        return result.flatten(0, 1)

    def _normalised(self, current: Tensor, norm: nn.LayerNorm) -> Tensor:
        channels_last = current.permute(0, 2, 3, 1)
        if self.statistics == "step":
            normalised: Tensor = norm(channels_last)
        else:
            precision = torch.promote_types(current.dtype, torch.float32)
            currents = self.by_step(channels_last.to(precision))
            number = torch.arange(1, self.length + 1, device=current.device, dtype=precision)
            so_far = currents.cumsum(0) / number.view(-1, 1, 1, 1, 1)
            variance, mean = torch.var_mean(so_far, dim=-1, keepdim=True, correction=0)
            scaled = (currents - mean) * (variance + norm.eps).rsqrt()
            normalised = (scaled * norm.weight + norm.bias).flatten(0, 1)
        return normalised.permute(0, 3, 1, 2)


def _through_time(parameters: LIFParameters) -> LIFParameters:
    """The neuron with a gradient for single steps.

    The curve of the rate has none. With the reset attached, the rate's gradient through time is that of the same line
    but for the potential that is left after the last step, since all current becomes spikes or stays.
    """
    if not isinstance(parameters.surrogate, RateCurve):
        return parameters
    return replace(parameters, surrogate=ArcTan(), detach_reset=False)
