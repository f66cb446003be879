"""The machine that Spikefill runs on, as people know it."""

from __future__ import annotations

import platform
from pathlib import Path


def processor() -> str:
    """The processor's name; `platform.processor` is empty or only "x86_64" on Linux."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine() or "unknown"
