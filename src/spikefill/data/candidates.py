"""Which files of a source may be photographs: a folder's, those that LSDIR lists, the embedded ones."""

from __future__ import annotations

from pathlib import Path

from spikefill.data.decoding import SUFFIXES
from spikefill.data.embedded import EMBEDDED, embedded_files
from spikefill.data.lsdir import read_lists
from spikefill.errors import InputError

ARCHIVES = (".tar", ".tar.gz", ".tgz")


def candidates(source: str | Path, part: str) -> list[tuple[Path, str]]:
    """The files and their names, relative to their folder, in alphabetical order.

    Args:
        source: A folder, searched with its subfolders, or ``"embedded"``.
        part: ``"train"``, ``"val"`` or ``"all"``: of the embedded photographs, or of LSDIR's lists where the folder
            has them; another folder gives all.

    Raises:
        InputError: The source is no folder, or a list is damaged or missing.
    """
    if str(source) == EMBEDDED:
        return [(file, file.name) for file in embedded_files(part)]
    folder = existing_folder(source)
    found = ((file, file.relative_to(folder).as_posix()) for file in folder.rglob("*") if is_photograph(file.name))
    lists = read_lists(folder, part)
    listed = ((file, name) for file, name in found if (lists is None or lists.hold(name)) and file.is_file())
    return sorted(listed, key=lambda pair: pair[1])


def existing_folder(source: str | Path) -> Path:
    """The folder of that name.

    Raises:
        InputError: There is none.
    """
    if not str(source).strip():
        raise InputError(f"source is {source!r}; name a folder of photographs, or 'embedded'")
    if "://" in str(source):
        raise InputError(f"there are no shards at {source}; make them with: spikefill data shard DIR -o {source}")
    folder = Path(source)
    if not folder.is_dir():
        raise InputError(f"photographs are sought in {str(source)!r}; it must be a folder, or 'embedded'")
    return folder


def is_photograph(name: str) -> bool:
    """Whether a file may be a photograph, by its suffix."""
    return name.lower().endswith(SUFFIXES)


def archives_of(source: str | Path) -> list[Path]:
    """The archives in a folder, in alphabetical order; none of the embedded photographs."""
    if str(source) == EMBEDDED:
        return []
    folder = existing_folder(source)
    return sorted(file for file in folder.iterdir() if file.name.lower().endswith(ARCHIVES) and file.is_file())
