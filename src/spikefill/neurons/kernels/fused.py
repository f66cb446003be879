"""The loops of `loops` as differentiable functions of tensors: what they can serve, and their calls."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from spikefill.neurons.kernels import loops
from spikefill.neurons.kernels import table as rate_tables
from spikefill.neurons.kernels.loops import Array, Kind
from spikefill.neurons.kernels.memory import empty
from spikefill.neurons.kernels.threads import in_shares
from spikefill.neurons.layout import dense, flat, memory_order, unflat
from spikefill.neurons.lif import LIFParameters, LIFState, Scalar
from spikefill.neurons.noise import mixed_key
from spikefill.neurons.pointwise import Pointwise
from spikefill.neurons.surrogate import ArcTan, FastSigmoid, RateCurve, Sigmoid, Surrogate, Triangle

_CODES: dict[type[Surrogate], int] = {
    ArcTan: loops.ARCTAN,
    FastSigmoid: loops.FAST_SIGMOID,
    Triangle: loops.TRIANGLE,
    Sigmoid: loops.SIGMOID,
    RateCurve: loops.RATE,
}
_OUT = {"spikes": loops.SPIKES, "membrane": loops.MEMBRANE, "packed": loops.PACKED}
_DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


def unsupported(
    current: Tensor, parameters: LIFParameters, v_init: Scalar, readout: str, pointwise: Pointwise | None
) -> str | None:
    """Why the fused kernels cannot serve a call, or None where they can."""
    if pointwise is not None and pointwise.noise and pointwise.seed is None:
        return "noise without a seed"
    if readout == "latency":
        return "readout 'latency'"
    if parameters.alpha is not None:
        return "a synapse"
    if type(parameters.surrogate) not in _CODES:
        return f"the surrogate {parameters.surrogate.name!r}"
    for name, value in (*_learnt(parameters).items(), ("v_init", v_init)):
        if isinstance(value, Tensor) and value.numel() != 1:
            return f"a {name} that is not a single number"
    if current.device.type != "cpu" or current.dtype not in _DTYPES:
        return f"a current of {current.dtype} on {current.device}"
    return None


def constant(
    current: Tensor,
    steps: int,
    parameters: LIFParameters,
    state: LIFState | None,
    v_init: Scalar,
    pointwise: Pointwise | None,
    *,
    count: bool,
    final: bool,
) -> tuple[Tensor, LIFState | None]:
    """Rate (or ``count``) of ``steps`` steps of a constant current and, if asked, the ``final`` state."""
    call = _Call(steps, parameters, pointwise, final, count=count)
    return _applied(_Constant, call, current, state, v_init)


def varying(
    currents: Tensor,
    steps: int,
    parameters: LIFParameters,
    state: LIFState | None,
    v_init: Scalar,
    pointwise: Pointwise | None,
    *,
    readout: str,
    final: bool,
) -> tuple[Tensor, LIFState | None]:
    """``readout`` (spikes, membrane or packed) of currents T x N x ..., or of 1 x N x ... for all ``steps``."""
    call = _Call(steps, parameters, pointwise, final, readout=readout)
    return _applied(_Varying, call, currents, state, v_init)


@dataclass(frozen=True)
class _Call:
    """The part of a call that is not differentiated."""

    steps: int
    parameters: LIFParameters
    pointwise: Pointwise | None
    final: bool
    count: bool = False
    readout: str = "rate"
    waiting: Tensor | None = None


def _learnt(parameters: LIFParameters) -> dict[str, Scalar]:
    return {"beta": parameters.beta, "gain": parameters.gain, "threshold": parameters.threshold}


def _applied(
    function: type[torch.autograd.Function], call: _Call, current: Tensor, state: LIFState | None, v_init: Scalar
) -> tuple[Tensor, LIFState | None]:
    """Hands autograd every tensor of the call; the first potential is one number for all, or one for each neuron."""
    precision = torch.float64 if current.dtype == torch.float64 else torch.float32
    if state is None:
        v = torch.as_tensor(v_init, dtype=precision).reshape(1)
    else:
        v = state.v.to(precision)
        call = replace(call, waiting=state.refractory)
    learnt = [value if isinstance(value, Tensor) else None for value in _learnt(call.parameters).values()]
    bias = call.pointwise.bias if call.pointwise is not None else None
    result, v, waiting = function.apply(call, current, v, bias, *learnt)  # type: ignore[no-untyped-call]
    return result, LIFState(v, None, waiting) if call.final else None


class _Arguments:
    """The arrays of a call: its tensors as one dimension (a row a step) in memory order, constants, what is joined."""

    def __init__(self, call: _Call, current: Tensor, v: Tensor, learnt: tuple[Tensor | None, ...], *, frames: bool):
        p, pointwise = call.parameters, call.pointwise
        self.call = call
        self.frames = frames
        self.current = _dense_frames(current) if frames else dense(current)
        self.frame = self.current[0] if frames else self.current
        self.order = memory_order(self.frame)
        self.layout = np.zeros(loops.LAYOUT, np.int64)
        if pointwise is not None:
            self._join(pointwise)
        self.precision = np.dtype(np.float64 if current.dtype == torch.float64 else np.float32)
        values = [
            value.item() if value is not None else float(given)
            for value, given in zip(learnt, _learnt(p).values(), strict=True)
        ]
        self.constants = np.zeros(loops.CONSTANTS, self.precision)
        self.constants[[loops.BETA, loops.GAIN, loops.THRESHOLD]] = values
        self.constants[loops.FIRES_FROM] = self.constants[loops.THRESHOLD]
        if p.strict:
            self.constants[loops.FIRES_FROM] = np.nextafter(
                self.constants[loops.THRESHOLD], self.precision.type(np.inf)
            )
        self.constants[loops.V_RESET], self.constants[loops.V_LEAK] = p.v_reset, p.v_leak
        self.constants[loops.EVERY] = 1 if call.count else call.steps
        self.constants[loops.ONE] = 1
        self.constants[[loops.FIRST, loops.SECOND]] = _surrogate_numbers(p.surrogate)
        self.points: Array | None = None
        self.keys: Array | None = None
        if pointwise is not None and pointwise.by_channel:
            self.points = _points(pointwise, self.frame, self.precision)
        if pointwise is not None and pointwise.noise and pointwise.seed is not None:
            self.constants[loops.SIGMA] = pointwise.noise
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
        self.layout[loops.MULTIPLICATIVE] = pointwise.noise_mode == "multiplicative"
        channels = self.frame.shape[-3] if self.frame.ndim > 2 else 1
        self.layout[loops.INNER] = plane if self.order == axes or channels == 1 else 1
        self.layout[loops.CHANNELS] = channels
        self.layout[loops.PLANE] = plane

    def array(self, tensor: Tensor | None) -> Array:
        """A tensor of the current's shape as the kernels take it; nothing as an empty array."""
        if tensor is None:
            shape = (0, 0) if self.frames else (0,)
            return np.empty(shape, np.uint16 if self.current.dtype == torch.bfloat16 else self.precision)
        tensor = tensor.detach()
        if self.frames:
            tensor = tensor.permute([0, *(axis + 1 for axis in self.order)]).reshape(tensor.shape[0], -1)
        else:
            tensor = flat(tensor, self.order)
        return _bits(tensor.contiguous())

    def state_array(self, tensor: Tensor | None) -> Array:
        """A tensor of a step's shape in the precision of the computation; nothing as an empty array."""
        if tensor is None:
            return np.empty(0, self.precision)
        found: Array = flat(tensor.detach(), self.order).contiguous().numpy()
        return found

    def new(self, dtype: torch.dtype | None = None) -> Tensor:
        """One dimension of a step's size."""
        return empty((self.frame.numel(),), dtype or torch.from_numpy(self.constants).dtype)

    def shaped(self, tensor: Tensor) -> Tensor:
        """A result of one dimension, or of a row a step, in the current's shape."""
        if tensor.ndim == 1:
            return unflat(tensor, self.frame, self.order)
        inner = [1 + self.order.index(axis) for axis in range(self.frame.ndim)]
        return tensor.view(tensor.shape[0], *(self.frame.shape[axis] for axis in self.order)).permute([0, *inner])

    def final_state(self) -> tuple[Tensor, Tensor | None]:
        """Memory for the potential and the refractory steps after the last step."""
        if not self.call.final:
            return torch.empty(0), None
        return self.new(), self.new(torch.int32) if self.call.parameters.refractory else None

    def run(self, kernel: Callable[..., None], *arrays: Array, after: tuple[Array, ...] = (), grain: int = 1) -> None:
        """Calls a kernel with these arrays, start and stop, the constants, what is joined, and those ``after``."""
        call = self.call
        others = (self.constants, call.steps, call.parameters.refractory, self.layout, self.points, self.keys, *after)
        in_shares(lambda start, stop: kernel(*arrays, start, stop, *others), self.frame.numel(), grain)


