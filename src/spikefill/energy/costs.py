"""What an operation and a byte cost: a table with its source, which the user can replace by a file."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from spikefill.errors import InputError

PRECISIONS: Mapping[str, int] = {"float32": 4, "int8": 1}
"""Bytes of a weight and of an activation; sums are kept in 4 bytes in both."""


@dataclass(frozen=True)
class Costs:
    """Energies in pJ.

    Attributes:
        name: What the table is called.
        source: Where its numbers come from.
        mac: Of a multiply-accumulate, by precision.
        ac: Of an accumulate, by precision.
        memory: Of a byte read or written, by kind of memory, the cheapest first.
    """

    name: str
    source: str
    mac: Mapping[str, float]
    ac: Mapping[str, float]
    memory: Mapping[str, float]

    def as_json(self) -> dict[str, Any]:
        """The table as a file has it."""
        return asdict(self)


HOROWITZ = Costs(
    name="Horowitz 2014, 45 nm, 0.9 V",
    source="M. Horowitz, Computing's energy problem (and what we can do about it), ISSCC 2014, table 1: multiply 3.7 "
    "(float32), 0.2 (int8); add 0.9 (float32), 0.1 (int32); cache access of 64 bits 10 (8 kB), 20 (32 kB), 100 (1 MB); "
    "DRAM access of 64 bits 1300 to 2600, of which the lower. An int8 product is added up in int32.",
    mac={"float32": 3.7 + 0.9, "int8": 0.2 + 0.1},
    ac={"float32": 0.9, "int8": 0.1},
    memory={"8 kB SRAM": 10 / 8, "32 kB SRAM": 20 / 8, "1 MB SRAM": 100 / 8, "DRAM": 1300 / 8},
)
"""The table used unless another one is given."""


def read_costs(path: str | Path) -> Costs:
    """A table from a file, JSON or YAML by its suffix, with all the fields of `Costs` and no other.

    Raises:
        InputError: The file cannot be read, a field is missing, unknown or given twice, or a cost is not a number from
            0 on.
    """
    path = Path(path)
    values = _parsed(path)
    _check_keys(values, ("name", "source", "mac", "ac", "memory"), f"{path}")
    for key in ("name", "source"):
        if not isinstance(values[key], str):
            raise InputError(f"{path}: {key} is {values[key]!r}; it must be text")
    for key in ("mac", "ac"):
        _check_keys(values[key], PRECISIONS, f"{path}: {key}")
    if not isinstance(values["memory"], dict) or not values["memory"]:
        raise InputError(f"{path}: memory is {values['memory']!r}; it must name at least one kind, with pJ a byte")
    return Costs(
        values["name"],
        values["source"],
        *({str(name): _cost(cost, f"{path}: {key}.{name}") for name, cost in values[key].items()}
          for key in ("mac", "ac", "memory")),
    )  # fmt: skip


def _parsed(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"costs: cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"costs: {path} is not text in UTF-8") from error
    if path.suffix.lower() == ".json":
        try:
            return json.loads(text, object_pairs_hook=lambda pairs: _unique(pairs, path))
        except json.JSONDecodeError as error:
            raise InputError(f"{path} is not JSON: {error}") from error
    if path.suffix.lower() in (".yaml", ".yml"):
        return _parsed_yaml(text, path)
    raise InputError(f"costs is {str(path)!r}; its suffix must be .json, .yaml or .yml")


def _parsed_yaml(text: str, path: Path) -> Any:
    try:
        import yaml
    except ModuleNotFoundError as error:
        raise InputError("costs in YAML need pyyaml: pip install pyyaml; or write them as JSON") from error

    class Loader(yaml.SafeLoader):
        """Safe YAML in which no key may be given twice."""

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            _unique([(self.construct_object(key, deep=True), None) for key, _ in node.value], path)
            return super().construct_mapping(node, deep)

    loader = Loader(text)
    try:
        return loader.get_single_data()
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    finally:
        loader.dispose()


def _unique(pairs: Iterable[tuple[Any, Any]], path: Path) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for key, value in pairs:
        if key in found:
            raise InputError(f"{path}: {key} is given twice; once is enough")
        found[key] = value
    return found


def _check_keys(values: Any, wanted: Iterable[str], place: str) -> None:
    wanted = tuple(wanted)
    if not isinstance(values, dict):
        raise InputError(f"{place} is {values!r}; it must have: {', '.join(wanted)}")
    for key in values:
        if key not in wanted:
            raise InputError(f"{place} has {key!r}, which is unknown; it must have: {', '.join(wanted)}")
    for key in wanted:
        if key not in values:
            raise InputError(f"{place} lacks {key!r}; it must have: {', '.join(wanted)}")


def _cost(value: Any, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not (math.isfinite(value) and value >= 0):
        raise InputError(f"{place} is {value!r}; it must be a number of pJ, 0 or more")
    return float(value)
