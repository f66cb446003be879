"""A picture in windows gets what it gets as a whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from spikefill import data, models
from spikefill.inpainting import plan
from spikefill.models import Hybrid, sparse, windows
from spikefill.models.integers import InIntegers
from spikefill.models.stored import Stored
from spikefill.models.windows import Window


@pytest.fixture(scope="module")
def photograph() -> NDArray[np.uint8]:
    return np.ascontiguousarray(data.open_photographs("embedded")[0][:301, :430])


HOLES: dict[str, Any] = {
    "scratches": [(slice(40, 44), slice(20, 400)), (slice(10, 290), 333), (slice(200, 207), slice(100, 300))],
    "a wide hole": [(slice(30, 270), slice(30, 390))],
    "specks": [(0, 0), (150, 200), (-1, -1)],
    "nearly all": [(slice(3, None), slice(None))],
}


def holes_of(kind: str, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    holes = np.zeros(shape[:2], bool)
    for where in HOLES[kind]:
        holes[where] = True
    return holes


def in_windows(model: Any, picture: Stored, number: int, side: int) -> torch.Tensor:
    """3 x N: what windows of a side give in the holes, row by row."""
    shape = picture.holes.shape
    found = np.full((*shape, 3), np.nan, np.float32)
    given = windows.coarse(model, windows.averaged(picture, number), number)
    for square in plan(picture.holes, 0, side):
        window = Window.around(square.inner, shape, model.radii(number))
        part = Stored(*(np.ascontiguousarray(each[window.outer]) for each in (picture.colours, picture.holes)))
        values = windows.in_window(model, part, window, given)
        found[window.inner][picture.holes[window.inner]] = values.numpy().T
    return torch.from_numpy(found[picture.holes].T)


def both(model: Hybrid, picture: Stored, number: int, side: int) -> tuple[torch.Tensor, torch.Tensor]:
    network: Any = InIntegers().network(model.eval())
    with torch.inference_mode():
        return in_windows(network, picture, number, side), network.in_holes(picture)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", HOLES)
@pytest.mark.parametrize("name", ["hybrid-tiny", "hybrid-small"])
def test_windows_give_what_the_whole_gives(
    photograph: NDArray[np.uint8], name: str, kind: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the last bit, where nothing is left out that a block sees."""
    monkeypatch.setattr(sparse, "REACH", 99)
    model: Any = models.read(name)
    found, expected = both(model, Stored(photograph, holes_of(kind, photograph.shape)), number, 128)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("size", [(37, 101), (64, 64), (9, 300), (130, 17)])
@pytest.mark.parametrize("number", [1, 2])
def test_pictures_of_any_size(photograph: NDArray[np.uint8], size: tuple[int, int], number: int) -> None:
    model: Any = models.read("hybrid-base")
    picture = Stored(np.ascontiguousarray(photograph[: size[0], : size[1]]), crossed(size))
    found, expected = both(model, picture, number, 32)
    assert torch.equal(found, expected)


def crossed(size: tuple[int, int]) -> NDArray[np.bool_]:
    """A line across, one down, and the last pixel."""
    holes = np.zeros(size, bool)
    holes[size[0] // 2] = holes[:, size[1] // 3] = holes[-1, -1] = True
    return holes


@pytest.mark.parametrize("kind", HOLES)
def test_what_far_cells_add_is_next_to_nothing(photograph: NDArray[np.uint8], kind: str) -> None:
    model: Any = models.read(models.DEFAULT)
    found, expected = both(model, Stored(photograph, holes_of(kind, photograph.shape)), 3, 128)
    assert ((found - expected).abs() <= 1 / 255).float().mean() >= 0.999


@pytest.mark.parametrize("number", [1, 3])
def test_levels_on_another_device(photograph: NDArray[np.uint8], number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """There the finest level is made of planes of floats."""
    model: Any = models.read("hybrid-tiny")
    picture = Stored(photograph, holes_of("scratches", photograph.shape))
    found, _ = both(model, picture, number, 200)
    monkeypatch.setattr(windows, "_takes_bytes", lambda _: False)
    again, _ = both(model, picture, number, 200)
    assert torch.equal(found, again)


@given(
    st.tuples(st.integers(1, 700), st.integers(1, 700)),
    st.lists(st.integers(16, 50), min_size=1, max_size=4),
    st.data(),
)
def test_a_window_has_all_that_is_looked_at(shape: tuple[int, int], radii: list[int], draw: st.DataObject) -> None:
    inner = tuple(
        slice(*sorted(draw.draw(st.tuples(*[st.integers(0, side)] * 2).filter(lambda ends: ends[0] != ends[1]))))
        for side in shape
    )
    window = Window.around((inner[0], inner[1]), shape, radii)
    lengths = [-(-side // 4) * 4 for side in shape]
    asked = inner
    for radius, level in zip(radii, window.levels, strict=True):
        for span, wanted, length in zip(level, asked, lengths, strict=True):
            assert span.start % 8 == 0
            assert span.start <= max(0, wanted.start - radius)
            assert span.stop >= min(length, wanted.stop + radius)
            assert span.stop % 8 == 0 or span.stop == length
        lengths = [-(-length // 2 // 4) * 4 for length in lengths]
        # Bilinear interpolation takes a pixel more.
        asked = tuple(
            slice(max(0, span.start // 2 - 1), min(length, span.stop // 2 + 1))
            for span, length in zip(level, lengths, strict=True)
        )
    for span, wanted, last, outer, side in zip(
        window.coarse, asked, window.levels[-1], window.outer, shape, strict=True
    ):
        assert span.start % 4 == 0
        assert span.start <= wanted.start
        assert span.stop >= wanted.stop
        assert outer.start == last.start << len(radii) - 1
        assert outer.stop == min(side, last.stop << len(radii) - 1)
