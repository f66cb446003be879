"""Layer normalisation over the channels of each pixel, then neurons or ReLU, in one pass over memory on the CPU.

What the kernels compute is what `torch.nn.LayerNorm` and the neurons do one after the other, up to the rounding of the
normalised current. That current is itself defined up to rounding only, since no order of its sums is better than
another. So where it is within rounding of a boundary between two numbers of spikes, either of them is right, and no
steps are run to choose one, as `lookup_loops.constant_by_line` does for a given current.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from spikefill.neurons.kernels import channel_norm_loops, fused
from spikefill.neurons.kernels import table as rate_tables
from spikefill.neurons.kernels.arithmetic import Array
from spikefill.neurons.kernels.channel_norm_loops import BLOCK
from spikefill.neurons.kernels.memory import empty
from spikefill.neurons.kernels.threads import in_shares
from spikefill.neurons.lif import LIFParameters
from spikefill.neurons.surrogate import RateCurve

_LARGE = 1 << 19
"""Numbers from which a result may lie in a page of 2 MB."""
_SHARED = 1 << 18
"""Numbers from which several threads are faster than one."""


class Response(NamedTuple):
    """What neurons, or ReLU, make of a normalised current.

    Attributes:
        line: The rate, as `table.Line` has it; None for ReLU.
        curve: The gradient, as `channel_norm_loops.channel_norm_backward` takes it; None where these kernels have none.
    """

    line: Array | None
    curve: Array | None


RELU = Response(None, None)
"""Without a gradient: normalisation and ReLU in channels-last, one after the other, are faster to train with."""


@lru_cache(maxsize=64)
def response(parameters: LIFParameters, steps: int, v_init: float) -> Response | None:
    """The response of neurons, or None for neurons that the kernels cannot serve.

    Those are served whose rate is a line, rounded down and limited: with a soft reset, without leak, and firing from
    the threshold on; see `table.Line`. They have a gradient here if it is that of their smooth rate (`RateCurve`).
    """
    if parameters.strict or fused.unsupported(torch.empty(0), parameters, v_init, "rate", None) is not None:
        return None
    found = fused.table_of(parameters, steps, v_init, torch.float32)
    if not isinstance(found, rate_tables.Line):
        return None
    if not isinstance(parameters.surrogate, RateCurve):
        return Response(found.line, None)
    curve = fused.curve_of(parameters, steps, soft=True, count=False, precision=np.float32)
    return Response(found.line, curve[:4])


def serves(current: Tensor, weight: Tensor, bias: Tensor, response: Response) -> bool:
    """Whether the kernels can serve a current N x C x H x W with a scale and a bias for each channel.

    They serve float32 on the CPU, with a gradient if the response has one.
    """
    return (
        type(current) is Tensor  # none that only stands for one
        and current.ndim == 4
        and current.dtype == weight.dtype == bias.dtype == torch.float32
        and current.is_cpu and weight.is_cpu and bias.is_cpu
        and weight.numel() == bias.numel() == current.shape[1]
        and weight.is_contiguous() and bias.is_contiguous()
        and (not _differentiated(current, weight, bias) or response.curve is not None)
    )  # fmt: skip


def fired(current: Tensor, weight: Tensor, bias: Tensor, eps: float, response: Response) -> Tensor:
    """The normalised current through neurons or ReLU; it can be differentiated once.

    Args:
        current: N x C x H x W, for which `serves` is true.
        weight: Scale of each channel's normalised current.
        bias: What is added to it then.
        eps: What is added to a pixel's variance.
        response: That of the neurons, or `RELU`.

    Returns:
        Rates or positive currents in the shape of ``current``, in memory one pixel after the other (channels-last).
    """
    current = current.contiguous(memory_format=torch.channels_last)
    if _differentiated(current, weight, bias):
        result: Tensor = _Fired.apply(current, weight, bias, eps, response)  # type: ignore[no-untyped-call]
        return result
    return _forward(current, weight, bias, eps, response)


def counted(current: Tensor, weight: Tensor, bias: Tensor, eps: float, response: Response) -> Tensor:
    """As `fired`, the numbers of spikes in place of rates: uint8, without a gradient.

    ``response`` is that of neurons, with 255 steps at most.
    """
    return _forward(current.contiguous(memory_format=torch.channels_last), weight, bias, eps, response, torch.uint8)


def _differentiated(current: Tensor, weight: Tensor, bias: Tensor) -> bool:
    return torch.is_grad_enabled() and (current.requires_grad or weight.requires_grad or bias.requires_grad)


_LIKE = {torch.float32: np.empty(0, np.float32), torch.uint8: np.empty(0, np.uint8)}
"""What tells the kernel the type of its result."""


def _forward(
    current: Tensor, weight: Tensor, bias: Tensor, eps: float, response: Response, dtype: torch.dtype = torch.float32
) -> Tensor:
    result = _new(current, dtype)
    tensors = (current.data_ptr(), result.data_ptr(), weight.data_ptr(), bias.data_ptr())
    _run(channel_norm_loops.channel_norm_forward(), current.shape, tensors, (eps, response.line, _LIKE[dtype]))
    return result


class _Fired(torch.autograd.Function):
    """Keeps the current alone; the normalisation is computed again."""

    @staticmethod
    def forward(ctx: Any, current: Tensor, weight: Tensor, bias: Tensor, eps: float, response: Response) -> Tensor:
        ctx.save_for_backward(current, weight, bias)
        ctx.eps, ctx.curve = eps, response.curve
        return _forward(current, weight, bias, eps, response)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        current, weight, bias = ctx.saved_tensors
        gradient, result = gradient.contiguous(memory_format=torch.channels_last), _new(current)
        channels = current.shape[1]
        sums = np.empty((-(-current.numel() // (channels * BLOCK)), 2, channels))
        tensors = tuple(tensor.data_ptr() for tensor in (current, gradient, result, weight, bias))
        _run(channel_norm_loops.channel_norm_backward(), current.shape, tensors, (ctx.eps, ctx.curve, sums))
        of_weight, of_bias = torch.from_numpy(sums.sum(0)).float()
        return result, of_weight, of_bias, None, None


def _new(current: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    if current.numel() < _LARGE:
        return torch.empty_like(current, dtype=dtype)
    images, channels, height, width = current.shape
    return empty((images, height, width, channels), dtype).permute(0, 3, 1, 2)


def _run(kernel: Callable[..., None], shape: torch.Size, tensors: tuple[int, ...], others: tuple[Any, ...]) -> None:
    """Calls a kernel with the addresses of tensors of a shape and what else it takes, on one thread or several."""
    images, channels, height, width = shape
    pixels = images * height * width
    if channels * pixels < _SHARED:
        kernel(*tensors, channels, pixels, *others, 0, pixels)
        return

    def share(start: int, stop: int) -> None:
        kernel(*tensors, channels, pixels, *others, start // channels, stop // channels)

    in_shares(share, channels * pixels, channels * BLOCK)
