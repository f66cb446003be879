"""Folders and files of photographs: on this machine, or wherever fsspec reaches (``s3://``, ``gs://``, ``file://``)."""

from __future__ import annotations

import io
import os
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.request import url2pathname

from spikefill import files
from spikefill.errors import InputError, UnreadableError
from spikefill.files import atomic_write, refuse_existing

_MARK = "://"
_LOCAL = "file://"
_WRITE_WHOLE = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "memory"}
"""Protocols whose files appear whole or not at all; elsewhere a file is written beside its place and moved there."""


def local(place: str) -> Path | None:
    """The path of a file or folder on this machine; None for one that is elsewhere."""
    if place.startswith(_LOCAL):
        return Path(url2pathname(place.removeprefix(_LOCAL)))
    return None if _MARK in place else Path(place)


def within(folder: str, name: PurePosixPath) -> str:
    """A file in a folder, by its name there."""
    return str(Path(folder, name)) if _MARK not in folder else f"{folder.rstrip('/')}/{name}"


def pictures(folder: str, suffixes: Collection[str], *, without: tuple[str, ...] = ()) -> list[PurePosixPath]:
    """The names of the files with one of some suffixes in a folder and those below it, in their order.

    Args:
        folder: A path or an address.
        suffixes: In small letters, with the dot.
        without: Folders in it that are left out. Hidden files and folders are, too.

    Raises:
        InputError: A folder cannot be read.
    """
    here = local(folder)
    names = _below(here, without) if here is not None else _found(folder, without)
    return sorted(name for name in names if name.suffix.lower() in suffixes)


def is_file(place: str) -> bool:
    """Whether there is a file."""
    path = local(place)
    return path.is_file() if path is not None else bool(_system(place)[0].isfile(_system(place)[1]))


def is_folder(place: str) -> bool:
    """Whether there is a folder."""
    path = local(place)
    return path.is_dir() if path is not None else bool(_system(place)[0].isdir(_system(place)[1]))


def same(one: str, other: str) -> bool:
    """Whether two addresses are of one file or folder."""
    return _absolute(one) == _absolute(other)


def read(place: str) -> Path | bytes:
    """What `images.decode` takes: the path of a file here, the bytes of one elsewhere.

    Raises:
        InputError: A file elsewhere cannot be read.
    """
    path = local(place)
    if path is not None:
        return path
    system, name = _system(place)
    try:
        content: bytes = system.cat_file(name)
    except Exception as error:  # each file system has errors of its own
        raise InputError(f"cannot read {place}: {error}") from error
    return content


def read_bytes(place: str) -> bytes:
    """A file's bytes.

    Raises:
        InputError: It cannot be read.
    """
    content = read(place)
    if isinstance(content, bytes):
        return content
    try:
        return content.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {place}: {error.strerror or error}") from error


def read_part(place: str, start: int, size: int) -> bytes:
    """``size`` bytes of a file from ``start`` on, or those that there are.

    Raises:
        UnreadableError: They cannot be read.
    """
    path = local(place)
    try:
        if path is not None:
            with path.open("rb") as file:
                file.seek(start)
                return file.read(size)
        system, name = _system(place)
        content: bytes = system.cat_file(name, start=start, end=start + size)
    except InputError:
        raise
    except Exception as error:
        raise UnreadableError(f"cannot read {place}: {error}") from error
    return content


def write(place: str, write_to: Callable[[IO[bytes]], object], *, overwrite: bool) -> None:
    """Writes a file, which appears whole or not at all.

    Args:
        place: Where it is.
        write_to: Writes what is in it, into an empty file that is open to be written and read.
        overwrite: Replace one that exists.

    Raises:
        InputError: It exists and ``overwrite`` is false, or it cannot be written.
    """
    path = local(place)
    if path is not None:
        with atomic_write(path, overwrite=overwrite) as temporary, temporary.open("w+b") as file:
            write_to(file)
        return
    whole = io.BytesIO()
    write_to(whole)
    _send(place, whole.getvalue(), overwrite=overwrite)


def _send(place: str, content: bytes, *, overwrite: bool) -> None:
    system, name = _system(place)
    try:
        if not overwrite and system.exists(name):
            raise InputError(f"{place} exists; choose another name or overwrite it with --overwrite (overwrite=True)")
        if _WRITE_WHOLE.intersection((system.protocol,) if isinstance(system.protocol, str) else system.protocol):
            system.pipe_file(name, content)
            return
        system.makedirs(system._parent(name), exist_ok=True)
        beside = f"{name}.{secrets.token_hex(4)}.part"
        try:
            system.pipe_file(beside, content)
            system.mv(beside, name)
        finally:
            if system.exists(beside):
                system.rm_file(beside)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"cannot write {place}: {error}") from error


def remove_leftovers(files_to_write: Iterable[str]) -> None:
    """Removes what killed processes left beside files of this machine; nobody may be writing them now."""
    files.remove_leftovers(path for path in map(local, files_to_write) if path is not None)


def taken(place: str, *, overwrite: bool) -> bool:
    """Whether there is a file that must stay.

    Raises:
        InputError: There is a folder of this name.
    """
    path = local(place)
    if path is None:
        return not overwrite and is_file(place)
    if not overwrite and path.is_file():
        return True
    refuse_existing(path, overwrite=overwrite)
    return False


def _below(folder: Path, without: tuple[str, ...]) -> Iterator[PurePosixPath]:
    left_out = [path.resolve() for path in map(local, without) if path is not None]

    def refuse(error: OSError) -> None:
        raise InputError(f"cannot read {error.filename}: {error.strerror or error}") from error

    for where, folders, names in os.walk(folder, onerror=refuse):
        here = Path(where)
        folders[:] = [name for name in folders if not name.startswith(".") and (here / name).resolve() not in left_out]
        for name in names:
            if not name.startswith("."):
                yield PurePosixPath((here / name).relative_to(folder).as_posix())


def _found(folder: str, without: tuple[str, ...]) -> Iterator[PurePosixPath]:
    system, root = _system(folder)
    left_out = [
        path
        for path in (PurePosixPath(_system(place)[1]) for place in without if local(place) is None)
        if path.is_relative_to(root)
    ]
    try:
        found = system.find(root)
    except Exception as error:
        raise InputError(f"cannot read {folder}: {error}") from error
    for path in map(PurePosixPath, found):
        name = path.relative_to(root)
        hidden = any(part.startswith(".") for part in name.parts)
        if not hidden and not any(path.is_relative_to(folder) for folder in left_out):
            yield name


def _absolute(place: str) -> str:
    path = local(place)
    return str(path.resolve()) if path is not None else place.rstrip("/")


def _system(place: str) -> tuple[Any, str]:
    """The file system of an address, and the name in it.

    Raises:
        InputError: fsspec, or what it needs for the protocol, is not installed.
    """
    try:
        from fsspec.core import url_to_fs
    except ModuleNotFoundError as error:
        raise InputError(f"{place} needs fsspec; install it with: pip install 'spikefill[scale]'") from error
    try:
        system, name = url_to_fs(place)
    except (ImportError, ValueError) as error:
        raise InputError(f"{place} cannot be reached: {error}") from error
    return system, name
