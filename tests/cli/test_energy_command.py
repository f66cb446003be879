"""``spikefill energy``: what it prints and writes, and that wrong calls are refused before any work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from spikefill.cli.app import run

QUICK = ["energy", "--size", "32", "--masks", "thick", "--limit", "1"]


def test_tables_json_and_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    costs = tmp_path / "costs.json"
    costs.write_text(
        json.dumps(
            {"name": "free", "source": "", "mac": {"float32": 0, "int8": 0}, "ac": {"float32": 1, "int8": 0},
             "memory": {"tape": 0}}
        )
    )  # fmt: skip
    figures, report = tmp_path / "figures.json", tmp_path / "report"
    call = [*QUICK, "--costs", str(costs), "--json", str(figures), "--report", str(report)]
    assert run(call) == 0
    out = capsys.readouterr().out
    document = json.loads(figures.read_text(encoding="utf-8"))
    spiking = document["designs"]["spiking, float32"]
    # An accumulate costs 1 pJ and nothing else anything.
    assert spiking["estimated_uJ"]["arithmetic"] == pytest.approx(spiking["accumulates"] / 1e6)
    assert document["designs"]["spiking, int8"]["estimated_uJ"]["arithmetic"] == 0
    assert document["protocol"]["costs"]["name"] == "free"
    assert document["protocol"]["name"] == "hybrid-small"
    assert document["protocol"]["twin"]["weights"] == "the model's own"
    rows = [line.split() for line in out.splitlines()]
    fed = sum(layer["accumulates"] for layer in document["layers"] if layer["name"] == "fine.exit.1")
    assert next(row for row in rows if row[:1] == ["fine.exit.1"])[3] == f"{fed / 1e6:.2f}"
    assert "Estimated energy of a picture in µJ (free)" in out
    assert (report / "energy.md").is_file()

    before = figures.read_bytes()
    assert run(call) == 2
    assert "exists" in capsys.readouterr().err
    assert figures.read_bytes() == before


def test_a_trained_twin_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from spikefill import models

    monkeypatch.chdir(tmp_path)
    models.save(models.create("hybrid", size="small", activation="relu"), "twin.safetensors")
    assert run([*QUICK, "--twin", "twin.safetensors", "--json", "figures.json"]) == 0
    document = json.loads(Path("figures.json").read_text(encoding="utf-8"))
    assert document["protocol"]["twin"]["weights"] == "trained"
    assert document["protocol"]["twin"]["reference"] == "twin.safetensors"
    assert any(layer["twin_active"] != layer["active"] for layer in document["layers"])


def test_an_interruption_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("spikefill.energy.protocol.count", interrupt)
    assert run([*QUICK, "--json", str(tmp_path / "f.json"), "--report", str(tmp_path / "report")]) == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "lama"], "model is 'lama'"),
        (["--masks", "thin,wide"], "--masks names 'wide'; it takes, separated by commas: thin,"),
        (["--size", "31"], "--size is '31'; it must be a number of pixels from 32, or 'full'"),
        (["--size", "4096"], "none of 1 could be used"),
        (["--limit", "0"], "--limit is 0"),
        (["--repeats", "0"], "--repeats is 0"),
        (["--repeats", "6"], "repeats is 6"),
        (["--images", "no/such/folder"], "no/such/folder"),
        (["--costs", "none.json"], "none.json"),
        (["--twin", "hybrid-base"], "twin is a Hybrid without ReLU"),
        (["--json", "."], "folder"),
        (["--report", "{file}"], "a file; name a folder"),
        (["--unknown"], "--unknown"),
    ],
)
def test_wrong_calls_are_one_line_and_exit_code_2(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert run([*QUICK, *(a.replace("{file}", str(tmp_path / "file")) for a in arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert captured.err.count("\n") == 1
