"""A call of the fused kernels: its tensors as flat arrays in memory order, its numbers, what is joined to the load."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spikefill.neurons.kernels import joined, neuron
from spikefill.neurons.kernels.arithmetic import Array
from spikefill.neurons.kernels.memory import empty
from spikefill.neurons.kernels.neuron import Kind
from spikefill.neurons.kernels.threads import in_shares
from spikefill.neurons.layout import dense, flat, memory_order, unflat
from spikefill.neurons.lif import LIFParameters, Scalar
from spikefill.neurons.noise import mixed_key
from spikefill.neurons.pointwise import Pointwise
from spikefill.neurons.surrogate import ArcTan, FastSigmoid, RateCurve, Triangle


@dataclass(frozen=True)
class Call:
    """The part of a call that is not differentiated."""

    steps: int
    parameters: LIFParameters
    pointwise: Pointwise | None
    final: bool
    count: bool = False
    readout: str = "rate"
    waiting: Tensor | None = None


def learnable(parameters: LIFParameters) -> dict[str, Scalar]:
    """The parameters that may be tensors with a gradient, in the order in which the kernels sum them."""
    return {"beta": parameters.beta, "gain": parameters.gain, "threshold": parameters.threshold}


class Arguments:
    """The arrays of a call: its tensors as one dimension (a row a step) in memory order, constants, what is joined."""

    def __init__(self, call: Call, current: Tensor, v: Tensor, learnt: tuple[Tensor | None, ...], *, frames: bool):
        p, pointwise = call.parameters, call.pointwise
        self.call = call
        self.frames = frames
        self.current = _dense_frames(current) if frames else dense(current)
        self.frame = self.current[0] if frames else self.current
        self.order = memory_order(self.frame)
        self.layout = np.zeros(joined.LAYOUT, np.int64)
        if pointwise is not None:
            self._join(pointwise)
        self.dtype = torch.float64 if current.dtype == torch.float64 else torch.float32
        self.precision = np.dtype(np.float64 if current.dtype == torch.float64 else np.float32)
        self.chunks = -(-self.frame.numel() // neuron.CHUNK)
        self.constants = _constants(call, learnt, self.precision)
        self.points: Array | None = None
        self.keys: Array | None = None
        if pointwise is not None and pointwise.by_channel:
            self.points = _points(pointwise, self.frame, self.precision)
        if pointwise is not None and pointwise.noise and pointwise.seed is not None:
            self.constants[neuron.SIGMA] = pointwise.noise
            steps = range(self.current.shape[0] if frames else 1)
            keys = [[mixed_key(pointwise.seed, step, lane) & 0xFFFFFFFF for lane in (0, 1)] for step in steps]
            self.keys = np.array(keys, np.uint32)
        self.source = self.array(self.current)
        self.v_first = v.detach().reshape(-1).numpy() if v.numel() == 1 else self.state_array(v)
        self.wait_first = np.empty(0, np.int32)
        if call.waiting is not None and p.refractory:
            self.wait_first = flat(call.waiting.to(torch.int32), self.order).numpy()
        self.kind = Kind(p.reset == "soft", p.v_leak != 0, p.refractory > 0)

    def _join(self, pointwise: Pointwise) -> None:
        """Finds how channels lie in memory; where neither before nor after the pixels, the current is copied."""
        pointwise.check(self.frame.shape)
        axes = list(range(self.frame.ndim))
        last = [*axes[:-3], *axes[-2:], *axes[-3:-2]]
        if self.order not in (axes, last):
            self.current = self.current.contiguous()
            self.frame = self.current[0] if self.frames else self.current
            self.order = axes
        plane = math.prod(self.frame.shape[-2:])
        self.layout[joined.MULTIPLICATIVE] = pointwise.noise_mode == "multiplicative"
        channels = self.frame.shape[-3] if self.frame.ndim > 2 else 1
        self.layout[joined.INNER] = plane if self.order == axes or channels == 1 else 1
        self.layout[joined.CHANNELS] = channels
        self.layout[joined.PLANE] = plane

    def array(self, tensor: Tensor) -> Array:
        """A tensor of the current's shape as the kernels take it."""
        tensor = tensor.detach()
        if self.frames:
            tensor = tensor.permute([0, *(axis + 1 for axis in self.order)]).reshape(tensor.shape[0], -1)
        else:
            tensor = flat(tensor, self.order)
        return bits(tensor.contiguous())

    def state_array(self, tensor: Tensor | None) -> Array:
        """A tensor of a step's shape in the precision of the computation; nothing as an empty array."""
        if tensor is None:
            return np.empty(0, self.precision)
        found: Array = flat(tensor.detach(), self.order).contiguous().numpy()
        return found

    def new(self) -> Tensor:
        """One dimension of a step's size, in the precision of the computation."""
        return empty((self.frame.numel(),), self.dtype)

    def shaped(self, tensor: Tensor) -> Tensor:
        """A result of one dimension, or of a row a step, in the current's shape."""
        if tensor.ndim == 1:
            return unflat(tensor, self.frame, self.order)
        inner = [1 + self.order.index(axis) for axis in range(self.frame.ndim)]
        return tensor.view(tensor.shape[0], *(self.frame.shape[axis] for axis in self.order)).permute([0, *inner])

    def final_state(self) -> tuple[Tensor, Tensor]:
        """Memory for the potential and the refractory steps after the last step; empty for what is not wanted."""
        v, waiting = torch.empty(0, dtype=self.dtype), torch.empty(0, dtype=torch.int32)
        if self.call.final:
            v = self.new()
            if self.call.parameters.refractory:
                waiting = empty((self.frame.numel(),), torch.int32)
        return v, waiting

    def bias_sums(self, wanted: bool) -> Array:
        """Zeros to add the gradient of the bias up in: a row a chunk, a column a channel."""
        bias = self.call.pointwise.bias if self.call.pointwise is not None else None
        return np.zeros((self.chunks, len(bias) if bias is not None and wanted else 0))

    def run(self, kernel: Callable[..., None], *arrays: Array, after: tuple[Array, ...] = (), grain: int = 1) -> None:
        """Calls a kernel with these arrays, start and stop, the constants, what is joined, and those ``after``."""
        call = self.call
        others = (self.constants, call.steps, call.parameters.refractory, self.layout, self.points, self.keys, *after)
        in_shares(lambda start, stop: kernel(*arrays, start, stop, *others), self.frame.numel(), grain)


