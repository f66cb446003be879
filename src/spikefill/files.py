"""Writing files so that nothing is ever lost or half-written."""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from spikefill.errors import InputError

_NO_ROOM = {getattr(errno, name) for name in ("ENOSPC", "EFBIG", "EDQUOT") if hasattr(errno, name)}
"""The disk is full, or a limit of the file system or the user is reached."""

_RANDOM_BYTES = 4
"""In the name of a temporary file."""
_TEMPORARY = re.compile(rf"\.(?P<stem>.+)\.[0-9a-f]{{{2 * _RANDOM_BYTES}}}(?P<suffix>(?:\.[^.]*)?)")


@contextmanager
def atomic_write(path: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Gives a temporary path beside ``path``; what is written there becomes ``path`` when the block ends.

    If the block raises, or the process is killed, ``path`` is what it was before. The temporary file has the same
    suffix, so that writers which choose a format by it do as they would for ``path``. Missing parent folders are made.

    Args:
        path: The file to write; of a symbolic link, what it leads to.
        overwrite: Replace a file that exists; without it such a file is an error and stays as it is.

    Raises:
        InputError: ``path`` exists and ``overwrite`` is false, or is a folder, or its folder cannot be written; or the
            disk is full.
    """
    path = Path(os.path.realpath(path))
    refuse_existing(path, overwrite=overwrite)
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(_RANDOM_BYTES)}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch()
        mode = (path if path.exists() else temporary).stat().st_mode
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error
    try:
        yield temporary
        temporary.chmod(mode)  # some writers make files that only their owner can read
        with temporary.open("r+b") as written:  # as Windows wants it for `fsync`
            os.fsync(written.fileno())
        if overwrite:
            temporary.replace(path)
        else:
            _rename_to_new(temporary, path)
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise InputError(f"cannot write {path}: {error.strerror}") from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def refuse_existing(path: str | Path, *, overwrite: bool = False) -> None:
    """Raises `InputError` if ``path`` is a folder, or a file that would be lost; call it before long work."""
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a file")
    if not overwrite and path.exists():
        raise InputError(f"{path} exists; choose another name or overwrite it with --overwrite (overwrite=True)")


def remove_leftovers(paths: Iterable[str | Path]) -> None:
    """Removes what `atomic_write` left beside files where its process was killed; nobody may be writing them now."""
    names: dict[Path, set[str]] = defaultdict(set)
    for path in map(Path, paths):
        names[path.parent].add(path.name)
    for folder, files in names.items():
        for entry in folder.iterdir() if folder.is_dir() else ():
            temporary = _TEMPORARY.fullmatch(entry.name)
            if temporary is not None and f"{temporary['stem']}{temporary['suffix']}" in files:
                entry.unlink(missing_ok=True)


def _rename_to_new(source: Path, target: Path) -> None:
    """Renames, but never over a file that appeared in the meantime, where the file system can promise that."""
    try:
        os.link(source, target)
    except FileExistsError:
        refuse_existing(target)
    except OSError:  # no hard links here (FAT, some network shares)
        refuse_existing(target)
        source.replace(target)
