"""Several processes: `torchrun` with two of them and gloo between them, against one that has the whole batches."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from spikefill import models
from spikefill.data import write_shards
from spikefill.errors import InputError
from spikefill.training import Recipe, change_recipe, is_first_process, load_recipe, train
from spikefill.training.module import InpaintingModule
from spikefill.training.pictures import read_logs
from spikefill.training.resident import ResidentSamples
from spikefill.training.sampler import StepSampler
from spikefill.training.stages import Stages
from spikefill.training.trainer import training_device
from spikefill.training.world import World, joined
from tests.training.conftest import TINY

pytestmark = pytest.mark.skipif(os.name == "nt", reason="torchrun needs gloo over a POSIX system")

_STEPS = 4
_SCRIPT = """
import json, os, shutil, signal, sys
from pathlib import Path
import torch
import torch.distributed as dist
from spikefill.errors import InputError
from spikefill.training import DivergenceError, Interrupted, Recipe, train
from spikefill.training.module import InpaintingModule

recipe, output = Recipe.model_validate_json(sys.argv[1]), Path(sys.argv[2])
run = {"data": str(output / "shards"), "val": "embedded", "steps": int(sys.argv[3]), "device": "cpu", "threads": 1}
rank = int(os.environ["RANK"])
said = {}
dist.init_process_group("gloo")

train(recipe, **run, output=output / "whole")

original = InpaintingModule.training_step
def step(self, batch, batch_idx):
    if rank == 1 and self.steps_done == 1:
        signal.raise_signal(signal.SIGTERM)
    return original(self, batch, batch_idx)
InpaintingModule.training_step = step
try:
    train(recipe, **run, output=output / "parts")
except Interrupted as error:
    said["interrupted"] = str(error)
InpaintingModule.training_step = original
if rank == 0:
    shutil.copytree(output / "parts", output / "left")
train(output=output / "parts", resume=True)

train(recipe, **{**run, "steps": None, "minutes": 0.02, "threads": None}, output=output / "timed")

def ruined(self, batch, batch_idx):
    if rank == 1 and self.steps_done == 2:
        batch["target"].fill_(float("nan"))
    return original(self, batch, batch_idx)
InpaintingModule.training_step = ruined
try:
    train(recipe, **run, output=output / "ruined")
except DivergenceError as error:
    said["diverged"] = str(error)
InpaintingModule.training_step = original

try:
    train(recipe, **run, output=output / "whole")
except InputError as error:
    said["refused"] = [type(error).__name__, str(error)]
(output / f"said-{rank}.json").write_text(json.dumps(said))
dist.destroy_process_group()  # gloo's threads are else ended by the interpreter's exit, which may abort
"""


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    """Everything that several processes must agree on: stages, a step that revives, shares that differ by a sample."""
    return load_recipe(
        "hybrid-tiny",
        (
            *TINY[1:],
            "batch_size=3",
            "validation.size=32",
            "validation.every_steps=2",
            "data.mask_size=null",
            "stages=[{share: 0.5, size: 64, finest: 2}, {share: 0.5, size: 32}]",
            "revive=[0.25]",
            "gradient_clip=0.5",
            "ema=0.9",
        ),
    )


@pytest.fixture(scope="module")
def together(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes leave: a run, one that was stopped and resumed, and what each of them raised."""
    output = tmp_path_factory.mktemp("together")
    write_shards("embedded", output / "shards", megabytes=1)
    script = output / "script.py"
    script.write_text(_SCRIPT)
    call = [*_TORCHRUN, str(script), recipe.model_dump_json(), str(output), str(_STEPS)]
    with (output / "stderr.txt").open("w") as errors, subprocess.Popen(call, stderr=errors) as process:
        try:
            process.wait(240)
        finally:
            process.terminate()  # it ends its own processes then
    assert process.returncode == 0, (output / "stderr.txt").read_text()
    return output


_TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone")


