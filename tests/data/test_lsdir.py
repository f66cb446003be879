"""LSDIR's layout, small: folders or archives of photographs, lists of paths, and low-resolution copies to leave out."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spikefill import InputError, data

from .fakes import ramp

_TRAIN = {f"shard-0{shard}/000{shard + 1}000/000{shard}00{number}.png" for shard in (0, 1) for number in (1, 2)}
_VAL = {f"val1/HR/val/000000{number}.png" for number in (1, 2)}
_LEFT_OUT = {"val1/X4/val/0000001x4.png", "shard-01/0002000/extra.png"}


@pytest.fixture
def lsdir(tmp_path: Path) -> Path:
    folder = tmp_path / "LSDIR"
    for number, name in enumerate(sorted(_TRAIN | _VAL | _LEFT_OUT)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(ramp(32, 33 + number)).save(folder / name)
    # The paths of the lists are those of the photographs before they were packed.
    train = [{"path": "HR/train/" + name.partition("/")[2]} for name in sorted(_TRAIN)]
    val = [{"path_gt": name[5:], "path_lq": f"X4/val/{Path(name).stem}x4.png"} for name in sorted(_VAL)]
    (folder / "train.json").write_text(json.dumps(train))
    (folder / "val.json").write_text(json.dumps(val))
    return folder


def pack(folder: Path) -> None:
    """Makes archives of the folders, each as its content alone."""
    for child in sorted(path for path in folder.iterdir() if path.is_dir()):
        with tarfile.open(folder / f"{child.name}.tar.gz", "w:gz") as archive:
            for inner in sorted(child.iterdir()):
                archive.add(inner, f"./{inner.name}")
        for file in sorted(child.rglob("*"), reverse=True):
            file.unlink() if file.is_file() else file.rmdir()
        child.rmdir()


@pytest.mark.parametrize(("part", "names"), [("train", _TRAIN), ("val", _VAL), ("all", _TRAIN | _VAL)])
def test_the_lists_say_which_photographs_are_which(lsdir: Path, part: Any, names: set[str]) -> None:
    assert data.open_photographs(lsdir, part=part).names == tuple(sorted(names))


def test_a_part_of_the_shards_may_be_there_alone(lsdir: Path) -> None:
    for file in (lsdir / "shard-01").rglob("*.png"):
        file.unlink()
    assert data.open_photographs(lsdir, part="train").names == tuple(sorted(n for n in _TRAIN if n < "shard-01"))


def test_the_list_for_super_resolution_will_do(lsdir: Path) -> None:
    (lsdir / "train.json").rename(lsdir / "train_X4.json")
    assert data.open_photographs(lsdir, part="train").names == tuple(sorted(_TRAIN))


@pytest.mark.parametrize(
    "content",
    [["a/0000001.png", "b\\0001002.png"], {"path_gt": ["x/0000001.png", "x/0001002.png"]}],
    ids=["of strings", "in columns"],
)
def test_lists_of_other_forms(lsdir: Path, content: Any) -> None:
    (lsdir / "train.json").write_text(json.dumps(content))
    expected = ("shard-00/0001000/0000001.png", "shard-01/0002000/0001002.png")
    assert data.open_photographs(lsdir, part="train").names == expected


@pytest.mark.parametrize("content", ["", "5", '{"path": 5}', '[{"name": "a.png"}]', "[5]", '"a.png"', b"\xff\xfe"])
def test_a_list_that_is_none_is_one_line(lsdir: Path, content: str | bytes) -> None:
    (lsdir / "train.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=r"train\.json is no list of paths, such as"):
        data.open_photographs(lsdir, part="train")


@pytest.mark.parametrize("name", ["train.json", "val.json"])
@pytest.mark.parametrize(
    "content",
    [{"info": {}, "images": [{"file_name": "a.png"}]}, ["cat", "dog"], {"classes": 3}, [{"path": 5}], []],
    ids=["COCO", "classes", "settings", "no text", "empty"],
)
@pytest.mark.parametrize("part", ["train", "val", "all"])
def test_files_of_other_kinds_make_no_lsdir(folder: Path, name: str, content: Any, part: Any) -> None:
    expected = data.open_photographs(folder).names
    (folder / name).write_text(json.dumps(content))
    assert data.open_photographs(folder, part=part).names == expected


def test_a_list_of_the_other_part_alone_will_not_do(lsdir: Path) -> None:
    (lsdir / "val.json").unlink()
    with pytest.raises(InputError, match=r"has lists of photographs, but no val\.json"):
        data.open_photographs(lsdir, part="val")


def test_packed_archives_become_the_shards_that_the_unpacked_ones_do(lsdir: Path, tmp_path: Path) -> None:
    unpacked = [data.write_shards(lsdir, tmp_path / f"unpacked-{part}", part=part) for part in ("train", "val")]
    pack(lsdir)
    with pytest.raises(InputError, match=r"holds archives; make shards of them first: spikefill data shard .*LSDIR"):
        data.open_photographs(lsdir, part="train")
    packed = [data.write_shards(lsdir, tmp_path / f"packed-{part}", part=part) for part in ("train", "val")]
    assert [index.shards for index in packed] == [index.shards for index in unpacked]
    photographs = data.open_photographs(tmp_path / "packed-val")
    assert set(photographs.names) == _VAL
    assert np.array_equal(photographs[0], ramp(32, photographs[0].shape[1]))


def test_packing_goes_on_in_the_middle_of_the_archives(lsdir: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in _TRAIN:  # too large for two to fit into a shard
        Image.fromarray(rng.integers(0, 256, (420, 480, 3), dtype=np.uint8)).save(lsdir / name)
    pack(lsdir)
    whole = data.write_shards(lsdir, tmp_path / "whole", megabytes=1)
    assert len(whole.shards) == 4
    written: list[int] = []
    with pytest.raises(data.ShardingStopped, match="interrupted after 3 shards"):
        data.write_shards(
            lsdir, tmp_path / "parts", megabytes=1,
            on_shard=lambda index: written.append(len(index.shards)), stop=lambda: len(written) == 3,
        )  # fmt: skip
    assert data.write_shards(lsdir, tmp_path / "parts", megabytes=1) == whole


@pytest.mark.parametrize("kept", [0.0, 0.1, 0.8])
def test_a_damaged_archive_is_one_line(lsdir: Path, tmp_path: Path, kept: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    Image.fromarray(noise).save(lsdir / max(_TRAIN))  # so that the archive ends in the middle of it
    pack(lsdir)
    file = lsdir / "shard-01.tar.gz"
    file.write_bytes(file.read_bytes()[: int(kept * file.stat().st_size)])
    with pytest.raises(InputError, match=r"shard-01\.tar\.gz cannot be read as an archive"):
        data.write_shards(lsdir, tmp_path / "shards")
