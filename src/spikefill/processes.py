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
