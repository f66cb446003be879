"""Writing shards: photographs packed into tar archives of about one size, so that a restart goes on where it was."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from PIL import Image

from spikefill import places
from spikefill.data.contents import Content, contents_of
from spikefill.data.decoding import SMALLEST_SIDE, decode, inspect
from spikefill.data.resizing import with_shorter_side
from spikefill.data.shards import INDEX_NAME, Entry, Index, Shard, is_sharded, read_index
from spikefill.errors import InputError

_HEADER = 512
"""Bytes of tar before a file's own, where its name is short."""
_QUALITY = 95


class ShardingStopped(KeyboardInterrupt):
    """Writing was asked to stop; what is written is whole, and the same call goes on."""


def write_shards(
    source: str | Path,
    output: str | Path,
    *,
    megabytes: int = 128,
    shorter_side: int | None = None,
    part: str = "train",
    on_problem: Callable[[str, str], None] = lambda name, problem: None,
    on_shard: Callable[[Index], None] = lambda index: None,
    stop: Callable[[], bool] = lambda: False,
) -> Index:
    """Packs photographs into shards, as they are in their files or reduced.

    Each shard appears whole, and the index after each of them: a call that was interrupted, whatever by, leaves nothing
    half-written, and the same call goes on with the next shard. The same photographs give the same bytes. Of two calls
    that write to one place at the same time, one ends with an error.

    Args:
        source: A folder, searched with its subfolders in alphabetical order; LSDIR's, unpacked or with its archives
            (``.tar``, ``.tar.gz``) as they are; or ``"embedded"``.
        output: A folder, or an address that fsspec knows, such as ``s3://bucket/shards``: empty, new, or with the
            shards of an earlier call for the same photographs.
        megabytes: About how large a shard may be, in 10**6 bytes; a photograph that is larger has one for itself.
        shorter_side: Reduce larger photographs to this shorter side in pixels, at least 16, as JPEG of quality 95, once
            instead of each time they are read. None keeps every file as it is.
        part: ``"train"``, ``"val"`` or ``"all"``, as for `open_photographs`.
        on_problem: Called with the name of each file that is left out, by an earlier call too, and the reason.
        on_shard: Called with the index after each shard.
        stop: Asked before each file and after each shard; if it says so, the call ends.

    Returns:
        The index.

    Raises:
        InputError: The source has no usable photograph; the output has other files or the shards of other photographs,
            is written by another call, or cannot be written.
        ShardingStopped: ``stop`` said so.
    """
    if megabytes < 1:
        raise InputError(f"megabytes is {megabytes}; it must be at least 1")
    if shorter_side is not None and shorter_side < SMALLEST_SIDE:
        raise InputError(f"shorter_side is {shorter_side}; it must be at least {SMALLEST_SIDE}")
    contents = contents_of(source, part)
    place = str(output)
    index = _begun(place, Index(contents.digest, megabytes, shorter_side))
    left_out = list(index.left_out)
    for name, reason in left_out:
        on_problem(name, reason)
    if index.complete:
        return index
    archive = _Archive(first=index.photographs)
    for number, content in enumerate(contents):
        _end_if_asked(stop, index)
        if number < index.read:
            continue
        try:
            file = _prepared(content, shorter_side)
        except _UnusableError as problem:
            left_out.append((content.name, str(problem)))
            on_problem(*left_out[-1])
            continue
        if archive.entries and archive.size + _HEADER + len(file.content) > megabytes * 10**6:
            index = _written(place, index, archive, read=number, left_out=left_out)
            on_shard(index)
            _end_if_asked(stop, index)
            archive = _Archive(first=index.photographs)
        archive.add(content.name, file)
    if not archive.entries:
        raise InputError(f"{source} holds no usable photograph")
    index = _written(place, index, archive, read=number + 1, left_out=left_out, complete=True)
    on_shard(index)
    return index


def _end_if_asked(stop: Callable[[], bool], index: Index) -> None:
    if stop():
        count = len(index.shards)
        raise ShardingStopped(f"interrupted after {count} shard{'' if count == 1 else 's'}; the same call goes on")


