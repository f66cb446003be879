"""Training and measuring a denoiser by the commands, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from spikefill.cli.app import run

from .test_train_command import EMBEDDED, TINY

EVALUATE = ["evaluate", "--size", "64"]
NOISE = ["--degradation", "noise:25"]


@pytest.fixture(scope="module")
def denoiser(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has learnt a little."""
    folder = tmp_path_factory.mktemp("runs") / "denoiser"
    call = ["train", "--recipe", "scnn", *EMBEDDED, "-o", str(folder), "--steps", "2"]
    assert run([*call, *NOISE, *TINY]) == 0
    return folder


def test_a_run_says_how_it_is_measured(denoiser: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "--resume", "-o", str(denoiser), *NOISE]) == 0
    said = capsys.readouterr().out
    assert said.endswith(f"; measure it: spikefill evaluate --degradation noise:25 --model {denoiser}\n")
    assert run(["train", "--resume", "-o", str(denoiser), "--degradation", "holes"]) == 2
    assert "recipe.data.degradation is 'holes' but the run has 'noise:25'" in capsys.readouterr().err


def test_the_table_and_the_files(denoiser: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures, report = tmp_path / "figures.json", tmp_path / "report"
    call = [
        *EVALUATE,
        *NOISE,
        "--model",
        str(denoiser),
        "--limit",
        "1",
        "--json",
        str(figures),
        "--report",
        str(report),
    ]
    assert run(call) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[:2] == [["noise:25"], ["method", "PSNR", "SSIM"]]
    assert [row[0] for row in rows[2:]] == ["denoiser", "identity", "total-variation", "nl-means", "nl-means-opencv"]
    document = json.loads(figures.read_text(encoding="utf-8"))
    assert rows[3][1] == f"{document['results']['identity']['noise:25']['psnr']:.2f}"
    assert document["protocol"]["models"]["denoiser"]["arguments"]["degradation"] == "noise:25"
    assert "noise taken away" in (report / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([*NOISE, "--model", "scnn"], "scnn was trained for holes, not for noise:25; measure it with: spikefill "),
        ([*NOISE, "--model", "none", "--masks", "thin"], "--masks is 'thin'; it goes with holes, not with noise:25"),
        ([*NOISE, "--model", "none", "--repeats", "1"], "--repeats is 1; it goes with holes, not with noise:25"),
        ([*NOISE, "--quality", "best"], "--quality is 'best'; it goes with holes, not with noise:25"),
        ([*NOISE, "--model", "none", "--baselines", "telea"], "--baselines names 'telea'; it takes"),
        (["--degradation", "rain"], "degradation is 'rain'; it must be holes, or noise:SIGMA"),
    ],
)
def test_wrong_calls_are_one_line(options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*EVALUATE, *options]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_denoiser_is_refused_where_there_are_holes(
    denoiser: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (40, 40)).save(tmp_path / "photo.png")
    Image.linear_gradient("L").resize((40, 40)).save(tmp_path / "mask.png")
    photo, mask = str(tmp_path / "photo.png"), str(tmp_path / "mask.png")
    model = ["--model", str(denoiser)]
    for call in (
        ["inpaint", photo, mask, "-o", str(tmp_path / "restored.png"), *model],
        [*EVALUATE, *model],
        ["energy", "--size", "64", *model],
        ["inspect", photo, mask, "-o", str(tmp_path / "activity"), *model],
        ["export", "-o", str(tmp_path / "model.onnx"), *model],
    ):
        assert run(call) == 2, call
        error = capsys.readouterr().err
        assert "was trained for noise:25, not for holes; measure it with: spikefill evaluate" in error
        assert error.count("\n") == 1
    assert not list(tmp_path.glob("restored*"))
    assert run([*EVALUATE, "--degradation", "noise:15", *model]) == 2
    assert "denoiser was trained for noise:25, not for noise:15" in capsys.readouterr().err


def test_training_names_what_is_no_degradation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "--degradation", "noise:900", "-o", str(tmp_path / "run")]) == 2
    assert "degradation is 'noise:900'; it must be holes, or noise:SIGMA" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
