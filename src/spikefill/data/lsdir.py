"""LSDIR as it is downloaded: lists of paths in JSON beside the photographs, or beside the archives that hold them.

LSDIR (Li et al., CVPR Workshops 2023) comes as ``shard-00.tar.gz`` and so on to train with, ``val1.tar.gz``, and lists:
``train.json`` names its photographs as ``path``, those for super-resolution, such as ``val.json``, as ``path_gt`` (and
reduced copies as ``path_lq``). The paths are not those of the unpacked archives, which lie wherever they were unpacked;
the names of the files are, and no two photographs of a part have the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from spikefill.errors import InputError

_KEYS = ("path", "path_gt")
_LISTS = {part: tuple(f"{part}{ending}.json" for ending in ("", "_X2", "_X3", "_X4", "1")) for part in ("train", "val")}


@dataclass(frozen=True)
class Lists:
    """Names of the photographs that belong to each part, without their folders."""

    names: Mapping[str, frozenset[str]]

    def hold(self, path: str) -> bool:
        """Whether a photograph is listed; those to validate with lie in a folder whose name begins with ``val``."""
        place = PurePosixPath(path)
        part = "val" if any(folder.startswith("val") for folder in place.parts[:-1]) else "train"
        return place.name in self.names.get(part, ())

    def __len__(self) -> int:
        return sum(len(names) for names in self.names.values())


def read_lists(folder: Path, part: str) -> Lists | None:
    """The lists in a folder, of ``"train"``, ``"val"`` or ``"all"``; None where there are none at all.

    Raises:
        InputError: There is one of another part alone, or a list is damaged.
    """
    found = {one: [folder / name for name in names if (folder / name).is_file()] for one, names in _LISTS.items()}
    if not any(found.values()):
        return None
    wanted = _LISTS if part == "all" else (part,)
    if not any(found[one] for one in wanted):
        raise InputError(f"{folder} has lists of photographs, but no {_LISTS[part][0]}")
    return Lists({one: _names(found[one][0]) for one in wanted if found[one]})


def _names(file: Path) -> frozenset[str]:
    """The files' names in a list of paths, or of mappings with a path each; it may itself be the value of a mapping."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(content, dict):
            values = (*map(content.get, _KEYS), *content.values())
            content = next((value for value in values if isinstance(value, list)), None)
        if not isinstance(content, list):
            raise TypeError
        return frozenset(PurePosixPath(_path(entry).replace("\\", "/")).name for entry in content)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, TypeError) as error:
        raise InputError(f'{file} is no list of paths, such as [{{"path": "HR/train/1.png"}}]') from error


def _path(entry: Any) -> str:
    path = next((entry[key] for key in _KEYS if key in entry), None) if isinstance(entry, dict) else entry
    if not isinstance(path, str):
        raise TypeError
    return path
