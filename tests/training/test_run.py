"""Whole runs: what they leave, that they learn, and that an interrupted one goes on exactly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch._utils import ExceptionWrapper

from spikefill import models
from spikefill.errors import InputError, UnreadableError
from spikefill.training import DivergenceError, Interrupted, Recipe, change_recipe, train
from spikefill.training import run as run_module
from spikefill.training.module import InpaintingModule
from spikefill.training.pictures import read_logs
from spikefill.training.speed import Speed
from spikefill.training.validation import Validation

EMBEDDED = {"data": "embedded", "val": "embedded"}


def _same_weights(one: Path, other: Path) -> bool:
    first, second = load_file(one), load_file(other)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def _interrupt_in_step(number: int, monkeypatch: pytest.MonkeyPatch, *, by: signal.Signals = signal.SIGINT) -> None:
    original = InpaintingModule.training_step

    def step(self: InpaintingModule, batch: Any, batch_idx: int) -> torch.Tensor:
        if self.steps_done == number:
            signal.raise_signal(by)
        return original(self, batch, batch_idx)

    monkeypatch.setattr(InpaintingModule, "training_step", step)


def _interrupt_after_step(number: int, monkeypatch: pytest.MonkeyPatch, *, by: signal.Signals) -> None:
    """Signals once what saves has had its turn, as happens while the progress bar waits for a GPU."""
    original = run_module.RunProgress.on_train_batch_end

    def end(self: Any, *arguments: Any) -> None:
        original(self, *arguments)
        if self._module.steps_done == number:
            signal.raise_signal(by)

    monkeypatch.setattr(run_module.RunProgress, "on_train_batch_end", end)


def test_what_a_run_leaves(tmp_path: Path, tiny: Recipe, capfd: pytest.CaptureFixture[str]) -> None:
    random_before = torch.get_rng_state()
    recipe = change_recipe(tiny, ["validation.every_steps=2", "ema=0.9"])
    folder = train(recipe, **EMBEDDED, output=tmp_path / "runs" / "first", steps=5)
    assert torch.equal(random_before, torch.get_rng_state()), "the caller's random state was changed"
    assert folder == tmp_path / "runs" / "first"
    files = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    events = {file for file in files if "events.out.tfevents" in file}
    assert len(events) == 1
    assert files - events == {
        "best.safetensors",
        "last.safetensors",
        "resume.ckpt",
        "run.json",
        "losses.png",
        "logs/csv/version_0/metrics.csv",
        "logs/tensorboard/hparams.yaml",
        "samples/latest.png",
        *(f"samples/step-{step:07d}.png" for step in (0, 2, 4, 5)),
    }
    figures = read_logs(folder / "logs")
    assert set(figures["loss/val"]) == set(figures["loss/train_eval"]) == set(figures["psnr_hole/val"]) == {0, 2, 4, 5}
    assert set(figures["loss/train_step"]) == {1, 2, 3, 4, 5}

    header = models.read_header(folder / "last.safetensors")
    assert (header["recipe"], header["step"], header["seed"], header["data"]) == (
        "scnn",
        "5",
        "0",
        "embedded",
    )
    assert float(header["validation_loss"]) == pytest.approx(figures["loss/val"][5])
    best = models.read_header(folder / "best.safetensors")
    assert float(best["validation_loss"]) == pytest.approx(min(figures["loss/val"].values()))
    assert models.read(folder).arguments["width"] == 8

    record = json.loads((folder / "run.json").read_text())
    assert (record["steps"], record["minutes"], record["data"]) == (5, None, ["embedded"])
    assert Recipe.model_validate(record["recipe"]) == recipe
    torch.load(folder / "resume.ckpt", weights_only=True)

    said = capfd.readouterr()
    assert said.out == ""
    assert "Trainer" not in said.err
    assert "Lightning" not in said.err


def test_a_run_learns(tmp_path: Path, tiny: Recipe) -> None:
    recipe = change_recipe(tiny, ["batch_size=6", "data.augment=false", "optimiser.learning_rate=3e-3"])
    folder = train(recipe, **EMBEDDED, output=tmp_path / "run", steps=60)
    for name in ("loss/train_eval", "loss/train_step"):
        series = read_logs(folder / "logs")[name]
        assert series[60] < 0.5 * series[min(series)], name


_KILLED = """
import os, signal, sys, torch
from spikefill.training import Recipe, train
from spikefill.training.module import InpaintingModule
torch.set_num_threads(1)
original = InpaintingModule.optimizer_step
def step(self, *args, **kwargs):
    if self.steps_done == 6:
        os.kill(os.getpid(), signal.SIGKILL)
    original(self, *args, **kwargs)
