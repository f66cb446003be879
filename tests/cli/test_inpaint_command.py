from __future__ import annotations

import io
import subprocess
import sys
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import numpy as np
import pytest
import torch
from PIL import Image

import spikefill
from spikefill import models
from spikefill.cli.app import run
from spikefill.inpainting import Damaged, Inpainter


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MODEL", "DEVICE", "THREADS", "MAX_MEMORY", "VERBOSE", "QUIET"):
        monkeypatch.delenv(f"SPIKEFILL_{name}", raising=False)


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with weights that nobody trained."""
    folder = tmp_path_factory.mktemp("run")
    with torch.random.fork_rng():
        torch.manual_seed(5)
        models.save(models.create("scnn", width=4, steps=2), folder / "best.safetensors")
    return folder


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """Kernels that are compiled before: it is said, once in a process, when that has to be waited for."""
    spikefill.inpaint(np.zeros((32, 32, 3), np.uint8), np.eye(32, dtype=bool))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with photo.png, photo.jpg, mask.png, empty.png, full.png and small.png."""
    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    Image.fromarray(noise).save("photo.png")
    Image.fromarray(noise).save("photo.jpg", quality=60)
    holes = np.zeros((40, 56), bool)
    holes[10:20, 15:30] = True
    for name, mask in (("mask", holes), ("empty", holes & False), ("full", holes | True), ("small", holes[:9, :8])):
        Image.fromarray(mask).save(f"{name}.png")
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def pixels(file: Path | bytes) -> np.ndarray:
    with Image.open(file if isinstance(file, Path) else io.BytesIO(file)) as image:
        return np.array(image)


