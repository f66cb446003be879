from __future__ import annotations

import pytest

from spikefill import InputError, memory


@pytest.mark.parametrize(
    ("text", "count"),
    [("2G", 2_000_000_000), ("800m", 800_000_000), (" 1.5 GB ", 1_500_000_000), ("700000000", 700_000_000)],
)
def test_amounts_as_people_write_them(text: str, count: int) -> None:
    assert memory.parse(text) == count


@pytest.mark.parametrize("text", ["", "G", "-2G", "2X", "1e9", "2 G B", "nan"])
def test_what_is_no_amount_is_said(text: str) -> None:
    with pytest.raises(InputError, match="it must be a number of bytes such as 2G or 800M"):
        memory.parse(text)


@pytest.mark.parametrize("value", [2.0, True, None])
def test_bytes_are_whole(value: object) -> None:
    with pytest.raises(InputError, match="it must be a whole number of bytes"):
        memory.check(value)  # type: ignore[arg-type]


def test_amounts_for_people() -> None:
    assert [memory.said(count) for count in (2_000_000_000, 1_850_000_000, 499_600_000, 12_000)] == [
        "2 GB", "1.85 GB", "500 MB", "12 KB",
    ]  # fmt: skip


def test_what_is_suggested_is_enough() -> None:
    error = str(memory.too_little("a picture", 2_010_000_000, 2_000_000_000))
    assert error == (
        "a picture takes 2.1 GB, but max_memory is 2 GB; allow it with --max-memory 2.1G (max_memory=2100000000)"
    )
