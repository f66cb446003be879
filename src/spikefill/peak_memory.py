"""How much memory a process, or a call in it, takes at its peak, as the system counts it."""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

from spikefill.processes import give_memory_back

_STATUS, _STATM, _CLEAR = (Path("/proc/self", name) for name in ("status", "statm", "clear_refs"))


def peak() -> int:
    """The most bytes of resident memory that the process has had; 0 where the system does not say, as on Windows.

    On Linux from /proc, since ``ru_maxrss`` there starts from the peak of the process that started this one.
    """
    if _STATUS.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text())
        return int(found[1]) * 1024 if found else 0
    if sys.platform == "win32":
        return 0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def resident() -> int:
    """Bytes of resident memory that the process has now; 0 where the system does not say: anywhere but on Linux."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def reset_peak() -> bool:
    """Sets the peak to what the process has now; returns whether that could be done, as on Linux alone."""
    try:
        _CLEAR.write_text("5")
    except OSError:
        return False
    return peak() > 0


def peak_growth(call: Callable[[], object]) -> int | None:
    """Bytes of resident memory that a call adds at its peak to what the process holds before.

    What is free but still held is given back first, where the C library can; what it keeps nevertheless is not counted
    again. Other threads of the process are counted with it.

    Returns:
        None where the system cannot say: anywhere but on Linux.
    """
    gc.collect()
    give_memory_back()
    if not reset_peak():
        return None
    before = peak()
    call()
    return peak() - before
