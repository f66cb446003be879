"""Spikes as bits: eight steps to a byte."""

from __future__ import annotations

import torch
from torch import Tensor

from spikefill.errors import InputError


def pack_spikes(spikes: Tensor) -> Tensor:
    """Spikes T x ... (zero or not, any dtype) as bits: uint8, ceil(T / 8) x ..., step t in bit t % 8 of byte t // 8."""
    packed = torch.zeros((-(-spikes.shape[0] // 8), *spikes.shape[1:]), dtype=torch.uint8, device=spikes.device)
    for t, spike in enumerate(spikes):
        packed[t // 8] |= (spike != 0).to(torch.uint8) << (t % 8)
    return packed


def unpack_spikes(packed: Tensor, steps: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Undoes `pack_spikes`: ``steps`` x ..., 0 or 1.

    Raises:
        InputError: ``packed`` is not uint8 or holds another number of steps.
    """
    if packed.dtype != torch.uint8:
        raise InputError(f"packed has dtype {packed.dtype}; packed spikes are torch.uint8")
    if not 8 * (packed.shape[0] - 1) < steps <= 8 * packed.shape[0]:
        raise InputError(
            f"steps is {steps!r}; packed holds between {8 * packed.shape[0] - 7} and {8 * packed.shape[0]}"
        )
    bits = [(packed[t // 8] >> (t % 8)) & 1 for t in range(steps)]
    return torch.stack(bits).to(dtype)
