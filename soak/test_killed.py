"""A batch that is killed at any moment leaves whole files alone, and the same call restores the rest."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from PIL import Image

from spikefill import data, masks, models
from spikefill.batch import REPORT_NAME
from spikefill.cli import console
from spikefill.cli.app import run

KILLS = 200
PHOTOGRAPHS = 24
SIDE = 512

MOMENTS = ("start", "work", "work", "write", "write")
"""When it is killed: while it starts, in the work, or when a file is seen that is being written."""
MOST_DONE = 5
"""Photographs that may be restored between two of them."""
STARTING = 6.0
"""Seconds in which a batch starts, more or less."""
PATIENCE = 300.0
"""Seconds after which it hangs."""

OUT = Path("out")
CALL = [
    "--quiet",
    "inpaint",
    "in",
    "masks",
    "-o",
    "out",
    "--model",
    "model.safetensors",
    "--jobs",
    "2",
    "--threads",
    "2",
]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: photographs that take about as long to write as to restore, masks, and weights."""
    monkeypatch.chdir(tmp_path)
    photograph = data.open_photographs("embedded")[0]
    Path("in").mkdir()
    for number in range(PHOTOGRAPHS):
        Image.fromarray(np.resize(np.roll(photograph, 37 * number, axis=1), (SIDE, SIDE, 3))).save(f"in/{number}.tif")
        holes = np.zeros((SIDE, SIDE), bool)
        holes[10 + number : 18 + number, 20:40] = True
        masks.write(f"masks/{number}.png", holes)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        models.save(models.create("scnn", width=4, steps=2), "model.safetensors")
    return tmp_path


def whole_files() -> dict[str, bytes]:
    """What a person sees in the folder of restored photographs, but for the report."""
    return {path.name: path.read_bytes() for path in OUT.glob("[!.]*") if path.name != REPORT_NAME}


def times() -> dict[str, int]:
    """When they were written."""
    return {path.name: path.stat().st_mtime_ns for path in OUT.glob("[!.]*") if path.name != REPORT_NAME}


def unfinished() -> set[Path]:
    """Files that are being written, or that a killed process left; nobody sees them."""
    return set(OUT.glob(".*"))


def started() -> subprocess.Popen[bytes]:
    """The command, all of whose processes hold its standard error: that ends when the last of them has ended."""
    code = f"import sys; from spikefill.cli.app import run; sys.exit(run({CALL}))"
    return subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, start_new_session=True)


def await_moment(process: subprocess.Popen[bytes], moment: str, generator: Random) -> None:
    """Returns at a random one of its kind, or when the command has ended."""
    if moment == "start":
        time.sleep(generator.uniform(0, STARTING))
        return
    wanted, left = len(times()) + generator.randint(0, MOST_DONE), unfinished()
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and (len(times()) < wanted or (moment == "write" and unfinished() <= left)):
        assert time.monotonic() < deadline, "the batch hangs"
        time.sleep(0.001)
    if moment == "work":
        time.sleep(generator.uniform(0, 0.1))


def kill(process: subprocess.Popen[bytes], *, all_at_once: bool) -> bool:
    """Ends the command, or all of its processes, and waits for the last one; returns whether it was still running."""
    if process.poll() is None:
        if all_at_once and hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    _, said = process.communicate(timeout=PATIENCE)
    if process.returncode == 0:
        assert said == b""
        return False
    assert process.returncode == (-signal.SIGKILL if os.name == "posix" else 1), said
    return True


def check_complete(expected: dict[str, bytes]) -> None:
    assert whole_files() == expected
    assert not unfinished()
    with (OUT / REPORT_NAME).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted(Path(row["photo"]).name for row in rows) == sorted(expected)
    assert {row["status"] for row in rows} <= {"restored", "exists"}


@pytest.mark.usefixtures("here")
def test_a_killed_batch_leaves_whole_files_and_the_same_call_does_the_rest(
    share: float, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(CALL) == 0
    expected = whole_files()
    assert len(expected) == PHOTOGRAPHS
    shutil.rmtree(OUT)
    generator, found, killed = Random(0), Counter[str](), 0
    kills = max(1, round(KILLS * share))
    with capfd.disabled(), console.progress() as bar:
        task = bar.add_task("killed batches", total=kills)
        while killed < kills:
            before = times()
            process = started()
            await_moment(process, generator.choice(MOMENTS), generator)
            was_running = kill(process, all_at_once=generator.random() < 0.5)
            assert times().items() >= before.items(), "a file that was there was written again"
            if not was_running:
                check_complete(expected)
                found["done before"] += 1
                shutil.rmtree(OUT)
                continue
            killed += 1
            bar.update(task, completed=killed)
            assert whole_files().items() <= expected.items()
            found["hidden and unfinished files"] += len(unfinished())
        counts = ", ".join(f"{count} {what}" for what, count in sorted(found.items()))
        bar.console.print(f"{killed} batches killed: {counts}")
    assert run(CALL) == 0
    check_complete(expected)
