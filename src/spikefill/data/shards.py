"""Shards: photographs in tar archives as WebDataset has them, with an index by which each is read by itself.

A shard is an uncompressed tar archive of photographs, as they were in their files or reduced, named by a number:
``00000012.jpg``. So any reader of WebDataset reads them in their order. The index beside them, ``shards.json``, says
where in a shard each photograph lies. Thus any one can be read without those before it, from a disk or an object store:
which photographs a sample takes is a function of (seed, number) alone, whatever was read before.

Writing them is in `spikefill.data.sharding`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

from spikefill import places
from spikefill.errors import InputError

INDEX_NAME = "shards.json"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Entry:
    """A photograph in a shard.

    Attributes:
        name: What its file was called, relative to its folder.
        member: Its name in the archive.
        offset: Where its bytes begin in the archive.
        size: How many there are.
        greyscale: Whether it is stored without colour.
    """

    name: str
    member: str
    offset: int
    size: int
    greyscale: bool = False


@dataclass(frozen=True)
class Shard:
    """An archive.

    Attributes:
        name: Its file's name.
        bytes: Its file's size.
        sha256: Of the file.
        entries: The photographs in it, in their order.
    """

    name: str
    bytes: int
    sha256: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Index:
    """What shards hold.

    Attributes:
        source: A digest of the names and sizes of the files that they are made from.
        megabytes: About how large a shard may be, in 10**6 bytes.
        shorter_side: To which larger photographs were reduced, in pixels; None: none were.
        shards: Those that are written.
        read: How many files went into these or were left out.
        left_out: Names of those that were left out, each with the reason.
        complete: Whether these are all.
    """

    source: str
    megabytes: int
    shorter_side: int | None = None
    shards: tuple[Shard, ...] = ()
    read: int = 0
    left_out: tuple[tuple[str, str], ...] = ()
    complete: bool = False

    @property
    def photographs(self) -> int:
        """How many photographs there are."""
        return sum(len(shard.entries) for shard in self.shards)

    def to_json(self) -> bytes:
        """The index as it is written."""
        head = {"format_version": FORMAT_VERSION, "photographs": self.photographs}
        shards = [
            {
                **asdict(shard),
                "photographs": len(shard.entries),
                "entries": [[entry.name, entry.member, entry.offset, entry.size, entry.greyscale]
                            for entry in shard.entries],
            }
            for shard in self.shards
        ]  # fmt: skip
        return (json.dumps({**head, **asdict(self), "shards": shards}) + "\n").encode()


@dataclass(frozen=True)
class Member:
    """A photograph in a shard, wherever the shard is.

    Attributes:
        shard: The archive's path or address.
        name: The photograph's name.
        offset: Where its bytes begin in the archive.
        size: How many there are.
    """

    shard: str
    name: str
    offset: int
    size: int

    def __str__(self) -> str:
        return f"{self.name} in {self.shard}"

    def exists(self) -> bool:
        """Whether the archive is there."""
        return places.is_file(self.shard)

    def read(self) -> bytes:
        """Its bytes.

        Raises:
            UnreadableError: They cannot be read.
            InputError: They are not all there.
        """
        content = places.read_part(self.shard, self.offset, self.size)
        if len(content) != self.size:
            raise InputError(f"{self.shard} ends before {self.name} does; it was cut off")
        return content


def is_sharded(place: str) -> bool:
    """Whether there are shards in a folder or at an address."""
    return places.is_file(places.within(place, PurePosixPath(INDEX_NAME)))


def read_index(place: str) -> Index:
    """The index of the shards in a folder or at an address.

    Raises:
        InputError: There is none, it is damaged, or of a newer version.
    """
    where = places.within(place, PurePosixPath(INDEX_NAME))
    try:
        values: dict[str, Any] = json.loads(places.read_bytes(where))
        version = values.pop("format_version")
        if version != FORMAT_VERSION:
            raise InputError(f"{where} has format version {version}, this Spikefill reads {FORMAT_VERSION}")
        del values["photographs"]
        shards = tuple(_shard(shard) for shard in values.pop("shards"))
        left_out = tuple((name, problem) for name, problem in values.pop("left_out", ()))
        return Index(shards=shards, left_out=left_out, **values)
    except InputError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{where} is damaged, or no index of shards; make them again") from error


def _shard(values: dict[str, Any]) -> Shard:
    del values["photographs"]
    return Shard(entries=tuple(Entry(*entry) for entry in values.pop("entries")), **values)


def members(place: str) -> list[tuple[Member, bool]]:
    """The photographs of the shards in a folder or at an address, in their order, and whether each is greyscale.

    Raises:
        InputError: The index is damaged, or writing the shards was not finished.
    """
    index = read_index(place)
    if not index.complete:
        raise InputError(f"the shards in {place} are not all written; call spikefill data shard again as before")
    return [
        (Member(places.within(place, PurePosixPath(shard.name)), entry.name, entry.offset, entry.size), entry.greyscale)
        for shard in index.shards
        for entry in shard.entries
    ]
