"""Damaged files, each a function of its number alone.

``python -m soak.mutations NUMBER FILE`` writes one, so that it can be looked at.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from soak import seeds
from soak.fields import fields

_AT_ONCE = (1, 1, 1, 2, 3)
"""How much is done to a file; more, and few would be read."""

_LONGEST = 64
"""Bytes that are put in or taken out, for most of the ways."""


@dataclass(frozen=True)
class Case:
    """A damaged file.

    Attributes:
        number: What it is made from.
        is_mask: Whether it is to be read as a mask, or else as a photograph.
        seed: The whole file's name in `seeds`.
        ways: What was done to it, in turn.
        data: Its bytes.
    """

    number: int
    is_mask: bool
    seed: str
    ways: tuple[str, ...]
    data: bytes

    def __str__(self) -> str:
        what = "mask" if self.is_mask else "photograph"
        return f"file {self.number}, a {what} ({self.seed}; {', '.join(self.ways)}; {len(self.data)} bytes)"


def case(number: int) -> Case:
    """The damaged file of a number: every second one is a mask."""
    generator = Random(number)
    is_mask = number % 2 == 1
    whole = seeds.masks() if is_mask else seeds.photographs()
    seed = generator.choice(sorted(whole))
    data = bytearray(whole[seed])
    ways = []
    for _ in range(generator.choice(_AT_ONCE)):
        way = generator.choice(_WAYS)
        way(data, generator)
        ways.append(way.__name__)
    if data.startswith(b"\x89PNG") and generator.random() < 0.8:  # or few would be looked at any further
        _right_checksums(data)
        ways.append("right checksums")
    return Case(number, is_mask, seed, tuple(ways), bytes(data))


def flip(data: bytearray, generator: Random) -> None:
    """Other bits, anywhere."""
    for _ in range(generator.choice((1, 1, 2, 8, 32))):
        place = generator.randrange(len(data) or 1)
        data[place : place + 1] = bytes(byte ^ 1 << generator.randrange(8) for byte in data[place : place + 1])


def extreme(data: bytearray, generator: Random) -> None:
    """A number of a header as large or as small as it can be, or nearly right."""
    places = fields(data)
    if not places:
        return
    place, width = generator.choice(places)
    order = generator.choice(("little", "big"))
    top = 1 << 8 * width
    before = int.from_bytes(data[place : place + width], order)
    values = (0, 1, 2, 255, 65535, top // 2 - 1, top // 2, top - 1, before + 1, before - 1, before * 2, before * 256)
    data[place : place + width] = (generator.choice(values) % top).to_bytes(width, order)


def small(data: bytearray, generator: Random) -> None:
    """A number of a header somewhat other than it was: another kind, depth or compression."""
    places = fields(data)
    if places:
        place, width = generator.choice(places)
        at = place + generator.choice((0, width - 1))
        data[at] = generator.choice((generator.randrange(20), generator.randrange(256)))


def header(data: bytearray, generator: Random) -> None:
    """Other bytes at the start, where headers are."""
    for _ in range(generator.randint(1, 4)):
        place = generator.randrange(min(len(data), 400) or 1)
        data[place : place + 1] = bytes([generator.choice((0, 1, 127, 128, 255, generator.randrange(256)))])


def cut(data: bytearray, generator: Random) -> None:
    """The end is missing."""
    del data[generator.randint(0, len(data)) :]


def missing(data: bytearray, generator: Random) -> None:
    """Bytes are missing in between."""
    place = generator.randint(0, len(data))
    del data[place : place + generator.randint(1, _LONGEST)]


def inserted(data: bytearray, generator: Random) -> None:
    """Further bytes in between: any, or zeros."""
    place, count = generator.randint(0, len(data)), generator.randint(1, _LONGEST)
    data[place:place] = generator.choice((generator.randbytes(count), bytes(count)))


def doubled(data: bytearray, generator: Random) -> None:
    """A part stands there twice."""
    start = generator.randint(0, len(data))
    end = min(len(data), start + generator.randint(1, 16 * _LONGEST))
    data[end:end] = data[start:end]


def swapped(data: bytearray, generator: Random) -> None:
    """Two parts have changed places."""
    count = generator.randint(1, _LONGEST)
    one, other = (generator.randint(0, max(0, len(data) - count)) for _ in range(2))
    data[one : one + count], data[other : other + count] = data[other : other + count], data[one : one + count]


def spliced(data: bytearray, generator: Random) -> None:
    """From somewhere on, it is another file, or has a part of one."""
    name = generator.choice(sorted(seeds.masks()))
    other = seeds.masks()[name]
    start = generator.randint(0, len(other))
    end = generator.choice((len(other), start + 16 * _LONGEST))
    place = generator.randint(0, len(data))
    data[place : generator.choice((place, len(data)))] = other[start:end]


_WAYS: tuple[Callable[[bytearray, Random], None], ...] = (
    flip, extreme, extreme, small, small, header, cut, missing, inserted, doubled, swapped, spliced,
)  # fmt: skip


def _right_checksums(data: bytearray) -> None:
    position = 8
    while position + 12 <= len(data):
        end = position + 8 + int.from_bytes(data[position : position + 4], "big")
        if end + 4 > len(data):
            return
        data[end : end + 4] = zlib.crc32(data[position + 4 : end]).to_bytes(4, "big")
        position = end + 4


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(case(int(sys.argv[1])).data)
