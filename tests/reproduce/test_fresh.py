from __future__ import annotations

import json
from pathlib import Path

import pytest

from spikefill.reproduce import NAMES, OBJECTIONS, find, plan, reproduce
from spikefill.reproduce.networks import train_network

from .conftest import Quick


def test_two_fresh_runs_give_the_same_but_for_times(quick: Quick, tmp_path: Path) -> None:
    first, _ = quick("leakage")
    (folder,) = reproduce([plan("leakage", quick=True)], folder=tmp_path / "again", fresh=True)
    second = json.loads((folder / "results.json").read_text("utf-8"))
    assert first.pop("times") != second.pop("times")
    assert first == second


def test_what_was_done_is_not_done_again(quick: Quick, quick_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document, folder = quick("leakage")
    made = (folder / "results.json").read_bytes()
    capsys.readouterr()
    reproduce([plan("leakage", quick=True)], folder=quick_folder)
    assert capsys.readouterr().err.count("(done before)") == len(document["trials"])
    assert (folder / "results.json").read_bytes() == made


def test_every_experiment_is_declared_under_its_name_and_answers_objections_that_there_are() -> None:
    for name in NAMES:
        experiment = find(name)
        assert experiment.name == name
        assert set(experiment.objections) <= set(OBJECTIONS)
        assert type(experiment.full) is type(experiment.quick)
        assert experiment.full != experiment.quick


def test_full_experiments_share_the_papers_training() -> None:
    trainings = {
        (experiment, trial.name): trial.inputs
        for experiment in ("paper", "steps", "holes", "resolution", "leakage")
        for trial in plan(experiment).trials
        if trial.function is train_network
    }
    first = trainings["paper", "training"]
    same = {key for key, inputs in trainings.items() if inputs == first}
    assert same == {
        *((experiment, "training") for experiment in ("paper", "steps", "holes", "leakage")),
        ("resolution", "training at 128 px"),
    }


@pytest.mark.parametrize("name", NAMES)
def test_an_experiment_answers_what_it_says(name: str, quick: Quick) -> None:
    document, folder = quick(name)
    assert {answer["objection"] for answer in document["answers"]} == set(document["objections"])
    assert document["quick"]
    assert all((folder / plot["file"]).stat().st_size > 1000 for plot in document["plots"])
