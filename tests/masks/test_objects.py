from __future__ import annotations

import cv2
import numpy as np
import pytest

from spikefill import masks
from spikefill.masks.families import _FAMILIES
from spikefill.masks.objects import _wavy_circle


@pytest.mark.parametrize("size", [128, 256, (512, 300)])
def test_blobs_are_one_to_three_smooth_shapes_without_holes(size: int | tuple[int, int]) -> None:
    counts = []
    scale = np.min(size) / 256
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (round(8 * scale) | 1,) * 2)
    for index in range(40):
        mask = masks.sample("blobs", size, seed=0, index=index).astype(np.uint8)
        count, _ = cv2.connectedComponents(mask)
        counts.append(count - 1)
        framed = cv2.copyMakeBorder(mask, 20, 20, 20, 20, cv2.BORDER_REPLICATE)  # a shape may be cut by the border
        opened = cv2.morphologyEx(framed, cv2.MORPH_OPEN, disc)
        assert opened.sum() > 0.9 * framed.sum(), "thin or ragged"
        assert mask.sum() > 0.5 * np.pi * (14 * scale) ** 2 * 0.5
    assert {1, 2, 3} == set(counts)


def test_the_middle_of_each_blob_is_well_inside() -> None:
    at_the_border = 0
    for seed in range(100):
        mask = _FAMILIES["blobs"].draw(np.random.default_rng(seed), 256, 256)
        assert mask[26:230, 26:230].any()
        at_the_border += mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any()
    assert at_the_border < 80


def test_an_outline_is_closed_and_around_the_origin() -> None:
    for seed in range(50):
        x, y = _wavy_circle(np.random.default_rng(seed)).T
        angle = np.unwrap(np.arctan2(y, x))
        assert np.all(np.diff(angle) > 0)
        assert angle[-1] - angle[0] == pytest.approx(2 * np.pi * 255 / 256)
        radius = np.hypot(x, y)
        assert 0.3 < radius.min() < 1 < radius.max() < 3
        steps = np.diff(radius, append=radius[0])
        assert np.abs(steps).max() < 0.05
        assert len(np.flatnonzero(np.diff(np.sign(steps)))) <= 10, "more than five waves"
