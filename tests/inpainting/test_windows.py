"""A picture that is restored in windows looks as if it had been restored at once."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from spikefill import models
from spikefill.inpainting import Cancelled, Inpainter, planning, workspace
from spikefill.inpainting.in_parts import restore_in_parts

HOLE = (slice(40, 160), slice(40, 200))


@pytest.fixture
def in_windows(monkeypatch: pytest.MonkeyPatch) -> Inpainter:
    """The default model, with so little room that a small photograph is restored in windows of 128 px."""
    monkeypatch.setattr(workspace, "FIXED", 0)
    monkeypatch.setattr(planning, "_STRIP", 1 << 13)
    monkeypatch.setattr(planning, "SIDES", ())
    monkeypatch.setattr(planning, "SMALLER_SIDES", (128,))
    model = models.read(models.DEFAULT)
    model.context, model.tile = 0, 207
    return Inpainter(model)


@pytest.fixture
def at_once() -> Inpainter:
    return Inpainter(models.read(models.DEFAULT))


@pytest.fixture
def picture(cat: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(cat[50:251, 100:340])


@pytest.fixture
def holes(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """A wide one, and scratches."""
    mask = np.zeros(picture.shape[:2], bool)
    mask[HOLE] = mask[5:8, 10:235] = mask[-1, -1] = True
    return mask


def as_type(picture: NDArray[np.uint8], dtype: str) -> NDArray[np.generic]:
    if dtype == "uint16":
        return (picture.astype(np.uint16) * 257) ^ np.uint16(3)
    return picture if dtype == "uint8" else (picture / 255).astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_result_is_that_of_the_whole(
    dtype: str, channels: int, picture: NDArray[np.uint8], holes: NDArray[np.bool_], in_windows: Inpainter,
    at_once: Inpainter,
) -> None:  # fmt: skip
    with_alpha = np.dstack([picture, np.full(picture.shape[:2], 200, np.uint8)])
    photograph = as_type(np.ascontiguousarray(with_alpha[..., :channels]), dtype)
    told: list[tuple[int, int]] = []
    found = in_windows.restore(photograph, holes, progress=lambda *counts: told.append(counts))
    assert told == [(done, 5) for done in range(6)]  # four windows, and before them what they have in common
    expected = at_once.restore(photograph, holes)
    assert found.dtype == photograph.dtype
    assert np.array_equal(found, expected)
    assert np.array_equal(found[~holes], photograph[~holes])
    assert found[holes].std() > 0


def test_the_best_quality_is_that_of_the_whole(
    picture: NDArray[np.uint8], holes: NDArray[np.bool_], in_windows: Inpainter, at_once: Inpainter
) -> None:
    in_windows.quality = at_once.quality = "best"
    told: list[tuple[int, int]] = []
    found = in_windows.restore(picture, holes, progress=lambda *counts: told.append(counts))
    assert told[-1] == (40, 40)
    assert np.array_equal(found, at_once.restore(picture, holes))


@pytest.mark.parametrize("quality", ["fast", "best"])
@pytest.mark.parametrize("size", [(180, 1), (1, 180)])
def test_lines_of_pixels(quality: str, size: tuple[int, int], in_windows: Inpainter, at_once: Inpainter) -> None:
    """Turned, one of them goes backwards; so do these."""
    picture = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)[::-1, ::-1]
    holes = np.ones(size, bool)[::-1, ::-1]
    holes[0, 0] = False
    in_windows.quality = at_once.quality = quality
    restored = in_windows.restore(picture, holes)
    assert np.array_equal(restored, at_once.restore(picture, holes))
    assert np.array_equal(restored[0, 0], picture[0, 0])


def test_rows_are_read_as_they_lie(picture: NDArray[np.uint8], holes: NDArray[np.bool_], in_windows: Inpainter) -> None:
    """Where each has to be decoded, all of them are once for a pass, turned or not, and then those of windows."""
    in_windows.quality = "best"
    height, width = holes.shape
    read: list[tuple[slice, slice]] = []

    def reading(rows: slice, columns: slice) -> NDArray[np.uint8]:
        read.append((rows, columns))
        return picture[rows, columns]

    values = restore_in_parts(in_windows, reading, holes, channels=3, dtype=picture.dtype)
    assert np.array_equal(values, in_windows.restore(picture, holes)[holes])
    whole_rows = [rows for rows, columns in read if (columns.start, columns.stop) == (0, width)]
    assert sum(rows.stop - rows.start for rows in whole_rows) == 8 * height
    tops = [rows.start for rows, columns in read if columns.stop - columns.start < width]
    assert sum(before != after for before, after in pairwise(tops)) <= 8 * 2


def test_what_lies_under_the_mask_has_no_influence(
    picture: NDArray[np.uint8], holes: NDArray[np.bool_], in_windows: Inpainter
) -> None:
    other = np.where(holes[..., None], 255 - picture, picture)
    again = in_windows.restore(other, holes, in_place=True)
    assert again is other
    assert np.array_equal(again, in_windows.restore(picture, holes))


def test_inks(picture: NDArray[np.uint8], holes: NDArray[np.bool_], in_windows: Inpainter, at_once: Inpainter) -> None:
    inks = np.dstack([255 - picture, picture[..., 0] // 4])
    told: list[tuple[int, int]] = []
    found = in_windows.restore(inks, holes, cmyk=True, progress=lambda *counts: told.append(counts))
    assert np.array_equal(found, at_once.restore(inks, holes, cmyk=True))
    assert sorted(set(told)) == [(done, 10) for done in range(11)]


def test_cancelling_stops_between_windows(
    picture: NDArray[np.uint8], holes: NDArray[np.bool_], in_windows: Inpainter
) -> None:
    told: list[tuple[int, int]] = []
    with pytest.raises(Cancelled):
        in_windows.restore(picture, holes, progress=lambda *counts: told.append(counts), cancel=lambda: len(told) == 3)
    assert told == [(0, 5), (1, 5), (2, 5)]


def test_squares_of_a_network_that_cannot_be_divided_cover_everything(
    picture: NDArray[np.uint8], holes: NDArray[np.bool_], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "SIDES", (64,))
    model = models.create("hybrid", size="tiny", steps=2, streaming={})
    model.context = 16
    restored = Inpainter(model).restore(picture, holes)
    assert np.array_equal(restored[~holes], picture[~holes])
    assert (restored[holes] != picture[holes]).mean() > 0.9


def test_no_seam_is_seen_where_windows_meet(
    picture: NDArray[np.uint8], holes: NDArray[np.bool_], in_windows: Inpainter
) -> None:
    """Across their edges the picture changes no more than between any two columns or rows of the wide hole."""
    inside = in_windows.restore(picture, holes)[HOLE].astype(float)
    for axis, start in enumerate(part.start for part in HOLE):
        steps = np.abs(np.diff(inside, axis=axis)).mean(axis=(1 - axis, 2))
        edge = 128 - start - 1
        assert steps[edge] <= np.delete(steps, edge).max()
