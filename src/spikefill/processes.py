"""What processes do that restore for others: at their start, and between one photograph and the next."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import threading
from contextlib import suppress

import cv2
import torch

_LARGE = 1 << 20
_M_MMAP_THRESHOLD = -3
"""Of ``malloc.h``."""


def prepare_child(threads: int) -> None:
    """Prepares a started process: it ends with the one that started it, which alone hears Ctrl-C.

    Args:
        threads: Of the processor that torch, the kernels and OpenCV may use.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    if parent is not None:

        def follow() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=follow, daemon=True).start()
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)


def give_memory_back() -> None:
    """Gives freed memory back to the system, where the C library is glibc, which keeps it until it is asked."""
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def give_large_blocks_back() -> None:
    """Has blocks of a megabyte and more go back to the system as soon as they are freed, in every thread, from now on.

    Else glibc, where it is the C library, gets used to large blocks and keeps some for each thread that had one, where
    `give_memory_back` does not reach. For processes that hold files, not for those that compute: new blocks cost more.
    """
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE)
