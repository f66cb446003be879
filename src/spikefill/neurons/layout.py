"""How a tensor lies in memory."""

from __future__ import annotations

from torch import Tensor


def memory_order(tensor: Tensor) -> list[int]:
    """The axes of a tensor from the slowest to the fastest in memory."""
    return sorted(range(tensor.ndim), key=lambda axis: (-tensor.stride()[axis], axis))
