"""``spikefill inpaint`` for a folder of photographs: what is written, said and returned."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from PIL import Image

from spikefill import data, masks, models
from spikefill.cli.app import run

SIDE = 48


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MODEL", "DEVICE", "THREADS", "VERBOSE", "QUIET"):
        monkeypatch.delenv(f"SPIKEFILL_{name}", raising=False)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: in/a.jpg, in/sub/b.png, in/c.png; masks for all but c; weights in model.safetensors."""
    monkeypatch.chdir(tmp_path)
    photograph = data.open_photographs("embedded")[0]
    for i, name in enumerate(("a.jpg", "sub/b.png", "c.png")):
        path = Path("in", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photograph[50 * i : 50 * i + SIDE, :SIDE]).save(path)
        if name != "c.png":
            masks.write(Path("masks", name).with_suffix(".png"), masks.sample("thin", SIDE, seed=1, index=i))
    with torch.random.fork_rng():
        torch.manual_seed(5)
        models.save(models.create("scnn", width=4, steps=2), "model.safetensors")
    return tmp_path


CALL = ["inpaint", "in", "masks", "-o", "out", "--model", "model.safetensors", "--jobs", "1"]


def rows(path: str = "out/spikefill.csv") -> list[tuple[str, str]]:
    with Path(path).open(newline="") as file:
        return sorted((row["photo"], row["status"]) for row in csv.DictReader(file))


def written() -> list[str]:
    return sorted(path.as_posix() for path in Path("out").rglob("*") if path.is_file())


def test_every_photograph_with_a_mask_is_restored(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(CALL) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    first, missing, summary, report = captured.err.splitlines()
    assert first == "2 photographs to restore, 1 at a time"
    assert missing == "in/c.png: has no mask; looked for masks/c.* or masks/c_mask.*"
    assert summary.startswith("3 of 3 photographs (1 failed, 2 restored), ")
    assert report == "report: out/spikefill.csv"
    assert written() == ["out/a.jpg", "out/spikefill.csv", "out/sub/b.png"]
    assert rows() == [("in/a.jpg", "restored"), ("in/c.png", "failed"), ("in/sub/b.png", "restored")]


def test_the_same_call_does_what_is_left(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(CALL) == 1
    before = Path("out/a.jpg").stat().st_mtime_ns
    Path("out/sub/b.png").unlink()
    masks.write("masks/c.png", masks.sample("thin", SIDE, seed=1, index=2))
    capsys.readouterr()
    assert run(["-q", *CALL]) == 0
    assert capsys.readouterr().err == ""
    assert Path("out/a.jpg").stat().st_mtime_ns == before
    assert rows() == [("in/a.jpg", "restored"), ("in/c.png", "restored"), ("in/sub/b.png", "restored")]


def test_what_a_killed_call_left_is_removed(here: Path) -> None:
    Path("out").mkdir()
    for name in ("out/.a.0a1b2c3d.jpg", "out/.spikefill.0a1b2c3d.csv", "out/.of somebody else"):
        Path(name).write_bytes(b"half")
    assert run(CALL) == 1
    assert written() == ["out/.of somebody else", "out/a.jpg", "out/spikefill.csv", "out/sub/b.png"]


def test_another_format_and_another_place_for_the_report(here: Path) -> None:
    assert run([*CALL, "--format", "webp", "--report", "what/was done.csv"]) == 1
    assert written() == ["out/a.webp", "out/sub/b.webp"]
    assert len(rows("what/was done.csv")) == 3


def test_scratches_are_found_in_a_folder_without_masks(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["inpaint", "in", "-o", "out", "--model", "model.safetensors", "--jobs", "1", "--mask-color", "black"]
    assert run([*call, "--tolerance", "40", "--preview"]) == 0
    assert rows() == [("in/a.jpg", "previewed"), ("in/c.png", "previewed"), ("in/sub/b.png", "previewed")]
    assert capsys.readouterr().err.startswith("3 photographs to show, 1 at a time")
    assert run(call) == 2
    assert capsys.readouterr().err == (
        "spikefill: out holds previews; name another folder, or replace them with --overwrite\n"
    )
    assert run([*call, "--overwrite"]) == 0
    assert {status for _, status in rows()} <= {"restored", "unchanged"}
    capsys.readouterr()
    assert run(call[:4]) == 2
    assert "MASK is missing; name the folder of the masks" in capsys.readouterr().err
    assert run([*call[:2], "masks", *call[2:]]) == 2
    assert "MASK is masks, but the holes are to be found in the photographs" in capsys.readouterr().err


def test_failures_are_said_though_notes_are_not_wanted(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("in/a.jpg").write_bytes(b"nothing")
    assert run(["-q", *CALL]) == 1
    assert sorted(capsys.readouterr().err.splitlines()) == [
        "in/a.jpg is not an image that can be read (PNG, JPEG, WebP, BMP, TIFF or HEIC)",
        "in/c.png: has no mask; looked for masks/c.* or masks/c_mask.*",
    ]


def test_ctrl_c_finishes_what_is_in_work_and_the_same_call_goes_on(here: Path) -> None:
    for i in range(60):
        for folder, name in (("in", "sub/b.png"), ("masks", "sub/b.png")):
            Path(folder, f"n{i:02}.png").write_bytes(Path(folder, name).read_bytes())
    Path("in/c.png").unlink()
    process = subprocess.Popen(
        [sys.executable, "-c", f"import sys; from spikefill.cli.app import run; sys.exit(run({CALL}))"],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not list(Path("out").glob("*.png")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    done = len(rows())
    assert 1 <= done < 62
    last = f"spikefill: interrupted after {done} of 62 photographs; the same command goes on with the rest"
    assert said.splitlines()[-1] == last
    assert len(written()) == done + 1
    assert run(CALL) == 0
    assert {status for _, status in rows()} == {"restored"}
    assert len(written()) == 63
