"""The figures of docs/performance.md, as ``python -m benchmarks --write-docs`` puts them there."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.page import BEGIN, END, write
from benchmarks.results import Claim, Result, Table, keep, load


def result(title: str, value: str, machine: str = "a machine") -> Result:
    tables = [Table("time", ["", "s"], [["ours", value]])]
    claims = [Claim("times", 2.0, 1.0)]
    return Result(title, tables, {"seconds": 1}, claims, ["A note."], "2026-01-02", machine)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(f"# Figures\n\n{BEGIN}\n\n### Old\n\nold 1\n\n### Kept\n\nkept\n\n{END}\n\nafter\n")
    return path


def test_a_section_takes_the_place_of_the_older_one_and_others_stay(page: Path) -> None:
    write({"old": result("Old", "3"), "new": result("New", "4", "another machine")}, page)
    text = page.read_text()
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == ["# Figures", "### Old", "### Kept", "### New"]
    assert "old 1" not in text
    assert "Measured on 2026-01-02: a machine.\n\n**Time**\n\n|  | s |\n| --- | ---: |\n| ours | 3 |\n" in text
    assert "Measured on 2026-01-02: another machine." in text
    assert text.endswith(f"A note.\n\n{END}\n\nafter\n")
    write({"old": result("Old", "3"), "new": result("New", "4", "another machine")}, page)
    assert page.read_text() == text


def test_a_page_without_the_marks_is_left_alone(page: Path) -> None:
    page.write_text("# Figures\n")
    with pytest.raises(ValueError, match="are not both there"):
        write({"old": result("Old", "3")}, page)
    assert page.read_text() == "# Figures\n"


def test_results_of_several_runs_are_kept_beside_each_other(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    for name, value in (("one", "1"), ("two", "2"), ("one", "3")):
        keep(name, result(name, value), path)
    assert load(path) == {"one": result("one", "3"), "two": result("two", "2")}
