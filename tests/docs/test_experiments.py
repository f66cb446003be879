"""What the pages say of the experiments is what their results have, and only full runs of known code get there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from spikefill.reproduce import NAMES, OBJECTIONS

from .scripts import DOCS, script

SCIENCE = DOCS / "science"
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


@pytest.fixture(scope="module")
def experiments() -> ModuleType:
    return script("experiments")


def test_pages_follow_from_the_results(experiments: ModuleType) -> None:
    for path, text in experiments.pages().items():
        assert path.read_text("utf-8") == text, f"{path.relative_to(DOCS)}: python docs/experiments.py"


def answers() -> dict[int, str]:
    """What docs/science/reproduce.md answers to each objection."""
    rows = re.findall(r"^\| (\d+) \| [^|]+ \| (.+) \|$", (SCIENCE / "reproduce.md").read_text("utf-8"), re.MULTILINE)
    return {int(number): answer for number, answer in rows}


def found_in(document: dict[str, Any]) -> Iterator[float]:
    """The figures that an experiment's page has, and those of its tables as they are."""
    for table in document["tables"]:
        for row in table["rows"]:
            yield from (abs(float(cell)) for cell in row if isinstance(cell, int | float))
    sentences = [*(answer["sentence"] for answer in document["answers"]), *document["notes"]]
    yield from numbers(" ".join([*sentences, json.dumps(document["settings"])]))


def numbers(text: str) -> list[float]:
    return [float(number.rstrip(",").replace(",", "")) for number in _NUMBER.findall(text)]


def known(link: str) -> Iterator[float]:
    """The figures of a page to which an answer refers."""
    results = (SCIENCE / link).with_name("results.json")
    if results.exists():
        yield from found_in(json.loads(results.read_text("utf-8")))
    else:
        yield from numbers((SCIENCE / link).read_text("utf-8"))


def test_each_objection_is_answered_with_figures() -> None:
    assert set(answers()) == set(OBJECTIONS)
    assert all(numbers(_LINK.sub("", answer)) for answer in answers().values())


def test_what_was_run_is_named_in_the_answers_that_it_gives(experiments: ModuleType) -> None:
    for document in experiments.output.results_in(experiments.FOLDER):
        for objection in document["objections"]:
            assert f"](reproduce/{document['experiment']}/index.md" in answers()[objection], document["experiment"]


@pytest.mark.parametrize("objection", OBJECTIONS)
def test_figures_of_an_answer_are_those_of_the_pages_that_it_names(objection: int) -> None:
    answer = answers()[objection]
    there = [value for link in _LINK.findall(answer) for value in known(link)]
    for number in (found.rstrip(",") for found in _NUMBER.findall(_LINK.sub("", answer))):
        digits = len(number.partition(".")[2])
        wanted = number.replace(",", "")
        agrees = any(wanted in (f"{value:.{digits}f}", f"{100 * value:.{digits}f}") for value in there)
        assert agrees, f"{number} is on none of the pages that the answer to objection {objection} names"


def finished(folder: Path, **changes: Any) -> Path:
    """A folder of experiments with a run of ``leakage``, as it was for the documentation but for some changes."""
    results = json.loads((SCIENCE / "reproduce" / "leakage" / "results.json").read_text("utf-8"))
    (folder / "leakage").mkdir(parents=True)
    document = results | {"plots": [{"file": "plot.png", "caption": "A plot."}]} | changes
    (folder / "leakage" / "plot.png").write_bytes(b"plot")
    (folder / "leakage" / "results.json").write_text(json.dumps(document), "utf-8")
    return folder


def test_a_run_takes_the_place_of_an_earlier_one(experiments: ModuleType, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    (kept / "leakage").mkdir(parents=True)
    (kept / "leakage" / "earlier.png").touch()
    assert experiments.take(finished(tmp_path / "runs"), kept) == ["leakage"]
    assert {path.name for path in (kept / "leakage").iterdir()} == {"results.json", "plot.png"}
    table = experiments.what_was_run(experiments.output.results_in(kept))
    assert "| [`leakage`](reproduce/leakage/index.md) | 1 | 3,000 | 15 |" in table
    missing = ", ".join(f"`{name}`" for name in NAMES if name != "leakage")
    assert table.endswith(f"Run at toy size alone: {missing}.")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"quick": True}, "leakage is of toy size"),
        ({"commit": f"{'0' * 40}-dirty"}, "-dirty; run it in a clean checkout"),
        ({"commit": None}, "of the commit None"),
    ],
)
def test_what_no_reader_could_run_again_is_refused(
    experiments: ModuleType, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        experiments.take(finished(tmp_path / "runs", **changes), tmp_path / "kept")
    with pytest.raises(ValueError, match="holds no experiment"):
        experiments.take(tmp_path, tmp_path / "kept")
    assert not (tmp_path / "kept").exists()
