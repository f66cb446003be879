"""``spikefill models``: a row for each bundled model, and the model cards."""

from __future__ import annotations

import dataclasses
import re

import pytest
import torch

from spikefill import models
from spikefill.cli.app import run


def cells(text: str) -> list[list[str]]:
    """The table's rows without its heading; two spaces and more are between cells."""
    return [re.split(r"\s{2,}", line) for line in text.splitlines()[1:]]


def test_every_bundled_model_has_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out.split()[:5] == ["model", "parameters", "size", "licence", "for"]
    rows = cells(captured.out)
    assert [row[0].split()[0] for row in rows] == list(models.BUNDLED)
    assert [row[3:] for row in rows] == [[model.licence, model.purpose] for model in models.RELEASED]


def test_the_facts_of_scnn(capsys: pytest.CaptureFixture[str]) -> None:
    """3 to 64, four times 64 to 64, and 64 to 3 channels; the file has two bytes a weight."""
    assert run(["models"]) == 0
    (row,) = (row for row in cells(capsys.readouterr().out) if row[0].split()[0] == "scnn")
    parameters = (3 + 4 * 64) * 64 * 9 + 5 * 64 + 64 * 3 * 9 + 3
    assert row[1:4] == [f"{parameters:,}", "0.3 MB", "Apache-2.0"]


@pytest.mark.parametrize(
    ("default", "remarks"),
    [("none of them", "(also paper)"), ("scnn", "(default, also paper)"), ("paper", "(default, also paper)")],
)
def test_the_default_and_aliases_are_said(
    default: str, remarks: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "DEFAULT", default)
    monkeypatch.setitem(models.ALIASES, "paper", "scnn")
    assert run(["models"]) == 0
    names = [row[0] for row in cells(capsys.readouterr().out)]
    assert f"scnn {remarks}" in names
    assert sum("default" in name for name in names) == ("default" in remarks)


def test_a_row_is_a_line_for_other_programs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    long = dataclasses.replace(models.RELEASED[0], purpose="all that is wide " * 20 + "[bold]")
    monkeypatch.setattr(models, "RELEASED", (long,))
    monkeypatch.setenv("COLUMNS", "60")
    assert run(["models"]) == 0
    assert capsys.readouterr().out.splitlines()[1].endswith(f"  {long.purpose}")


@pytest.mark.parametrize("name", [*models.BUNDLED, "paper"])
def test_a_name_prints_its_card(name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(models.ALIASES, "paper", "scnn")
    assert run(["models", name]) == 0
    captured = capsys.readouterr()
    assert captured.out == models.weights_file(name).with_suffix(".md").read_text("utf-8")
    assert captured.err == ""


def test_no_weights_are_read_for_the_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "frombuffer", None)
    monkeypatch.setattr("spikefill.models.checkpoint.create", None)
    assert run(["models"]) == 0
    assert capsys.readouterr().out.startswith("model")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["lama"], f"NAME is 'lama'; it must be one of: {', '.join([*models.BUNDLED, *models.ALIASES])}"),
        (["scnn.md"], "NAME is 'scnn.md'"),
        (["scnn", "scnn"], "scnn"),
        (["--json"], "--json"),
    ],
)
def test_wrong_calls_are_one_line_and_exit_code_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["models", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert captured.err.count("\n") == 1
