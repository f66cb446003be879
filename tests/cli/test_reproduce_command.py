from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import filelock
import pytest

from spikefill.cli.app import run
from spikefill.training import DivergenceError

TINY = [
    "--quick",
    "--set=training.steps=2",
    "--set=training.validations=1",
    "--set=measuring.limit=1",
    "--set=measuring.families=[thin]",
    "--set=released=[]",
    "--set=baselines=[mean]",
]


def test_list_names_the_experiments(capsys: pytest.CaptureFixture[str]) -> None:
    from spikefill.reproduce import NAMES

    assert run(["reproduce", "--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(NAMES)


def test_a_run_says_where_its_page_is_and_goes_on_after_an_interruption(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    call = ["reproduce", "leakage", *TINY, "-o", str(tmp_path / "out")]

    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("spikefill.reproduce.experiments.leakage._fillings", interrupt)
        assert run(call) == 130
    said = capsys.readouterr().err
    assert "interrupted in leakage, 2 of 3: trained here; what is done is kept" in said
    assert not (tmp_path / "out" / "leakage").exists()

    assert run(call) == 0
    said = capsys.readouterr()
    assert said.out == f"{tmp_path / 'out' / 'leakage' / 'index.html'}\n"
    assert "leakage, 1 of 3: training (done before)" in said.err
    assert "leakage, 2 of 3: trained here\n" in said.err
    document = json.loads((tmp_path / "out" / "leakage" / "results.json").read_text("utf-8"))
    assert document["settings"]["training"]["steps"] == 2
    assert document["trials"]["training"]["result"]["steps"] == 2
    assert str(tmp_path) not in json.dumps(document)
    assert "0 of 6 results" in (tmp_path / "out" / "index.html").read_text("utf-8")

    assert run([*call, "--fresh"]) == 0
    assert "(done before)" not in capsys.readouterr().err


def test_a_folder_has_one_run_at_a_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with filelock.FileLock(tmp_path / ".lock"):
        assert run(["reproduce", "leakage", *TINY, "-o", str(tmp_path)]) == 2
    assert "another run is at work" in capsys.readouterr().err
    assert not (tmp_path / "trials").exists()


def test_a_folder_with_something_else_in_it_stays_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "index.md").write_text("mine", encoding="utf-8")
    assert run(["reproduce", "leakage", *TINY, "-o", str(tmp_path)]) == 2
    assert "is not empty and holds no experiments" in capsys.readouterr().err
    assert [file.read_text("utf-8") for file in tmp_path.iterdir()] == ["mine"]


def test_a_training_that_diverges_is_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverge(*_: Any, **__: Any) -> None:
        raise DivergenceError("the loss is nan")

    monkeypatch.setattr("spikefill.training.train", diverge)
    assert run(["reproduce", "leakage", *TINY, "-o", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert "leakage: the loss is nan" in said.err
    assert said.out == ""
    assert "no experiment here answers it" in (tmp_path / "index.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["magic", "-o", "{out}"], "experiment is 'magic'; it must be one of: paper,"),
        (["-o", "{out}"], "EXPERIMENT is missing"),
        (["leakage"], "--output is missing"),
        (["all", "--set", "noises=1", "-o", "{out}"], "--set goes with one experiment"),
        (["leakage", "--set", "noise=1", "-o", "{out}"], "noise is no setting; there are: training, measuring,"),
        (["leakage", "--set", "noises=0", "-o", "{out}"], "noises is 0; it must be greater than or equal to 1"),
        (["leakage", "--set", "training.recipe=none", "-o", "{out}"], "recipe is 'none'"),
        (["leakage", "--set", "training.step=2", "-o", "{out}"], "training.step is no setting; there are: recipe,"),
        (["leakage", "--set", "released=[magic]", "-o", "{out}"], "network is 'magic'; it must be one of"),
        (["leakage", "--set", "baselines=[mean, mean]", "-o", "{out}"], "each may be named once"),
        (["paper", "--set", "measuring.families=[wide]", "-o", "{out}"], "family is 'wide'; it must be one of"),
        (["leakage", "--val", "no/such/folder", "-o", "{out}"], "no/such/folder"),
        (["leakage", "--device", "abacus", "-o", "{out}"], "abacus"),
        (["leakage", "-o", "{file}"], "cannot be made a folder"),
    ],
)
def test_wrong_calls_are_one_line_and_exit_code_2(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    places = {"{out}": str(tmp_path / "out"), "{file}": str(tmp_path / "file")}
    assert run(["reproduce", "--quick", *(places.get(argument, argument) for argument in arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert not (tmp_path / "out").exists()