def streams(monkeypatch: pytest.MonkeyPatch, given: bytes = b"") -> io.BytesIO:
    """Standard streams that hold bytes; what is written to the output comes back."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(given)))
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=written, flush=lambda: None))
    return written


def test_a_photograph_is_restored(here: Path, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (here / "photo.png").read_bytes()
    assert run(["inpaint", "photo.png", "mask.png", "-o", "new/out.png", "--model", str(weights)]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == ["150 pixels to restore (6.7%)", "wrote new/out.png"]
    was, now, mask = pixels(here / "photo.png"), pixels(here / "new" / "out.png"), pixels(here / "mask.png")
    assert np.array_equal(was[~mask], now[~mask])
    assert np.array_equal(now, Inpainter(models.read(weights)).inpaint(was, mask))
    assert (was[mask] != now[mask]).any()
    assert (here / "photo.png").read_bytes() == before
    assert names(here / "new") == ["out.png"]


@pytest.mark.parametrize(("suffix", "kind"), [("jpg", "JPEG"), ("JPEG", "JPEG"), ("webp", "WEBP"), ("png", "PNG")])
def test_the_suffix_chooses_the_format(suffix: str, kind: str, here: Path, weights: Path) -> None:
    assert run(["inpaint", "photo.png", "mask.png", "-o", f"out.{suffix}", "--model", str(weights)]) == 0
    with Image.open(here / f"out.{suffix}") as image:
        assert image.format == kind
        assert image.size == (56, 40)


def test_variables_set_the_options(
    here: Path, weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPIKEFILL_MODEL", str(weights / "best.safetensors"))
    monkeypatch.setenv("SPIKEFILL_THREADS", str(torch.get_num_threads()))
    assert run(["-q", "inpaint", "photo.png", "mask.png", "-o", "out.png"]) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("SPIKEFILL_DEVICE", "tpu")
    assert run(["inpaint", "photo.png", "mask.png", "-o", "other.png"]) == 2
    assert "device is 'tpu'" in capsys.readouterr().err


def test_threads_and_precision(here: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    call = ["inpaint", "photo.png", "mask.png", "-o", "out.png", "--model", str(weights)]
    assert run([*call, "--threads", "1", "--precision", "float32"]) == 0
    assert asked == [1]
    assert (here / "out.png").exists()


def test_the_best_quality_differs_in_the_hole_alone(here: Path, weights: Path) -> None:
    call = ["inpaint", "photo.png", "mask.png", "--model", str(weights), "-o"]
    assert run([*call, "fast.png"]) == 0
    assert run([*call, "best.png", "--quality", "best"]) == 0
    source, fast, best = (np.asarray(Image.open(name)) for name in ("photo.png", "fast.png", "best.png"))
    hole = np.asarray(Image.open("mask.png").convert("L")) > 127
    assert not np.array_equal(fast, best)
    assert np.array_equal(best[~hole], source[~hole])


def test_the_photograph_may_come_from_standard_input(
    here: Path, weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["inpaint", "photo.jpg", "mask.png", "-o", "out.jpg", "--model", str(weights)]) == 0
    written = streams(monkeypatch, (here / "photo.jpg").read_bytes())
    assert run(["inpaint", "-", "mask.png", "-o", "-", "--model", str(weights)]) == 0
    assert written.getvalue() == (here / "out.jpg").read_bytes()
    assert "wrote" not in capsys.readouterr().err.splitlines()[-1]


def test_the_mask_may_come_from_standard_input(here: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call = ["--model", str(weights), "-o"]
    assert run(["inpaint", "photo.png", "mask.png", *call, "out.png"]) == 0
    streams(monkeypatch, (here / "mask.png").read_bytes())
    assert run(["inpaint", "photo.png", "-", *call, "same.png"]) == 0
    assert (here / "same.png").read_bytes() == (here / "out.png").read_bytes()


def test_streams_of_a_process_hold_the_picture_and_nothing_else(here: Path, weights: Path) -> None:
    assert run(["inpaint", "photo.png", "mask.png", "-o", "out.png", "--model", str(weights)]) == 0
    start = [sys.executable, "-c", "from spikefill.cli.app import main; main()"]
    call = [*start, "inpaint", "-", "mask.png", "-o", "-", "--model", str(weights)]
    done = subprocess.run(call, input=(here / "photo.png").read_bytes(), capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (here / "out.png").read_bytes()
    assert done.stderr.decode().splitlines() == ["150 pixels to restore (6.7%)"]


def test_closed_streams_are_said(
    here: Path, weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for photo, mask in (("-", "mask.png"), ("photo.png", "-")):
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", None)
            assert run(["inpaint", photo, mask, "-o", "out.png", "--model", str(weights)]) == 2
        assert capsys.readouterr().err == "spikefill: standard input is closed; name a file\n"
    monkeypatch.setattr(Inpainter, "restore", lambda *_, **__: pytest.fail("restored for nothing"))
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", None)
        assert run(["inpaint", "photo.png", "mask.png", "-o", "-", "--model", str(weights)]) == 2
    assert "output is '-', but standard output is closed" in capsys.readouterr().err
    assert not (here / "out.png").exists()


def test_an_output_that_exists_is_kept(here: Path, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "out.png").write_bytes(b"mine")
    call = ["inpaint", "photo.png", "mask.png", "-o", "out.png", "--model", str(weights)]
    assert run(call) == 2
    assert "out.png exists" in capsys.readouterr().err
    assert (here / "out.png").read_bytes() == b"mine"
    assert run([*call, "--overwrite"]) == 0
    assert pixels(here / "out.png").shape == (40, 56, 3)


def test_a_photograph_may_be_overwritten_by_its_restoration(here: Path, weights: Path) -> None:
    was = pixels(here / "photo.png")
    call = ["inpaint", "photo.png", "mask.png", "-o", "photo.png", "--overwrite", "--model", str(weights)]
    assert run(call) == 0
    now = pixels(here / "photo.png")
    assert np.array_equal(was[30:], now[30:])
    assert not np.array_equal(was, now)


@pytest.mark.parametrize("photo", ["photo.png", "photo.jpg"])
def test_an_empty_mask_gives_the_same_file(
    photo: str, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And needs no model."""
    output = f"out{Path(photo).suffix}"
    assert run(["inpaint", photo, "empty.png", "-o", output, "--model", "no/such"]) == 0
    assert "the mask is empty: the photograph is unchanged" in capsys.readouterr().err
    assert (here / output).read_bytes() == (here / photo).read_bytes()
    written = streams(monkeypatch)
    assert run(["inpaint", photo, "empty.png", "-o", "-"]) == 0
    assert written.getvalue() == (here / photo).read_bytes()


def test_an_empty_mask_into_another_format(here: Path) -> None:
    assert run(["inpaint", "photo.jpg", "empty.png", "-o", "out.png"]) == 0
    assert np.array_equal(pixels(here / "out.png"), pixels(here / "photo.jpg"))


