"""Puts the figures into docs/performance.md, between two marks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.plots import file_name
from benchmarks.results import ROOT, Result, as_markdown, describe
from spikefill.files import atomic_write

PAGE = ROOT / "docs" / "performance.md"
IMAGES = ROOT / "docs" / "images"
BEGIN = "<!-- figures: written by `python -m benchmarks --write-docs`, not by hand -->"
END = "<!-- end of figures -->"


def write(machine: Mapping[str, Any], results: Mapping[str, Result], path: Path = PAGE) -> None:
    """Replaces what stands between the marks.

    Raises:
        ValueError: The page has not both marks.
    """
    text = path.read_text("utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{path}: the marks {BEGIN!r} and {END!r} are not both there")
    with atomic_write(path, overwrite=True) as temporary:
        temporary.write_text(f"{before}{begin}\n\n{_section(machine, results)}\n\n{end}{after}", "utf-8")


def _section(machine: Mapping[str, Any], results: Mapping[str, Result]) -> str:
    parts = [describe(machine)]
    for name, result in results.items():
        parts += [f"### {result.title}", f"Measured on {result.date}.", as_markdown(result)]
        if (IMAGES / file_name(name)).exists():
            parts.append(f"![{result.title}](images/{file_name(name)})")
    return "\n\n".join(parts)
