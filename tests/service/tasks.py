"""Tasks for worker processes that tell how these are dealt with."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from spikefill.service.toolbox import Toolbox

STEP = 0.01


@dataclass(frozen=True)
class Steps:
    """So many steps of `STEP` seconds, each of them written down; the result is the process's number.

    With ``deaf``, it does not ask whether to stop.
    """

    count: int
    log: Path | None = None
    deaf: bool = False

    def run(self, toolbox: Toolbox) -> int:
        for done in range(self.count):
            if not self.deaf:
                toolbox.progress(done, self.count)
            if self.log is not None:
                with self.log.open("a") as file:
                    file.write(".")
            time.sleep(STEP)
        return os.getpid()


@dataclass(frozen=True)
class Ends:
    """Ends its process as a lack of memory does: every time, or where ``once`` names a file, until that exists."""

    once: Path | None = None

    def run(self, toolbox: Toolbox) -> int:
        if self.once is None or not self.once.exists():
            if self.once is not None:
                self.once.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return os.getpid()


@dataclass(frozen=True)
class Fails:
    """Raises what no task should."""

    def run(self, toolbox: Toolbox) -> int:
        raise ZeroDivisionError("a mistake of ours")