def test_an_interrupted_run_leaves_nothing_behind(
    here: Path, weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def restore(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    before = names(here)
    with monkeypatch.context() as patch:
        patch.setattr(Inpainter, "restore", restore)
        assert run(["inpaint", "photo.png", "mask.png", "-o", "out.png", "--model", str(weights)]) == 130
        assert capsys.readouterr().err.splitlines()[-1] == "spikefill: interrupted"
        assert names(here) == before
        (here / "out.png").write_bytes(b"mine")
        call = ["inpaint", "photo.png", "mask.png", "-o", "out.png", "--overwrite", "--model", str(weights)]
        assert run(call) == 130
    assert (here / "out.png").read_bytes() == b"mine"
    assert names(here) == sorted([*before, "out.png"])


def test_an_interrupt_while_writing_leaves_nothing_behind(
    here: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(damaged: Damaged, file: IO[bytes], *_: Any, **__: Any) -> None:
        file.write(bytes(100))
        raise KeyboardInterrupt

    before = names(here)
    monkeypatch.setattr(Damaged, "write", write)
    assert run(["inpaint", "photo.png", "mask.png", "-o", "out.png", "--model", str(weights)]) == 130
    assert names(here) == before


def test_what_the_format_cannot_hold_is_said_before_the_work(
    here: Path, weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Inpainter, "restore", lambda *_, **__: pytest.fail("restored for nothing"))
    with Image.open("photo.png") as image:
        image.convert("RGBA").save("alpha.png")
    for mask in ("mask.png", "empty.png"):
        assert run(["inpaint", "alpha.png", mask, "-o", "out.jpg", "--model", str(weights)]) == 2
        assert "transparency, which JPEG cannot hold; write PNG" in capsys.readouterr().err
    assert not (here / "out.jpg").exists()


def test_exif_orientation_is_respected(here: Path, weights: Path) -> None:
    tags = Image.Exif()
    tags[0x0112] = 6
    with Image.open("photo.png") as image:
        image.save("lying.png", exif=tags)
    holes = np.zeros((56, 40), bool)
    holes[3:6, 30:38] = True
    Image.fromarray(holes).save("upright.png")
    assert run(["inpaint", "lying.png", "upright.png", "-o", "out.png", "--model", str(weights)]) == 0
    was, now = pixels(here / "photo.png"), pixels(here / "out.png")
    assert was.shape == now.shape
    shown = np.rot90((was != now).any(axis=2), -1)  # a quarter turn clockwise, as orientation 6 says
    assert not shown[~holes].any()
    assert shown[holes].mean() > 0.8
    with Image.open("out.png") as image:
        assert image.getexif()[0x0112] == 6


def bomb(path: Path) -> None:
    """A PNG file of a few bytes whose header promises 30,000 x 30,000 px."""
    source = bytearray(path.read_bytes())
    source[16:24] = (30000).to_bytes(4, "big") * 2
    source[29:33] = zlib.crc32(source[12:29]).to_bytes(4, "big")
    path.write_bytes(source)


@pytest.mark.parametrize("which", ["photo", "mask"])
def test_a_bomb_is_refused_with_its_size_and_how_to_allow_it(
    which: str, here: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bomb(here / f"{which}.png")
    command = ["inpaint", "photo.png", "mask.png", "-o", "out.png", "--model", str(weights)]
    assert run(command) == 2
    needed = {"photo": "7.8", "mask": "2.4"}[which]
    assert (
        capsys.readouterr()
        .err.strip()
        .endswith(
            f"{which}.png is 30000 x 30000 px; decoding it takes {needed} GB, but max_memory is 2 GB; "
            f"allow it with --max-memory {needed}G (max_memory={needed.replace('.', '')}00000000)"
        )
    )
    assert run([*command, "--max-memory", "8G"]) == 2
    assert f"{which}.png is damaged" in capsys.readouterr().err
    assert "out.png" not in names(here)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("two", "max_memory is 'two'; it must be a number of bytes such as 2G or 800M"),
        ("300M", "max_memory is 300 MB; more than 500 MB is taken before a file is read"),
    ],
)
def test_a_limit_that_cannot_be_is_said(given: str, said: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inpaint", "photo.png", "mask.png", "-o", "out.png", "--max-memory", given]) == 2
    assert said in capsys.readouterr().err


def test_less_memory_gives_the_same_picture_in_smaller_parts(here: Path, weights: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 300), dtype=np.uint8)
    Image.fromarray(noise).save("photo.png")
    Image.fromarray(noise < 40).save("mask.png")
    command = ["inpaint", "photo.png", "mask.png", "--model", str(weights)]
    assert run([*command, "-o", "out.png"]) == run([*command, "-o", "less.png", "--max-memory", "560M"]) == 0
    whole, parts = pixels(here / "out.png").astype(int), pixels(here / "less.png")
    assert (np.abs(whole - parts) <= 1).mean() >= 0.999
