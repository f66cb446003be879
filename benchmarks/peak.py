"""The peak of a process's own resident memory."""

from __future__ import annotations

import contextlib
import re
import sys
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak() -> int:
    """Bytes; 0 on Windows, which is not asked.

    On Linux from /proc, since ``ru_maxrss`` there starts from the peak of the process that started this one.
    """
    if _STATUS.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text())
        assert found
        return int(found[1]) * 1024
    if sys.platform == "win32":
        return 0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def reset_peak() -> None:
    """Sets the peak to what the process has now, where that can be done: on Linux."""
    with contextlib.suppress(OSError):
        _CLEAR.write_text("5")
