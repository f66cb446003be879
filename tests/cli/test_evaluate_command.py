from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from spikefill.cli.app import run

if TYPE_CHECKING:
    from pathlib import Path

QUICK = ["evaluate", "--size", "64", "--masks", "thin", "--repeats", "1"]
NO_MODEL = [*QUICK, "--model", "none"]


class FillWith:
    """Fills holes with a grey level."""

    def __init__(self, level: int) -> None:
        self.level = level

    def inpaint(self, image: Any, mask: Any) -> Any:
        return np.where(mask[..., None], np.uint8(self.level), image)

    def predict(self, masked: Any, mask: Any) -> Any:
        return masked + mask * self.level / 255


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is loaded instead of models: NAME fills with level 200; the list says what was asked for."""
    asked: list[str] = []

    def load(reference: str, **_: Any) -> FillWith:
        asked.append(reference)
        return FillWith(200)

    monkeypatch.setattr("spikefill.inpainting.load", load)
    monkeypatch.delenv("SPIKEFILL_MODEL", raising=False)
    return asked


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two photographs of 80 x 70 and a smaller one, 50 x 50."""
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    random = np.random.default_rng(0)
    for name, size in (("a", (70, 80, 3)), ("b", (70, 80, 3)), ("small", (50, 50, 3))):
        Image.fromarray(random.integers(0, 256, size, dtype=np.uint8)).save(photographs / f"{name}.png")
    return photographs


def test_the_table_is_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*NO_MODEL, "--masks", "thin,thick", "--baselines", "telea,mean"]) == 0
    out = capsys.readouterr().out
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line}
    assert rows["thin"] == ["thick"]
    assert rows["method"] == ["PSNR", "hole", "SSIM"] * 2
    assert len(rows["telea"]) == len(rows["mean"]) == 4
    assert float(rows["telea"][0]) > float(rows["mean"][0]) > 5


def test_json_and_report(loaded: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures, report = tmp_path / "figures.json", tmp_path / "report"
    models = ["--model", "here", "--model", "runs/there.safetensors"]
    call = [*QUICK, *models, "--json", str(figures), "--report", str(report)]
    assert run(call) == 0
    assert loaded == ["here", "runs/there.safetensors"]
    document = json.loads(figures.read_text(encoding="utf-8"))
    assert list(document["results"]) == ["here", "there", "identity", "mean", "telea", "navier-stokes"]
    assert document["protocol"]["images"]["source"] == "embedded"
    assert len(document["images"]) == 2
    assert document["protocol"]["models"]["there"]["reference"] == "runs/there.safetensors"
    page = (report / "index.html").read_text(encoding="utf-8")
    assert page.count("data:image/webp") == 2 * (2 + 6)
    out = capsys.readouterr().out
    assert f"{document['results']['there']['thin']['psnr_hole']:.2f}" in out

    before = figures.read_bytes()
    assert run(call) == 2
    assert "exists" in capsys.readouterr().err
    assert len(loaded) == 2  # refused before any work
    assert figures.read_bytes() == before
    assert run([*call, "--overwrite"]) == 0


def test_all_and_none_are_lists_of_baselines() -> None:
    from spikefill.cli.evaluate import _baselines
    from spikefill.evaluation import BASELINES

    assert _baselines("all", BASELINES) == list(BASELINES)
    assert _baselines("none", BASELINES) == []
    assert _baselines("shift-map, mean", BASELINES) == ["shift-map", "mean"]


def test_help_names_every_baseline(capsys: pytest.CaptureFixture[str]) -> None:
    from spikefill.evaluation import BASELINES

    assert run(["evaluate", "--help"]) == 0
    text = "".join(capsys.readouterr().out.split())  # names are broken over lines
    assert [name for name in BASELINES if name not in text] == []


def test_flip_that_is_missing_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    call = [*NO_MODEL, "--baselines", "mean", "--limit", "1"]
    monkeypatch.setattr("spikefill.evaluation.metrics.flip_evaluator", None)
    assert run(call) == 0
    captured = capsys.readouterr()
    assert captured.err.count("FLIP is not measured") == 1
    assert "mean" in captured.out
    monkeypatch.setattr("spikefill.evaluation.metrics.flip_evaluator", object())
    monkeypatch.setattr("spikefill.evaluation.metrics.flip", lambda *_: 0.5)
    assert run(call) == 0
    assert "FLIP" not in capsys.readouterr().err


def test_models_of_one_name_keep_their_paths(loaded: list[str], tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    models = ["--model", "x/best.safetensors", "--model", "y/best.safetensors", "--model", "telea"]
    assert run([*QUICK, *models, "--baselines", "mean", "--json", str(figures)]) == 0
    document = json.loads(figures.read_text(encoding="utf-8"))
    assert list(document["results"]) == ["x/best.safetensors", "y/best.safetensors", "telea", "mean"]


def test_the_model_may_come_from_the_environment(loaded: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPIKEFILL_MODEL", "my runs/one")
    assert run([*QUICK, "--baselines", "none"]) == 0
    assert run([*QUICK, "--model", "two", "--baselines", "none"]) == 0
    assert loaded == ["my runs/one", "two"]


def test_skipped_photographs_are_said_and_are_exit_code_1(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = tmp_path / "figures.json"
    assert run([*NO_MODEL, "--images", str(folder), "--baselines", "mean", "--json", str(figures)]) == 1
    captured = capsys.readouterr()
    assert "small" in captured.err
    assert "mean" in captured.out
    document = json.loads(figures.read_text(encoding="utf-8"))
    assert document["results"]["mean"]["thin"]["n"] == 2
    assert len(document["protocol"]["images"]["skipped"]) == 1
    assert run([*NO_MODEL, "--images", str(folder), "--baselines", "mean", "--limit", "2"]) == 0


def test_an_interruption_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("spikefill.evaluation.measuring.metrics.ssim", interrupt)
    assert run([*NO_MODEL, "--json", str(tmp_path / "f.json"), "--report", str(tmp_path / "report")]) == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--masks", "thin,wide"], "--masks names 'wide'; it takes, separated by commas: thin,"),
        (["--masks", ""], "--masks names ''"),
        (["--masks", "thin,thin"], "--masks names 'thin' twice"),
        (["--baselines", "mean,magic"], "--baselines names 'magic'"),
        (["--baselines", "none"], "both 'none'"),
        (["--model", "scnn"], "'none' stands alone"),
        (["--size", "big"], "--size is 'big'; it must be a number of pixels from 32, or 'full'"),
        (["--size", "31"], "--size is '31'"),
        (["--size", "-64"], "--size is '-64'"),
        (["--size", "4096"], "none of 2 could be used"),
        (["--limit", "0"], "--limit is 0"),
        (["--limit", "few"], "--limit"),
        (["--repeats", "0"], "--repeats is 0"),
        (["--repeats", "6"], "repeats is 6"),
        (["--images", "no/such/folder"], "no/such/folder"),
        (["--json", "."], "folder"),
        (["--report", "{file}"], "a file; name a folder"),
        (["--unknown"], "--unknown"),
    ],
)
def test_wrong_calls_are_one_line_and_exit_code_2(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert run([*NO_MODEL, *(a.replace("{file}", str(tmp_path / "file")) for a in arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert captured.err.count("\n") == 1
