from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from spikefill.reproduce import Plot, Table, find, output, page, plots
from spikefill.reproduce.remarks import remarks

TABLE = Table(
    "kinds", "By kind <1>", {"kind": "", "PSNR, dB": ".2f", "n": "d", "same": ""},
    [("a|b", 12.345, 3, True), ("<c>", None, 0, False)],
)  # fmt: skip


@pytest.fixture
def document() -> dict[str, Any]:
    return {
        "experiment": "leakage",
        "title": "Is 1 < 2?",
        "question": "Asked & answered?",
        "quick": False,
        "settings": {"training": {"steps": 5}, "noises": 3},
        "data": {"train": {"photographs": 6, "sources": ["embedded"], "sha256": "0123456789abcdef"}},
        "commit": None,
        "versions": {"torch": "2"},
        "machine": {"cores": 2},
        "answers": [{"objection": 8, "sentence": "0 of 9 differ."}],
        "notes": ["A note."],
        "tables": [TABLE.as_json()],
        "plots": [{"file": "lines.png", "caption": "Two lines."}],
        "times": {"seconds": 1.4},
    }


def test_markdown_has_answers_tables_and_settings(document: dict[str, Any]) -> None:
    text = page.markdown(page.experiment_page(document))
    assert text.startswith("# Is 1 < 2?\n\nAsked & answered?\n\n## Answers")
    assert "- Objection 8: What lies under the mask may leak into the result. 0 of 9 differ." in text
    assert "| kind | PSNR, dB | n | same |\n| --- | ---: | ---: | ---: |\n" in text
    assert "| a\\|b | 12.35 | 3 | yes |\n| <c> | – | 0 | no |" in text
    assert "![Two lines.](lines.png)" in text
    assert "training.steps = 5, noises = 3" in text
    assert "toy size" not in text


def test_the_quick_run_says_that_its_figures_mean_nothing(document: dict[str, Any]) -> None:
    assert "Its figures mean nothing" in page.markdown(page.experiment_page(document | {"quick": True}))


def test_html_escapes_what_it_is_given(document: dict[str, Any]) -> None:
    text = page.webpage(page.experiment_page(document), "Is 1 < 2?")
    assert "<h1>Is 1 &lt; 2?</h1>" in text
    assert "<td>&lt;c&gt;</td><td>–</td>" in text
    assert '<img src="lines.png" alt="Two lines.">' in text
    assert "<c>" not in text
    assert "http" not in text  # nothing from elsewhere


def test_the_overview_has_every_objection_and_the_answers_that_there_are(document: dict[str, Any]) -> None:
    text = page.markdown(page.overview_page([document]))
    assert text.count("no experiment here answers it") == 9
    assert "| 8 | What lies under the mask may leak into the result. | 0 of 9 differ. |" in text


def test_the_overview_says_what_is_not_of_a_kind(document: dict[str, Any]) -> None:
    settings = find("leakage").full.model_dump(mode="json")
    first = document | {"settings": settings | {"noises": 7}}
    assert remarks([first]) == ["Of leakage settings were changed: noises = 7."]
    same = document | {"settings": settings}
    assert remarks([same]) == []
    data = {"train": document["data"]["train"] | {"sha256": "fedcba9876543210"}}
    settings = find("noise").full.model_dump(mode="json")
    said = remarks([same, document | {"experiment": "noise", "settings": settings, "data": data}], ["noise", "twin"])
    kinds = "leakage: train 6, SHA-256 0123456789ab; noise: train 6, SHA-256 fedcba987654"
    assert said == [
        "In the last run a training of noise diverged: its answers are of an earlier run.",
        "In the last run a training of twin diverged: it has no answers.",
        f"Not all answers are of the same photographs: {kinds}.",
    ]
    assert all(line in page.markdown(page.overview_page([same], said)) for line in said)


def test_a_row_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="table 'kinds' has 2 columns and a row of 3"):
        Table("kinds", "By kind", {"kind": "", "n": "d"}, [("a", 1, 2)])


def test_files_are_written_over_those_of_an_earlier_run(document: dict[str, Any], tmp_path: Path) -> None:
    plot = Plot("lines", "Two lines.", plots.lines({"one": {1: 2.0, 2: None, 4: 3.0}, "two": {1: 1.0}}, "x", "y"))
    for seconds in (1.0, 2.0):
        output.write(tmp_path / "new", document | {"times": {"seconds": seconds}}, [plot])
    files = sorted(file.name for file in (tmp_path / "new").iterdir())
    assert files == ["index.html", "index.md", "lines.png", "results.csv", "results.json"]
    kept = json.loads((tmp_path / "new" / "results.json").read_text("utf-8"))
    assert kept["times"] == {"seconds": 2.0}
    with (tmp_path / "new" / "results.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.reader(file))
    assert lines[:3] == [
        ["table", "row", "column", "value"],
        ["kinds", "a|b", "PSNR, dB", "12.345"],
        ["kinds", "a|b", "n", "3"],
    ]
    assert ["kinds", "<c>", "PSNR, dB", ""] in lines
    assert ["origin", "settings.training.steps", "value", "5"] in lines
    assert ["origin", "versions.torch", "value", "2"] in lines
    assert ["origin", "commit", "value", ""] in lines


def test_lines_differ_in_more_than_colour() -> None:
    figure = plots.lines({f"{number}": {1: 1.0, 2: 2.0} for number in range(5)}, "x", "y")
    styles = {(line.get_marker(), str(line.get_linestyle())) for line in figure.axes[0].get_lines()}
    assert len(styles) == 5
