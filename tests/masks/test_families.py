from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikefill import InputError, masks
from spikefill.masks.families import _FAMILIES

sides = st.integers(1, 160)
every_family = st.sampled_from(masks.FAMILIES)


def test_the_families() -> None:
    assert masks.FAMILIES == ("thin", "medium", "thick", "boxes", "scratches")
    assert masks.family_names() == masks.FAMILIES


@settings(max_examples=60, deadline=None)
@given(every_family, sides, sides, st.integers(0, 2**63), st.integers(0, 2**40))
def test_a_mask_has_a_hole_of_at_most_half_and_the_size_asked_for(
    family: str, height: int, width: int, seed: int, index: int
) -> None:
    mask = masks.sample(family, (height, width), seed=seed, index=index)
    assert mask.shape == (height, width)
    assert mask.dtype == bool
    assert mask.any()
    assert mask.mean() <= 0.5 or mask.size == 1
    assert np.array_equal(mask, masks.sample(family, (height, width), seed=seed, index=index))


@pytest.mark.parametrize("family", masks.FAMILIES)
def test_each_argument_changes_the_mask(family: str) -> None:
    mask = masks.sample(family, 64, seed=1, index=2)
    assert not np.array_equal(mask, masks.sample(family, 64, seed=2, index=2))
    assert not np.array_equal(mask, masks.sample(family, 64, seed=1, index=3))
    assert not np.array_equal(mask, masks.sample(family, 64, seed=2, index=1)), "seed and index are mixed up"
    assert not np.array_equal(mask, masks.sample(family, (65, 64), seed=1, index=2)[:64])


def test_an_integer_is_a_square_and_numpy_integers_will_do() -> None:
    square = masks.sample("thin", (48, 48), seed=3, index=4)
    assert np.array_equal(square, masks.sample("thin", 48, seed=3, index=4))
    assert np.array_equal(square, masks.sample("thin", np.int64(48), seed=np.int32(3), index=np.uint8(4)))


def test_a_mask_is_the_same_in_another_process_and_in_any_order() -> None:
    code = (
        "import numpy; numpy.random.seed(5); from spikefill import masks\n"
        "masks.sample('boxes', 9, seed=1, index=1)\n"
        "print(*numpy.flatnonzero(masks.sample('medium', 40, seed=7, index=8)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    np.random.random()  # noqa: NPY002 - the global generator must play no part
    expected = np.flatnonzero(masks.sample("medium", 40, seed=7, index=8))
    assert [int(number) for number in done.stdout.split()] == expected.tolist()


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
        _FAMILIES[family](np.random.default_rng(seed), size, size)
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
        _FAMILIES["thin"](np.random.default_rng(seed), 2048, 2048)
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
        _FAMILIES[family](np.random.default_rng(seed), 16, 16)
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
        mask = _FAMILIES[family](np.random.default_rng(seed), size, size)
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


def test_scratches_are_thin_and_long() -> None:
    wide = []
    longest = []
    for index in range(20):
        mask = masks.sample("scratches", 256, seed=0, index=index).astype(np.uint8)
        assert mask.mean() < 0.15
        # Opening with 9 x 9 leaves nothing of lines of 3 px and dust of half axis 3, and little of crossings.
        wide.append(cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((9, 9), np.uint8)).mean())
        _, _, statistics, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        longest.append(statistics[1:, 2:4].max())
    assert np.mean(wide) < 0.002
    assert np.median(longest) > 100


def test_a_family_may_be_added_and_is_drawn_again_until_its_holes_will_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("spikefill.masks.families._FAMILIES", {})
    tries = []

    @masks.family("growing")
    def draw(generator: np.random.Generator, height: int, width: int) -> np.ndarray:
        tries.append(generator.integers(1000))
        mask = np.zeros((height, width), bool)
        mask[: {1: 0, 2: height // 2 + 1}.get(len(tries), height // 2)] = True  # none, too much, half
        return mask

    assert masks.family_names() == ("growing",)
    mask = masks.sample("growing", (4, 3), seed=0, index=0)
    assert mask.tolist() == [[True] * 3, [True] * 3, [False] * 3, [False] * 3]
    assert len(set(tries)) == 3
    with pytest.raises(InputError, match="'growing', which is taken"):
        masks.family("growing")
    with pytest.raises(InputError, match="'growing', which has no evaluation set"):
        masks.evaluation("growing", 128, image_index=0, repeat=0)


@pytest.mark.parametrize("holes", [False, True])
def test_a_family_that_never_succeeds_ends_as_the_middle_pixel(holes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def draw(_: np.random.Generator, height: int, width: int) -> np.ndarray:
        calls.append(1)
        return np.full((height, width), holes)

    monkeypatch.setattr("spikefill.masks.families._FAMILIES", {"hopeless": draw})
    mask = masks.sample("hopeless", (3, 5), seed=0, index=0)
    assert np.argwhere(mask).tolist() == [[1, 2]]
    assert len(calls) == 100


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"family": "wide"}, "family is 'wide'; it must be one of: thin, medium, thick, boxes, scratches"),
        ({"size": 0}, "size is 0; it must be a side or \\(height, width\\), each from 1 to 32768 px"),
        ({"size": -5}, "size is -5"),
        ({"size": True}, "size is True"),
        ({"size": 12.0}, "size is 12.0"),
        ({"size": None}, "size is None"),
        ({"size": "128"}, "size is '128'"),
        ({"size": (12, 0)}, "size is \\(12, 0\\)"),
        ({"size": (12, 12, 3)}, "size is \\(12, 12, 3\\)"),
        ({"size": (12, 1 << 16)}, "each from 1 to 32768"),
        ({"seed": -1}, "seed is -1; it must be a whole number, 0 or more"),
        ({"seed": 0.5}, "seed is 0.5"),
        ({"seed": None}, "seed is None"),
        ({"index": -1}, "index is -1"),
        ({"index": False}, "index is False"),
    ],
)
def test_wrong_arguments(arguments: dict[str, object], said: str) -> None:
    right: dict[str, object] = {"family": "thin", "size": 16, "seed": 0, "index": 0}
    with pytest.raises(InputError, match=said):
        masks.sample(**{**right, **arguments})  # type: ignore[arg-type]
