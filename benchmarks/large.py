"""Restoring a huge photograph: the peak of the command's memory by format, and its time by the share of the holes.

``python -m benchmarks.large PHOTO MASK OUTPUT`` is the process that is measured; it prints bytes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.restoring import scratched
from benchmarks.results import ROOT, Claim, Result, Table, digits
from spikefill import inpainting, models
from spikefill.cli.app import run as command
from spikefill.images import FORMATS, encode
from spikefill.peak_memory import peak

SHARE = 0.005
SHARES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
BEYOND = 1.5
"""GB that the process may take beside the decoded photograph."""


def run(*, quick: bool) -> Result:
    """Peaks in GB, and seconds."""
    suffixes = ("png", "tif") if quick else ("png", "jpg", "tif")
    photograph, holes = scratched(0.2 if quick else 100.0, SHARE)
    gigabytes, what = photograph.nbytes / 1e9, f"{holes.size / 1e6:.3g} MP, {SHARE:.1%} holes"
    peaks = {suffix: _peak_of_the_command(photograph, holes, suffix) / 1e9 for suffix in suffixes}
    megapixels = 0.2 if quick else 12.0
    seconds = _seconds(megapixels, SHARES[-2:] if quick else SHARES)
    return Result(
        title="Huge photographs",
        tables=[
            Table(
                f"`spikefill inpaint`, {what}, {gigabytes:.3g} GB when decoded",
                ["", "peak of the process, GB"],
                [[suffix, f"{value:.2f}"] for suffix, value in peaks.items()],
            ),
            Table(
                f"{megapixels:g} MP, by the share of the holes",
                ["", *(f"{share:.1%}" for share in seconds)],
                [["s", *(digits(value) for value in seconds.values())]],
            ),
        ],
        claims=[
            Claim(f"{what}, {suffix}: peak beyond the decoded photograph, GB", value - gigabytes, BEYOND, "at most")
            for suffix, value in peaks.items()
        ],
        notes=[
            "The peak is that of resident memory: Python, torch, the model, the photograph, its mask, the workspace.",
            "The plot has the time over the share of the holes.",
        ],
        data={"gigabytes": peaks, "seconds": {f"{share:g}": value for share, value in seconds.items()}},
    )


def _seconds(megapixels: float, shares: Sequence[float]) -> dict[float, float]:
    """The least of two times for each share of the holes."""
    model = inpainting.load(models.DEFAULT)
    seconds = {}
    for share in shares:
        print(f"large: {megapixels:g} MP, {share:.1%} holes", flush=True)
        photograph, holes = scratched(megapixels, share)
        taken = []
        for _ in range(2):
            start = time.perf_counter()
            model.restore(photograph, holes)
            taken.append(time.perf_counter() - start)
        seconds[share] = min(taken)
    return seconds


def _peak_of_the_command(photograph: NDArray[np.uint8], holes: NDArray[np.bool_], suffix: str) -> int:
    """Bytes, of a process of its own."""
    print(f"large: {holes.size / 1e6:.3g} MP, {suffix}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        photo, mask, output = (Path(folder, name) for name in (f"photo.{suffix}", "mask.png", f"out.{suffix}"))
        photo.write_bytes(encode(photograph, FORMATS[photo.suffix]))
        Image.fromarray(holes).save(mask)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.large", str(photo), str(mask), str(output)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"{suffix}: {done.stderr.strip()}")
    return int(done.stdout.split()[-1])


if __name__ == "__main__":
    code = command(["inpaint", sys.argv[1], sys.argv[2], "-o", sys.argv[3]])
    print(peak())
    sys.exit(code)
