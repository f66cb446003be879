from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from spikefill import masks
from spikefill.masks.families import _FAMILIES


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


def calls_of(function: str, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """The arguments of every call of a function of OpenCV from here on."""
    calls = []
    original = getattr(cv2, function)

    def note(*arguments: Any) -> Any:
        calls.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(cv2, function, note)
    return calls


def calls_for_text(
    function: str, size: int | tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> list[tuple[Any, ...]]:
    calls = calls_of(function, monkeypatch)
    for index in range(40):
        masks.sample("text", size, seed=0, index=index)
    return calls


@pytest.mark.parametrize(
    ("size", "smallest", "largest"),
    [(256, 9, 36), (512, 18, 72), ((256, 400), 9, 36), (128, 8, 18), (16, 8, 8)],
)
def test_letters_grow_with_the_mask_and_stay_legible(
    size: int | tuple[int, int], smallest: int, largest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    heights = [call[1] for call in calls_for_text("getFontScaleFromHeight", size, monkeypatch)]
    assert min(heights) >= smallest
    assert max(heights) <= largest
    assert min(heights) < smallest + 0.1 * (largest - smallest) + 1
    assert max(heights) > largest - 0.3 * (largest - smallest) - 1


def test_lines_are_words_in_several_fonts_and_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = calls_for_text("putText", 256, monkeypatch)
    lines = [call[1] for call in calls]
    assert len(lines) > 3 * 40
    assert len(set(lines)) > 0.95 * len(lines)
    assert all(word.isalpha() or word.isdecimal() for line in lines for word in line.split(" "))
    assert {line.upper() == line for line in lines} == {True, False}
    assert 1 < np.mean([len(line.split()) for line in lines]) <= 7
    assert len({call[3] for call in calls}) == 5
    thickness = [call[6] for call in calls]
    assert min(thickness) == 1
    assert max(thickness) > 3


def test_text_tilts_a_little(monkeypatch: pytest.MonkeyPatch) -> None:
    angles = [call[1] for call in calls_for_text("getRotationMatrix2D", 64, monkeypatch)]
    assert 3 < np.std(angles) < 5
    assert abs(np.mean(angles)) < 1.5


def test_text_is_many_parts_of_about_the_size_of_letters() -> None:
    parts = []
    for index in range(20):
        mask = masks.sample("text", 256, seed=1, index=index)
        assert 0.002 < mask.mean() < 0.25
        _, _, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
        parts.append(len(statistics) - 1)
        assert np.median(statistics[1:, 3]) <= 40
    assert np.median(parts) >= 10


@pytest.mark.parametrize(("size", "sides"), [(256, (8, 16)), (512, (16, 32)), ((100, 300), (3, 6)), (16, (1, 1))])
def test_blocks_lie_on_a_grid(size: int | tuple[int, int], sides: tuple[int, int]) -> None:
    small, large = sides
    on_the_large_grid = 0
    for index in range(40):
        mask = masks.sample("blocks", size, seed=0, index=index)
        assert np.array_equal(mask, _whole_blocks(mask, small)) or np.array_equal(mask, _whole_blocks(mask, large))
        on_the_large_grid += np.array_equal(mask, _whole_blocks(mask, large))
    assert on_the_large_grid == 40 if small == large else 8 < on_the_large_grid < 32


def _whole_blocks(mask: np.ndarray, side: int) -> np.ndarray:
    """The mask with each block as its top left pixel."""
    height, width = mask.shape
    return mask[::side, ::side].repeat(side, 0).repeat(side, 1)[:height, :width]


def test_5_to_30_percent_of_the_blocks_are_lost() -> None:
    # Of 4,096 or 1,024 packets of one block; longer packets vary.
    ratios = [float(_FAMILIES["blocks"].draw(np.random.default_rng(seed), 512, 512).mean()) for seed in range(200)]
    assert min(ratios) > 0.03
    assert max(ratios) < 0.4
    assert np.mean(ratios) == pytest.approx(0.175, abs=4 * 0.25 / (12 * 200) ** 0.5)


def test_a_packet_is_one_block_or_a_run() -> None:
    longest = []
    for seed in range(60):
        mask = _FAMILIES["blocks"].draw(np.random.default_rng(seed), 512, 512)
        lost = mask[::16, ::16]
        if lost.mean() < 0.1 and not np.array_equal(mask, _whole_blocks(mask, 32)):
            edges = np.flatnonzero(np.diff(np.pad(lost.ravel().astype(int), 1)))
            longest.append((edges[1::2] - edges[::2]).max())
    assert min(longest) <= 3, "single blocks are missing"
    assert max(longest) >= 7, "runs are missing"
