from __future__ import annotations

import signal
from pathlib import Path

import pytest

from spikefill import data
from spikefill.cli.app import run
from spikefill.data import sharding


def test_shards_and_training_on_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shards = tmp_path / "shards"
    assert run(["data", "shard", "embedded", "-o", str(shards), "--megabytes", "1"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(
        f"{shards}: 6 photographs in 5 shards, 3.0 MB; use them: spikefill train --data {shards}"
    )
    assert said.err.count("shard-00000") == 5
    settings = ["model.arguments={width: 4, steps: 2}", "data.size=32", "batch_size=2", "validation.count=2"]
    call = ["train", "--data", str(shards), "--val", str(shards), "-o", str(tmp_path / "run"), "--steps", "1"]
    assert run([*call, "--threads=1", *(f"--set={setting}" for setting in settings)]) == 0
    assert (tmp_path / "run" / "best.safetensors").exists()


def test_what_is_left_out_is_told_and_gives_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    for file in data.open_photographs("embedded", part="val").files:
        (photographs / Path(str(file)).name).write_bytes(Path(str(file)).read_bytes())
    (photographs / "broken.jpg").write_bytes(b"no photograph")
    for _ in range(2):  # the second time there is nothing left to do
        assert run(["--quiet", "data", "shard", str(photographs), "-o", str(tmp_path / "shards")]) == 1
        said = capsys.readouterr()
        assert "2 photographs in 1 shard, " in said.out
        assert said.err.startswith("broken.jpg is not an image of a known format")


def test_ctrl_c_ends_after_the_shard_and_the_same_command_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = sharding._write

    def write(place: str, name: str, content: bytes) -> None:
        if name == "shard-000001.tar":
            signal.raise_signal(signal.SIGINT)
        original(place, name, content)

    call = ["data", "shard", "embedded", "-o", str(tmp_path), "--megabytes", "1"]
    with monkeypatch.context() as patch:
        patch.setattr(sharding, "_write", write)
        assert run(call) == 130
    assert "spikefill: interrupted after 2 shards; the same call goes on" in capsys.readouterr().err
    assert len(list(tmp_path.glob("*.tar"))) == 2
    assert run(call) == 0
    assert "shard-000001" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["nowhere"], "'nowhere'; it must be a folder"),
        (["embedded", "--megabytes", "0"], "megabytes is 0"),
        (["embedded", "--part", "test"], "--part is 'test'; it must be one of: train, val, all"),
    ],
)
def test_wrong_calls_are_one_line(
    tmp_path: Path, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["data", "shard", *options, "-o", str(tmp_path / "shards")]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "shards").exists()
