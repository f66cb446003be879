from __future__ import annotations

import cv2
import numpy as np
import pytest

from spikefill.masks.families import _FAMILIES


class LinesDrawn:
    """Stands in for ``cv2.line`` and keeps what it is asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lines: list[tuple[tuple[int, int], tuple[int, int], int]] = []
        self._draw = cv2.line
        monkeypatch.setattr(cv2, "line", self)

    def __call__(
        self, canvas: np.ndarray, start: tuple[int, int], end: tuple[int, int], value: int, width: int
    ) -> None:
        self.lines.append((start, end, width))
        self._draw(canvas, start, end, value, width)

    def strokes(self) -> list[list[tuple[tuple[int, int], tuple[int, int], int]]]:
        """Lines that go on where the one before ended, together."""
        found: list[list[tuple[tuple[int, int], tuple[int, int], int]]] = []
        for line in self.lines:
            if found and found[-1][-1][1] == line[0]:
                found[-1].append(line)
            else:
                found.append([line])
        return found


@pytest.mark.parametrize(
    ("family", "size", "strokes", "widths", "longest"),
    [
        ("thin", 256, (4, 50), (5, 14), 49),
        ("thin", 128, (4, 50), (2, 7), 24.5),
        ("thin", 512, (4, 70), (5, 24), 109),
        ("medium", 256, (4, 5), (5, 54), 109),
        ("medium", 512, (4, 10), (5, 104), 209),
        ("medium", 1024, (4, 10), (10, 208), 418),
        ("thick", 256, (1, 5), (5, 104), 209),
        ("thick", 511, (1, 5), (9, 207), 417.2),
        ("thick", 512, (1, 5), (5, 254), 459),
    ],
)
def test_strokes_have_the_figures_of_lama(
    family: str,
    size: int,
    strokes: tuple[int, int],
    widths: tuple[int, int],
    longest: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Each mask as it is first drawn: drawing again those with too large holes would favour few, thin strokes.
    drawn = []
    counts = []
    for seed in range(60):
        lines = LinesDrawn(monkeypatch)
        _FAMILIES[family].draw(np.random.default_rng(seed), size, size)
        monkeypatch.undo()
        drawn += lines.lines
        if lines.lines:
            counts.append(len(lines.strokes()))
    assert strokes[0] <= min(counts)
    assert max(counts) <= strokes[1]
    found = [width for _, _, width in drawn]
    assert widths[0] <= min(found)
    assert max(found) <= widths[1]
    assert max(found) > widths[1] - 0.1 * (widths[1] - widths[0]) - 1, "the widest strokes are missing"
    lengths = [float(np.hypot(x1 - x0, y1 - y0)) for (x0, y0), (x1, y1), _ in drawn]
    assert 0.8 * longest < max(lengths) <= longest + 2**0.5


def test_a_stroke_has_one_to_five_segments_in_the_directions_of_lama(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = LinesDrawn(monkeypatch)
    for seed in range(40):
        _FAMILIES["thin"].draw(np.random.default_rng(seed), 2048, 2048)
    assert {len(stroke) for stroke in lines.strokes()} == {1, 2, 3, 4, 5}
    directions = {
        round(float(np.arctan2(x1 - x0, y1 - y0)), 1)  # LaMa counts angles from downwards
        for (x0, y0), (x1, y1), _ in lines.lines
        if np.hypot(x1 - x0, y1 - y0) > 200 and 0 < x1 < 2048 and 0 < y1 < 2048
    }
    assert {abs(direction) for direction in directions} == {0.0, 1.0, 2.0, 3.0}
    assert {-1.0, 1.0} <= directions


@pytest.mark.parametrize(
    ("family", "share", "count"),
    [("thin", 0.0, 200), ("medium", 0.3 / 1.3, 2000), ("thick", 0.3 / 1.3, 2000)],
)
def test_strokes_to_boxes_are_1_to_03(family: str, share: float, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = LinesDrawn(monkeypatch)
    of_boxes = 0
    for seed in range(count):
        lines.lines.clear()
        _FAMILIES[family].draw(np.random.default_rng(seed), 16, 16)
        of_boxes += not lines.lines
    deviation = (share * (1 - share) / count) ** 0.5
    assert abs(of_boxes / count - share) <= 4 * deviation


@pytest.mark.parametrize(
    ("family", "size", "smallest", "largest", "most"),
    [
        ("medium", 256, 10, 50, 5),
        ("medium", 512, 30, 150, 5),
        ("thick", 256, 30, 150, 3),
        ("thick", 512, 30, 300, 4),
        ("thick", 1024, 60, 600, 4),
        ("boxes", 256, 10, 100, 5),
        ("boxes", 128, 5, 50, 5),
    ],
)
def test_boxes_have_the_figures_of_the_family(
    family: str, size: int, smallest: int, largest: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = LinesDrawn(monkeypatch)
    alone = []
    for seed in range(300):
        lines.lines.clear()
        mask = _FAMILIES[family].draw(np.random.default_rng(seed), size, size)
        if lines.lines:
            continue
        count, _, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
        assert 2 <= count <= most + 1  # the ground is a component, too
        for _, _, width, height, area in statistics[1:]:
            assert min(width, height) >= smallest
            if area == width * height:  # one box, if not boxes that happen to make one
                alone.append(max(width, height))
    assert max(alone) <= largest + largest // 4
    assert np.median(alone) <= largest
    assert max(alone) > 0.8 * largest
