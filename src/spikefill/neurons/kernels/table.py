"""The rate under a constant current as a step function of the current, found once for a neuron.

**Hard reset.** Every spike starts the same cycle again, so that the number of spikes in T steps is a monotone function
of the current: ``floor(T / k)`` where a neuron that starts from its reset first fires in step k. It has few levels, at
most about ``2 sqrt(T)``. Each operation of a step is monotone under rounding, so that bisecting the definition itself
over the floating-point numbers gives the exact boundaries. A closed form would miss the ties.

**Soft reset.** In exact arithmetic the number of spikes grows with the current, also where the drives
``d[t] = gain I[t]`` change in time: a neuron with larger drives has at no time fired less often. (Else take the first
step in which it falls behind. Its spikes so far are as many and no later, so they have decayed as much or more, and
with the larger drives its potential is not below the other's: it fires as well.) Rounding changes a step by no more
than a small ``e`` would, added to its drive. The spikes as computed therefore lie between those of ``d - e`` and
``d + e`` in exact arithmetic, and are certain unless a boundary is within ``e``; there the steps are run.
Without leak, and from a potential within [0, threshold), the boundaries are equally spaced: a line takes the place of
a table.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from spikefill.neurons.kernels.arithmetic import Array
from spikefill.neurons.lif import LIFParameters, LIFState, initial_state, lif_step, run_constant

_LONGEST_SUM = 16
"""Levels up to which comparing with every bound is faster than looking up a bucket."""
_MOST_BUCKETS = 1 << 12
_FEWEST_STEPS, _MOST_STEPS = 6, 256
"""Of a soft reset with leak: fewer steps are run as fast, and the bounds of more take long to find."""


class Bounds(NamedTuple):
    """Boundary currents in ascending order, and the spikes that each adds; NaN is reached by none."""

    bounds: Array
    added: Array


class Buckets(NamedTuple):
    """As `lookup_loops.constant_by_buckets` takes them."""

    place: Array
    margins: Array
    bounds: Array
    counts: Array


class Line(NamedTuple):
    """As `lookup_loops.constant_by_line` takes it."""

    line: Array


def usable(parameters: LIFParameters) -> bool:
    """Whether there may be a table: for fixed parameters, a positive gain, and without a synapse."""
    p = parameters
    if any(isinstance(value, Tensor) for value in (p.beta, p.gain, p.threshold)):
        return False
    if p.reset == "soft" and (p.refractory or p.beta == 0 or p.threshold <= 0):
        return False
    return bool(p.gain > 0) and p.alpha is None


@lru_cache(maxsize=256)
def rate_table(
    parameters: LIFParameters, steps: int, v_init: float, dtype: torch.dtype
) -> Bounds | Buckets | Line | None:
    """The step function of a neuron: a sum of few steps, buckets, a line, or None where running the steps is better."""
    if parameters.reset == "soft":
        if _on_a_line(parameters, steps, v_init):
            return _line(parameters, steps, v_init, dtype)
        if not _FEWEST_STEPS <= steps <= _MOST_STEPS:
            return None
        found, margin = _soft_bounds(parameters, steps, v_init, dtype)
        return _buckets(found, torch.ones_like(found), margin, dtype)
    bounds, added = _hard_bounds(parameters, steps, v_init, dtype)
    if len(bounds) > _LONGEST_SUM:
        buckets = _buckets(bounds.double(), added, -1.0, dtype)
        if buckets is not None:
            return buckets
    padding = -len(bounds) % 4
    return Bounds(
        np.pad(bounds.numpy(), (0, padding), constant_values=np.nan), np.pad(added.to(dtype).numpy(), (0, padding))
    )


def _count(current: Tensor, steps: int, parameters: LIFParameters, v_init: float) -> Tensor:
    return run_constant(current, steps, parameters, initial_state(current, parameters, v_init), "count")[0]


def _hard_bounds(parameters: LIFParameters, steps: int, v_init: float, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """The smallest numbers from which a neuron fires more often, and how much more."""
    integer = torch.int64 if dtype == torch.float64 else torch.int32

    def numbers(order: Tensor) -> Tensor:
        """The floating-point numbers of places in their order: 0 is zero, 1 the smallest above it, and so on."""
        return torch.where(order < 0, -1, 1).to(dtype) * order.abs().to(integer).view(dtype)

    infinity = torch.tensor(torch.inf, dtype=dtype)
    wanted = torch.arange(1, int(_count(infinity, steps, parameters, v_init)) + 1)
    above = infinity.view(integer).long().expand(len(wanted)).clone()
    below = -above
    while (below + 1 < above).any():
        middle = (above >> 1) + (below >> 1) + (above & below & 1)  # the mean; the sum itself may overflow
        reached = _count(numbers(middle), steps, parameters, v_init) >= wanted
        above, below = torch.where(reached, middle, above), torch.where(reached, below, middle)
    found: tuple[Tensor, Tensor] = torch.unique(numbers(above), return_counts=True)
    return found


def _soft_bounds(parameters: LIFParameters, steps: int, v_init: float, dtype: torch.dtype) -> tuple[Tensor, float]:
    """The T boundary currents of a soft reset in float64, and how near to one of them rounding may decide."""
    p = parameters
    gain, threshold = float(p.gain), float(p.threshold)
    scale = abs(threshold) + abs(p.v_leak) + abs(v_init)
    wanted = torch.arange(1, steps + 1, dtype=torch.float64)
    below = torch.full((steps,), -4.0 * scale / gain, dtype=torch.float64)
    above = -below
    for _ in range(60):
        middle = (below + above) / 2
        reached = _count(middle, steps, parameters, v_init) >= wanted
        above, below = torch.where(reached, middle, above), torch.where(reached, below, middle)
    return above, _rounding(above, parameters, steps, v_init, dtype) / gain


def _rounding(bounds: Tensor, parameters: LIFParameters, steps: int, v_init: float, dtype: torch.dtype) -> float:
    """How much the rounding of a step may do at most, as a change of its drive; ``bounds`` are in float64."""
    p = parameters
    scale = abs(float(p.threshold)) + abs(p.v_leak) + abs(v_init)
    state: LIFState = initial_state(bounds, parameters, v_init)
    largest = scale
    for _ in range(steps):
        _, h, state = lif_step(bounds, state, parameters)
        largest = max(largest, h.abs().max().item(), state.v.abs().max().item())
    # A step rounds six times, each time by at most half a unit in the last place of about the largest potential; the
    # bounds were found by such steps as well.
    rounding = torch.finfo(dtype).eps / 2
    return 20 * rounding * (2 * largest + scale + float(p.gain) * bounds.abs().max().item())


def _on_a_line(parameters: LIFParameters, steps: int, v_init: float) -> bool:
    """Whether a neuron with soft reset has its boundaries equally spaced, and few enough to tell them apart."""
    p = parameters
    return bool(p.beta == 1) and p.v_leak == 0 and 0 <= v_init < float(p.threshold) and steps <= _MOST_STEPS


def _line(parameters: LIFParameters, steps: int, v_init: float, dtype: torch.dtype) -> Line:
    """After T steps of a current I, V + threshold times the spikes is ``v_init + T gain I``, and V below threshold."""
    gain, threshold = float(parameters.gain), float(parameters.threshold)
    slope, origin = gain * steps / threshold, v_init / threshold
    bounds = (torch.arange(1, steps + 1, dtype=torch.float64) - origin) / slope
    decided_by_steps = _rounding(bounds, parameters, steps, v_init, dtype) * steps / threshold
    decided_by_line = 4 * torch.finfo(dtype).eps * (steps + 2)
    numbers = [slope, origin, decided_by_steps + decided_by_line, steps, 0.5]
    return Line(torch.tensor(numbers, dtype=dtype).numpy())


def _buckets(bounds: Tensor, added: Tensor, margin: float, dtype: torch.dtype) -> Buckets | None:
    """Buckets by the leading bits of a current.

    In the few buckets with several bounds, all currents run their steps. None if bounds are not positive, or if more
    than a hundredth of their range would have to run.
    """
    reach = max(margin, 0.0)
    if not bounds[0] > reach:
        return None
    integer = torch.int64 if dtype == torch.float64 else torch.int32
    sides = torch.stack([bounds - reach, bounds, bounds + reach]).to(dtype).view(integer).long()
    shift = 0
    while (int(sides[2, -1]) >> shift) - (int(sides[0, 0]) >> shift) + 3 > _MOST_BUCKETS:
        shift += 1
    base = (int(sides[0, 0]) >> shift) - 1
    buckets = (sides >> shift) - base
    number = int(buckets[2, -1]) + 2

    owner: dict[int, int] = {}
    crowded = torch.zeros(number, dtype=torch.bool)
    for j, (first, _, last) in enumerate(buckets.T.tolist()):
        for bucket in range(first, last + 1):
            crowded[bucket] |= owner.setdefault(bucket, j) != j
    starts = ((torch.arange(number) + base) << shift).to(integer).view(dtype).double()
    if starts.diff()[crowded[:-1]].sum() > 0.01 * (bounds[-1] - bounds[0]).item():
        return None

    of_bucket = torch.full((number,), torch.nan, dtype=dtype)
    of_bucket[list(owner)] = bounds.to(dtype)[list(owner.values())]
    of_bucket[-1] = -torch.inf  # beyond all bounds: every number, but none that is not a number
    margins = torch.full((number,), margin, dtype=dtype)
    of_bucket[crowded], margins[crowded] = 0, torch.inf
    new = torch.zeros(number, dtype=torch.float64).index_add_(0, buckets[1], added.double())
    before = new.cumsum(0) - new
    counts = torch.stack([before, before + new], 1)
    counts[-1] = torch.tensor([0.0, added.sum().item()])
    return Buckets(
        np.array([shift, base, number - 1]), margins.numpy(), of_bucket.numpy(), counts.reshape(-1).to(dtype).numpy()
    )
