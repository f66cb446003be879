"""What Spikefill keeps so that it is quicker the next time; all of it may be deleted at any time."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

VARIABLE = "SPIKEFILL_CACHE"
"""The environment variable that moves the cache: the folder in which ``spikefill-cache`` is made."""


def cache_folder() -> Path:
    """The folder of the cache, which need not exist.

    It is Spikefill's alone, also where ``SPIKEFILL_CACHE`` names a folder with other things in it, so that
    `empty` can delete whatever it holds.
    """
    parent = os.environ.get(VARIABLE)
    if parent:
        return Path(parent).expanduser() / "spikefill-cache"
    from platformdirs import user_cache_path

    return user_cache_path("spikefill", appauthor=False)


def cached_files() -> list[Path]:
    """Every file in the cache; a link is given as it is, not followed."""
    return [Path(folder, name) for folder, _, names in os.walk(cache_folder()) for name in names]


def compiled_kernels() -> list[Path]:
    """The machine code that Numba keeps beside the package's modules, or elsewhere if those are read-only."""
    from spikefill.neurons.kernels.lookup_loops import constant_by_bounds

    folder = constant_by_bounds().folder  # that of all kernels: Numba has one for a folder of source files
    return [] if folder is None else [path for kind in ("nbi", "nbc") for path in folder.glob(f"*.{kind}")]


def size(files: list[Path]) -> int:
    """The sum of the sizes of files, in bytes."""
    return sum(path.lstat().st_size for path in files)


def empty() -> None:
    """Deletes everything in the cache, and the compiled kernels."""
    folder = cache_folder()
    for entry in folder.iterdir() if folder.is_dir() else ():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    for path in compiled_kernels():
        path.unlink(missing_ok=True)
