"""The bytes of a source's photographs, one after the other: from files, or out of archives that stay packed."""

from __future__ import annotations

import hashlib
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from spikefill.data.candidates import ARCHIVES, archives_of, candidates, is_photograph
from spikefill.data.lsdir import read_lists
from spikefill.errors import InputError

_DAMAGED = (tarfile.TarError, EOFError, OSError, zlib.error)
"""What reading a damaged archive raises."""


@dataclass(frozen=True)
class Content:
    """What may be a photograph.

    Attributes:
        name: The name of its file, relative to its folder.
        read: Gives the file's bytes, or `OSError`; an archive's must be asked for before the next one, and one that
            is damaged is an `InputError`.
    """

    name: str
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Contents:
    """The photographs of a source, in an order that is always the same.

    Attributes:
        digest: Of the names and sizes of the files.
        each: Gives an iterator over them.
    """

    digest: str
    each: Callable[[], Iterator[Content]]

    def __iter__(self) -> Iterator[Content]:
        return self.each()


def contents_of(source: str | Path, part: str) -> Contents:
    """The photographs of a source, or, where there are none, those in its archives; arguments as for `write_shards`.

    Raises:
        InputError: It is no folder, or a list in it is damaged.
    """
    files = candidates(source, part)
    if files:
        return Contents(_digest(files), lambda: (Content(name, file.read_bytes) for file, name in files))
    archives = [(file, f"{part}: {file.name}") for file in archives_of(source)]
    return Contents(_digest(archives), lambda: _packed(Path(source), part))


def _packed(folder: Path, part: str) -> Iterator[Content]:
    """The photographs in the archives of a folder, read through once; names as if each were unpacked into a folder."""
    lists = read_lists(folder, part)
    for file in archives_of(folder):
        unpacked = next(file.name[: -len(suffix)] for suffix in ARCHIVES if file.name.lower().endswith(suffix))
        try:
            with tarfile.open(file, mode="r|*") as archive:
                for member in archive:
                    name = f"{unpacked}/{member.name.removeprefix('./')}"
                    if member.isfile() and is_photograph(name) and (lists is None or lists.hold(name)):
                        yield Content(name, partial(_bytes_of, file, archive, member))
        except _DAMAGED as error:
            raise _unreadable(file, error) from error


def _bytes_of(file: Path, archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    opened = archive.extractfile(member)
    assert opened is not None  # it is a file
    try:
        return opened.read()
    except _DAMAGED as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: Exception) -> InputError:
    return InputError(f"{file} cannot be read as an archive: {error}")


def _digest(files: Iterable[tuple[Path, str]]) -> str:
    found = hashlib.sha256()
    for file, name in files:
        found.update(f"{name}\n{file.stat().st_size}\n".encode(errors="surrogateescape"))
    return found.hexdigest()
