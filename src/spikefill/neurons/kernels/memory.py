"""New tensors for results, in large pages where the system offers them."""

from __future__ import annotations

import ctypes
import sys
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

_LARGE_PAGE = 1 << 21
_MADV_HUGEPAGE = 14


def empty(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """As `torch.empty`; memory that is new to the process is mapped 2 MB at a time.

    Large results come from memory that the system maps page by page as it is written. With pages of 4 KB this takes
    longer than the copying of the numbers themselves.
    """
    tensor = torch.empty(shape, dtype=dtype)
    start = -(-tensor.data_ptr() // _LARGE_PAGE) * _LARGE_PAGE
    length = (tensor.data_ptr() + tensor.nbytes - start) // _LARGE_PAGE * _LARGE_PAGE
    if length > 0 and (advise := _madvise()) is not None:
        advise(start, length, _MADV_HUGEPAGE)  # advice: whether it is taken makes no difference to the result
    return tensor


@lru_cache(maxsize=1)
def _madvise() -> Any:
    """The C library's ``madvise``, or None where there is none with large pages."""
    if sys.platform != "linux":
        return None
    function = getattr(ctypes.CDLL(None), "madvise", None)
    if function is not None:
        function.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return function
