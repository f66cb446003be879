from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikefill import InputError, masks
from spikefill.masks.families import _FAMILIES, _Family

sides = st.integers(1, 160)
every_family = st.sampled_from(masks.FAMILIES)


def test_the_families() -> None:
    percent = ("01-10", "10-20", "20-30", "30-40", "40-50", "50-60")
    others = ("thin", "medium", "thick", "boxes", "scratches", "text", "blocks", "blobs")
    assert (*others, *(f"irregular-{bounds}" for bounds in percent)) == masks.FAMILIES
    assert masks.family_names() == masks.FAMILIES


@settings(max_examples=60, deadline=None)
@given(every_family, sides, sides, st.integers(0, 2**63), st.integers(0, 2**40))
def test_a_mask_has_the_size_asked_for_and_holes_in_the_range_of_the_family(
    family: str, height: int, width: int, seed: int, index: int
) -> None:
    mask = masks.sample(family, (height, width), seed=seed, index=index)
    assert mask.shape == (height, width)
    assert mask.dtype == bool
    low, high = _FAMILIES[family].hole_ratio
    assert low < mask.mean() <= high or (mask.size < 64 and mask.sum() == 1)
    assert high == 0.5 or family.startswith("irregular")
    assert np.array_equal(mask, masks.sample(family, (height, width), seed=seed, index=index))


@pytest.mark.parametrize("size", [16, (16, 40)])
@pytest.mark.parametrize("family", masks.FAMILIES)
def test_small_masks_differ_and_are_more_than_the_middle_pixel(family: str, size: int | tuple[int, int]) -> None:
    drawn = [masks.sample(family, size, seed=0, index=index) for index in range(30)]
    assert len({mask.tobytes() for mask in drawn}) >= 25
    assert sum(mask.sum() > 1 for mask in drawn) >= 28


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


def test_a_family_names_its_own_range_of_hole_ratios(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spikefill.masks.families._FAMILIES", {})
    rows = iter((5, 2, 10, 8))

    @masks.family("most", hole_ratio=(0.5, 0.8))
    def draw(_: np.random.Generator, height: int, width: int) -> np.ndarray:
        return np.repeat(np.arange(height) < next(rows), width).reshape(height, width)

    assert masks.sample("most", 10, seed=0, index=0).sum() == 80  # half is not enough


@pytest.mark.parametrize("hole_ratio", [(0.5, 0.5), (-0.1, 0.5), (0.5, 0.2), (0.5, 1.0), (0.5, float("nan"))])
def test_what_is_no_range_of_hole_ratios(hole_ratio: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="hole_ratio is .*; it must be \\(low, high\\) with 0 <= low < high < 1"):
        masks.family("new", hole_ratio=hole_ratio)


@pytest.mark.parametrize("holes", [False, True])
def test_a_family_that_never_succeeds_ends_as_the_middle_pixel(holes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def draw(_: np.random.Generator, height: int, width: int) -> np.ndarray:
        calls.append(1)
        return np.full((height, width), holes)

    monkeypatch.setattr("spikefill.masks.families._FAMILIES", {"hopeless": _Family(draw, (0.0, 0.5))})
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
