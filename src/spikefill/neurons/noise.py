"""Gaussian noise as a function of a counter: the same numbers in any memory layout or thread, drawn again at will.

Each element's logical index (and the step) goes through a keyed integer hash, whose two outputs give a normal number
by the transform of Box and Muller. The hash is two rounds of Wellons' 32-bit mixer ``lowbias32`` (bias 0.17), with
the key added before each; int32 arithmetic wraps round, as the mixer needs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from spikefill.errors import InputError
from spikefill.neurons.layout import memory_order

_BLOCK = 1 << 16


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
    low, high = _mixed_key(seed, step, 0), _mixed_key(seed, step, 1)
    for start, index in _logical_indices(like.shape, order, like.device):
        flat[start : start + index.numel()] = _box_muller(index, low, high)
    return noise.to(like.dtype)


def _box_muller(index: Tensor, low: int, high: int) -> Tensor:
    first = _hash(index.add(low)).add_(high)
    second = _hash(first)
    # u in (0, 1] from 24 bits of the one, the angle from 24 bits of the other.
    radius = second.bitwise_right_shift(8).bitwise_and_(0xFFFFFF).add_(1).float().mul_(2.0**-24).log_().mul_(-2).sqrt_()
    third = _hash(first.bitwise_xor_(0x5BD1E995))
    angle = third.bitwise_right_shift_(8).float().mul_(2 * math.pi * 2.0**-24)
    return radius.mul_(angle.cos_())


def _hash(x: Tensor) -> Tensor:
    """lowbias32 on int32 (shifts made logical by masks); a new tensor."""
    x = x ^ ((x >> 16) & 0xFFFF)
    x.mul_(0x7FEB352D)
    x.bitwise_xor_((x >> 15).bitwise_and_(0x1FFFF))
    x.mul_(0x846CA68B - (1 << 32))
    return x.bitwise_xor_((x >> 16).bitwise_and_(0xFFFF))


def _mixed_key(seed: int, step: int, lane: int) -> int:
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
