from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from spikefill.errors import InputError
from spikefill.training import Recipe, built_in_recipes, change_recipe, load_recipe


def test_the_papers_recipe() -> None:
    recipe = load_recipe("scnn")
    assert recipe.name == "scnn"
    assert recipe.model.architecture == "scnn"
    assert recipe.model.arguments == {"width": 64, "steps": 8}
    assert recipe.data.size == 128
    assert recipe.data.families == ("thin", "medium", "thick")
    assert (recipe.loss.name, recipe.loss.region) == ("mse", "whole")
    assert (recipe.optimiser.name, recipe.optimiser.learning_rate) == ("adam", 1e-3)
    assert recipe.schedule.name == "constant"


def test_every_built_in_recipe_is_valid_and_has_its_files_name() -> None:
    assert "scnn" in built_in_recipes()
    for name in built_in_recipes():
        assert load_recipe(name).name == name


def test_a_recipe_from_a_file_is_named_after_it_unless_it_says(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("batch_size: 3\n")
    assert load_recipe(file).name == load_recipe(str(file)).name == "mine"
    assert load_recipe(file).batch_size == 3
    file.write_text("name: other\n")
    assert load_recipe(file).name == "other"


def test_a_recipe_survives_yaml(tmp_path: Path) -> None:
    recipe = load_recipe("scnn", ["ema=0.99", "gradient_clip=1", "validation.every_steps=7"])
    file = tmp_path / "copy.yaml"
    file.write_text(yaml.safe_dump(recipe.model_dump(mode="json")))
    assert load_recipe(file) == recipe


@pytest.mark.parametrize(
    ("change", "place", "value"),
    [
        ("optimiser.learning_rate=1e-4", ("optimiser", "learning_rate"), 1e-4),
        ("optimiser.learning_rate=2.5E-4", ("optimiser", "learning_rate"), 2.5e-4),
        ("optimiser.betas=[0.5, 0.9]", ("optimiser", "betas"), (0.5, 0.9)),
        ("data.families=[boxes]", ("data", "families"), ("boxes",)),
        ("validation.every_minutes=null", ("validation", "every_minutes"), None),
        ("channels_last=true", ("channels_last",), True),
        ("name=a=b", ("name",), "a=b"),
        ("model.arguments.noise=1e-1", ("model", "arguments"), {"width": 64, "steps": 8, "noise": 0.1}),
    ],
)
def test_set_changes_one_setting(change: str, place: tuple[str, ...], value: object) -> None:
    changed = load_recipe("scnn", [change])
    assert changed == change_recipe(load_recipe("scnn"), [change])
    found: object = changed
    for name in place:
        found = getattr(found, name)
    assert found == value


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("optimiser.lr=1", "optimiser.lr is no setting; there are: name, learning_rate, betas, weight_decay"),
        ("speed=1", "speed is no setting; there are: name, model, data"),
        ("batch_size=0", "batch_size is 0; it must be greater than or equal to 1"),
        ("batch_size=many", "batch_size is 'many'; it must be a valid integer"),
        ("batch_size=2.5", "batch_size is 2.5; it must be a valid integer"),
        ("optimiser.name=sgd", "optimiser.name is 'sgd'; it must be 'adam' or 'adamw'"),
        ("optimiser.learning_rate=.nan", "optimiser.learning_rate is nan; it must be a finite number"),
        ("optimiser=adam", "optimiser is 'adam'; it must be a valid dictionary"),
        ("data.families=[thin, round]", "'round' is no family of masks; there are: "),
        ("data.families=[]", "data.families is []; "),
        ("data.size=8", "data.size is 8; it must be greater than or equal to 16"),
        ("ema=1", "ema is 1; it must be less than 1"),
        ("checkpoint_seconds=61", "checkpoint_seconds is 61; it must be less than or equal to 60"),
        ("batch_size", "--set is 'batch_size'; it must be key=value"),
        ("=3", "--set is '=3'; it must be key=value"),
        ("batch_size=[", "--set is 'batch_size=['; its value is not YAML"),
        ("seed.deep=3", "seed.deep"),
        ("name.deep=3", "--set is 'name.deep=3'; name is a value without settings inside"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(change: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        load_recipe("scnn", [change])
    if change == "seed.deep=3":  # the built-in recipe does not say its seed: the change makes a mapping of it
        assert "seed is {'deep': 3}" in str(caught.value)
    else:
        assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no settings"),
        (b"- 1\n", "holds no settings"),
        (b"a: [\n", "is not YAML"),
        (b"\xff\xfe\x00", "is not text"),
        (b"learning_rate: 1\n", "learning_rate is no setting"),
        (b"name: !!python/object/apply:os.getcwd []\n", "is not YAML"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_bytes(content)
    with pytest.raises(InputError, match=said) as caught:
        load_recipe(file)
    assert "\n" not in str(caught.value)
    assert "wrong.yaml" in str(caught.value)


def test_an_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(InputError, match=r"recipe is 'unet' .*one of: .*scnn"):
        load_recipe("unet")


def test_settings_cannot_be_changed_in_place() -> None:
    recipe = Recipe(name="x")
    with pytest.raises(ValidationError, match="frozen"):
        recipe.batch_size = 3  # type: ignore[misc]
