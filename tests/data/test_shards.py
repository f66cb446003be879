"""Shards: what they hold, that any reader of WebDataset reads them, and that nothing is lost on the way."""

from __future__ import annotations

import errno
import hashlib
import json
import pickle
import sys
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import fsspec
import numpy as np
import pytest
import webdataset

from spikefill import InputError, data
from spikefill.data import sharding
from spikefill.data.shards import Index, read_index


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_shards_hold_the_files_as_they_were_and_their_index_says_where(tmp_path: Path) -> None:
    index = data.write_shards("embedded", tmp_path, megabytes=1, part="all")
    originals = data.open_photographs("embedded")
    assert [shard.name for shard in index.shards] == [f"shard-{number:06d}.tar" for number in range(len(index.shards))]
    assert len(index.shards) >= 4
    assert index.photographs == 8
    assert read_index(str(tmp_path)) == index
    for shard in index.shards:
        content = (tmp_path / shard.name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == shard.sha256
        assert len(content) == shard.bytes <= 1_100_000
    photographs = data.open_photographs(tmp_path)
    assert photographs.sharded
    assert not originals.sharded
    assert photographs.names == originals.names
    for number, file in enumerate(originals.files):
        assert photographs.files[number].read() == file.read_bytes()
        assert np.array_equal(photographs[number], originals[number])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it leaves the last file open
def test_readers_of_webdataset_read_them(tmp_path: Path) -> None:
    index = data.write_shards("embedded", tmp_path, megabytes=1)
    urls = [str(tmp_path / shard.name) for shard in index.shards]
    samples = list(webdataset.WebDataset(urls, shardshuffle=False))
    assert [sample["__key__"] for sample in samples] == [f"{number:08d}" for number in range(6)]
    for sample, file in zip(samples, data.open_photographs("embedded", part="train").files, strict=True):
        assert sample[file.suffix[1:]] == file.read_bytes()


def test_what_is_no_photograph_is_left_out_and_told(folder: Path, tmp_path: Path) -> None:
    told: dict[str, str] = {}
    index = data.write_shards(folder, tmp_path / "shards", on_problem=told.__setitem__)
    expected = data.open_photographs(folder)
    photographs = data.open_photographs(tmp_path / "shards")
    assert photographs.names == expected.names == ("B/a.Jpg", "c.PNG", "grey.tiff")
    assert photographs.greyscale == ("grey.tiff",)
    assert told == {file.relative_to(folder).as_posix(): problem for file, problem in expected.problems}
    assert [entry.member for entry in index.shards[0].entries] == ["00000000.jpg", "00000001.png", "00000002.tiff"]


def test_every_call_tells_what_is_left_out(folder: Path, tmp_path: Path) -> None:
    first: dict[str, str] = {}
    index = data.write_shards(folder, tmp_path / "shards", on_problem=first.__setitem__)
    again: dict[str, str] = {}
    assert data.write_shards(folder, tmp_path / "shards", on_problem=again.__setitem__) == index
    assert again == first == dict(index.left_out)
    assert len(again) == 4


def test_an_index_that_does_not_name_what_is_left_out_is_read(folder: Path, tmp_path: Path) -> None:
    index = data.write_shards(folder, tmp_path / "shards")
    file = tmp_path / "shards" / "shards.json"
    values = json.loads(file.read_bytes())
    del values["left_out"]
    file.write_text(json.dumps(values))
    assert read_index(str(tmp_path / "shards")) == replace(index, left_out=())
    assert len(data.open_photographs(tmp_path / "shards")) == 3


def test_a_call_that_goes_on_stops_while_it_looks_for_its_place(tmp_path: Path) -> None:
    written: list[Index] = []
    for _ in range(2):  # the second one finds the first shards, and is asked to stop from the beginning
        with pytest.raises(data.ShardingStopped, match="interrupted after 2 shards"):
            data.write_shards(
                "embedded", tmp_path, megabytes=1, on_shard=written.append, stop=lambda: len(written) == 2
            )
    assert read_index(str(tmp_path)) == written[-1]
    assert len(written) == 2


def test_of_two_calls_at_the_same_time_one_ends(tmp_path: Path) -> None:
    whole = data.write_shards("embedded", tmp_path / "whole", megabytes=1)
    place = tmp_path / "both"

    def interfere(index: Index) -> None:
        assert data.write_shards("embedded", place, megabytes=1) == whole

    with pytest.raises(InputError, match="both has shards that another call wrote meanwhile"):
        data.write_shards("embedded", place, megabytes=1, on_shard=interfere)
    assert contents(place) == contents(tmp_path / "whole")


def test_a_disk_that_fails_is_one_line_that_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", fail)
        with pytest.raises(InputError, match=r"cannot write .*shards\.json: Input/output error"):
            data.write_shards("embedded", tmp_path / "shards")
    assert list((tmp_path / "shards").iterdir()) == []


def test_the_same_photographs_give_the_same_bytes_and_a_second_call_writes_nothing(tmp_path: Path) -> None:
    for name in ("one", "two"):
        data.write_shards("embedded", tmp_path / name, megabytes=1)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    told: list[Index] = []
    data.write_shards("embedded", tmp_path / "two", megabytes=1, on_shard=told.append)
    assert told == []


@pytest.mark.parametrize("broken", [False, True], ids=["asked to stop", "killed"])
def test_interrupted_writing_leaves_whole_shards_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: bool
) -> None:
    whole = data.write_shards("embedded", tmp_path / "whole", megabytes=1)
    parts = tmp_path / "parts"
    written = 0

    def fail(place: str, name: str, content: bytes) -> None:
        if name == "shard-000002.tar":
            (parts / ".shard-000002.0123abcd.tar").write_bytes(content[:1000])  # what a killed process leaves
            raise OSError("the power went")
        original(place, name, content)

    def count(index: Index) -> None:
        nonlocal written
        written += 1

    original = sharding._write
    with monkeypatch.context() as patch:
        if broken:
            patch.setattr(sharding, "_write", fail)
        with pytest.raises(OSError if broken else data.ShardingStopped):
            data.write_shards("embedded", parts, megabytes=1, on_shard=count, stop=lambda: written == 2 and not broken)
    assert written == 2
    tars = sorted(parts.glob("[!.]*.tar"))
    assert [tar.read_bytes() for tar in tars] == [(tmp_path / "whole" / tar.name).read_bytes() for tar in tars]
    with pytest.raises(InputError, match="are not all written; call spikefill data shard again as before"):
        data.open_photographs(parts)

    assert data.write_shards("embedded", parts, megabytes=1, on_shard=count) == whole
    assert written == len(whole.shards)
    assert contents(parts) == contents(tmp_path / "whole")


