"""The parts of a run: samples, validation, speed, state, record."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from spikefill import data, models
from spikefill.errors import InputError
from spikefill.stop import StopRequest
from spikefill.training import DivergenceError, Recipe, change_recipe, load_recipe
from spikefill.training.loading import Splits, spread
from spikefill.training.losses import loss_over_levels
from spikefill.training.module import Batch, InpaintingModule, make_optimiser
from spikefill.training.plan import make_plan
from spikefill.training.random_state import step_seed
from spikefill.training.recipe import ValidationSettings
from spikefill.training.run_folder import RunFolder, RunRecord, read_record
from spikefill.training.sampler import StepSampler
from spikefill.training.speed import Speed, measure_speed
from spikefill.training.stages import Stages
from spikefill.training.state import load_state
from spikefill.training.validation import Validation
from spikefill.training.world import World
from tests.training.conftest import TINY

CPU = torch.device("cpu")


def _module(recipe: Recipe) -> InpaintingModule:
    torch.manual_seed(recipe.seed)
    model = models.create(recipe.model.architecture, **recipe.model.arguments)
    return InpaintingModule(model, recipe, total_steps=100)


def _record(recipe: Recipe) -> RunRecord:
    return RunRecord(
        recipe=recipe,
        data=("/photographs/mine", "embedded"),
        val="embedded",
        steps=10,
        minutes=0.5,
        threads=1,
        device="cpu",
        versions={},
        commit=None,
        started="2026-01-01T00:00:00+00:00",
    )


STAGES = "stages=[{share: 0.5, size: 64, finest: 2}, {share: 0.25, size: 32}, {share: 0.25, size: 64, batch_size: 1}]"


@pytest.fixture
def staged() -> Recipe:
    """The small hybrid's recipe, small enough for a test."""
    return load_recipe("hybrid-small", (*TINY[1:], "validation.size=64", "data.mask_size=64", STAGES))


def test_steps_see_consecutive_samples(tiny: Recipe) -> None:
    stages = Stages(tiny, 9)
    assert list(StepSampler(stages, first=2, stop=4)) == [[4, 5], [6, 7]]
    assert len(StepSampler(stages, first=2, stop=4)) == 2


def test_stages_follow_each_other_by_their_share_of_the_steps(staged: Recipe) -> None:
    stages = Stages(staged, 8)
    assert [stages.at(step).size for step in range(9)] == [64, 64, 64, 64, 32, 32, 64, 64, 64]
    assert [stages.at(step).finest for step in (0, 3, 4, 7)] == [2, 2, 0, 0]
    assert list(StepSampler(stages, first=5, stop=8)) == [[10, 11], [12], [13]]
    assert Stages(staged, 1).at(0).size in (32, 64)


@pytest.mark.parametrize(("revive", "silent"), [("[0.5]", False), ("[0.25]", True), ("[]", True)])
def test_silent_channels_are_revived_in_the_step_of_their_share(revive: str, silent: bool) -> None:
    recipe = load_recipe("hybrid-small", (*TINY[1:], "validation.size=64", "data.mask_size=64", f"revive={revive}"))
    module = _module(recipe)
    layer = module.model.get_submodule("coarse.middle.0.residual.2")
    rates: list[torch.Tensor] = []
    with torch.no_grad():
        layer.norm.bias[5] = -1e4  # type: ignore[union-attr, operator]
    batch = next(
        iter(Splits(["embedded"], "embedded").training_loader(recipe, first=50, stop=51, total_steps=100, device=CPU))
    )
    module.prepare_step(make_optimiser(module.model, recipe), 50)
    module.training_step(batch, 0)
    layer.register_forward_hook(lambda _, __, rate: rates.append(rate[:, 5].detach()))
    module.loss(batch)
    assert all(bool((rate == 0).all()) for rate in rates) == silent


def test_a_network_without_normalised_neurons_cannot_be_revived(tiny: Recipe) -> None:
    with pytest.raises(InputError, match=r"revive is \[0.5\]; a SCNN has no normalised neurons: \[\]"):
        _module(tiny.model_copy(update={"revive": (0.5,)}))