def _bits(tensor: Tensor) -> Array:
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
    rows = 1 if pointwise.scale is None and pointwise.shift is None else 3
    points = np.zeros((rows, frame.shape[-3]), precision)
    points[loops.SCALE :][:1] = 1
    for row, value in ((loops.BIAS, pointwise.bias), (loops.SCALE, pointwise.scale), (loops.SHIFT, pointwise.shift)):
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


class _Constant(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, call: _Call, current: Tensor, v: Tensor, bias: Tensor | None, *learnt: Tensor | None
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        ctx.save_for_backward(current, v, bias, *learnt)
        ctx.call = call
        ctx.set_materialize_grads(False)
        a = _Arguments(call, current, v, learnt, frames=False)
        rate = empty((a.frame.numel(),), current.dtype)
        p = call.parameters
        table = None
        if not call.final and v.numel() == 1 and call.waiting is None and rate_tables.usable(p):
            table = rate_tables.rate_table(replace(p, surrogate=ArcTan()), call.steps, float(v), v.dtype)
        if isinstance(table, rate_tables.Bounds):
            a.run(loops.constant_by_bounds(), a.source, _bits(rate), after=table)
            return a.shaped(rate), None, None
        if table is not None:
            kernel = loops.constant_by_buckets(a.kind.soft, a.kind.leak)
            a.run(kernel, a.source, _bits(rate), a.v_first, after=table)
            return a.shaped(rate), None, None
        v_last, wait_last = a.final_state()
        a.run(
            loops.constant_forward(a.kind, call.final), a.source, _bits(rate), a.v_first, a.wait_first,
            v_last.numpy(), np.empty(0, np.int32) if wait_last is None else wait_last.numpy(),
        )  # fmt: skip
        return _outputs(ctx, a, rate, v_last, wait_last)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g_rate: Tensor | None, g_v: Tensor | None, _: Any) -> tuple[Any, ...]:
        if isinstance(ctx.call.parameters.surrogate, RateCurve):
            return _backward_by_curve(ctx, g_rate)
        return _backward(ctx, g_rate, g_v, loops.constant_backward, frames=False)


