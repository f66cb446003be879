"""Checksums of what a result depends on: source code, photographs, weights, values."""

from __future__ import annotations

import ast
import hashlib
import json
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import safe_open

from spikefill.evaluation import provenance

if TYPE_CHECKING:
    from spikefill.data import Photographs

_PACKAGE = Path(__file__).resolve().parents[1]
_DATA = (".tif",)
"""Files beside the code that change results: the fixed masks."""

_ENDS = 4096
"""Bytes of a photograph's beginning and end that are read."""


def of_values(values: Any) -> str:
    """SHA-256 of what JSON can hold; the order of keys does not matter."""
    text = json.dumps(values, sort_keys=True, ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def of_code(parts: tuple[str, ...], modules: tuple[Path, ...] = ()) -> str:
    """SHA-256 of source code without its comments and docstrings, which change no result, and of the fixed masks.

    Args:
        parts: Files and folders of the package, relative to it.
        modules: Further source files.
    """
    files = {file for part in parts for file in _source_files(_PACKAGE / part)} | set(modules)
    return of_values({_name(file): _of_file(file) for file in files})


def versions() -> dict[str, str]:
    """The versions of what measurements and trainings depend on, by package name."""
    return {**provenance.versions(), "pytorch-lightning": metadata.version("pytorch-lightning")}


def of_photographs(photographs: Photographs) -> str:
    """SHA-256 of the names, sizes, beginnings and ends of the files: all of a large data set would take minutes.

    Of photographs in shards, whose archives may be far away, names and sizes alone.
    """
    total = hashlib.sha256()
    for name, path in zip(photographs.names, photographs.files, strict=True):
        size = path.stat().st_size if isinstance(path, Path) else path.size
        total.update(f"{name}\0{size}\0".encode())
        if isinstance(path, Path):
            with path.open("rb") as file:
                total.update(file.read(_ENDS))
                file.seek(max(0, size - _ENDS))
                total.update(file.read())
    return total.hexdigest()


def of_weights(path: Path) -> str:
    """SHA-256 of the tensors of a file of weights; its header, with dates and the like, does not count."""
    total = hashlib.sha256()
    with safe_open(path, "np") as file:
        for name in sorted(file.keys()):
            tensor = file.get_tensor(name)
            total.update(f"{name}\0{tensor.dtype}\0{tensor.shape}\0".encode())
            total.update(tensor.tobytes())
    return total.hexdigest()


def _source_files(path: Path) -> list[Path]:
    return [file for file in path.rglob("*") if file.suffix in (".py", *_DATA)] if path.is_dir() else [path]


def _name(file: Path) -> str:
    return file.relative_to(_PACKAGE).as_posix() if file.is_relative_to(_PACKAGE) else file.name


@cache
def _of_file(file: Path) -> str:
    if file.suffix in _DATA:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_text(body[0]):
            del body[0]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