def test_batches_of_a_run_in_stages_have_their_stages_size(staged: Recipe) -> None:
    splits = Splits(["embedded"], "embedded")
    loader = splits.training_loader(staged, first=3, stop=7, total_steps=8, device=CPU)
    assert [tuple(batch["target"].shape) for batch in loader] == [(2, 3, 64, 64)] + [(2, 3, 32, 32)] * 2 + [
        (1, 3, 64, 64)
    ]
    _, validation = splits.fixed_samples(staged)
    assert validation.first(1)["target"].shape == (1, 3, 64, 64)


def test_the_loss_of_a_stage_is_over_its_levels_alone(staged: Recipe) -> None:
    torch.manual_seed(0)
    model = models.create("hybrid")
    module = InpaintingModule(model, staged, total_steps=8)
    batch = next(iter(Splits(["embedded"], "embedded").training_loader(
        staged, first=0, stop=1, total_steps=8, device=CPU
    )))  # fmt: skip
    optimiser = make_optimiser(model, staged)
    module.prepare_step(optimiser, 0)
    assert module.batch_size == 2
    coarse = module.loss(batch)
    levels = model.levels(batch["masked"], batch["mask"], finest=2)
    by_hand = loss_over_levels(staged.loss, levels, batch["target"], batch["mask"], finest=2).mean()
    torch.testing.assert_close(coarse, by_hand)
    coarse.backward()
    assert all(weight.grad is None for weight in model.fine.parameters())
    module.prepare_step(optimiser, 7)
    assert module.batch_size == 1
    module.loss(batch).backward()
    assert all(weight.grad is not None for weight in model.fine.parameters())


def test_a_loss_over_levels_needs_a_network_with_levels(tiny: Recipe) -> None:
    recipe = tiny.model_copy(update={"loss": tiny.loss.model_copy(update={"coarser": 0.3})})
    with pytest.raises(InputError, match=r"loss.coarser is 0.3; a SCNN has no levels: null"):
        _module(recipe)


@pytest.mark.filterwarnings("ignore:This DataLoader will create 16 worker processes")  # none is: nothing is drawn
@pytest.mark.parametrize("workers", [0, 1, 16])
def test_caches_of_all_processes_together_are_bounded(staged: Recipe, workers: int) -> None:
    recipe = staged.model_copy(update={"data": staged.data.model_copy(update={"workers": workers})})
    splits = Splits(["embedded"], "embedded")
    for processes in (1, 8):
        world = World(size=processes, local_size=processes)
        loader = splits.training_loader(recipe, first=0, stop=1, total_steps=1, device=CPU, world=world)
        assert isinstance(loader, DataLoader)
        one = sum(samples.cache_bytes for samples in loader.dataset._sized.values())
        assert one * max(1, workers) * processes <= 4 << 30
        assert one == 2 << 30 or (workers, processes) not in ((0, 1), (1, 1)), "small runs keep what they had"


def test_an_epoch_shows_every_photograph_once_though_a_stage_has_smaller_batches(
    tmp_path: Path, staged: Recipe
) -> None:
    levels = range(10, 80, 10)
    for level in levels:
        Image.new("RGB", (64, 64), (level, level, level)).save(tmp_path / f"{level}.png")
    asked = dict.fromkeys(("start", "minutes", "steps", "threads", "device"))
    recipe = change_recipe(staged, ["data.order=epochs"])
    plan = make_plan(RunFolder(tmp_path / "run"), recipe, data=tmp_path, val="embedded", resume=False, **asked)
    splits = Splits(plan.data, plan.val)

    def batches(first: int) -> list[Batch]:
        return list(splits.training_loader(plan.recipe, first=first, stop=16, total_steps=16, device=CPU))

    whole = batches(0)
    assert [len(batch["target"]) for batch in whole] == [2] * 12 + [1] * 4
    shown = [round(255 * float(target.max())) for batch in whole for target in batch["target"]]
    assert [sorted(shown[first : first + 7]) for first in range(0, 28, 7)] == [list(levels)] * 4
    for before, after in zip(whole[13:], batches(13), strict=True):
        assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_samples_of_a_step_depend_neither_on_where_the_run_began_nor_on_workers(tiny: Recipe) -> None:
    splits = Splits(["embedded"], "embedded")
    fresh = list(splits.training_loader(tiny, first=0, stop=4, total_steps=9, device=CPU))
    with_worker = tiny.model_copy(update={"data": tiny.data.model_copy(update={"workers": 1})})
    torch.manual_seed(3)
    resumed = list(splits.training_loader(with_worker, first=2, stop=9, total_steps=9, device=CPU))
    assert torch.equal(torch.rand(1), _first_random_number(3)), "the loader drew from torch's global generator"
    for before, after in zip(fresh[2:], resumed[:2], strict=True):
        for name in ("masked", "mask", "target"):
            assert torch.equal(before[name], after[name])
    assert not torch.equal(fresh[0]["mask"], fresh[1]["mask"])