def test_photographs_are_reduced_once_if_wanted(tmp_path: Path, damaged: Path) -> None:
    data.write_shards("embedded", tmp_path / "shards", shorter_side=420, part="val")
    originals, photographs = (data.open_photographs(one, part="val") for one in ("embedded", tmp_path / "shards"))
    assert originals.names == photographs.names == ("chelsea.png", "coffee.png")
    assert [image.shape for image in photographs] == [(300, 451, 3), (400, 600, 3)]  # neither is larger
    data.write_shards("embedded", tmp_path / "small", shorter_side=320, part="val")
    chelsea, coffee = data.open_photographs(tmp_path / "small")
    assert np.array_equal(chelsea, originals[0])
    expected = cv2.resize(originals[1], (480, 320), interpolation=cv2.INTER_AREA)
    assert np.abs(coffee.astype(int) - expected).mean() < 3  # JPEG
    with pytest.raises(InputError, match="has shards of other photographs, or of another size"):
        data.write_shards("embedded", tmp_path / "small", part="val")
    told: dict[str, str] = {}
    data.write_shards(damaged, tmp_path / "rest", shorter_side=32, on_problem=told.__setitem__)
    assert told == {"2.png": "is damaged behind its header"}


def test_shards_at_an_address(tmp_path: Path) -> None:
    """In the memory of this process, as an object store has them."""
    system = fsspec.filesystem("memory")
    system.store.clear()
    expected = data.write_shards("embedded", tmp_path, megabytes=1)
    assert data.write_shards("embedded", "memory://bucket/shards", megabytes=1) == expected
    assert system.cat("memory://bucket/shards/shard-000001.tar") == (tmp_path / "shard-000001.tar").read_bytes()
    photographs = data.open_photographs("memory://bucket/shards")
    assert np.array_equal(photographs[5], data.open_photographs(tmp_path)[5])
    assert str(photographs.files[5]) == "rocket.jpg in memory://bucket/shards/shard-000004.tar"
    with pytest.raises(InputError, match="there are no shards at memory://bucket/none; make them with: spikefill data"):
        data.open_photographs("memory://bucket/none")
    assert data.open_photographs(f"file://{tmp_path}").names == photographs.names
    system.store.clear()


