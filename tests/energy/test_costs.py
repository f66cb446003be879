"""The table of costs: what is in it, and that a user's file is read strictly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from spikefill import InputError
from spikefill.energy import HOROWITZ, read_costs


def test_the_table_is_that_of_horowitz() -> None:
    assert HOROWITZ.mac == pytest.approx({"float32": 4.6, "int8": 0.3})
    assert HOROWITZ.ac == pytest.approx({"float32": 0.9, "int8": 0.1})
    assert HOROWITZ.memory == pytest.approx({"8 kB SRAM": 1.25, "32 kB SRAM": 2.5, "1 MB SRAM": 12.5, "DRAM": 162.5})


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_a_table_comes_back_from_its_file(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"costs{suffix}"
    path.write_text(json.dumps(HOROWITZ.as_json()), encoding="utf-8")  # JSON is YAML, too
    assert read_costs(path) == HOROWITZ


def test_yaml_as_people_write_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.yml"
    path.write_text(
        "name: mine\nsource: a guess\nmac: {float32: 1, int8: 0.5}\n"
        "ac:\n  float32: 0.25\n  int8: 0\nmemory:\n  HBM: 7\n",
        encoding="utf-8",
    )
    costs = read_costs(path)
    assert (costs.name, costs.mac["float32"], costs.ac["int8"], costs.memory) == ("mine", 1.0, 0.0, {"HBM": 7.0})


def changed(**changes: Any) -> str:
    return json.dumps({**HOROWITZ.as_json(), **changes})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1, 2]", "it must have: name, source, mac, ac, memory"),
        ("{", "is not JSON"),
        (changed(macs={}), "has 'macs', which is unknown"),
        (json.dumps({"name": "x"}), "lacks 'source'"),
        (changed(name=3), "name is 3; it must be text"),
        (changed(mac={"float32": 4.6}), "mac lacks 'int8'"),
        (
            changed(mac={"float32": 4.6, "int8": 0.3, "int4": 0.1}),
            "has 'int4', which is unknown; it must have: float32",
        ),
        (changed(ac=0.9), "ac is 0.9; it must have: float32, int8"),
        (changed(ac={"float32": -1, "int8": 0.1}), "ac.float32 is -1; it must be a number of pJ, 0 or more"),
        (changed(ac={"float32": True, "int8": 0.1}), "ac.float32 is True"),
        (changed(ac={"float32": "0.9", "int8": 0.1}), "ac.float32 is '0.9'"),
        (changed(memory={}), "memory is {}; it must name at least one kind"),
        (changed(memory={"DRAM": float("inf")}), "memory.DRAM is inf"),
        ('{"name": "a", "name": "b"}', "name is given twice"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "costs.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as raised:
        read_costs(path)
    assert said in str(raised.value)
    assert "costs.json" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: a\nname: b\n", "name is given twice"),
        ("mac: [", "is not YAML"),
        ("- !!python/object:os.x {}", "is not YAML"),
    ],
)
def test_yaml_is_read_strictly(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "costs.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        read_costs(path)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        read_costs(tmp_path / "none.json")
    (tmp_path / "costs.toml").touch()
    with pytest.raises(InputError, match=r"its suffix must be \.json, \.yaml or \.yml"):
        read_costs(tmp_path / "costs.toml")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="is not text"):
        read_costs(tmp_path / "binary.json")
