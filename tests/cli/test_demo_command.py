"""``spikefill demo`` from beginning to end, with a network and a length that a test can afford."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from spikefill.cli import demo
from spikefill.cli.app import run


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(
        demo,
        "_CHANGES",
        ("data.size=32", "validation.count=2", "validation.pictures=2", "model.arguments.width=4", "batch_size=2"),
    )
    monkeypatch.setattr(demo, "_FAMILIES", ("thin",))
    monkeypatch.setattr(demo, "_EVALUATED_SIDE", 64)


def test_it_restores_trains_measures_and_names_the_report(tmp_path, capsys):
    folder = tmp_path / "demo"
    assert run(["demo", "-o", str(folder), "--minutes", "0.05"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"report: {folder / 'report' / 'index.html'}"
    assert (folder / "report" / "index.html").stat().st_size > 10_000
    for method in ("hybrid", "scnn", "identity", "mean", "telea", "navier-stokes"):
        assert any(line.split()[:1] == [method] for line in lines)
    assert set(json.loads((folder / "figures.json").read_text())["results"]) >= {"hybrid", "scnn", "telea"}
    assert (folder / "run" / "best.safetensors").exists()
    with Image.open(folder / "damaged-restored-original.png") as picture:
        assert picture.size == (3 * 451, 300)


def test_an_existing_folder_is_refused(tmp_path, capsys):
    assert run(["demo", "-o", str(tmp_path)]) == 2
    assert "exists" in capsys.readouterr().err


def test_without_a_name_the_next_free_folder_is_taken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "demo-1").mkdir(parents=True)
    assert demo._free_folder().name == "demo-2"
