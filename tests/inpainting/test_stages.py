"""Holes wider than a square of the network sees."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spikefill import models
from spikefill.inpainting import Inpainter
from spikefill.inpainting.regions import plan
from spikefill.inpainting.stages import OVERLAP, halved, plan_stages, take_over

CONTEXT, TILE = 48, 80
NEAR = 12
"""Pixels from the edge of a hole in which the picture changes most."""

HOLE = (slice(40, 160), slice(40, 200))


@pytest.fixture(scope="module")
def small_squares() -> Inpainter:
    """The default model with squares so small that a hole of a small photograph reaches over several."""
    model = models.read(models.DEFAULT)
    model.context, model.tile = CONTEXT, TILE
    return Inpainter(model)


@pytest.fixture
def picture(cat: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(cat[50:250, 100:340])


@pytest.fixture
def holes(picture: np.ndarray) -> np.ndarray:
    """One that the squares of `small_squares` divide into six."""
    mask = np.zeros(picture.shape[:2], bool)
    mask[HOLE] = True
    return mask


@settings(deadline=None)
@given(
    arrays(bool, st.tuples(st.integers(1, 70), st.integers(1, 70)), elements=st.booleans(), fill=st.just(True)),
    st.integers(1, 6),
    st.integers(4, 20),
)
def test_every_hole_is_restored_at_one_size(holes: np.ndarray, context: int, tile: int) -> None:
    stages = plan_stages(holes, context, tile)
    wanted = holes
    for number, stage in enumerate(stages):
        assert stage.holes.shape == tuple(-(-side // 2**number) for side in holes.shape)
        here = np.zeros_like(stage.wanted)
        for region in stage.regions:
            here[region.inner] |= stage.wanted[region.inner]
        assert np.array_equal(here, stage.wanted)
        assert not (stage.wanted & ~stage.holes).any()
        taken = np.zeros_like(wanted) if stage.deep is None else stage.deep
        if number == 0:
            assert np.array_equal(stage.wanted | taken, wanted)
            assert not (stage.holes & taken).any()
        assert (stage.deep is None) == (number == len(stages) - 1)


@given(
    st.integers(2, 20),
    st.tuples(st.integers(0, 100), st.integers(0, 100)),
    st.tuples(st.integers(1, 141), st.integers(1, 141)),
)
def test_deep_is_what_is_farther_than_the_context(
    context: int, corner: tuple[int, int], sides: tuple[int, int]
) -> None:
    """A rectangle anywhere, at borders of the picture too, and where that is narrow."""
    holes = np.zeros((141, sides[1] if context % 2 else 141), bool)
    holes[corner[0] : corner[0] + sides[0], corner[1] : corner[1] + sides[1]] = True
    holes[-1, -1] = False
    first = plan_stages(holes, context, 16)[0]
    deep = cv2.distanceTransform(holes.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) > context
    if len(plan(holes, context, 16, overlap=OVERLAP)) > 1 and deep.any():
        assert first.deep is not None
        assert np.array_equal(first.deep, deep)
    else:
        assert first.deep is None


def test_what_every_square_sees_is_restored_at_full_size_alone() -> None:
    holes = np.zeros((400, 500), bool)
    holes[100:190, 20:480] = True  # long, and nowhere farther than 48 px from what is known
    (stage,) = plan_stages(holes, CONTEXT, TILE)
    assert stage.holes is holes
    assert stage.deep is None


def test_what_lies_deep_is_taken_from_half_the_size() -> None:
    holes = np.zeros((400, 500), bool)
    holes[100:300, 100:400] = True
    first, second, *others = plan_stages(holes, CONTEXT, TILE)
    assert first.deep is not None
    rows, columns = np.nonzero(first.deep)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (148, 251, 148, 351)
    assert second.holes.shape == (200, 250)
    assert len(others) == 1


def test_the_mean_of_what_is_known() -> None:
    colours = np.array([[1, 2, 5], [3, 250, 9], [7, 250, 250]], np.uint8)[..., None]
    holes = colours[..., 0] == 250
    assert np.array_equal(halved(colours, holes)[..., 0], [[2, 7], [7, 0]])
    as_numbers = np.where(holes[..., None], np.nan, colours / 255).astype(np.float32)
    assert halved(as_numbers, holes)[..., 0] * 255 == pytest.approx(np.array([[2, 7], [7, 0]]), abs=1e-4)


def test_a_plane_is_taken_over_exactly() -> None:
    rows, columns = np.mgrid[:30, :41]
    plane = (2.0 * rows + columns)[..., None].astype(np.float32)
    smaller = halved(plane, np.zeros(plane.shape[:2], bool))
    deep = np.zeros(plane.shape[:2], bool)
    deep[3:-3, 3:-3] = True
    result = np.where(deep[..., None], np.float32(np.nan), plane)
    take_over(result, smaller, deep)
    assert result == pytest.approx(plane, abs=1e-4)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_hole_wider_than_a_square_has_no_seam(
    dtype: str, picture: np.ndarray, holes: np.ndarray, small_squares: Inpainter
) -> None:
    """Across an edge of the squares the picture changes no more than between any two columns or rows."""
    photograph = picture if dtype == "uint8" else (picture / 255).astype(dtype)
    restored = small_squares.restore(photograph, holes)
    assert restored.dtype == dtype
    assert np.array_equal(restored[~holes], photograph[~holes])
    inside = restored[HOLE].astype(float)
    for axis, start in enumerate(part.start for part in HOLE):
        steps = np.abs(np.diff(inside, axis=axis)).mean(axis=(1 - axis, 2))
        edges = [edge - start - 1 for edge in range(TILE, picture.shape[axis], TILE) if edge - start <= len(steps)]
        assert edges
        assert steps[edges].max() <= np.delete(steps, edges)[NEAR:-NEAR].max()


def test_a_wide_hole_is_restored_as_well_as_in_one_piece(
    picture: np.ndarray, holes: np.ndarray, small_squares: Inpainter
) -> None:
    whole = Inpainter(models.read(models.DEFAULT)).restore(picture, holes)
    staged = small_squares.restore(picture, holes)
    errors = [((result[holes].astype(float) - picture[holes]) ** 2).mean() for result in (staged, whole)]
    assert errors[0] < 1.1 * errors[1]
    told: list[tuple[int, int]] = []
    other = np.where(holes[..., None], 255 - picture, picture)
    again = small_squares.restore(other, holes, in_place=True, progress=lambda *counts: told.append(counts))
    assert again is other
    assert np.array_equal(again, staged)  # what lies under the mask has no influence
    assert told == [(done, len(told) - 1) for done in range(len(told))]
