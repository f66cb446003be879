"""How much memory a call takes at its peak, as the system counts it."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable
from pathlib import Path

from spikefill.processes import give_memory_back

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_growth(call: Callable[[], object]) -> int | None:
    """Bytes of resident memory that a call adds at its peak to what the process holds before.

    What is free but still held is given back first, where the C library can; what it keeps nevertheless is not counted
    again. Other threads of the process are counted with it.

    Returns:
        None where the system cannot say: anywhere but on Linux.
    """
    gc.collect()
    give_memory_back()
    try:
        _CLEAR.write_text("5")  # the peak becomes what is resident now
        before = _peak()
    except OSError:
        return None
    call()
    return _peak() - before


def _peak() -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text())
    if found is None:
        raise OSError("the system does not say how much memory the process has had")
    return int(found[1]) * 1024