InpaintingModule.optimizer_step = step
train(Recipe.model_validate_json(sys.argv[1]), data="embedded", val="embedded", output=sys.argv[2], steps=9)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_killed_run_goes_on_bit_for_bit(tmp_path: Path, tiny: Recipe) -> None:
    recipe = change_recipe(tiny, ["validation.every_steps=4", "ema=0.9", "schedule.name=cosine"])
    whole = train(recipe, **EMBEDDED, output=tmp_path / "whole", steps=9)
    killed = tmp_path / "killed"
    process = subprocess.run(
        [sys.executable, "-c", _KILLED, recipe.model_dump_json(), str(killed)],
        capture_output=True,
        timeout=120,
    )
    assert process.returncode == -signal.SIGKILL, process.stderr.decode()
    assert torch.load(killed / "resume.ckpt", weights_only=True)["step"] == 4, "the state is that of the validation"
    assert not _same_weights(whole / "last.safetensors", killed / "last.safetensors")

    torch.rand(5)  # whatever happened to the random state in between does not matter
    train(output=killed, resume=True)
    for name in ("last.safetensors", "best.safetensors"):
        assert _same_weights(whole / name, killed / name)
    whole_state, state = (torch.load(run / "resume.ckpt", weights_only=True) for run in (whole, killed))
    assert state["best"] == whole_state["best"]
    for before, after in zip(_moments(whole_state), _moments(state), strict=True):
        assert torch.equal(before, after)
    assert read_logs(killed / "logs") == read_logs(whole / "logs")
    assert not [file for file in killed.iterdir() if file.name.startswith(".")]


def _moments(state: dict[str, Any]) -> list[torch.Tensor]:
    return [value for weight in state["optimiser"]["state"].values() for value in weight.values()]


