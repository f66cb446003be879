"""The hybrid network's rivals are trained as it is."""

from __future__ import annotations

from typing import Any

import pytest

from spikefill import models
from spikefill.training import Recipe, load_recipe
from spikefill.training.module import InpaintingModule
from spikefill.training.recipe import StageSettings


def settings(name: str, *without: str) -> dict[str, Any]:
    """A recipe as a mapping, but for its name and some settings."""
    return load_recipe(name).model_dump(exclude={"name", *without})


@pytest.mark.parametrize(
    ("name", "architecture"),
    [("partial-small", "partial-unet"), ("gated-small", "gated-unet"), ("spiking-unet-small", "spiking-unet")],
)
def test_a_rival_differs_in_its_network_and_its_levels_alone(name: str, architecture: str) -> None:
    hybrid, rival = load_recipe("hybrid-small"), load_recipe(name)
    assert (rival.model.architecture, rival.model.arguments) == (architecture, {})
    assert rival.loss == hybrid.loss.model_copy(update={"coarser": None})
    assert settings(name, "model", "loss", "stages") == settings("hybrid-small", "model", "loss", "stages")

    def samples(recipe: Recipe, hundredth: int) -> tuple[int, int]:
        """Size and number of a step's samples; 128 px where the finest of 256 px are left out."""
        passed = 0.0
        for stage in recipe.stages or (StageSettings(share=1, size=recipe.data.size),):
            passed += stage.share
            if hundredth / 100 < passed - 1e-9:
                return 128 if stage.finest else stage.size, stage.batch_size or recipe.batch_size
        raise AssertionError(hundredth)

    assert [samples(rival, now) for now in range(100)] == [samples(hybrid, now) for now in range(100)]
    assert all(stage.finest == 0 for stage in rival.stages)


def test_the_twin_differs_in_its_activation_alone() -> None:
    assert settings("relu-small", "model") == settings("hybrid-small", "model")
    twin, hybrid = (
        models.create(recipe.model.architecture, **recipe.model.arguments)
        for recipe in (load_recipe("relu-small"), load_recipe("hybrid-small"))
    )
    assert twin.arguments == {**hybrid.arguments, "activation": "relu"}


def test_vivid_is_hybrid_small_with_texture() -> None:
    vivid, small = load_recipe("hybrid-vivid"), load_recipe("hybrid-small-gpu")
    assert vivid.model == small.model
    assert vivid.data.families == small.data.families
    assert vivid.loss == small.loss.model_copy(update={"texture": 0.5})


@pytest.mark.parametrize("suffix", ["", "-gpu"])
def test_base_differs_in_its_size_and_its_length_alone(suffix: str) -> None:
    small, base = load_recipe(f"hybrid-small{suffix}"), load_recipe(f"hybrid-base{suffix}")
    assert base.model.arguments == {**small.model.arguments, "size": "base"}
    others = ("model", "steps", "stages", "schedule", "optimiser")
    assert settings(f"hybrid-base{suffix}", *others) == settings(f"hybrid-small{suffix}", *others)
    assert [(stage.size, stage.finest) for stage in base.stages] == [(part.size, part.finest) for part in small.stages]


def test_tiny_differs_in_its_size_its_length_and_its_learning_rate_alone() -> None:
    small, tiny = load_recipe("hybrid-small"), load_recipe("hybrid-tiny")
    assert tiny.model.arguments == {**small.model.arguments, "size": "tiny"}
    assert settings("hybrid-tiny", "model", "steps", "optimiser") == settings(
        "hybrid-small", "model", "steps", "optimiser"
    )


@pytest.mark.parametrize(
    "name",
    [
        "partial-small",
        "gated-small",
        "spiking-unet-small",
        "relu-small",
        "hybrid-small-gpu",
        "hybrid-base-gpu",
        "hybrid-vivid",
        "hybrid-small-tuned",
        "hybrid-small-coarse",
        "hybrid-small-gpu-tuned",
        "hybrid-base-gpu-tuned",
        "hybrid-tiny-gpu",
        "hybrid-revived",
    ],
)
def test_the_recipe_and_its_network_go_together(name: str) -> None:
    recipe = load_recipe(name)
    network = models.create(recipe.model.architecture, **recipe.model.arguments)
    InpaintingModule(network, recipe, total_steps=10)
