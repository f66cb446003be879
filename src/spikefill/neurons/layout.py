"""How a tensor lies in memory, and tensors as one dimension in that order."""

from __future__ import annotations

from torch import Tensor


def memory_order(tensor: Tensor) -> list[int]:
    """The axes of a tensor from the slowest to the fastest in memory."""
    if tensor.is_contiguous():
        return list(range(tensor.ndim))
    strides = tensor.stride()
    return sorted(range(tensor.ndim), key=lambda axis: (-strides[axis], axis))


def dense(tensor: Tensor) -> Tensor:
    """The tensor itself if its elements fill a stretch of memory without gaps, else a contiguous copy."""
    if tensor.is_contiguous() or tensor.permute(memory_order(tensor)).is_contiguous():
        return tensor
    return tensor.contiguous()


def flat(tensor: Tensor, order: list[int]) -> Tensor:
    """``tensor`` as one dimension in the given order of its axes: a view where its layout allows."""
    return tensor.permute(order).reshape(-1)


def flat_view(tensor: Tensor, order: list[int]) -> Tensor:
    """The same, to write into: never a copy."""
    return tensor.permute(order).view(-1)


def unflat(tensor: Tensor, like: Tensor, order: list[int]) -> Tensor:
    """Undoes `flat`: a view with the shape and memory order of ``like``."""
    shape = [like.shape[axis] for axis in order]
    return tensor.view(shape).permute([order.index(axis) for axis in range(like.ndim)])
