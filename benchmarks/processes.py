"""What a process and those that it started take: memory and processor time, from /proc (Linux)."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

AVAILABLE = Path("/proc/self/smaps_rollup").exists()

_TICKS = os.sysconf("SC_CLK_TCK") if AVAILABLE else 1
_OWN_AND_WAITED_FOR = slice(11, 15)
"""Of the fields of /proc/PID/stat behind the command: processor time of its own, and of children that have ended."""


def family(process: int) -> Iterator[int]:
    """The process, those that it started, and so on."""
    yield process
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # it has ended
            for child in task.read_text().split():
                yield from family(int(child))


def memory(process: int) -> int:
    """Bytes that a process holds; what it shares with others counts in part (PSS). 0 if it has ended."""
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def processor_seconds(process: int) -> float:
    """Processor time of a process, and of those that it has waited for. 0 if it has ended."""
    try:
        text = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return 0.0
    return sum(map(int, text.rpartition(")")[2].split()[_OWN_AND_WAITED_FOR])) / _TICKS
