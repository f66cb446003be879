"""Many photographs in several processes: each by itself, whole or not at all."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image

from spikefill import data, inpainting, masks, models
from spikefill.batch import Job, ModelChoice, Outcome, RestoreSettings, Status, pool, restore_all
from spikefill.files import remove_leftovers
from spikefill.masks import MaskSettings

SIDE = 64


class Files(NamedTuple):
    """A job's files as paths."""

    photo: Path
    mask: Path
    output: Path

    @property
    def job(self) -> Job:
        return Job(*map(str, self))


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that nobody trained, small enough to be quick."""
    path = tmp_path_factory.mktemp("weights") / "model.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(5)
        models.save(models.create("scnn", width=4, steps=2), path)
    return path


@pytest.fixture
def jobs(tmp_path: Path) -> list[Files]:
    """Six squares out of real photographs, each with holes."""
    photograph = data.open_photographs("embedded")[0]
    found = []
    for i in range(6):
        job = Files(*(tmp_path / folder / f"{i}.png" for folder in ("in", "masks", "out")))
        job.photo.parent.mkdir(exist_ok=True)
        Image.fromarray(photograph[40 * i : 40 * i + SIDE, 30 * i : 30 * i + SIDE]).save(job.photo)
        masks.write(job.mask, masks.sample("thin", SIDE, seed=3, index=i))
        found.append(job)
    return found


def done(jobs: list[Files], weights: Path, **settings: Any) -> list[Outcome]:
    found = restore_all(
        [files.job for files in jobs], ModelChoice(str(weights)), RestoreSettings(**settings), processes=2, threads=1
    )
    return sorted(found, key=lambda outcome: outcome.photo)


def test_each_is_restored_as_by_itself(jobs: list[Files], weights: Path) -> None:
    outcomes = done(jobs, weights)
    inpainter = inpainting.load(weights)
    for job, outcome in zip(jobs, outcomes, strict=True):
        holes = masks.read(job.mask)
        assert (outcome.photo, outcome.mask, outcome.output) == (str(job.photo), str(job.mask), str(job.output))
        assert (outcome.status, outcome.error) == (Status.RESTORED, "")
        assert (outcome.width, outcome.height, outcome.hole_pixels) == (SIDE, SIDE, int(holes.sum()))
        assert outcome.seconds > 0
        with Image.open(job.output) as image:
            assert np.array_equal(np.asarray(image), np.asarray(inpainter.inpaint(job.photo, job.mask)))


def test_what_fails_does_not_stop_the_others(jobs: list[Files], weights: Path) -> None:
    jobs[0].photo.write_bytes(b"nothing of this kind")
    Image.new("1", (3, 4)).save(jobs[1].mask)
    jobs[2].mask.unlink()
    Image.new("1", (SIDE, SIDE)).save(jobs[3].mask)
    jobs[4].output.parent.mkdir(exist_ok=True)
    jobs[4].output.mkdir()
    outcomes = done(jobs, weights, overwrite=True)
    assert [outcome.status for outcome in outcomes] == ["failed", "failed", "failed", "unchanged", "failed", "restored"]
    assert [outcome.error for outcome in outcomes] == [
        f"{jobs[0].photo} is not an image that can be read (PNG, JPEG, WebP, BMP, TIFF or HEIC)",
        f"mask is 3 x 4 px, the photograph {SIDE} x {SIDE}; they must be of one size",
        f"mask {jobs[2].mask} does not exist",
        "",
        f"{jobs[4].output} is a folder; name a file",
        "",
    ]
    assert jobs[3].output.read_bytes() == jobs[3].photo.read_bytes()
    assert sorted(path.name for path in jobs[5].output.parent.iterdir()) == ["3.png", "4.png", "5.png"]


def test_what_is_there_is_left_unless_it_may_be_replaced(jobs: list[Files], weights: Path) -> None:
    jobs[1].output.parent.mkdir()
    jobs[1].output.write_bytes(b"mine")
    assert [outcome.status for outcome in done(jobs[:2], weights)] == ["restored", "exists"]
    assert jobs[1].output.read_bytes() == b"mine"
    first = jobs[0].output.read_bytes()
    assert [outcome.status for outcome in done(jobs[:2], weights, overwrite=True)] == ["restored", "restored"]
    assert jobs[0].output.read_bytes() == first
    assert jobs[1].output.read_bytes() != b"mine"


def test_another_format(jobs: list[Files], weights: Path) -> None:
    job = jobs[0]._replace(output=jobs[0].output.with_suffix(".webp"))
    assert done([job], weights, file_format="WEBP")[0].status == "restored"
    with Image.open(job.output) as image:
        assert image.format == "WEBP"


def test_holes_found_in_the_photographs_and_shown(jobs: list[Files], weights: Path) -> None:
    photographs = {job.photo: job.photo.read_bytes() for job in jobs}
    for job in jobs:
        with Image.open(job.photo) as image:
            painted = np.array(image)
        painted[masks.read(job.mask)] = (255, 0, 255)
        Image.fromarray(painted).save(job.photo)
    settings = RestoreSettings(masks=MaskSettings(colour="magenta", dilate=1))
    nameless = [Job(str(job.photo), "", str(job.output)) for job in jobs]
    model = ModelChoice(str(weights))
    shown = [Job(job.photo, "", job.output.replace("out", "shown")) for job in nameless]
    preview = replace(settings, preview=True)
    assert {o.status for o in restore_all(shown, model, preview, processes=1, threads=1)} == {"previewed"}
    assert {o.status for o in restore_all(nameless, model, settings, processes=1, threads=1)} == {"restored"}
    for job in jobs:
        with Image.open(io.BytesIO(photographs[job.photo])) as image:
            before = np.asarray(image)
        with Image.open(job.output) as image:
            after = np.asarray(image)
        known = ~masks.dilated(masks.read(job.mask), 1)
        assert np.array_equal(after[known], before[known])
        assert (np.abs(after.astype(int) - (255, 0, 255)).sum(axis=2) > 30).all()


def test_no_further_one_is_begun_after_a_stop(jobs: list[Files], weights: Path) -> None:
    out = jobs[0].output.parent
    found = list(restore_all([j.job for j in jobs], ModelChoice(str(weights)), processes=1, threads=1, stop=out.exists))
    assert 1 <= len(found) <= 2  # one may be in work while the first one is handed over
    assert sorted(str(path) for path in out.iterdir()) == sorted(o.output for o in found)


def killing(begun: Any, settings: RestoreSettings) -> Outcome:
    """In place of restoring: one photograph ends its process, whatever else was handed to it."""
    if Path(begun.job.photo).stem == "3":
        os._exit(1)
    return pool._restore(begun, settings)


def killed_after_writing(begun: Any, settings: RestoreSettings) -> Outcome:
    """In place of restoring: a process ends when it has written, before it can say so."""
    outcome = pool._restore(begun, settings)
    if outcome.status == "restored" and not begun.ours:
        os._exit(1)
    return outcome


def test_a_photograph_that_ends_its_process_fails_alone(
    jobs: list[Files], weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_restore", killing)
    outcomes = done(jobs, weights)
    lost = outcomes.pop(3)
    assert lost.status == "failed"
    assert [outcome.status for outcome in outcomes] == ["restored"] * 5
    assert all(Path(outcome.output).exists() for outcome in outcomes)
    assert lost.error == "the process that restored it was ended: is there too little memory?"


def test_what_was_written_but_not_told_of_is_restored(
    jobs: list[Files], weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = done(jobs[:3], weights)
    written = [job.output.read_bytes() for job in jobs[:3]]
    for job in jobs[1:3]:
        job.output.unlink()
    jobs[0].output.write_bytes(b"mine")
    monkeypatch.setattr(pool, "_restore", killed_after_writing)
    outcomes = done(jobs[:3], weights)
    assert [outcome.status for outcome in outcomes] == ["exists", "restored", "restored"]
    assert jobs[0].output.read_bytes() == b"mine"
    for job, before, then, outcome in zip(jobs[1:3], written[1:], expected[1:], outcomes[1:], strict=True):
        assert job.output.read_bytes() == before
        assert outcome == replace(then, seconds=outcome.seconds)


def test_an_output_that_cannot_be_looked_up_fails_alone(jobs: list[Files], weights: Path) -> None:
    odd = jobs[1]._replace(output=jobs[1].output.with_name("o" * 300 + ".png"))
    outcomes = done([jobs[0], odd, jobs[2]], weights)
    assert [outcome.status for outcome in outcomes] == ["restored", "failed", "restored"]
    assert "too long" in outcomes[1].error


@pytest.fixture
def running(jobs: list[Files], weights: Path) -> Iterator[subprocess.Popen[bytes]]:
    folder = jobs[0].photo.parent.parent
    for i in range(6, 200):
        for job in jobs[:1]:
            for path in (job.photo, job.mask):
                (path.parent / f"{i}.png").write_bytes(path.read_bytes())
    command = ["inpaint", "in", "masks", "-o", "out", "--model", str(weights), "--jobs", "2", "--threads", "2"]
    process = subprocess.Popen([sys.executable, "-c", f"from spikefill.cli.app import run; run({command})"], cwd=folder)
    yield process
    process.kill()
    process.wait()


def _is_running(process: int) -> bool:
    """Whether it has a command line: one that has ended but was not waited for has none."""
    try:
        return bool(Path(f"/proc/{process}/cmdline").read_bytes())
    except FileNotFoundError:
        return False


def test_a_killed_batch_leaves_whole_files_and_no_processes(
    running: subprocess.Popen[bytes], jobs: list[Files], weights: Path
) -> None:
    out = jobs[0].output.parent
    deadline = time.monotonic() + 120
    while len(list(out.glob("*.png"))) < 5:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    children = Path(f"/proc/{running.pid}/task/{running.pid}/children")
    workers = [int(number) for number in children.read_text().split()] if children.exists() else []
    running.kill()
    running.wait()
    for path in out.glob("[!.]*.png"):
        with Image.open(path) as image:
            image.load()
    while any(map(_is_running, workers)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    finished = len(list(out.glob("[!.]*.png")))
    every = [Files(path, jobs[0].mask, out / path.name) for path in sorted(jobs[0].photo.parent.glob("*.png"))]
    statuses = [outcome.status for outcome in done(every, weights)]
    assert statuses.count(Status.EXISTS) == finished
    assert statuses.count(Status.RESTORED) == 200 - finished
    assert len(list(out.glob("[!.]*.png"))) == 200


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    for name in (".a[1].0a1b2c3d.png", ".a[1].0a1b2c3.png", ".a[1].0a1b2c3d.jpg", ".b.0a1b2c3d.png", "a[1].png"):
        (tmp_path / name).touch()
    remove_leftovers([tmp_path / "a[1].png", tmp_path / "nowhere" / "c.png"])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".a[1].0a1b2c3.png", ".a[1].0a1b2c3d.jpg", ".b.0a1b2c3d.png", "a[1].png",
    ]  # fmt: skip
