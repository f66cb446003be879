"""Training against noise: the recipe, the samples, and whole runs."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import torch

from spikefill import data, models
from spikefill.data.noise import gaussian_noise
from spikefill.errors import InputError
from spikefill.training import Interrupted, Recipe, change_recipe, load_recipe, train
from spikefill.training.module import InpaintingModule
from spikefill.training.pictures import read_logs
from spikefill.training.resident import ResidentSamples
from spikefill.training.stages import Stages

NOISE = "data.degradation=noise:25"
EMBEDDED = {"data": "embedded", "val": "embedded"}


@pytest.fixture
def noisy(tiny: Recipe) -> Recipe:
    return change_recipe(tiny, [NOISE])


def test_the_degradation_is_the_datas_and_reaches_the_network(tiny: Recipe) -> None:
    assert (tiny.data.degradation, tiny.degradation.is_noise) == ("holes", False)
    changed = change_recipe(tiny, ["data.degradation=noise:25.0"])
    assert (changed.data.degradation, changed.degradation.sigma) == ("noise:25", 25.0)
    model = models.create(**changed.network)
    assert model.arguments["degradation"] == "noise:25"  # type: ignore[index]
    assert model.arguments["width"] == 8  # type: ignore[index]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("data.degradation=rain", "data.degradation is 'rain'; it must be holes, or noise:SIGMA with SIGMA above 0"),
        ("data.degradation=noise:0", "data.degradation is 'noise:0'; it must be holes, or noise:SIGMA"),
        ("model.arguments.degradation=noise:25", "arguments names a degradation; it is set by data.degradation"),
    ],
)
def test_wrong_settings_are_named(tiny: Recipe, change: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        change_recipe(tiny, [change])


def test_a_run_says_psnr_and_keeps_what_it_is_for(
    tmp_path: Path, noisy: Recipe, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = train(noisy, **EMBEDDED, output=tmp_path / "run", steps=2)
    said = capfd.readouterr().err
    assert "PSNR over" not in said
    assert ", PSNR " in said
    figures = read_logs(folder / "logs")
    assert set(figures["psnr/val"]) == {0, 2}
    assert "psnr_hole/val" not in figures
    assert models.read(folder).arguments["degradation"] == "noise:25"  # type: ignore[index]
    with pytest.raises(InputError, match=r"recipe\.data\.degradation is 'noise:15' but the run has 'noise:25'"):
        train(change_recipe(noisy, ["data.degradation=noise:15"]), output=folder, resume=True)


def test_an_interrupted_run_goes_on_exactly(tmp_path: Path, noisy: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = train(noisy, **EMBEDDED, output=tmp_path / "whole", steps=4)
    original = InpaintingModule.training_step

    def step(self: InpaintingModule, *arguments: object) -> torch.Tensor:
        if self.steps_done == 1 and self.first_step == 0:
            signal.raise_signal(signal.SIGINT)
        return original(self, *arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(InpaintingModule, "training_step", step)
        with pytest.raises(Interrupted, match="after step 2 of 4"):
            train(noisy, **EMBEDDED, output=tmp_path / "half", steps=4)
    half = train(output=tmp_path / "half", resume=True)
    one, other = (models.read(folder / "last.safetensors").state_dict() for folder in (whole, half))
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("name", ["hybrid-tiny", "gated-small", "spiking-unet-small"])
def test_recipes_of_other_networks_learn_from_noise_too(name: str) -> None:
    recipe = load_recipe(name, [NOISE, "stages=[]"])
    samples = data.MaskedPhotographs(
        data.open_photographs("embedded", part="train"), size=64, length=2, degradation=recipe.degradation
    )
    batch = {key: torch.stack([samples[0][key], samples[1][key]]) for key in samples[0]}
    torch.manual_seed(0)
    module = InpaintingModule(models.create(**recipe.network), recipe, total_steps=10)
    module.loss(module.laid_out(batch)).backward()
    gradients = [weight.grad for weight in module.model.parameters() if weight.grad is not None]
    assert all(torch.isfinite(gradient).all() for gradient in gradients)
    assert sum(bool(gradient.any()) for gradient in gradients) > 0.8 * len(list(module.model.parameters()))


def test_samples_made_on_the_device_are_noisy_and_need_no_masks(noisy: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spikefill.masks.sample", None)
    values = noisy.model_dump()
    values["data"]["resident_masks"] = 3
    values["batch_size"] = 8
    recipe = Recipe.model_validate(values)
    photographs = data.open_photographs("embedded", part="train")
    samples = ResidentSamples(photographs, recipe, Stages(recipe, 10), first=0, stop=2, device=torch.device("cpu"))
    batch = samples.batch(1)
    noise = batch["masked"] - batch["target"]
    assert (255 * noise.std()).item() == pytest.approx(25, rel=0.03)
    assert abs(255 * noise.mean().item()) < 1
    assert (batch["mask"] == 1).all()
    assert batch["masked"].min() < 0
    assert torch.equal(samples.batch(1)["masked"], batch["masked"])
    assert not torch.equal(samples.batch(0)["masked"] - samples.batch(0)["target"], noise)


def test_noise_of_a_sample_is_a_function_of_seed_and_number() -> None:
    photographs = data.open_photographs("embedded", part="train")

    def samples(sigma: float, seed: int = 1, **options: bool) -> data.MaskedPhotographs:
        noise = load_recipe("scnn", [f"data.degradation=noise:{sigma}"]).degradation
        return data.MaskedPhotographs(photographs, size=64, length=9, seed=seed, degradation=noise, **options)

    first, again, other, twice = samples(25)[3], samples(25)[3], samples(25, seed=2)[3], samples(50)[3]
    assert {name: tuple(value.shape) for name, value in first.items()} == {
        "masked": (3, 64, 64), "mask": (1, 64, 64), "target": (3, 64, 64)
    }  # fmt: skip
    assert all(torch.equal(first[name], again[name]) for name in first)
    noise, doubled = first["masked"] - first["target"], twice["masked"] - twice["target"]
    assert torch.equal(first["target"], twice["target"])
    torch.testing.assert_close(doubled, 2 * noise)
    assert not torch.equal(other["masked"] - other["target"], noise)
    assert (255 * noise.std()).item() == pytest.approx(25, rel=0.03)
    assert noise.flatten(1).corrcoef().fill_diagonal_(0).abs().max() < 0.05  # each channel has its own
    assert (first["mask"] == 1).all()
    centre = samples(25, augment=False)
    assert torch.equal(centre[0]["target"], centre[len(photographs)]["target"])
    assert not torch.equal(centre[0]["masked"], centre[len(photographs)]["masked"])
    assert gaussian_noise((4, 5), 10, seed=0, index=1).dtype == "float32"