@pytest.mark.parametrize("late", [False, True], ids=["in a step", "after a step"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_a_run_that_is_asked_to_stop_saves_and_goes_on(
    tmp_path: Path, tiny: Recipe, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, late: bool
) -> None:
    output = tmp_path / "my run"
    with monkeypatch.context() as patch:
        if late:
            _interrupt_after_step(2, patch, by=number)
        else:
            _interrupt_in_step(2, patch, by=number)
        with pytest.raises(Interrupted, match=r"after step 3 of 5; go on with: spikefill train --resume -o '.*my run'"):
            train(tiny, **EMBEDDED, output=output, steps=5)
    assert torch.load(output / "resume.ckpt", weights_only=True)["step"] == 3
    header = models.read_header(output / "last.safetensors")
    assert header["step"] == "3"
    assert "validation_loss" not in header, "it was measured at step 0 alone"
    train(tiny, **EMBEDDED, output=output, steps=5, resume=True)
    whole = train(tiny, **EMBEDDED, output=tmp_path / "whole", steps=5)
    assert _same_weights(output / "last.safetensors", whole / "last.safetensors")


def test_a_run_may_begin_with_given_weights(tmp_path: Path, tiny: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    first = train(tiny, **EMBEDDED, output=tmp_path / "first", steps=2)
    still = change_recipe(tiny, ["optimiser.learning_rate=1e-12"])
    second = train(still, **EMBEDDED, output=tmp_path / "second", start=first, steps=1)
    begun, given = (models.read(folder).state_dict() for folder in (second, first))
    for name, tensor in given.items():
        torch.testing.assert_close(begun[name], tensor, atol=1e-6, rtol=0)
    header = models.read_header(second / "last.safetensors")
    assert header["start"] == "first"

    with monkeypatch.context() as patch:
        patch.setattr(Validation, "measure", _fail)
        with pytest.raises(OSError, match="the power went"):
            train(still, **EMBEDDED, output=tmp_path / "third", start=first, steps=1)
    train(output=tmp_path / "third", resume=True)  # without a checkpoint: from the given weights again
    assert _same_weights(tmp_path / "third" / "last.safetensors", second / "last.safetensors")
    with pytest.raises(InputError, match="start is 'scnn' but the run has '.*first'"):
        train(output=tmp_path / "third", resume=True, start="scnn")


def test_weights_to_begin_with_must_fit(tmp_path: Path, tiny: Recipe) -> None:
    for start, said in (
        ("scnn", "start is scnn, whose weights do not fit the recipe's model.arguments, .*'width': 8"),
        ("hybrid-small", "start is hybrid-small, a Hybrid; the recipe trains a SCNN"),
        (tmp_path / "no" / "such", "model is '.*such'; it must be one of"),
    ):
        with pytest.raises(InputError, match=said):
            train(tiny, **EMBEDDED, output=tmp_path / "run", start=start, steps=1)
        assert not (tmp_path / "run").exists()


def test_a_run_stopped_before_its_first_checkpoint_begins_again(
    tmp_path: Path, tiny: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Validation, "measure", _fail)
        with pytest.raises(OSError, match="the power went"):
            train(tiny, **EMBEDDED, output=tmp_path, steps=2)
    assert [file.name for file in tmp_path.iterdir() if file.suffix] == ["run.json"]
    train(output=tmp_path, resume=True)
    assert models.read_header(tmp_path / "last.safetensors")["step"] == "2"


def _fail(self: Validation, model: torch.nn.Module) -> None:
    raise OSError("the power went")


@pytest.mark.parametrize("interval", [0, 60])
def test_checkpoints_are_made_as_often_as_the_recipe_says(
    tmp_path: Path, tiny: Recipe, monkeypatch: pytest.MonkeyPatch, interval: int
) -> None:
    saved: list[int] = []
    original = run_module.RunKeeper._save

    def save(self: Any, trainer: Any) -> None:
        saved.append(self._module.steps_done)
        original(self, trainer)

    monkeypatch.setattr(run_module.RunKeeper, "_save", save)
    train(change_recipe(tiny, [f"checkpoint_seconds={interval}"]), **EMBEDDED, output=tmp_path, steps=4)
    assert saved == ([1, 2, 3, 4] if interval == 0 else [4])


def test_minutes_become_steps_once(tmp_path: Path, tiny: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    measure = run_module.measure_speed

    def fixed(*args: Any, **options: Any) -> Speed:
        measure(*args, **{**options, "seconds": 0.01})  # trains a copy, as it would
        return Speed(step=12.0, validation=0.0)

    monkeypatch.setattr(run_module, "measure_speed", fixed)
    timed = train(tiny, **EMBEDDED, output=tmp_path / "timed", minutes=1)
    record = json.loads((timed / "run.json").read_text())
    steps = record["steps"]
    assert 1 <= steps <= 5
    assert (record["minutes"], record["seconds_per_step"]) == (1, 12.0)
    assert models.read_header(timed / "last.safetensors")["step"] == str(steps)
    counted = train(tiny, **EMBEDDED, output=tmp_path / "counted", steps=steps)
    assert _same_weights(timed / "last.safetensors", counted / "last.safetensors"), "measuring changed the run"

    monkeypatch.setattr(run_module, "measure_speed", _fail)
    before = (timed / "run.json").read_bytes()
    train(output=timed, resume=True, minutes=1)
    assert (timed / "run.json").read_bytes() == before
    with pytest.raises(InputError, match=r"minutes is 2 but the run has 1\.0"):
        train(output=timed, resume=True, minutes=2)


def test_without_minutes_and_steps_the_recipe_says_how_many(tmp_path: Path, tiny: Recipe) -> None:
    folder = train(change_recipe(tiny, ["steps=2"]), data=["embedded"], val="embedded", output=tmp_path)
    assert models.read_header(folder / "last.safetensors")["step"] == "2"


@pytest.mark.parametrize("where", ["loss", "weights"])
def test_a_run_that_diverges_stops_and_keeps_the_last_good_state(
    tmp_path: Path, tiny: Recipe, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    original = InpaintingModule.training_step

    def step(self: InpaintingModule, batch: Any, batch_idx: int) -> torch.Tensor:
        loss = original(self, batch, batch_idx)
        if self.steps_done == 3 and where == "weights":
            return loss * float("nan")  # its gradient ruins the weights, as an overflow would
        if self.steps_done == 3:
            self.model.get_parameter("spiking.weight").data.fill_(float("nan"))
            return original(self, batch, batch_idx)
        return loss

    monkeypatch.setattr(InpaintingModule, "training_step", step)
    recipe = change_recipe(tiny, ["checkpoint_seconds=0"])
    with pytest.raises(DivergenceError, match=r"stopped in step \d: .*the last good checkpoint is .*resume.ckpt"):
        train(recipe, **EMBEDDED, output=tmp_path, steps=9)
    state = torch.load(tmp_path / "resume.ckpt", weights_only=True)
    assert state["step"] == 3
    assert all(weight.isfinite().all() for weight in state["module"].values())


def test_photographs_out_of_reach_end_the_run_with_one_line(
    tmp_path: Path, tiny: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = InpaintingModule.training_step

    def step(self: InpaintingModule, batch: Any, batch_idx: int) -> torch.Tensor:
        if self.steps_done == 3:
            try:
                raise UnreadableError("cannot read s3://bucket/shard-000001.tar: timed out")
            except UnreadableError:  # as torch hands on what a worker raised
                ExceptionWrapper(where="in DataLoader worker process 0").reraise()
        return original(self, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(InpaintingModule, "training_step", step)
        with pytest.raises(InputError, match="^training stopped in step 4: cannot read s3://bucket") as caught:
            train(change_recipe(tiny, ["checkpoint_seconds=0"]), **EMBEDDED, output=tmp_path, steps=4)
    assert str(caught.value).endswith(f"000001.tar: timed out; the last good checkpoint is {tmp_path / 'resume.ckpt'}")
    train(output=tmp_path, resume=True)
    assert models.read_header(tmp_path / "last.safetensors")["step"] == "4"


def test_settings_that_change_the_arithmetic(tmp_path: Path, tiny: Recipe) -> None:
    plain = train(tiny, **EMBEDDED, output=tmp_path / "plain", steps=2)
    for change in ("precision=bfloat16", "channels_last=true", "optimiser.name=adamw", "gradient_clip=1e-3"):
        recipe = change_recipe(tiny, [change, "optimiser.weight_decay=0.1"])
        changed = train(recipe, **EMBEDDED, output=tmp_path / change, steps=2)
        assert not _same_weights(changed / "last.safetensors", plain / "last.safetensors"), change
        first, second = (read_logs(run / "logs")["loss/val"] for run in (changed, plain))
        assert first[2] == pytest.approx(second[2], rel=0.1), change


def test_a_folder_that_is_used_is_not_written_to(tmp_path: Path, tiny: Recipe) -> None:
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(InputError, match="holds a run; go on with it by --resume"):
        train(tiny, **EMBEDDED, output=tmp_path, steps=1)
    (tmp_path / "run.json").rename(tmp_path / "notes.txt")
    with pytest.raises(InputError, match="is not empty"):
        train(tiny, **EMBEDDED, output=tmp_path, steps=1)
    with pytest.raises(InputError, match=r"notes\.txt is a file"):
        train(tiny, **EMBEDDED, output=tmp_path / "notes.txt", steps=1)
    with pytest.raises(InputError, match="holds no run to resume"):
        train(output=tmp_path, resume=True)
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"steps": 0}, "steps is 0; it must be at least 1"),
        ({"minutes": 0}, "minutes is 0; it must be above 0"),
        ({"minutes": float("nan")}, "minutes is nan"),
        ({"minutes": 1, "steps": 1}, "minutes is 1 and steps is 1; give one of the two"),
        ({"threads": 0}, "threads is 0; it must be at least 1"),
        ({"data": None}, "data is missing"),
        ({"val": None}, "val is missing"),
        ({"recipe": None}, "recipe is missing"),
        ({"recipe": "unet"}, "recipe is 'unet'"),
        ({"data": "/nowhere/at/all"}, "/nowhere/at/all"),
        ({"val": "/nowhere/at/all"}, "/nowhere/at/all"),
        ({"device": "tpu"}, "device is 'tpu'"),
        ({"device": "meta"}, "device is 'meta'"),
    ],
)
def test_wrong_arguments_are_one_line_and_leave_nothing(
    tmp_path: Path, tiny: Recipe, arguments: dict[str, Any], said: str
) -> None:
    output = tmp_path / "run"
    with pytest.raises(InputError, match=said) as caught:
        train(
            **{
                "recipe": tiny,
                "steps": 1,
                **EMBEDDED,
                "output": output,
                **_without_steps(arguments),
                **arguments,
            }
        )
    assert "\n" not in str(caught.value)
    assert not output.exists()


def _without_steps(arguments: dict[str, Any]) -> dict[str, Any]:
    return {"steps": None} if "minutes" in arguments else {}


def test_wrong_model_arguments_leave_nothing(tmp_path: Path, tiny: Recipe) -> None:
    for change in ("model.arguments.widht=4", "model.arguments.width=0", "model.architecture=unet"):
        with pytest.raises(InputError):
            train(change_recipe(tiny, [change]), **EMBEDDED, output=tmp_path / "run", steps=1)
        assert not (tmp_path / "run").exists()
