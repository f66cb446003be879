from __future__ import annotations

import cv2
import numpy as np
import pytest

from spikefill import masks
from spikefill.masks.families import _FAMILIES

FAMILIES = [name for name in masks.FAMILIES if name.startswith("irregular")]


def percent(family: str) -> tuple[int, int]:
    """The bounds that the name states."""
    low, high = family.removeprefix("irregular-").split("-")
    return int(low), int(high)


def test_the_classes_follow_one_another() -> None:
    assert [percent(family) for family in FAMILIES] == [(1, 10), (10, 20), (20, 30), (30, 40), (40, 50), (50, 60)]


@pytest.mark.parametrize(
    ("size", "count"),
    [(8, 60), (32, 60), (64, 60), ((32, 200), 30), ((300, 48), 20), (128, 20), ((333, 250), 10), (512, 6)],
)
@pytest.mark.parametrize("family", FAMILIES)
def test_holes_cover_what_the_name_says(family: str, size: int | tuple[int, int], count: int) -> None:
    low, high = percent(family)
    for index in range(count):
        mask = masks.sample(family, size, seed=3, index=index)
        assert low * mask.size < 100 * mask.sum() <= high * mask.size


@pytest.mark.parametrize("family", FAMILIES)
def test_hole_ratios_fill_the_class(family: str) -> None:
    low, high = percent(family)
    ratios = np.array([masks.sample(family, 96, seed=0, index=index).mean() for index in range(150)])
    counts, _ = np.histogram(100 * ratios, bins=3, range=(low, high))
    assert counts.min() > 25


@pytest.mark.parametrize("family", FAMILIES)
def test_a_mask_is_rarely_drawn_twice(family: str) -> None:
    low, high = percent(family)
    outside = 0
    for seed in range(100):
        ratio = 100 * _FAMILIES[family].draw(np.random.default_rng(seed), 128, 128).mean()
        assert ratio > low
        outside += ratio > high
    assert outside < 15


def test_the_last_dab_is_the_one_that_reaches_the_share(monkeypatch: pytest.MonkeyPatch) -> None:
    draw_line = cv2.line
    for seed in range(10):
        lines: list[tuple[tuple[int, int], tuple[int, int], int, int]] = []

        def note(canvas: np.ndarray, *line: object, lines: list = lines) -> None:
            lines.append(line)
            draw_line(canvas, *line)

        monkeypatch.setattr(cv2, "line", note)
        mask = _FAMILIES["irregular-20-30"].draw(np.random.default_rng(seed), 70, 110)
        wanted = np.random.default_rng(seed).uniform(0.2, 0.3) * mask.size
        canvas = np.zeros((70, 110), np.uint8)
        for line in lines[:-1]:
            draw_line(canvas, *line)
        assert canvas.sum() < wanted <= mask.sum()
        draw_line(canvas, *lines[-1])
        assert np.array_equal(canvas, mask)


def test_strokes_are_long_and_their_width_varies() -> None:
    longest = []
    widest = []
    for index in range(20):
        mask = masks.sample("irregular-10-20", 256, seed=0, index=index).astype(np.uint8)
        _, _, statistics, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        longest.append(statistics[1:, 2:4].max())
        widest.append(2 * cv2.distanceTransform(mask, cv2.DIST_L2, 5).max())
    assert np.median(longest) > 80
    assert min(widest) < 25
    assert max(widest) > 40
