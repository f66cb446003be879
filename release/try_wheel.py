"""Restores a photograph with a wheel alone, without the network: ``python release/try_wheel.py WHEEL``.

A new virtual environment gets the wheel, and links to those installed packages that the wheel declares as its
dependencies, with what they need in turn. Nothing else can be imported there: neither the source tree nor an extra.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from importlib.metadata import distributions
from pathlib import Path

import numpy as np
from needs import needed, top_level
from PIL import Image

from spikefill import data, masks

LARGEST_WHEEL = 15_000_000
"""Bytes."""
FEWEST_DECIBELS = 20.0
"""What scratches come back with at least, as PSNR over the hole; left black they have about 7."""


def main(wheel: Path) -> None:
    """Says what was found; ends with a line that says what is wrong, if something is."""
    megabytes = wheel.stat().st_size / 1e6
    if wheel.stat().st_size > LARGEST_WHEEL:
        sys.exit(f"{wheel.name} has {megabytes:.1f} MB; at most {LARGEST_WHEEL / 1e6:.0f} are allowed")
    cut_off = _without_network()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        _install(wheel, work / "env")
        original, holes = _write_damaged(work)
        command = [
            *cut_off,
            str(work / "env/bin/spikefill"),
            "inpaint",
            "damaged.png",
            "mask.png",
            "-o",
            "restored.png",
        ]
        clean = {"HOME": folder, "PATH": os.defpath}
        if subprocess.run(command, cwd=work, env=clean, check=False).returncode:
            sys.exit(f"{wheel.name}: the installed command failed")
        restored = np.asarray(Image.open(work / "restored.png"))
    if not np.array_equal(restored[~holes], original[~holes]):
        sys.exit(f"{wheel.name}: known pixels changed")
    decibels = 10 * np.log10(255**2 / np.mean((restored[holes].astype(float) - original[holes]) ** 2))
    if decibels < FEWEST_DECIBELS:
        sys.exit(
            f"{wheel.name}: the holes came back with {decibels:.1f} dB; at least {FEWEST_DECIBELS:.0f} are expected"
        )
    network = "without the network" if cut_off else "with the network, which cannot be cut off here"
    print(f"{wheel.name}: {megabytes:.1f} MB, restored a photograph {network} ({decibels:.1f} dB over the holes)")


def _install(wheel: Path, environment: Path) -> None:
    """Makes an environment of the wheel and what it says that it needs."""
    venv.create(environment)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, str(wheel)], check=True)
    (site,) = environment.glob("lib/python*/site-packages")
    (installed,) = distributions(path=[str(site)])
    for package in needed(text for text in installed.requires or () if "extra ==" not in text).values():
        for path in top_level(package):
            if not (site / path.name).exists():  # a folder that several packages share is linked once
                (site / path.name).symlink_to(path)


def _write_damaged(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Writes a photograph with black scratches, and their mask; returns the whole photograph and the mask."""
    original = data.open_photographs(data.EMBEDDED, part="val")[0]
    holes = masks.evaluation("scratches", original.shape[:2], image_index=0, repeat=0)
    Image.fromarray(np.where(holes[..., None], np.uint8(0), original)).save(folder / "damaged.png")
    masks.write(folder / "mask.png", holes)
    return original, holes


def _without_network() -> list[str]:
    """What runs a command in a network of its own, without any other machine; empty where the system lets nobody."""
    command = ["unshare", "--map-root-user", "--net"]
    found = shutil.which("unshare") and subprocess.run([*command, "true"], capture_output=True, check=False)
    return command if found and found.returncode == 0 else []


if __name__ == "__main__":
    main(Path(sys.argv[1]))