def _first_random_number(seed: int) -> torch.Tensor:
    return torch.rand(1, generator=torch.Generator().manual_seed(seed))


def test_photographs_of_validation_are_spread_over_the_folder() -> None:
    names = tuple(str(number) for number in range(10))
    photographs = data.Photographs(tuple(map(Path, names)), names)
    assert spread(photographs, 4).names == ("0", "2", "5", "7")
    assert spread(photographs, 10) is photographs


def test_both_splits_are_measured_in_the_same_mode_and_nothing_is_disturbed(tiny: Recipe) -> None:
    _, samples = Splits(["embedded"], "embedded").fixed_samples(tiny)
    module = _module(tiny)
    module.model.train()
    torch.manual_seed(5)
    validation = Validation(tiny, samples, samples, CPU)
    first, second = validation.measure(module.model), validation.measure(module.model)
    assert torch.equal(torch.rand(1), _first_random_number(5)), "validation drew random numbers"
    assert first.train == first.val == second.val, "noise is on, or the splits are measured differently"
    assert torch.equal(first.restored, second.restored)
    assert first.restored.shape == (2, 3, 32, 32)
    assert module.model.training
    noisy = module.loss(samples.batches[0])
    module.model.eval()
    assert noisy != module.loss(samples.batches[0]), "the noise of training is off"


def test_validation_means_over_samples_though_the_last_batch_is_smaller(tiny: Recipe) -> None:
    train, val = Splits(["embedded"], "embedded").fixed_samples(tiny)
    assert [len(batch["mask"]) for batch in val.batches] == [2, 1]
    module = _module(tiny)
    measured = Validation(tiny, train, val, CPU).measure(module.model)
    module.model.eval()
    every = val.first(3)
    with torch.no_grad():
        by_hand = (module.model(every["masked"]) - every["target"]).square().mean()
    assert measured.val == pytest.approx(float(by_hand), rel=1e-5)


def test_a_steps_random_state_and_rate_are_functions_of_its_number(tiny: Recipe) -> None:
    recipe = tiny.model_copy(update={"schedule": tiny.schedule.model_copy(update={"name": "cosine"})})
    module = _module(recipe)
    optimiser = make_optimiser(module.model, recipe)
    module.prepare_step(optimiser, 50)
    first = torch.rand(3)
    module.prepare_step(optimiser, 49)
    assert not torch.equal(first, torch.rand(3))
    module.prepare_step(optimiser, 50)
    assert torch.equal(first, torch.rand(3))
    assert optimiser.param_groups[0]["lr"] == pytest.approx(5e-4)
    assert step_seed(0, 1) != step_seed(1, 0)


def test_the_running_mean_of_the_weights_by_hand(tiny: Recipe) -> None:
    module = _module(tiny.model_copy(update={"ema": 0.75}))
    assert module.averaged is not None
    weight, mean = next(module.model.parameters()), next(module.averaged.parameters())
    module.prepare_step(make_optimiser(module.model, module.recipe), 50)
    with torch.no_grad():
        mean.fill_(1.0)
        weight.fill_(3.0)
    module.update_average()
    assert (mean == 1.5).all()
    assert module.product is module.averaged
    assert not mean.requires_grad


def test_the_running_mean_lets_go_of_the_first_weights(tiny: Recipe) -> None:
    module = _module(tiny.model_copy(update={"ema": 0.999}))
    assert module.averaged is not None
    module.prepare_step(make_optimiser(module.model, module.recipe), 0)
    weight, mean = next(module.model.parameters()), next(module.averaged.parameters())
    with torch.no_grad():
        mean.fill_(1.0)
        weight.fill_(3.0)
    module.update_average()
    torch.testing.assert_close(mean, torch.full_like(mean, 2.8))


