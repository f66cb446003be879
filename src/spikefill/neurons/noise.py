"""Gaussian noise as a function of a counter: the same numbers in any memory layout or thread, drawn again at will.

Each element's logical index (and the step) goes through a keyed integer hash, whose two outputs give a normal number
by the transform of Box and Muller. The hash is two rounds of Wellons' 32-bit mixer ``lowbias32`` (bias 0.17), with
the key added before each; int32 arithmetic wraps round, as the mixer needs. Logarithm and sine are polynomials of
additions and multiplications, each correctly rounded, so that every implementation gives the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from spikefill.errors import InputError
from spikefill.neurons.layout import memory_order

_BLOCK = 1 << 16

HALF_ROOT = 0x3F3504F3
"""The bits of the square root of 1/2: mantissas are taken from there to the square root of 2."""
LOG = (
    7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
    2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
)  # fmt: skip
"""Coefficients of ``(log(1 + x) - x + x^2 / 2) / x^3``, highest power first (Moshier, Cephes)."""
LOG_LOW, LOG_HIGH = -2.12194440e-4, 0.693359375
"""ln 2 in two parts, the second exact."""
SINE = tuple((-1) ** k * (2 * math.pi) ** (2 * k + 1) / math.factorial(2 * k + 1) for k in range(5, -1, -1))
"""Coefficients of ``sin(2 pi s) / s`` in powers of ``s^2``, highest first: exact to 6e-8 for |s| up to 1/4."""


def normal_noise(like: Tensor, *, seed: int, step: int = 0) -> Tensor:
    """Independent standard normal numbers.

    Args:
        like: Gives shape, memory layout, dtype and device; any shape.
        seed: The call's seed, 0 <= seed < 2**63.
        step: Number of the time step; different steps give independent numbers.

    Returns:
        A tensor laid out as ``like``. The number at a logical position (row-major index over the shape) depends on
        ``seed``, ``step`` and that index alone.

    Raises:
        InputError: ``seed`` or ``step`` is out of range.
    """
    if not 0 <= seed < 1 << 63:
        raise InputError(f"seed is {seed!r}; it must be at least 0 and below 2**63")
    if not 0 <= step < 1 << 32:
        raise InputError(f"step is {step!r}; it must be at least 0 and below 2**32")
    noise = torch.empty_like(like, dtype=torch.float32)
    order = memory_order(noise)
    flat = noise.permute(order).view(-1)
    low, high = mixed_key(seed, step, 0), mixed_key(seed, step, 1)
    for start, index in _logical_indices(like.shape, order, like.device):
        flat[start : start + index.numel()] = _box_muller(index, low, high)
    return noise.to(like.dtype)


def _box_muller(index: Tensor, low: int, high: int) -> Tensor:
    first = _hash(index.add(low)).add_(high)
    second = _hash(first).bitwise_right_shift_(8).bitwise_and_(0xFFFFFF)
    third = _hash(first.bitwise_xor_(0x5BD1E995)).bitwise_right_shift_(8).bitwise_and_(0xFFFFFF)
    # u in (0, 1] from 24 bits of the one, the angle from 24 bits of the other.
    # torch's square root of float32 is not always correctly rounded; that of float64, rounded once more, is.
    radius = _log(second.add_(1).float().mul_(2.0**-24)).mul_(-2).double().sqrt_().float()
    # cos(2 pi t) = sin(2 pi s) with s = |t - 1/2| - 1/4, an odd polynomial of s.
    s = third.float().mul_(2.0**-24).sub_(0.5).abs_().sub_(0.25)
    z = s * s
    y = torch.full_like(z, SINE[0])
    for coefficient in SINE[1:]:
        y.mul_(z).add_(coefficient)
    return radius.mul_(y.mul_(s))


def _log(u: Tensor) -> Tensor:
    """The natural logarithm of float32 numbers in (0, 1], to about 1e-7, by Cephes' ``logf``."""
    bits = u.view(torch.int32)
    exponent = (bits - HALF_ROOT) >> 23
    x = (bits - (exponent << 23)).view(torch.float32).sub_(1)
    y = torch.full_like(x, LOG[0])
    for coefficient in LOG[1:]:
        y.mul_(x).add_(coefficient)
    z = x * x
    e = exponent.float()
    y.mul_(x).mul_(z).add_(e * LOG_LOW)
    return x.add_(y.sub_(z.mul_(0.5))).add_(e.mul_(LOG_HIGH))


def _hash(x: Tensor) -> Tensor:
    """lowbias32 on int32 (shifts made logical by masks); a new tensor."""
    x = x ^ ((x >> 16) & 0xFFFF)
    x.mul_(0x7FEB352D)
    x.bitwise_xor_((x >> 15).bitwise_and_(0x1FFFF))
    x.mul_(0x846CA68B - (1 << 32))
    return x.bitwise_xor_((x >> 16).bitwise_and_(0xFFFF))


def mixed_key(seed: int, step: int, lane: int) -> int:
    """A 32-bit key, as a signed number, from the seed, the step and a lane (splitmix64's finaliser)."""
    mask = (1 << 64) - 1
    z = (seed * 0x9E3779B97F4A7C15 + step * 0xD1B54A32D192ED03 + (lane + 1) * 0x8CB92BA72F3D8DD7) & mask
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = ((z ^ (z >> shift)) * factor) & mask
    return _signed(z ^ (z >> 31))


def _logical_indices(shape: torch.Size, order: list[int], device: torch.device) -> Iterator[tuple[int, Tensor]]:
    """Row-major indices (int32, wrapping) of the elements in memory order, block by block, with each block's start.

    The pattern within a slice of the slowest axis in memory is computed once; small slices are taken together.
    """
    if 0 in shape:
        return
    strides = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    pattern = torch.zeros((), dtype=torch.int64, device=device)
    for axis in order[1:]:
        pattern = pattern.unsqueeze(-1) + torch.arange(shape[axis], device=device) * strides[axis]
    pattern = _wrapped(pattern.reshape(-1))
    slices, stride = (shape[order[0]], strides[order[0]]) if order else (1, 0)
    together = max(1, _BLOCK // pattern.numel())
    for first in range(0, slices, together):
        shifts = _wrapped(torch.arange(first, min(first + together, slices), device=device) * stride)
        group = (shifts.unsqueeze(-1) + pattern).reshape(-1)
        for start in range(0, group.numel(), _BLOCK):
            yield first * pattern.numel() + start, group[start : start + _BLOCK]


def _wrapped(index: Tensor) -> Tensor:
    """int64 to int32, modulo 2**32."""
    return ((index + (1 << 31)).remainder_(1 << 32) - (1 << 31)).to(torch.int32)


def _signed(number: int) -> int:
    """A whole number modulo 2**32, as a signed one of 32 bits."""
    return (number + (1 << 31)) % (1 << 32) - (1 << 31)