@pytest.fixture(scope="module")
def alone(recipe: Recipe, together: Path) -> Path:
    """The same run in one process."""
    torch.set_num_threads(1)
    folder = together / "alone"
    return train(recipe, data=str(together / "shards"), val="embedded", output=folder, steps=_STEPS, device="cpu")


def test_two_processes_train_as_one_with_the_whole_batch(together: Path, alone: Path) -> None:
    for name in ("last.safetensors", "best.safetensors"):
        ours, expected = load_file(together / "whole" / name), load_file(alone / name)
        assert ours.keys() == expected.keys()
        for weight, tensor in expected.items():
            torch.testing.assert_close(ours[weight], tensor, atol=2e-6, rtol=2e-4, msg=lambda m, w=weight: f"{w}: {m}")
    begun = models.create("hybrid", size="tiny").state_dict()
    moved = [float((tensor - begun[name]).norm()) for name, tensor in expected.items() if name in begun]
    assert max(moved) > 1e-3, "nothing was learnt"


def test_the_logs_are_of_the_whole_batch(together: Path, alone: Path) -> None:
    ours, expected = read_logs(together / "whole" / "logs"), read_logs(alone / "logs")
    assert ours.keys() == expected.keys()
    for name, series in expected.items():
        assert ours[name] == pytest.approx(series, rel=1e-4), name


def test_the_first_process_alone_writes_and_speaks(together: Path) -> None:
    said = (together / "stderr.txt").read_text()
    assert said.count("step 0: loss on training photographs") == 4  # of four runs
    assert len(list((together / "whole" / "logs" / "csv").iterdir())) == 1
    record = json.loads((together / "whole" / "run.json").read_text())
    assert record["steps"] == _STEPS


def test_all_stop_after_the_same_step_when_any_is_asked_to_and_go_on_bit_for_bit(together: Path) -> None:
    first, second = (json.loads((together / f"said-{rank}.json").read_text()) for rank in (0, 1))
    assert "after step 2 of 4; go on with: spikefill train --resume" in first["interrupted"]
    assert "interrupted" not in second, "the first one says so for all"
    for name in ("last.safetensors", "best.safetensors"):
        whole, parts = load_file(together / "whole" / name), load_file(together / "parts" / name)
        assert all(torch.equal(whole[weight], parts[weight]) for weight in whole)


def test_one_process_goes_on_with_what_two_began(together: Path, alone: Path) -> None:
    train(output=together / "left", resume=True)
    ours, expected = load_file(together / "left" / "last.safetensors"), load_file(alone / "last.safetensors")
    for weight, tensor in expected.items():
        torch.testing.assert_close(ours[weight], tensor, atol=2e-6, rtol=2e-4)


def test_minutes_become_the_same_steps_in_all(together: Path) -> None:
    record = json.loads((together / "timed" / "run.json").read_text())
    assert record["seconds_per_step"] > 0
    header = models.read_header(together / "timed" / "last.safetensors")
    assert int(header["step"]) == record["steps"] >= 1


def test_what_torchrun_sets_is_not_written_down_as_the_number_of_threads(together: Path) -> None:
    recorded = [json.loads((together / name / "run.json").read_text())["threads"] for name in ("whole", "timed")]
    assert recorded == [1, None]
    before = torch.get_num_threads()
    train(output=together / "timed", resume=True)
    assert torch.get_num_threads() == before


def test_where_the_loss_of_one_process_diverges_the_first_says_what_is_kept(together: Path) -> None:
    first, second = (json.loads((together / f"said-{rank}.json").read_text())["diverged"] for rank in (0, 1))
    kept = f"the last good checkpoint is {together / 'ruined' / 'resume.ckpt'}"
    assert first.startswith(f"training stopped in step 3: the loss is not finite; {kept}; ")
    assert second.startswith("training stopped in step 3: the loss is nan; ")


def test_what_is_wrong_with_a_call_is_raised_in_all_and_said_by_the_first(together: Path) -> None:
    first, second = (json.loads((together / f"said-{rank}.json").read_text())["refused"] for rank in (0, 1))
    assert first[1] == second[1]
    assert "holds a run; go on with it by --resume" in first[1]
    assert (first[0], second[0]) == ("InputError", "RefusedByFirstError")


