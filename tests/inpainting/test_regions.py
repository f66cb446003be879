from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spikefill.inpainting import Cancelled, Inpainter, plan, regions


@given(
    arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=st.booleans(), fill=st.just(False)),
    st.integers(0, 9),
    st.integers(1, 50),
)
def test_every_hole_is_covered_once_with_its_context(holes: np.ndarray, context: int, tile: int) -> None:
    height, width = holes.shape
    covered = np.zeros(holes.shape, int)
    for region in plan(holes, context, tile):
        covered[region.inner] += 1
        assert holes[region.inner].any()
        for inner, outer, limit in zip(region.inner, region.outer, (height, width), strict=True):
            assert outer.start == max(0, inner.start - context)
            assert outer.stop == min(limit, inner.stop + context)
            assert inner.stop - inner.start <= tile
        numbers = np.arange(holes.size).reshape(holes.shape)
        assert np.array_equal(numbers[region.outer][region.inner_in_outer], numbers[region.inner])
    assert covered.max() <= 1
    assert (covered[holes] == 1).all()


def test_a_rectangle_is_no_larger_than_its_holes() -> None:
    holes = np.zeros((100, 100), bool)
    holes[30:33, 40:50] = True
    (region,) = plan(holes, 6)
    assert region.inner == (slice(30, 33), slice(40, 50))
    assert region.outer == (slice(24, 39), slice(34, 56))


def test_few_holes_in_a_large_picture_are_few_small_regions() -> None:
    holes = np.zeros((6000, 8000), bool)
    holes[100:110, 100:110] = holes[5000:5020, 7000:7003] = holes[-1, -1] = True
    found = plan(holes, 6)
    assert len(found) == 3
    pixels = [holes[region.outer].size for region in found]
    assert sorted(pixels) == [7 * 7, 32 * 15, 22 * 22]


def test_without_a_known_context_the_whole_picture_is_one_region() -> None:
    holes = np.zeros((600, 700), bool)
    assert plan(holes, None) == []
    holes[3, 4] = True
    (region,) = plan(holes, None)
    assert region.inner == region.outer == (slice(0, 600), slice(0, 700))


def test_tiles_give_what_the_whole_picture_gives(
    inpainter: Inpainter, cat: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    holes = np.random.default_rng(3).random(cat.shape[:2]) < 0.3
    assert len(plan(holes, 6)) == 4
    tiled = inpainter.inpaint(cat, holes)
    with monkeypatch.context() as patch:
        patch.setattr(inpainter.model, "context", None)
        whole = inpainter.inpaint(cat, holes)
    difference = np.abs(tiled[holes].astype(int) - whole[holes])
    assert (difference <= 1).mean() >= 0.999
    assert whole[holes].std() > 1  # the network answers with a picture and not with one value


def test_prediction_in_tiles_is_that_of_the_whole(
    inpainter: Inpainter, cat: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    masked = torch.from_numpy(cat[:150, :200]).permute(2, 0, 1)[None].float() / 255
    masked = torch.cat([masked, masked.flip(-1)])
    mask = torch.zeros(2, 1, 150, 200)
    mask[..., 40:60, 70:90] = 1
    masked = masked * (1 - mask)
    whole = inpainter.predict(masked, mask)
    with torch.inference_mode():
        assert torch.equal(whole, inpainter.model(masked, mask))
    monkeypatch.setattr("spikefill.inpainting.pipeline._PREDICTED_WHOLE", 0)
    monkeypatch.setattr("spikefill.inpainting.pipeline.TILE", 16)
    told: list[tuple[int, int]] = []
    tiled = inpainter.predict(masked, mask, progress=lambda done, total: told.append((done, total)))
    assert told == [(done, 12) for done in range(13)]  # tiles of 64 px: 3 x 4
    with pytest.raises(Cancelled):
        inpainter.predict(masked, mask, cancel=lambda: True)
    assert tiled.shape == (2, 3, 150, 200)
    assert tiled.dtype == torch.float32
    assert ((tiled - whole).abs() <= 1 / 255).float().mean() >= 0.999
    assert regions.TILE == 256
