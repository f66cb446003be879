"""Damaged files of every format: each is read, or refused in one line, whichever library reads it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from spikefill import InputError
from spikefill.images import decode
from tests.images import samples

MUTATIONS = 12
"""For each file, of each of the ways below in turn."""


def damaged(source: bytes, generator: random.Random, way: int) -> bytes:
    """The file cut off, with other bytes anywhere or in its header, or with bytes missing or added."""
    data = bytearray(source)
    place = generator.randrange(1, len(data))
    if way == 0:
        return bytes(data[:place])
    if way == 1:
        for _ in range(generator.randrange(1, 8)):
            data[generator.randrange(len(data))] = generator.randrange(256)
    elif way == 2:
        for _ in range(generator.randrange(1, 4)):
            data[generator.randrange(min(len(data), 300))] = generator.choice((0, 1, 127, 128, 255))
    elif way == 3:
        del data[place : place + generator.randrange(1, 40)]
    else:
        data[place:place] = generator.randbytes(generator.randrange(1, 20))
    return bytes(data)


@pytest.mark.parametrize("kind", samples.bases())
def test_a_damaged_file_is_read_or_refused_in_one_line(kind: str) -> None:
    source, generator, refused = samples.bases()[kind], random.Random(kind), 0
    for number in range(MUTATIONS):
        data = damaged(source, generator, number % 5)
        said = None
        try:
            assert decode(data, "photo").pixels.size > 0
        except InputError as error:
            said = str(error)
        if said is not None:
            refused += 1
            assert said.startswith("photo ")
            assert "\n" not in said
    assert refused > 0


def test_files_are_told_by_what_they_start_with(tmp_path: Path) -> None:
    for kind, source in samples.bases().items():
        path = tmp_path / "photo.jpg"
        path.write_bytes(source)
        assert (
            decode(path).format
            == {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "bmp": "BMP", "tiff": "TIFF"}[kind.split()[0]]
        )


@pytest.mark.parametrize(
    "start",
    [
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
        b"RIFF\0\0\0\0WEBP",
        b"BM",
        b"II*\0",
        b"MM\0*",
        b"II+\0",
        b"\0\0\0\x18ftypheic",
    ],
)
def test_the_first_bytes_alone_are_a_damaged_file(start: bytes) -> None:
    for rest in (b"", bytes(100), b"\xff" * 100):
        with pytest.raises(InputError) as error:
            decode(start + rest, "photo")
        assert str(error.value).startswith("photo is damaged: ")
        assert "\n" not in str(error.value)
