"""The site has every page, picture and public module, and every table that a benchmark makes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.__main__ import BENCHMARKS
from benchmarks.page import PAGE

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PACKAGE = ROOT / "src" / "spikefill"
PICTURES = {".jpg", ".png", ".webp"}


def navigation(entry: Any) -> Iterator[str]:
    """The pages and folders of a part of the navigation."""
    if isinstance(entry, str):
        yield entry
    else:
        for child in entry.values() if isinstance(entry, dict) else entry:
            yield from navigation(child)


def test_every_page_is_in_the_navigation() -> None:
    named = set(navigation(yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))["nav"]))
    folders = tuple(entry for entry in named if entry.endswith("/"))
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    assert not [page for page in pages - named if not page.startswith(folders)]


def test_every_picture_is_shown_on_a_page() -> None:
    shown = {
        (page.parent / target).resolve()
        for page in (*DOCS.rglob("*.md"), ROOT / "README.md")
        for target in re.findall(r"\]\(([^)\s]+\.(?:jpg|png|webp))\)", page.read_text("utf-8"))
    }
    pictures = {file for file in DOCS.rglob("*") if file.suffix in PICTURES}
    assert pictures - shown == set()


def test_every_benchmark_has_its_section() -> None:
    page = PAGE.read_text("utf-8")
    files = {ROOT / f"{benchmark.__module__.replace('.', '/')}.py" for benchmark in BENCHMARKS.values()}
    titles = {title for file in files for title in re.findall(r'\btitle ?= ?"([^"]+)"', file.read_text("utf-8"))}
    assert len(titles) == len(BENCHMARKS)
    assert set(re.findall("^### (.+)$", page, re.MULTILINE)) == titles
    commands = page.partition("## Method")[0]
    assert [name for name in BENCHMARKS if not re.search(rf"\b{name}\b", commands)] == []


def test_every_public_module_is_in_the_reference() -> None:
    pages = {page: page.read_text("utf-8") for page in (DOCS / "reference").glob("*.md")}
    described = {name for text in pages.values() for name in re.findall(r"^::: ([\w.]+)$", text, re.MULTILINE)}
    modules = PACKAGE.glob("*/__init__.py")
    public = {f"spikefill.{module.parent.name}" for module in modules if "__all__" in module.read_text("utf-8")}
    assert len(public) > 10
    assert public - described == set()
    index = pages.pop(DOCS / "reference" / "index.md")
    assert [page.name for page in pages if f"]({page.name})" not in index] == []


@pytest.mark.parametrize(
    "limit",
    [
        "large holes come out smooth",
        "a rate-coded layer under a constant current is a quantiser of few levels",
        "spikes give no speed on a cpu",
    ],
)
def test_the_limits_are_stated_plainly(limit: str) -> None:
    assert f"**{limit}." in (DOCS / "limits.md").read_text("utf-8").lower()