def _constants(call: Call, learnt: tuple[Tensor | None, ...], precision: np.dtype[Any]) -> Array:
    """The numbers of a call; those of a neuron that learns nothing are made once."""
    p, every = call.parameters, 1 if call.count else call.steps
    if all(value is None for value in learnt):
        return _fixed_constants(p, every, precision).copy()
    values = [
        given if value is None else value.item() for value, given in zip(learnt, learnable(p).values(), strict=True)
    ]
    return _numbers(p, values, every, precision)


@lru_cache(maxsize=256)
def _fixed_constants(parameters: LIFParameters, every: int, precision: np.dtype[Any]) -> Array:
    return _numbers(parameters, list(learnable(parameters).values()), every, precision)


def _numbers(parameters: LIFParameters, learnt: list[Any], every: int, precision: np.dtype[Any]) -> Array:
    """The constants as the kernels read them; ``learnt`` are beta, gain and threshold."""
    p = parameters
    numbers = np.zeros(neuron.CONSTANTS, precision)
    numbers[[neuron.BETA, neuron.GAIN, neuron.THRESHOLD]] = learnt
    numbers[neuron.FIRES_FROM] = numbers[neuron.THRESHOLD]
    if p.strict:
        numbers[neuron.FIRES_FROM] = np.nextafter(numbers[neuron.THRESHOLD], precision.type(np.inf))
    numbers[neuron.V_RESET], numbers[neuron.V_LEAK] = p.v_reset, p.v_leak
    numbers[neuron.EVERY], numbers[neuron.ONE] = every, 1
    numbers[[neuron.FIRST, neuron.SECOND]] = _surrogate_numbers(p.surrogate)
    return numbers


def bits(tensor: Tensor) -> Array:
    """The array of a tensor; bfloat16 as uint16."""
    found: Array = (
        tensor.view(torch.int16).numpy().view(np.uint16) if tensor.dtype == torch.bfloat16 else tensor.numpy()
    )
    return found


def _dense_frames(currents: Tensor) -> Tensor:
    """The currents themselves if each step's fill a stretch of memory, one after the other, else a copy."""
    order = [0, *(1 + axis for axis in memory_order(currents[0]))]
    return currents if currents.permute(order).is_contiguous() else currents.contiguous()


def _points(pointwise: Pointwise, frame: Tensor, precision: np.dtype[Any]) -> Array:
    """Bias, and where they are used scale and shift, of each channel."""
    bias, scale, shift = pointwise.bias, pointwise.scale, pointwise.shift
    if bias is not None and scale is None and shift is None:
        wanted = torch.float64 if precision == np.float64 else torch.float32
        alone: Array = bias.detach().to(wanted).contiguous().numpy()
        return alone[None]
    points = np.zeros((3, frame.shape[-3]), precision)
    points[joined.SCALE] = 1
    for row, value in ((joined.BIAS, bias), (joined.SCALE, scale), (joined.SHIFT, shift)):
        if value is not None:
            points[row] = value.detach().to(torch.float64).numpy()
    return points


def _surrogate_numbers(surrogate: Any) -> tuple[float, float]:
    """The two numbers of a surrogate that `loops` computes with."""
    if isinstance(surrogate, ArcTan):
        return surrogate.alpha / 2, math.pi / 2 * surrogate.alpha
    if isinstance(surrogate, Triangle):
        return surrogate.width, surrogate.scale
    if isinstance(surrogate, RateCurve):
        return 0.0, 0.0
    return (surrogate.slope if isinstance(surrogate, FastSigmoid) else surrogate.alpha), 0.0
