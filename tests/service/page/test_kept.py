"""The folder of the page's files."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spikefill.service.page import kept


def test_only_old_files_are_swept(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    old, young = tmp_path / "part" / "old", tmp_path / "young"
    old.write_bytes(b"what came of an upload that broke off")
    young.write_bytes(b"")
    os.utime(old, (0, time.time() - 100))
    kept.sweep(tmp_path, 90)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["young"]


def test_it_is_swept_while_the_service_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")  # put back after the test
    old = kept.use_own_folder() / "old"
    old.write_bytes(b"")
    os.utime(old, (0, 0))

    async def run() -> None:
        async with asyncio.timeout(10), kept.swept():
            while old.exists():
                await asyncio.sleep(0.01)

    asyncio.run(run())


@pytest.mark.skipif(sys.platform == "win32", reason="no POSIX permissions")
def test_it_is_for_this_user_alone_and_goes_with_the_process() -> None:
    code = """
from gradio.utils import get_upload_folder
from spikefill.service.page import kept
folder = kept.use_own_folder()
assert folder == kept.use_own_folder() and get_upload_folder() == str(folder)
assert folder.stat().st_mode & 0o777 == 0o700
(folder / "photograph.png").write_bytes(b"")
print(folder)
"""
    environment = {name: value for name, value in os.environ.items() if name != "GRADIO_TEMP_DIR"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    folder = done.stdout.strip()
    assert Path(folder).name.startswith("spikefill-page-")
    assert not Path(folder).exists()
