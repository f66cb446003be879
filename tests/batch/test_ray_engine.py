"""Many photographs on a Ray cluster: the same files as without it, also when a worker is killed."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import fsspec
import numpy as np
import pytest
import torch
from PIL import Image

from spikefill import InputError, data, masks, models
from spikefill.batch import Job, ModelChoice, RestoreSettings, Status, find_jobs, restore_all, restore_all_on_ray
from spikefill.batch.restoring import restore_one

COUNT, SIDE = 24, 64

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # Ray's own: unclosed sockets, its deprecated parts
    pytest.mark.skipif(sys.platform != "linux", reason="finds Ray's processes in /proc"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photographs in in/, masks in masks/, and weights."""
    folder = tmp_path_factory.mktemp("ray")
    photograph = data.open_photographs("embedded")[0]
    for i in range(COUNT):
        path = folder / "in" / f"{i % 3}" / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photograph[8 * i : 8 * i + SIDE, 5 * i : 5 * i + SIDE]).save(path)
        masks.write(folder / "masks" / f"{i % 3}" / f"{i}.png", masks.sample("thin", SIDE, seed=3, index=i))
    (folder / "in" / "0" / "0.png").write_bytes(b"nothing of this kind")
    with torch.random.fork_rng():
        torch.manual_seed(5)
        models.save(models.create("scnn", width=4, steps=2), folder / "model.safetensors")
    return folder


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict[str, bytes]:
    """The files of the local engine."""
    jobs = find_jobs(folder / "in", folder / "masks", folder / "local")[0]
    model = ModelChoice(str(folder / "model.safetensors"))
    assert len(list(restore_all(jobs, model, processes=1, threads=1))) == COUNT
    return written(folder / "local")


def written(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def workers() -> Iterator[int]:
    """The processes of Ray that restore."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                name = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if name.startswith(b"ray::") and b"MapWorker" in name:
                yield int(folder.name)


def test_a_worker_that_is_killed_is_replaced_and_each_file_is_the_local_one(
    folder: Path, expected: dict[str, bytes]
) -> None:
    address = f"file://{folder}"
    jobs, unpaired = find_jobs(f"{address}/in", f"{address}/masks", f"{address}/ray")
    assert (len(jobs), unpaired) == (COUNT, [])
    model = ModelChoice(str(folder / "model.safetensors"))
    outcomes, killed = [], []
    for outcome in restore_all_on_ray(jobs, model, address=None, processes=2):
        outcomes.append(outcome)
        if not killed:
            killed = list(workers())[:1]
            for process in killed:
                os.kill(process, signal.SIGKILL)
    assert killed
    assert sorted(outcome.photo for outcome in outcomes) == sorted(job.photo for job in jobs)
    failed = [outcome for outcome in outcomes if outcome.status is Status.FAILED]
    assert [outcome.photo for outcome in failed] == [f"{address}/in/0/0.png"]
    assert failed[0].error.startswith(f"{address}/in/0/0.png is not an image that can be read")
    assert {outcome.status for outcome in outcomes} <= {Status.FAILED, Status.RESTORED, Status.EXISTS}
    assert written(folder / "ray") == expected


def test_files_that_are_elsewhere(folder: Path) -> None:
    """In the memory of this process, as an object store has them."""
    system = fsspec.filesystem("memory")
    for name in ("in/1/1.png", "in/2/2.png", "in/.hidden/3.png", "masks/1/1.png", "masks/2/2.png"):
        source = folder / (name if ".hidden" not in name else "in/1/1.png")
        system.pipe_file(f"/shop/{name}", source.read_bytes())
    jobs, unpaired = find_jobs("memory://shop/in", "memory://shop/masks", "memory://shop/in/out")
    assert [(job.photo, job.output) for job in jobs] == [
        ("memory://shop/in/1/1.png", "memory://shop/in/out/1/1.png"),
        ("memory://shop/in/2/2.png", "memory://shop/in/out/2/2.png"),
    ]
    assert unpaired == []
    model = ModelChoice(str(folder / "model.safetensors"))
    assert [restore_one(job, model.load, RestoreSettings()).status for job in jobs] == ["restored", "restored"]
    assert [restore_one(job, model.load, RestoreSettings()).status for job in jobs] == ["exists", "exists"]
    assert restore_one(jobs[0], model.load, RestoreSettings(overwrite=True)).status == "restored"
    again = find_jobs("memory://shop/in", "memory://shop/masks", "memory://shop/in/out")[0]
    assert again == jobs
    known = ~masks.read(folder / "masks" / "1" / "1.png")
    with (
        Image.open(io.BytesIO(system.cat_file("/shop/in/out/1/1.png"))) as restored,
        Image.open(folder / "in" / "1" / "1.png") as photograph,
    ):
        assert np.array_equal(np.asarray(restored)[known], np.asarray(photograph)[known])
    with pytest.raises(InputError, match="memory://shop/nothing holds no photographs"):
        find_jobs("memory://shop/nothing", "memory://shop/masks", "memory://shop/out")
    failed = restore_one(
        Job("memory://shop/none.png", jobs[0].mask, "memory://shop/none"), model.load, RestoreSettings()
    )
    assert failed.error.startswith("cannot read memory://shop/none.png: ")