class _Varying(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, call: _Call, currents: Tensor, v: Tensor, bias: Tensor | None, *learnt: Tensor | None
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        ctx.save_for_backward(currents, v, bias, *learnt)
        ctx.call = call
        ctx.set_materialize_grads(False)
        a = _Arguments(call, currents, v, learnt, frames=True)
        if call.readout == "packed":
            result = torch.zeros(-(-call.steps // 8), a.frame.numel(), dtype=torch.uint8)
        else:
            result = empty((call.steps, a.frame.numel()), currents.dtype)
        v_last, wait_last = a.final_state()
        a.run(
            loops.varying_forward(a.kind._replace(out=_OUT[call.readout]), call.final), a.source, _bits(result),
            a.v_first, a.wait_first, v_last.numpy(), np.empty(0, np.int32) if wait_last is None else wait_last.numpy(),
        )  # fmt: skip
        return _outputs(ctx, a, result, v_last, wait_last)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g_result: Tensor | None, g_v: Tensor | None, _: Any) -> tuple[Any, ...]:
        return _backward(ctx, g_result, g_v, loops.varying_backward, frames=True)


def _outputs(
    ctx: Any, a: _Arguments, result: Tensor, v_last: Tensor, wait_last: Tensor | None
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    if not a.call.final:
        return a.shaped(result), None, None
    v = a.shaped(v_last)
    waiting = None if wait_last is None else a.shaped(wait_last)
    fixed = [v] if isinstance(a.call.parameters.surrogate, RateCurve) else []
    ctx.mark_non_differentiable(*fixed, *([] if waiting is None else [waiting]))
    return a.shaped(result), v, waiting


def _backward(
    ctx: Any,
    g_result: Tensor | None,
    g_v: Tensor | None,
    kernel: Callable[[Kind], Callable[..., None]],
    *,
    frames: bool,
) -> tuple[Any, ...]:
    """The gradients of current, first potential, bias, and of beta, gain and threshold where they are tensors."""
    call: _Call = ctx.call
    current, v, bias, *learnt = ctx.saved_tensors
    _, _, v_wanted, bias_wanted, *learnt_wanted = ctx.needs_input_grad
    a = _Arguments(call, current, v, tuple(learnt), frames=frames)
    kind = a.kind._replace(
        attached=not call.parameters.detach_reset,
        surrogate=_CODES[type(call.parameters.surrogate)],
        learnt=any(learnt_wanted),
        state=v_wanted and not frames,
        out=_OUT.get(call.readout, loops.SPIKES),
    )
    if g_result is None:
        shape = (call.steps, *a.frame.shape) if frames else a.frame.shape
        g_result = torch.zeros((), dtype=current.dtype).expand(shape)
    g_current = empty(a.source.shape, current.dtype)
    g_first = a.new() if v_wanted else None
    chunks = -(-a.frame.numel() // loops.CHUNK)
    sums = np.zeros((chunks, 3))
    bias_sums = np.zeros((chunks, len(bias) if bias_wanted else 0))
    a.run(
        kernel(kind), a.source, a.array(g_result), a.state_array(g_v), a.v_first, a.wait_first, _bits(g_current),
        np.empty(0, a.precision) if g_first is None else g_first.numpy(), sums, bias_sums,
        grain=loops.CHUNK,
    )  # fmt: skip
    g_v_first = None
    if g_first is not None:
        g_v_first = g_first.sum().reshape(v.shape) if v.numel() == 1 else a.shaped(g_first)
    totals = sums.sum(0)
    return (
        None,
        a.shaped(g_current),
        g_v_first,
        torch.from_numpy(bias_sums.sum(0)).to(bias.dtype) if bias_wanted else None,
        *(
            torch.tensor(total, dtype=value.dtype).reshape(value.shape) if wanted else None
            for total, value, wanted in zip(totals, learnt, learnt_wanted, strict=True)
        ),
    )


def _backward_by_curve(ctx: Any, g_rate: Tensor | None) -> tuple[Any, ...]:
    """The gradients of current and bias by the slope of the neuron's smooth curve."""
    call: _Call = ctx.call
    current, v, bias, *learnt = ctx.saved_tensors
    if g_rate is None:
        return (None,) * 7
    p, surrogate = call.parameters, call.parameters.surrogate
    assert isinstance(surrogate, RateCurve)
    a = _Arguments(call, current, v, tuple(learnt), frames=False)
    low, high = surrogate.onset_and_saturation(p, call.steps)
    chord, beta = 1 / (high - low), float(p.beta)
    steepest = chord * (1 if a.kind.soft else surrogate.steepest)
    leak = -math.log(beta) if beta < 1 else 0.0
    tiny = torch.finfo(torch.from_numpy(a.constants).dtype).tiny
    share = call.steps if call.count else 1
    curve = np.array([low, high, surrogate.outside * chord, steepest, leak, p.refractory, tiny, share], a.precision)
    g_current = empty(a.source.shape, current.dtype)
    bias_wanted = ctx.needs_input_grad[3]
    bias_sums = np.zeros((-(-a.frame.numel() // loops.CHUNK), len(bias) if bias_wanted else 0))
    a.run(
        loops.rate_backward(a.kind.soft, beta < 1), a.source, a.array(g_rate), _bits(g_current), bias_sums, curve,
        grain=loops.CHUNK,
    )  # fmt: skip
    g_bias = torch.from_numpy(bias_sums.sum(0)).to(bias.dtype) if bias_wanted else None
    return None, a.shaped(g_current), None, g_bias, None, None, None
