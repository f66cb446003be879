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

from spikefill.data.decoding import SUFFIXES
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

    Files of these names in which no entry is the path of a photograph are of something else, such as COCO's
    annotations, and there are no lists then.

    Raises:
        InputError: There is one of another part alone, or a list is damaged.
    """
    found: dict[str, tuple[Path, list[str | None]]] = {}
    for one, names in _LISTS.items():
        file = next((folder / name for name in names if (folder / name).is_file()), None)
        if file is not None:
            found[one] = file, _paths(file)
    if not any(path is not None for _, paths in found.values() for path in paths):
        return None
    wanted = _LISTS if part == "all" else (part,)
    if not any(one in found for one in wanted):
        raise InputError(f"{folder} has lists of photographs, but no {_LISTS[part][0]}")
    return Lists({one: _names(*found[one]) for one in wanted if one in found})


def _paths(file: Path) -> list[str | None]:
    """The path in each entry of a list, None where an entry has none; [None] where the file holds something else.

    Entries are paths, or mappings with a path each; the list may itself be the value of a mapping.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _no_list(file) from error
    if isinstance(content, dict):
        values = (*map(content.get, _KEYS), *content.values())
        content = next((value for value in values if isinstance(value, list)), None)
    return [_path(entry) for entry in content] if isinstance(content, list) else [None]


def _path(entry: Any) -> str | None:
    path = next((entry[key] for key in _KEYS if key in entry), None) if isinstance(entry, dict) else entry
    return path if isinstance(path, str) and path.lower().endswith(SUFFIXES) else None


def _names(file: Path, paths: list[str | None]) -> frozenset[str]:
    """The names of the files in a list, without their folders."""
    names = [PurePosixPath(path.replace("\\", "/")).name for path in paths if path is not None]
    if len(names) < len(paths):
        raise _no_list(file)
    return frozenset(names)


def _no_list(file: Path) -> InputError:
    return InputError(f'{file} is no list of paths, such as [{{"path": "HR/train/1.png"}}]')
