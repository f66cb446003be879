"""The bundled models: what is said of them, their checksums, and further names for them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch

from spikefill import InputError, models


def test_every_bundled_model_has_its_weights_its_card_and_its_checksum() -> None:
    assert tuple(model.name for model in models.RELEASED) == models.BUNDLED
    folder = models.weights_file(models.BUNDLED[0]).parent
    assert {path.stem for path in folder.glob("*.safetensors")} == set(models.BUNDLED)
    for model in models.RELEASED:
        file = models.weights_file(model.name)
        assert file == folder / f"{model.name}.safetensors"
        assert hashlib.sha256(file.read_bytes()).hexdigest() == model.sha256
        card = file.with_suffix(".md").read_text("utf-8")
        assert card.startswith(f"# {model.name}\n")
        assert model.licence in " ".join(card.split())
        assert "\n" not in model.purpose
        read = models.read(model.name)
        assert models.count_parameters(file) == sum(parameter.numel() for parameter in read.parameters())


def test_names_and_aliases_are_different_and_the_default_is_one_of_them() -> None:
    names = models.bundled_names()
    assert len(set(names)) == len(names)
    assert names == (*models.BUNDLED, *models.ALIASES)
    assert models.DEFAULT in names


def test_an_alias_stands_for_a_bundled_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(models.ALIASES, "paper", "scnn")
    assert models.bundled_names()[-1] == "paper"
    assert models.released("paper") is models.released("scnn")
    assert models.find("paper") == models.weights_file("paper") == models.weights_file("scnn")
    assert models.read("paper").arguments == models.read("scnn").arguments
    with pytest.raises(InputError, match="model is 'lama'; it must be one of: .*scnn.*, paper; or a file"):
        models.find("lama")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "paper").mkdir()
    assert models.find("paper") == models.weights_file("scnn")


def test_an_alias_without_its_model_is_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    before = models.bundled_names()
    monkeypatch.setitem(models.ALIASES, "large", "hybrid-enormous")
    assert models.bundled_names() == before
    assert models.released("large") is None
    for find in (models.read, models.weights_file):
        with pytest.raises(InputError, match=f"model is 'large'; it must be one of: {', '.join(before)}"):
            find("large")


@pytest.mark.parametrize("name", ["scnn", "paper"])
def test_bundled_weights_that_were_changed_are_refused(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(models.ALIASES, "paper", "scnn")
    content = bytearray(models.weights_file("scnn").read_bytes())
    content[-1] ^= 1
    changed = tmp_path / "scnn.safetensors"
    changed.write_bytes(content)
    monkeypatch.setattr("spikefill.models.checkpoint.weights_file", lambda name: changed)
    with pytest.raises(InputError, match=r"scnn\.safetensors are not those that were released.*install") as error:
        models.read(name)
    assert "\n" not in str(error.value)
    assert models.read(changed).arguments["width"] == 64  # a file of one's own may hold anything

    changed.unlink()
    with pytest.raises(InputError, match=r"cannot read the weights in .*scnn\.safetensors: No such file"):
        models.read(name)


def test_a_network_is_built_again_with_other_arguments_and_its_weights() -> None:
    model = models.create("hybrid", size="tiny")
    twin = models.rebuilt(model, activation="relu", steps=4)
    assert twin.arguments == {**model.arguments, "activation": "relu", "steps": 4}
    weights = model.state_dict()
    assert all(torch.equal(weight, weights[name]) for name, weight in twin.state_dict().items())
    assert twin.training
    next(twin.parameters()).data.add_(1)
    assert not torch.equal(next(twin.parameters()), next(model.parameters()))
    learnt = models.create("hybrid", size="tiny", neuron={"beta": 0.5, "learnable": ["tau"]})
    assert models.rebuilt(learnt, activation="relu").state_dict().keys() == weights.keys()


def test_weights_that_are_not_there_are_named() -> None:
    model = models.create("scnn", width=4)
    with pytest.raises(InputError, match=r"width=8: the model has no weights spiking.weight of that size"):
        models.rebuilt(model, width=8)
    with pytest.raises(InputError, match=r"the model has no weights spiking.neuron.beta_logit"):
        models.rebuilt(model, neuron={"learnable": ["tau"]})
