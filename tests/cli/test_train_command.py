from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from spikefill.cli.app import run
from spikefill.models import read_header
from spikefill.training.module import InpaintingModule

TINY = [
    "--set=model.arguments={width: 4, steps: 2}",
    "--set=data.size=32",
    "--set=batch_size=2",
    "--set=validation={count: 2, pictures: 1, every_minutes: null}",
    "--threads=1",
]
EMBEDDED = ["--data=embedded", "--val=embedded"]


def test_a_run_and_what_it_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "my run"
    assert run(["train", "--recipe", "scnn", *EMBEDDED, "-o", str(output), "--steps", "2", *TINY]) == 0
    said = capsys.readouterr()
    loss = float(read_header(output / "best.safetensors")["validation_loss"])
    assert said.out == (
        f"{output}: best validation loss {loss:.5f}; use it: spikefill inpaint PHOTO MASK -o OUT --model '{output}'\n"
    )
    assert "step 0: loss on training photographs" in said.err
    assert "step 2: loss on training photographs" in said.err

    assert run(["train", "--resume", "-o", str(output)]) == 0
    assert "already finished: 2 steps" in capsys.readouterr().err

    assert run(["train", "--resume", "-o", str(output), "--set", "seed=1"]) == 2
    assert "recipe.seed is 1 but the run has 0" in capsys.readouterr().err
    assert run(["train", "--resume", "-o", str(output), "--recipe", "scnn"]) == 2
    assert "recipe.batch_size is 8 but the run has 2" in capsys.readouterr().err


def test_quiet_says_the_result_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "run"
    assert run(["--quiet", "train", *EMBEDDED, "-o", str(output), "--steps", "1", *TINY]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"{output}: best validation loss ")
    assert said.err == ""


def test_ctrl_c_saves_says_how_to_go_on_and_exits_with_130(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = InpaintingModule.training_step

    def step(self: InpaintingModule, batch: Any, batch_idx: int) -> torch.Tensor:
        signal.raise_signal(signal.SIGINT)
        return original(self, batch, batch_idx)

    output = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(InpaintingModule, "training_step", step)
        assert run(["train", *EMBEDDED, "-o", str(output), "--steps", "3", *TINY]) == 130
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == (f"spikefill: interrupted after step 1 of 3; go on with: spikefill train --resume -o {output}")
    assert run(["train", "--resume", "-o", str(output)]) == 0
    assert read_header(output / "last.safetensors")["step"] == "3"


def test_a_run_that_diverges_exits_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def step(self: InpaintingModule, batch: Any, batch_idx: int) -> torch.Tensor:
        return self.loss({**batch, "target": batch["target"] * float("nan")})

    monkeypatch.setattr(InpaintingModule, "training_step", step)
    assert run(["train", *EMBEDDED, "-o", str(tmp_path / "run"), "--steps", "3", *TINY]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("spikefill: training stopped in step 1: the loss is nan; no checkpoint was made yet;")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--recipe", "unet", *EMBEDDED], "recipe is 'unet'"),
        (["--set", "optimiser.lr=1", *EMBEDDED], "optimiser.lr is no setting"),
        (["--set", "batch_size=0", *EMBEDDED], "batch_size is 0; it must be"),
        (["--set", "batch_size", *EMBEDDED], "--set is 'batch_size'; it must be key=value"),
        (["--steps", "0", *EMBEDDED], "steps is 0"),
        (["--steps", "many", *EMBEDDED], "--steps"),
        (["--minutes", "-1", *EMBEDDED], "minutes is -1"),
        (["--minutes", "1", "--steps", "1", *EMBEDDED], "give one of the two"),
        (["--threads", "0", *EMBEDDED], "threads is 0"),
        (["--device", "tpu", *EMBEDDED], "device is 'tpu'"),
        (["--val", "embedded"], "data is missing"),
        (["--data", "embedded"], "val is missing"),
        (["--data", "/nowhere", "--val", "embedded"], "/nowhere"),
        (["--resume"], "holds no run to resume"),
        (["--resume", "--set", "seed=1"], "holds no run to resume"),
    ],
    ids=" ".join,
)
def test_wrong_calls_are_one_line_and_exit_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    output = tmp_path / "run"
    assert run(["train", "-o", str(output), *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert not output.exists()
