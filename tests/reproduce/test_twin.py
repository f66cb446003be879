from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from spikefill.reproduce.experiments.twin import Seconds, TwinSettings, _notes
from spikefill.reproduce.experiments.twin_training import choose, try_training
from spikefill.reproduce.trials import Context, Done
from spikefill.training import DivergenceError

from .conftest import Quick, rows


def test_the_rate_of_the_lowest_training_loss_is_chosen() -> None:
    trained: dict[str, Any] = {
        f"training_{number}": Done({"train": loss, "val": -loss}, Path(), {}) for number, loss in enumerate((3, 1, 2))
    }
    found = choose(cast("Context", None), rates=(0.1, 0.2, 0.3), **trained)
    assert found == {"learning_rate": 0.2, "losses": [3, 1, 2]}


def test_a_rate_that_diverges_is_not_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def diverge(context: Context, **inputs: Any) -> Any:
        raise DivergenceError("the loss is nan")

    monkeypatch.setattr("spikefill.reproduce.networks.train_network", diverge)
    context = cast("Context", None)
    diverged = Done(try_training(context, recipe={}, steps=1, start=None), tmp_path, {})
    fine = Done({"train": 0.5}, tmp_path, {})
    found = choose(context, rates=(0.1, 0.2), training_0=diverged, training_1=fine)
    assert found == {"learning_rate": 0.2, "losses": [None, 0.5]}
    with pytest.raises(DivergenceError, match=r"each of the learning rates 0\.1, 0\.2"):
        choose(context, rates=(0.1, 0.2), training_0=diverged, training_1=diverged)


def test_equal_time_gives_what_is_faster_more_steps() -> None:
    settings = TwinSettings(seconds=Seconds(lif=1.0, relu=0.5, quantised=2.0, quantised_lif=1.0))
    steps = {one: settings.steps_in_equal_time(one) for one in ("lif", "relu", "quantised", "quantised-lif")}
    assert steps == {"lif": 5_000, "relu": 10_000, "quantised": 2_500, "quantised-lif": 5_000}


def test_each_twin_is_another_network_with_its_best_rate(quick: Quick) -> None:
    document, _ = quick("twin")
    equal_steps, equal_time = rows(document, "equal-steps"), rows(document, "equal-time")
    for table in (equal_steps, equal_time):
        assert list(table) == ["lif", "relu", "quantised", "quantised-lif"]
        assert len({row["hole PSNR, dB"] for row in table.values()}) == 4
        for name, row in table.items():
            chosen = document["trials"][f"{name}, learning rate"]["result"]
            rates = document["settings"]["learning_rates"]
            assert row["learning rate"] == rates[chosen["losses"].index(min(chosen["losses"]))]
    assert {row["training steps"] for row in equal_steps.values()} == {12}
    assert equal_time["relu"]["training steps"] == round(12 * 1.12 / 1.22)
    assert equal_time["lif"] == equal_steps["lif"]


def test_the_answer_compares_with_every_twin_and_names_its_levels(quick: Quick) -> None:
    """A hard reset has 5 rates in 8 steps, a uniform quantiser 9."""
    document, _ = quick("twin")
    (answer,) = document["answers"]
    relu = -rows(document, "equal-steps")["relu"]["minus lif"]
    assert f"with equal steps {relu:+.2f} dB" in answer["sentence"]
    assert "the same 5 levels without time" in answer["sentence"]
    assert "9 uniform levels" in answer["sentence"]


def test_the_hybrid_network_is_its_quantised_twin(quick: Quick) -> None:
    trials = quick("twin")[0]["trials"]
    for family, figures in trials["hybrid-small"]["result"]["results"].items():
        twin = trials["hybrid-small, quantised"]["result"]["results"][family]
        assert twin["psnr_hole"] == pytest.approx(figures["psnr_hole"], abs=0.01)


def test_the_hybrid_networks_note_has_both_figures() -> None:
    note = _notes(TwinSettings(), {"hybrid-small": 25.0, "hybrid-small, quantised": 23.0})[0]
    assert "should change nothing: hybrid-small has a hole PSNR of 25.00 dB, and of 23.00 dB with one" in note
