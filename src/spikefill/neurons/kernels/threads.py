"""A small pool of threads for kernels that release the GIL; as many as torch uses, made again after a fork."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import torch

_SMALLEST_SHARE = 1 << 14


@lru_cache(maxsize=1)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="spikefill")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)


def in_shares(kernel: Callable[[int, int], None], count: int, grain: int = 1) -> None:
    """Calls ``kernel(start, stop)`` on contiguous shares of ``range(count)``, one a thread, and waits for all.

    Shares start at multiples of ``grain``, whatever the number of threads.
    """
    threads = min(torch.get_num_threads(), max(1, count // max(grain, _SMALLEST_SHARE)))
    if threads == 1:
        kernel(0, count)
        return
    bounds = [count * i // threads // grain * grain for i in range(threads)] + [count]
    pool = _pool(torch.get_num_threads())
    others = [pool.submit(kernel, bounds[i], bounds[i + 1]) for i in range(1, threads)]
    try:
        kernel(bounds[0], bounds[1])
    finally:
        for other in others:  # they write into the caller's memory: none may outlive the call
            other.exception()
    for other in others:
        other.result()
