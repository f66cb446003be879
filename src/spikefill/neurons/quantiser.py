"""The neuron without time: a clipped line, rounded to some levels. A still image shows a neuron no more than that."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from spikefill.errors import InputError, check_choice
from spikefill.neurons.layout import flat, memory_order, unflat
from spikefill.neurons.lif import LIFParameters
from spikefill.neurons.module import LIF
from spikefill.neurons.surrogate import RateCurve, line_slope

Levels = Literal["uniform", "neuron"]
LEVELS: tuple[str, ...] = ("uniform", "neuron")


def rate_levels(parameters: LIFParameters, steps: int) -> list[float]:
    """The rates that a neuron can have in ``steps`` steps of a constant current, in ascending order.

    After a hard reset the same cycle begins again: a first spike in step k, k = 1 to T, makes
    ``floor((T + r) / (k + r))`` spikes with r refractory steps. For T = 4 the rates are 0, 1/4, 1/2 and 1. A soft reset
    without refractory steps has all ``T + 1`` multiples of 1 / T.

    Args:
        parameters: A neuron that starts from its reset, with fixed ``beta`` and ``gain`` above 0.
        steps: T, at least 1.

    Raises:
        InputError: The neuron is learnt, has a synapse, or waits after a soft reset.
    """
    p = parameters
    if any(isinstance(value, Tensor) for value in (p.beta, p.gain, p.threshold)):
        raise InputError("a neuron with learnt parameters has no fixed levels; leave learnable out")
    if p.alpha is not None:
        raise InputError(f"alpha is {p.alpha!r}; the levels are known of neurons without a synapse")
    if not float(p.beta) > 0 or not float(p.gain) > 0:
        raise InputError(
            f"beta is {p.beta!r} and gain {p.gain!r}; a rate that rises with the current needs both above 0"
        )
    if p.reset == "hard":
        counts = {(steps + p.refractory) // (first + p.refractory) for first in range(1, steps + 1)} | {0}
    elif p.refractory:
        raise InputError(f"refractory is {p.refractory}; the levels of a soft reset are known for 0")
    else:
        counts = set(range(steps + 1))
    return [count / steps for count in sorted(counts)]


class Quantiser(nn.Module):
    """What stands in for neurons under a constant current, and takes no time.

    The line rises from 0 to 1 between the currents of one spike in T steps and of a spike in each
    (`RateCurve.onset_and_saturation`). Its value is rounded to the nearest level, halves upwards. The gradient is the
    line's, and a share of it outside: that of the surrogate ``rate`` for a soft reset.

    For a soft reset without leak, started from half the threshold, it gives exactly what the neuron gives.

    Args:
        neuron: Whose range of currents, T, and levels are taken.
        levels: ``"uniform"`` (the ``T + 1`` multiples of 1 / T) or ``"neuron"`` (`rate_levels`).
        outside: Gradient outside the range, as a share of the line's slope; 0 or more.

    Shape:
        Any, floating point, to the same, in [0, 1]; 0 for NaN, under which a neuron is silent.

    Raises:
        InputError: An argument is out of its range, or the neuron's levels are not known.
    """

    bounds: Tensor
    values: Tensor

    def __init__(self, neuron: LIF, *, levels: Levels = "uniform", outside: float = 0.1) -> None:
        super().__init__()
        check_choice("levels", levels, LEVELS)
        if neuron.readout != "rate":
            raise InputError(f"readout of the neuron is {neuron.readout!r}; what stands in for it gives 'rate'")
        if not outside >= 0:
            raise InputError(f"outside is {outside!r}; it must be 0 or more")
        parameters = neuron.parameters_now()
        if levels == "neuron" and parameters.reset == "hard" and neuron.v_init_start != parameters.v_reset:
            raise InputError(
                f"v_init is {neuron.v_init_start!r} and v_reset {parameters.v_reset!r}; the levels of a hard reset are "
                "known of neurons that start from their reset"
            )
        self.levels = levels
        self.outside = outside
        self._neuron = parameters
        self.register_buffer("bounds", None, persistent=False)
        self.register_buffer("values", None, persistent=False)
        self.set_steps(neuron.steps)

    def set_steps(self, steps: int) -> None:
        """Changes T, and the levels with it; at least 1."""
        found = rate_levels(self._neuron, steps)
        if self.levels == "uniform":
            found = [count / steps for count in range(steps + 1)]
        device = None if self.values is None else self.values.device
        self.steps = steps
        self.low, self.high = RateCurve().onset_and_saturation(self._neuron, steps)
        self.values = torch.tensor(found, device=device)
        self.bounds = (self.values[1:] + self.values[:-1]) / 2

    def forward(self, current: Tensor) -> Tensor:
        """The level for each element; see the class for shapes."""
        rate: Tensor = _Quantised.apply(  # type: ignore[no-untyped-call]
            current, self.bounds, self.values, self.low, self.high, self.outside
        )
        return rate

    def extra_repr(self) -> str:
        """The settings, as `print` shows them."""
        return f"levels={self.levels!r}, steps={self.steps}, low={self.low:.4g}, high={self.high:.4g}"


class _Quantised(torch.autograd.Function):
    """The nearest level of a line; backwards the line's slope."""

    @staticmethod
    def forward(
        ctx: Any, current: Tensor, bounds: Tensor, values: Tensor, low: float, high: float, outside: float
    ) -> Tensor:
        ctx.save_for_backward(current)
        ctx.line = low, high, outside
        order = memory_order(current)
        line = ((flat(current, order) - low) / (high - low)).nan_to_num(nan=0.0)
        level = torch.bucketize(line, bounds.to(line.dtype), right=True, out_int32=True)
        return unflat(values.to(line.dtype)[level], current, order)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (current,) = ctx.saved_tensors
        return line_slope(current, *ctx.line) * gradient, None, None, None, None, None
