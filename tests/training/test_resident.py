from __future__ import annotations

import logging
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from spikefill import masks, models
from spikefill.errors import InputError
from spikefill.training import Interrupted, Recipe, change_recipe, load_recipe, train
from spikefill.training.module import Batch, InpaintingModule
from spikefill.training.resident import ResidentPhotographs, ResidentSamples
from spikefill.training.stages import Stages

CPU = torch.device("cpu")
SIZE = 32


def numbered(height: int, width: int) -> NDArray[np.uint8]:
    """A picture whose first two channels are the row and the column of each pixel."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows, columns, np.full((height, width), 7)], axis=2).astype(np.uint8)


def crops_of(photographs: list[NDArray[np.uint8]], count: int = 64, shorter_side: int = 40) -> torch.Tensor:
    resident = ResidentPhotographs(photographs, size=SIZE, shorter_side=shorter_side, device=CPU)
    return resident.crops(count, torch.Generator().manual_seed(1))


@pytest.fixture
def recipe(tiny: Recipe) -> Recipe:
    values = tiny.model_dump()
    values["data"] |= {"resident_masks": 3}
    values["batch_size"] = 16
    return Recipe.model_validate(values)


def samples(recipe: Recipe, *, first: int = 0, stop: int = 4) -> ResidentSamples:
    photographs = [numbered(40, 50), numbered(33, 36)]
    return ResidentSamples(photographs, recipe, Stages(recipe, 10), first=first, stop=stop, device=CPU)


def test_crops_are_squares_of_the_photograph_turned_in_eight_ways() -> None:
    crops = crops_of([numbered(SIZE, SIZE)])
    assert crops.shape == (64, 3, SIZE, SIZE)
    assert crops.dtype == torch.uint8
    plain = torch.from_numpy(numbered(SIZE, SIZE)).permute(2, 0, 1)
    turned = [torch.rot90(side, turn, (1, 2)) for turn in range(4) for side in (plain, plain.flip(1))]
    seen = {next(number for number, way in enumerate(turned) if torch.equal(crop, way)) for crop in crops}
    assert seen == set(range(8))


def test_crops_come_from_everywhere_in_every_photograph_and_from_nowhere_else() -> None:
    photographs = [numbered(39, 50), numbered(36, 33)]
    crops = crops_of(photographs, 2000)
    steps = (crops.int().diff(dim=2).abs(), crops.int().diff(dim=3).abs())
    assert all((step[:, :2].sum(1) == 1).all() for step in steps)  # neighbours in the crop are neighbours there
    highest = crops[:, :2].amax(dim=(2, 3))
    assert highest.amax(0).tolist() == [38, 49]
    assert crops[:, :2].amin(dim=(0, 2, 3)).tolist() == [0, 0]
    assert (highest[:, 0] > 35).float().mean() > 0.15
    assert (highest[:, 0] <= 35).float().mean() > 0.4


def test_large_photographs_are_shown_at_several_scales_and_small_ones_enlarged() -> None:
    wide = np.repeat(np.arange(128, dtype=np.uint8), 128).reshape(128, 128, 1).repeat(3, axis=2)
    ranges = {int(crop[0].max()) - int(crop[0].min()) for crop in crops_of([wide], 200, shorter_side=128)}
    assert min(ranges) == SIZE - 1
    assert max(ranges) > 115
    assert len(ranges) >= 5
    assert crops_of([numbered(20, 24)]).shape == (64, 3, SIZE, SIZE)


def test_a_damaged_photograph_is_left_out_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    class Photographs(list[NDArray[np.uint8]]):
        def __getitem__(self, index: int) -> NDArray[np.uint8]:  # type: ignore[override]
            if index == 1:
                raise InputError("second.jpg is damaged")
            return super().__getitem__(index)

    with caplog.at_level(logging.WARNING):
        crops = crops_of(Photographs([numbered(SIZE, SIZE), numbered(60, 60)]))
    assert crops[:, 2].eq(7).all()
    assert crops[:, :2].max() == SIZE - 1
    assert "second.jpg is damaged; it is left out" in caplog.text
    with pytest.raises(InputError, match="no photograph"):
        crops_of(Photographs([numbered(8, 8)])[:0] or Photographs([]))


def test_a_batch_is_a_function_of_seed_and_step(recipe: Recipe) -> None:
    whole, later = list(samples(recipe)), list(samples(recipe, first=2))
    assert len(whole) == len(samples(recipe)) == 4
    assert len(later) == 2
    for name in ("masked", "mask", "target"):
        assert torch.equal(whole[2][name], later[0][name])
        assert not torch.equal(whole[2][name], whole[3][name])
    other = next(iter(samples(recipe.model_copy(update={"seed": 1}))))
    assert not torch.equal(whole[0]["target"], other["target"])


def test_batches_are_what_networks_take(recipe: Recipe) -> None:
    batch = samples(recipe).batch(0)
    assert batch["masked"].shape == batch["target"].shape == (16, 3, SIZE, SIZE)
    assert batch["mask"].shape == (16, 1, SIZE, SIZE)
    assert all(part.dtype == torch.float32 for part in batch.values())
    assert torch.equal(batch["masked"], batch["target"] * (1 - batch["mask"]))
    assert batch["target"].min() >= 0
    assert 0.1 < batch["target"].max() <= 1


def test_masks_are_those_of_the_recipes_families_turned(recipe: Recipe) -> None:
    drawn = [
        masks.sample(family, SIZE, seed=0, index=3 * number + i)
        for number, family in enumerate(recipe.data.families)
        for i in range(3)
    ]
    ways = {
        np.ascontiguousarray(np.rot90(side, turn)).tobytes()
        for mask in drawn
        for turn in range(4)
        for side in (mask, mask[::-1])
    }
    batches = list(samples(recipe))
    seen = {mask.bool().numpy().tobytes() for batch in batches for mask in batch["mask"]}
    assert seen <= ways
    assert len(seen) > 20


def test_stages_have_samples_of_their_own_sizes(recipe: Recipe) -> None:
    values = recipe.model_dump()
    values["stages"] = [{"share": 0.2, "size": 24, "batch_size": 5}, {"share": 0.8, "size": 16}]
    shapes = [tuple(batch["target"].shape) for batch in samples(Recipe.model_validate(values))]
    assert shapes == [(5, 3, 24, 24)] * 2 + [(16, 3, 16, 16)] * 2


@pytest.mark.parametrize("setting", ["data.mask_size=64", "data.augment=false"])
def test_settings_that_resident_samples_do_not_have(setting: str) -> None:
    with pytest.raises(InputError, match="resident_masks"):
        load_recipe("scnn", ["data.resident_masks=3", setting])


def test_a_run_with_resident_samples_goes_on_where_it_was(
    tmp_path: Path, tiny: Recipe, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = change_recipe(tiny, ["data.resident_masks=2"])
    sources = {"data": "embedded", "val": "embedded"}
    whole = train(recipe, **sources, output=tmp_path / "whole", steps=4, device="cpu")
    assert "6 photographs and 6 masks go into the memory of cpu" in capsys.readouterr().err

    original = InpaintingModule.training_step

    def step(self: InpaintingModule, batch: Batch, batch_idx: int) -> torch.Tensor:
        if self.steps_done == 1:
            signal.raise_signal(signal.SIGTERM)
        return original(self, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(InpaintingModule, "training_step", step)
        with pytest.raises(Interrupted):
            train(recipe, **sources, output=tmp_path / "parts", steps=4, device="cpu")
    parts = train(output=tmp_path / "parts", resume=True)
    for name, weight in models.read(whole / "last.safetensors").state_dict().items():
        assert torch.equal(weight, models.read(parts / "last.safetensors").state_dict()[name])