class _UnusableError(Exception):
    """A file is no photograph; the message says why, after its name."""


class _File(NamedTuple):
    """A photograph as it is packed."""

    content: bytes
    suffix: str
    greyscale: bool


class _Archive:
    """A shard in the making, in memory.

    Args:
        first: Number of its first photograph.
    """

    def __init__(self, first: int) -> None:
        self.entries: list[Entry] = []
        self._first = first
        self._bytes = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._bytes, mode="w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._bytes.tell()

    def add(self, name: str, file: _File) -> None:
        """Adds a photograph; its header has nothing that changes from call to call."""
        number = self._first + len(self.entries)
        header = tarfile.TarInfo(f"{number:08d}{file.suffix}")
        header.size = len(file.content)
        self.entries.append(Entry(name, header.name, self.size + _HEADER, header.size, file.greyscale))
        self._tar.addfile(header, io.BytesIO(file.content))

    def finished(self) -> bytes:
        """The archive's bytes."""
        self._tar.close()
        return self._bytes.getvalue()


def _prepared(content: Content, shorter_side: int | None) -> _File:
    """A photograph's file, with that shorter side if it is larger.

    Raises:
        InputError: The archive that it is in is damaged.
        _UnusableError: It cannot be read, or is no photograph.
    """
    try:
        pixels = content.read()
    except OSError as error:
        raise _UnusableError(f"cannot be read: {error.strerror or error}") from error
    problem, is_grey = inspect(io.BytesIO(pixels))
    if problem is not None:
        raise _UnusableError(problem)
    if shorter_side is not None:
        try:
            image = decode(io.BytesIO(pixels))
        except InputError as error:
            raise _UnusableError("is damaged behind its header") from error
        if min(image.shape[:2]) > shorter_side:
            reduced = io.BytesIO()
            Image.fromarray(with_shorter_side(image, shorter_side)).save(reduced, "JPEG", quality=_QUALITY)
            return _File(reduced.getvalue(), ".jpg", is_grey)
    return _File(pixels, PurePosixPath(content.name).suffix.lower(), is_grey)


def _written(
    place: str,
    index: Index,
    archive: _Archive,
    *,
    read: int,
    left_out: Iterable[tuple[str, str]],
    complete: bool = False,
) -> Index:
    """Writes a shard, then the index that has it; before the first shard an index without any: the place is taken."""
    if is_sharded(place) and read_index(place) != index:
        raise InputError(f"{place} has shards that another call wrote meanwhile; let one alone write there")
    if not index.shards:
        _write(place, INDEX_NAME, index.to_json())
    content = archive.finished()
    name = f"shard-{len(index.shards):06d}.tar"
    _write(place, name, content)
    shard = Shard(name, len(content), hashlib.sha256(content).hexdigest(), tuple(archive.entries))
    index = replace(index, shards=(*index.shards, shard), read=read, left_out=tuple(left_out), complete=complete)
    _write(place, INDEX_NAME, index.to_json())
    return index


def _begun(place: str, new: Index) -> Index:
    """The index of an earlier call for the same photographs, or a new one."""
    if is_sharded(place):
        index = read_index(place)
        if replace(index, shards=(), read=0, left_out=(), complete=False) != new:
            raise InputError(f"{place} has shards of other photographs, or of another size; choose another place")
        if not index.complete:
            places.remove_leftovers(
                places.within(place, PurePosixPath(name))
                for name in (INDEX_NAME, f"shard-{len(index.shards):06d}.tar")
            )  # fmt: skip
        return index
    if places.local(place) is not None and places.is_file(place):
        raise InputError(f"{place} is a file; name a folder for the shards")
    if places.is_folder(place) and places.pictures(place, (".tar", ".json")):
        raise InputError(f"{place} has other archives or lists in it; choose another place")
    return new


def _write(place: str, name: str, content: bytes) -> None:
    """Writes a shard or the index, over what an earlier call for the same photographs wrote."""
    where = places.within(place, PurePosixPath(name))
    try:
        places.write(where, lambda file: file.write(content), overwrite=True)
    except OSError as error:
        raise InputError(f"cannot write {where}: {error.strerror or error}") from error
