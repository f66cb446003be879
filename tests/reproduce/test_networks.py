from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from spikefill.data import open_photographs
from spikefill.models import read
from spikefill.reproduce import Context, networks
from spikefill.reproduce.networks import TOY_TRAINING
from spikefill.reproduce.store import TrialStore
from spikefill.training.module import InpaintingModule

SETTINGS = TOY_TRAINING.model_copy(update={"steps": 4})


def store_in(folder: Path) -> TrialStore:
    train, val = (open_photographs("embedded", part=part) for part in ("train", "val"))
    return TrialStore(folder, Context(("embedded",), "embedded", train, val, "cpu", folder))


def test_an_interrupted_training_goes_on_to_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = networks.train("training", SETTINGS)
    whole = store_in(tmp_path / "whole").do(trial)
    assert whole.result["steps"] == 4
    assert [row[0] for row in whole.result["curve"]] == [0, 2, 4]
    assert whole.result["curve"][-1][1:] == [whole.result["train"], whole.result["val"]]
    assert whole.result["val"] < whole.result["curve"][0][2]

    original = InpaintingModule.training_step
    steps: list[int] = []

    def stop_in_third(self: InpaintingModule, batch: Any, batch_idx: int) -> torch.Tensor:
        steps.append(batch_idx)
        if len(steps) == 3:
            signal.raise_signal(signal.SIGINT)
        return original(self, batch, batch_idx)

    monkeypatch.setattr(InpaintingModule, "training_step", stop_in_third)
    store = store_in(tmp_path / "parts")
    with pytest.raises(KeyboardInterrupt):
        store.do(trial)
    assert store.find(trial) is None
    resumed = store.do(trial)
    assert len(steps) == 4  # three before, one after
    assert resumed.result == whole.result


def test_tuning_begins_with_the_weights_it_is_given(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    first = networks.train("first", SETTINGS.model_copy(update={"steps": 2, "validations": 1}))
    changes = (*SETTINGS.changes, "model.arguments.steps=2", "optimiser.learning_rate=1e-12")
    still = SETTINGS.model_copy(update={"steps": 1, "validations": 1, "changes": changes})
    tuned = networks.train("tuned", still, start=first)
    begun, ended = store.do(first), store.do(tuned)
    before, after = networks.read(begun), networks.read(ended)
    assert after.arguments["steps"] == 2 != before.arguments["steps"]
    for name, weight in before.state_dict().items():
        torch.testing.assert_close(after.state_dict()[name], weight, atol=1e-9, rtol=0)
    assert str(networks.weights_of(begun)).startswith(str(tmp_path))
    assert read(networks.weights_of(begun)).arguments == before.arguments


def test_a_training_whose_photographs_have_moved_begins_anew(tmp_path: Path) -> None:
    embedded = open_photographs("embedded", part="val")
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    for file, name in zip(embedded.files, embedded.names, strict=True):
        assert isinstance(file, Path)
        (before / name).write_bytes(file.read_bytes())
    inputs = networks.train("training", SETTINGS.model_copy(update={"steps": 1, "validations": 1})).inputs

    def train(source: Path) -> Any:
        photographs = open_photographs(source)
        context = Context((str(source),), str(source), photographs, photographs, "cpu", tmp_path / "files")
        return networks.train_network(context, **inputs)

    first = train(before)
    before.rename(after)
    assert train(after) == first


def test_equal_settings_are_one_training_and_others_another(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    same = [networks.train(name, SETTINGS) for name in ("one", "two")]
    other = networks.train("one", SETTINGS.model_copy(update={"seed": 1}))
    assert store.key(same[0]) == store.key(same[1]) != store.key(other)
