"""The folder of what was uploaded to the page, or made by it: this process's own, and gone when it ends."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from pathlib import Path

SWEEP_SECONDS, KEPT_SECONDS = 600, 7200
"""How often files are looked at, and how old they get."""


def use_own_folder() -> Path:
    """Has Gradio keep its files in a folder that nobody else can look into, the same one throughout the process.

    It is deleted when the process ends. Where ``GRADIO_TEMP_DIR`` names a folder, that one is used, and stays.
    """
    folder = os.environ.get("GRADIO_TEMP_DIR") or _folder().name
    os.environ["GRADIO_TEMP_DIR"] = folder  # the one way to tell Gradio
    return Path(folder)


@lru_cache(maxsize=1)
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="spikefill-page-", ignore_cleanup_errors=True)


@asynccontextmanager
async def swept() -> AsyncIterator[None]:
    """Deletes old files of the folder while the block runs: Gradio forgets those of uploads that broke off."""

    async def sweep_now_and_then() -> None:
        while True:
            await asyncio.to_thread(sweep, use_own_folder(), KEPT_SECONDS)
            await asyncio.sleep(SWEEP_SECONDS)

    sweeping = asyncio.create_task(sweep_now_and_then())
    try:
        yield
    finally:
        sweeping.cancel()


def sweep(folder: Path, seconds: float) -> None:
    """Deletes the files within a folder that nobody wrote to for so many seconds."""
    for path in folder.rglob("*"):
        with suppress(OSError):  # deleted by somebody else
            if path.is_file() and path.stat().st_mtime < time.time() - seconds:
                path.unlink()