def test_ctrl_c_on_torchrun_saves_once_and_the_run_goes_on(tmp_path: Path) -> None:
    output = tmp_path / "run"
    settings = [f"--set={change}" for change in (*TINY, "model.arguments={width: 4, steps: 2}")]
    call = ["train", "--data=embedded", "--val=embedded", "-o", str(output), "--steps=100000", "--device=cpu"]
    with (
        (tmp_path / "stderr").open("w+") as errors,
        subprocess.Popen([*_TORCHRUN, "-m", "spikefill", *call, *settings], stderr=errors, text=True) as process,
    ):
        try:
            _wait_until(lambda: (output / "last.safetensors").exists() or process.poll() is not None)
            process.send_signal(signal.SIGINT)
            process.wait(60)
        finally:
            process.terminate()
        errors.seek(0)
        said = errors.read()
    assert said.count("spikefill: interrupted after step") == 1, said
    assert "Traceback" not in said.partition("spikefill: interrupted")[0]
    state = torch.load(output / "resume.ckpt", weights_only=True)
    assert state["step"] == int(models.read_header(output / "last.safetensors")["step"]) >= 1


def _wait_until(done: Callable[[], bool]) -> None:
    import time

    deadline = time.monotonic() + 120
    while not done() and time.monotonic() < deadline:
        time.sleep(0.05)


def test_shares_make_up_each_batch(tiny: Recipe) -> None:
    stages = Stages(change_recipe(tiny, ["batch_size=5"]), 9)
    shares = [list(StepSampler(stages, first=2, stop=4, world=World(rank, 2))) for rank in (0, 1)]
    assert shares == [[[10, 12, 14], [15, 17, 19]], [[11, 13], [16, 18]]]


def test_samples_made_on_the_device_are_shared_out_too(tiny: Recipe) -> None:
    recipe = change_recipe(tiny, ["data.resident_masks=2", "batch_size=5"])
    photographs = [torch.randint(256, (40, 44, 3), generator=torch.Generator().manual_seed(1)).byte().numpy()]

    def batch(world: World) -> dict[str, torch.Tensor]:
        options = {"first": 0, "stop": 4, "device": torch.device("cpu"), "world": world}
        return ResidentSamples(photographs, recipe, Stages(recipe, 4), **options).batch(3)

    whole = batch(World())
    for rank in (0, 1):
        for name, part in batch(World(rank, 2)).items():
            assert torch.equal(part, whole[name][rank::2])


def test_the_noise_of_each_process_is_its_own(tiny: Recipe) -> None:
    drawn = []
    for rank in (0, 1, 0):
        module = InpaintingModule(models.create("scnn", width=4), tiny, total_steps=9, world=World(rank, 2))
        module.prepare_step(torch.optim.SGD(module.parameters()), 3)
        drawn.append(torch.rand(1))
    assert drawn[0] == drawn[2] != drawn[1]


def test_more_processes_than_samples_are_refused() -> None:
    World(size=4).check_shares(4)
    with pytest.raises(InputError, match="batch_size is 3, .* all 4 processes; it must be at least 4"):
        World(size=4).check_shares(3)


def test_each_process_of_a_machine_has_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spikefill.training.trainer.find_device", torch.device)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert training_device("cuda", World(3, 4, 1, 2)) == torch.device("cuda", 1)
    assert training_device("cpu", World(3, 4, 1, 2)) == torch.device("cpu")
    with pytest.raises(InputError, match=r"4 processes were started on a machine with 2 GPUs; start as many"):
        training_device("cuda", World(0, 4, 0, 4))


def test_without_torchrun_a_process_is_alone() -> None:
    with joined() as world:
        assert world == World(rank=0, size=1)
        assert world.from_first(lambda: 5) == 5
        assert world.any(True)
        assert not world.any(False)
        assert world.mean(2.0) == world.largest(2.0) == 2.0
    assert is_first_process()