def test_speed_becomes_steps() -> None:
    speed = Speed(step=0.5, validation=2.0)
    by_clock = ValidationSettings(every_minutes=1.0)
    assert speed.steps_in(120, by_clock) == (120 - 4 * 2) / 0.5
    by_steps = ValidationSettings(every_minutes=None, every_steps=4)
    assert speed.steps_in(104, by_steps) == (104 - 2 * 2) / (0.5 + 2 / 4)
    assert speed.steps_in(0.1, by_clock) == 1


def test_measuring_the_speed_changes_nothing(tiny: Recipe) -> None:
    splits = Splits(["embedded"], "embedded")
    module = _module(tiny)
    before = {name: weight.clone() for name, weight in module.state_dict().items()}
    loader = splits.training_loader(tiny, first=0, stop=1000, total_steps=1000, device=CPU)
    speed = measure_speed(module, loader, Validation(tiny, *splits.fixed_samples(tiny), CPU), seconds=0.01)
    assert 0 < speed.step < 60
    assert 0 < speed.validation < 60
    for name, weight in module.state_dict().items():
        assert torch.equal(weight, before[name])


def test_weights_that_are_not_finite_are_found(tiny: Recipe) -> None:
    module = _module(tiny)
    module.check_finite()
    with torch.no_grad():
        module.model.get_parameter("convolutions.2.bias")[0] = float("inf")
    with pytest.raises(DivergenceError, match=r"convolutions\.2\.bias"):
        module.check_finite()


@pytest.mark.parametrize("content", [b"", b"nonsense", {"format_version": 1, "step": 3}, {"step": 3}, [1, 2]], ids=repr)
def test_a_damaged_state_is_one_line(tmp_path: Path, content: object) -> None:
    path = tmp_path / "resume.ckpt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(InputError, match=r"resume\.ckpt is damaged"):
        load_state(path)


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("exploded"),)


def test_a_state_is_never_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"format_version": 1, "step": _Bomb()}, tmp_path / "resume.ckpt")
    with pytest.raises(InputError, match="damaged"):
        load_state(tmp_path / "resume.ckpt")
    assert not (tmp_path / "exploded").exists()


def test_a_newer_state_is_refused_plainly(tmp_path: Path) -> None:
    torch.save({"format_version": 99}, tmp_path / "resume.ckpt")
    with pytest.raises(InputError, match=r"format version 99, this Spikefill reads 1; update"):
        load_state(tmp_path / "resume.ckpt")


def test_a_record_is_read_as_it_was_written(tmp_path: Path, tiny: Recipe) -> None:
    record = _record(tiny)
    record.write(RunFolder(tmp_path))
    assert read_record(RunFolder(tmp_path)) == record
    with pytest.raises(InputError, match="exists"):
        record.write(RunFolder(tmp_path))


def test_a_record_says_what_differs(tiny: Recipe) -> None:
    record = _record(tiny)
    same = {"recipe": tiny.model_dump(mode="json"), "data": ["/photographs/mine", "embedded"], "steps": None}
    assert record.differences(same) == []
    other = tiny.model_copy(update={"batch_size": 9}).model_dump(mode="json")
    assert record.differences({"recipe": other, "minutes": 2}) == [
        "recipe.batch_size is 9 but the run has 2",
        "minutes is 2 but the run has 0.5",
    ]


def test_the_weights_header_names_folders_without_their_path(tiny: Recipe) -> None:
    assert _record(tiny).provenance()["data"] == "mine, embedded"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "holds no run to resume"),
        ("", "is damaged"),
        ("[]", "is damaged"),
        ('{"format_version": 1}', "is damaged"),
        (json.dumps({"format_version": 2}), "format version 2, this Spikefill reads up to 1; update"),
    ],
)
def test_a_wrong_record_is_one_line(tmp_path: Path, content: str | None, said: str) -> None:
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(InputError, match=said) as caught:
        read_record(RunFolder(tmp_path))
    assert "\n" not in str(caught.value)


def test_signals_are_noted_and_handlers_put_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    for number in (signal.SIGINT, signal.SIGTERM):
        stop = StopRequest()
        with stop.watched():
            assert not stop.made
            signal.raise_signal(number)
        assert stop.made
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_outside_the_main_thread_signals_are_left_alone() -> None:
    reached = []

    def work() -> None:
        with StopRequest().watched():
            reached.append(signal.getsignal(signal.SIGINT))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert reached == [before]
