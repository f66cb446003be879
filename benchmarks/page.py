"""Puts the figures into docs/performance.md, between two marks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.plots import file_name
from benchmarks.results import ROOT, Result, as_markdown
from spikefill.files import atomic_write

PAGE = ROOT / "docs" / "performance.md"
IMAGES = ROOT / "docs" / "images"
BEGIN = "<!-- figures: written by `python -m benchmarks --write-docs`, not by hand -->"
END = "<!-- end of figures -->"

_HEADING = "\n\n### "


def write(results: Mapping[str, Result], path: Path = PAGE) -> None:
    """Writes a section for each result between the marks, in the place of an older one of the same title.

    Sections of other questions stay as they are: each says when and where its figures were measured.

    Raises:
        ValueError: The page has not both marks.
    """
    text = path.read_text("utf-8")
    before, begin, rest = text.partition(BEGIN)
    figures, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{path}: the marks {BEGIN!r} and {END!r} are not both there")
    sections = {part.partition("\n")[0]: part.strip() for part in figures.split(_HEADING)[1:]}
    sections.update((result.title, _section(name, result)) for name, result in results.items())
    written = "".join(_HEADING + section for section in sections.values())
    with atomic_write(path, overwrite=True) as temporary:
        temporary.write_text(f"{before}{begin}{written}\n\n{end}{after}", "utf-8")


def _section(name: str, result: Result) -> str:
    parts = [result.title, f"Measured on {result.date}: {result.machine}.", as_markdown(result)]
    if (IMAGES / file_name(name)).exists():
        parts.append(f"![{result.title}](images/{file_name(name)})")
    return "\n\n".join(parts)
