from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spikefill.reproduce import plan, reproduce

Document = dict[str, Any]
Quick = Callable[[str], tuple[Document, Path]]


@pytest.fixture(scope="session")
def quick_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all quick experiments of the session are: what one of them did, another finds."""
    return tmp_path_factory.mktemp("experiments")


@pytest.fixture
def quick(quick_folder: Path) -> Quick:
    """Runs a quick experiment, once a session; gives its ``results.json`` and its folder."""

    def run(name: str) -> tuple[Document, Path]:
        folder = quick_folder / name
        if not (folder / "results.json").exists():
            assert reproduce([plan(name, quick=True)], folder=quick_folder) == [folder]
        return json.loads((folder / "results.json").read_text("utf-8")), folder

    return run


def rows(document: Document, table: str) -> dict[str, dict[str, Any]]:
    """A table of the results: by the name of the row, its cells by heading."""
    found = next(one for one in document["tables"] if one["name"] == table)
    headings = [column["heading"] for column in found["columns"]]
    return {row[0]: dict(zip(headings, row, strict=True)) for row in found["rows"]}