def test_photographs_in_shards_can_be_sent_to_another_process(tmp_path: Path) -> None:
    data.write_shards("embedded", tmp_path)
    photographs = data.open_photographs(tmp_path)
    again = pickle.loads(pickle.dumps(photographs))
    assert again == photographs
    assert np.array_equal(again[1], photographs[1])


def test_an_epoch_shows_every_photograph_once_in_an_order_of_its_own() -> None:
    levels = range(10, 80, 10)
    photographs = [np.full((40, 40, 3), level, np.uint8) for level in levels]

    def shown(first: int, count: int, **options: Any) -> list[int]:
        samples = data.MaskedPhotographs(photographs, size=32, length=100, order="epochs", **options)
        return [round(float(samples[i]["target"].max()) * 255) for i in range(first, first + count)]

    epochs = [shown(7 * epoch, 7) for epoch in range(4)]
    assert all(sorted(epoch) == list(levels) for epoch in epochs)
    assert len(set(map(tuple, epochs))) == 4
    assert shown(10, 7) == (epochs[1] + epochs[2])[3:10], "sample i depends on what was asked for before"
    assert shown(0, 7, seed=1) != epochs[0]


def test_damaged_shards_and_indices_are_one_line(tmp_path: Path) -> None:
    index = data.write_shards("embedded", tmp_path, megabytes=1)
    last = tmp_path / index.shards[-1].name
    last.write_bytes(last.read_bytes()[:3000])
    with pytest.raises(InputError, match=r"shard-000004\.tar ends before rocket\.jpg does; it was cut off"):
        data.open_photographs(tmp_path)[5]
    last.unlink()
    with pytest.raises(InputError, match=r"cannot read .*shard-000004\.tar"):
        data.open_photographs(tmp_path)[5]
    file = tmp_path / "shards.json"
    values = json.loads(file.read_bytes())
    for content, said in (
        (b"{", "is damaged"),
        (b"[]", "is damaged"),
        (b"\xff", "is damaged"),
        (json.dumps({**values, "shards": [{}]}).encode(), "is damaged"),
        (json.dumps({**values, "format_version": 2}).encode(), "has format version 2, this Spikefill reads 1"),
    ):
        file.write_bytes(content)
        with pytest.raises(InputError, match=said):
            data.open_photographs(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are any bytes on Linux alone")
def test_a_name_that_is_no_text_is_kept(tmp_path: Path, folder: Path) -> None:
    name = b"Stra\xdfe.png".decode(errors="surrogateescape")
    (folder / "c.PNG").rename(folder / name)
    data.write_shards(folder, tmp_path / "shards")
    assert name in data.open_photographs(tmp_path / "shards").names


def test_nothing_that_was_there_is_written_over(tmp_path: Path, folder: Path) -> None:
    data.write_shards("embedded", tmp_path / "shards", megabytes=1)
    before = contents(tmp_path / "shards")
    for arguments in ((folder, tmp_path / "shards"), ("embedded", tmp_path / "shards")):
        with pytest.raises(InputError, match="has shards of other photographs, or of another size"):
            data.write_shards(*arguments)
    assert contents(tmp_path / "shards") == before
    (tmp_path / "mine").mkdir()
    with tarfile.open(tmp_path / "mine" / "shard-000000.tar", "w"):
        pass
    with pytest.raises(InputError, match="has other archives or lists in it; choose another place"):
        data.write_shards("embedded", tmp_path / "mine")
    with pytest.raises(InputError, match="is a file; name a folder"):
        data.write_shards("embedded", tmp_path / "mine" / "shard-000000.tar")


@pytest.mark.parametrize(
    ("source", "options", "said"),
    [
        ("nowhere", {}, "'nowhere'; it must be a folder, or 'embedded'"),
        ("", {}, "source is ''"),
        ("{here}", {}, "holds no usable photograph"),
        ("embedded", {"megabytes": 0}, "megabytes is 0; it must be at least 1"),
        ("embedded", {"shorter_side": 15}, "shorter_side is 15; it must be at least 16"),
    ],
)
def test_wrong_calls(source: str, options: dict[str, Any], said: str, tmp_path: Path) -> None:
    (tmp_path / "notes.jpg").write_text("not a photograph")
    with pytest.raises(InputError, match=said):
        data.write_shards(source.replace("{here}", str(tmp_path)), tmp_path / "shards", **options)
    assert not (tmp_path / "shards").exists()
