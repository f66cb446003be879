from __future__ import annotations

import errno
import logging
import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from spikefill import InputError, data, masks
from spikefill.errors import UnreadableError

from .fakes import ramp

Sample = dict[str, torch.Tensor]


def dataset(photographs: Any, **changes: Any) -> data.MaskedPhotographs:
    return data.MaskedPhotographs(photographs, **{"size": 32, "length": 50, "seed": 1, **changes})


def same(first: Sample, second: Sample) -> bool:
    return set(first) == set(second) and all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def embedded() -> data.Photographs:
    return data.open_photographs("embedded", part="val")


@settings(max_examples=40, deadline=None)
@given(
    size=st.integers(8, 90),
    seed=st.integers(0, 2**40),
    index=st.integers(0, 10**6),
    augment=st.booleans(),
    height=st.integers(16, 100),
    width=st.integers(16, 100),
)
def test_a_sample(size: int, seed: int, index: int, augment: bool, height: int, width: int) -> None:
    photographs = [ramp(height, width)]
    samples = dataset(photographs, size=size, seed=seed, length=10**6 + 1, augment=augment)
    sample = samples[index]
    assert {name: (tuple(value.shape), value.dtype) for name, value in sample.items()} == {
        "masked": ((3, size, size), torch.float32),
        "mask": ((1, size, size), torch.float32),
        "target": ((3, size, size), torch.float32),
    }
    hole = sample["mask"] == 1
    assert bool(((sample["mask"] == 0) | hole).all())
    assert bool(hole.any())
    assert not bool(hole.all())
    assert bool((sample["masked"][hole.expand(3, -1, -1)] == 0).all())
    assert torch.equal(sample["masked"] * ~hole, sample["target"] * ~hole)
    assert float(sample["target"].min()) >= 0
    assert float(sample["target"].max()) <= 1
    assert torch.allclose(sample["target"][2], torch.tensor(40 / 255))  # the channels are in order
    assert same(sample, dataset(photographs, size=size, seed=seed, length=10**6 + 1, augment=augment)[index])


def test_a_sample_depends_on_seed_and_number_alone(embedded: data.Photographs) -> None:
    one, other = dataset(embedded), dataset(embedded, length=7, cache_bytes=0)
    forwards = [one[i] for i in range(7)]
    backwards = [other[i] for i in reversed(range(7))][::-1]
    assert all(same(a, b) for a, b in zip(forwards, backwards, strict=True))
    assert not same(one[0], one[1])
    assert not same(one[0], dataset(embedded, seed=2)[0])


def test_workers_do_not_change_what_sample_i_is(embedded: data.Photographs) -> None:
    samples = dataset(embedded, length=10)
    alone = list(DataLoader(samples, batch_size=3))
    shared = list(DataLoader(samples, batch_size=3, num_workers=2, multiprocessing_context="spawn"))
    assert len(alone) == len(shared) == 4
    assert all(same(a, b) for a, b in zip(alone, shared, strict=True))


def test_without_augmentation_a_sample_is_the_centre_of_its_photograph() -> None:
    photographs = [ramp(60, 90), ramp(41, 40) + np.uint8(100)]
    samples = dataset(photographs, augment=False, length=4, families=["thick"])
    for index in (0, 2):
        expected = torch.from_numpy(photographs[0][14:46, 29:61].copy()).permute(2, 0, 1) / 255
        assert torch.equal(samples[index]["target"], expected)
    expected = torch.from_numpy(photographs[1][4:36, 4:36].copy()).permute(2, 0, 1) / 255
    assert torch.equal(samples[1]["target"], expected)
    hole = torch.from_numpy(masks.sample("thick", 32, seed=1, index=2))
    assert torch.equal(samples[2]["mask"][0] == 1, hole)
    assert not torch.equal(samples[0]["mask"], samples[2]["mask"])


def test_crops_are_turned_flipped_and_moved() -> None:
    # With a scale of 1 a crop is a window: red grows by 1 a row, green by 1 a column.
    samples = dataset([ramp(100, 100)], size=16, length=300, scales=(1.0, 1.0))
    orientations: Counter[tuple[int, ...]] = Counter()
    corners = set()
    for index in range(300):
        target = (samples[index]["target"] * 255).round().int()
        down = (target[:2, 1, 0] - target[:2, 0, 0]).tolist()
        right = (target[:2, 0, 1] - target[:2, 0, 0]).tolist()
        orientations[tuple(down + right)] += 1
        corners.add((int(target[0].min()), int(target[1].min())))
    assert set(orientations) == {
        (a, 0, 0, b) if straight else (0, a, b, 0) for straight in (True, False) for a in (1, -1) for b in (1, -1)
    }
    assert min(orientations.values()) > 15  # of 37.5 expected
    assert len(corners) > 250
    assert {0, 84} <= {top for top, _ in corners} | {left for _, left in corners}, "the borders are left out"


def test_the_scale_is_drawn_from_its_range() -> None:
    samples = dataset([ramp(200, 200)], size=40, length=100, scales=(0.5, 0.8))
    shown = []
    for index in range(100):
        red = samples[index]["target"][0] * 255
        shown.append(float(red.max() - red.min()) * 40 / 39)
    assert 49 <= min(shown) < 53  # 40 / 0.8
    assert 75 < max(shown) <= 81  # 40 / 0.5


def test_masks_are_flipped_in_training() -> None:
    samples = dataset([ramp(64, 64)], length=64, families=["medium"])
    seen: Counter[str] = Counter()
    for index in range(64):
        hole = samples[index]["mask"][0].numpy() == 1
        drawn = masks.sample("medium", 32, seed=1, index=index)
        flips = {"": drawn, "v": drawn[::-1], "h": drawn[:, ::-1], "vh": drawn[::-1, ::-1]}
        seen[next(name for name, flip in flips.items() if np.array_equal(flip, hole))] += 1
    assert set(seen) == {"", "v", "h", "vh"}


def test_every_photograph_and_family_gets_its_turn() -> None:
    photographs = [np.full((40, 40, 3), level, np.uint8) for level in (10, 20, 30)]
    samples = dataset(photographs, length=300, families=("thin", "boxes"))
    levels = Counter(round(float(samples[i]["target"].max()) * 255) for i in range(300))
    assert set(levels) == {10, 20, 30}
    assert min(levels.values()) > 60  # of 100 expected
    drawn = Counter()
    for index in range(100):
        hole = samples[index]["mask"].sum()
        drawn.update(f for f in ("thin", "boxes") if masks.sample(f, 32, seed=1, index=index).sum() == hole)
    assert min(drawn["thin"], drawn["boxes"]) > 30


def test_large_photographs_are_reduced_and_small_ones_enlarged() -> None:
    large, small = ramp(300, 400), ramp(20, 30)
    samples = dataset([large, small], augment=False, size=32, shorter_side=60, length=2)
    reduced = cv2.resize(large, (80, 60), interpolation=cv2.INTER_AREA)[14:46, 24:56]
    assert np.array_equal((samples[0]["target"] * 255).round().byte().permute(1, 2, 0).numpy(), reduced)
    enlarged = cv2.resize(small, (48, 32), interpolation=cv2.INTER_CUBIC)[:, 8:40]
    assert np.array_equal((samples[1]["target"] * 255).round().byte().permute(1, 2, 0).numpy(), enlarged)


class Counting(list[np.ndarray]):
    """Photographs that count how often each is asked for."""

    def __init__(self, photographs: list[np.ndarray]) -> None:
        super().__init__(photographs)
        self.asked: Counter[int] = Counter()

    def __getitem__(self, index: Any) -> Any:
        self.asked[index] += 1
        return super().__getitem__(index)


def test_decoded_photographs_are_kept_as_far_as_there_is_room() -> None:
    one = ramp(40, 40).nbytes
    roomy = Counting([ramp(40, 40)] * 3)
    samples = dataset(roomy, augment=False, length=12, cache_bytes=3 * one)
    for index in range(12):
        samples[index]
    assert roomy.asked == {0: 1, 1: 1, 2: 1}
    narrow = Counting([ramp(40, 40)] * 3)
    samples = dataset(narrow, augment=False, length=12, cache_bytes=2 * one)
    for index in (0, 1, 0, 2, 0, 1):  # 2 takes the place of 1, which was not used for longest
        samples[index]
    assert narrow.asked == {0: 1, 1: 2, 2: 1}
    none = Counting([ramp(40, 40)] * 3)
    samples = dataset(none, augment=False, length=12, cache_bytes=0)
    assert same(samples[0], samples[0])
    assert none.asked == {0: 2}


def test_what_is_decoded_is_not_sent_to_workers(embedded: data.Photographs) -> None:
    samples = dataset(embedded)
    before = len(pickle.dumps(samples))
    first = samples[0]
    assert len(pickle.dumps(samples)) == before < 10_000
    assert same(pickle.loads(pickle.dumps(samples))[0], first)


def test_a_damaged_photograph_is_reported_once_and_the_next_takes_its_place(
    damaged: Path, caplog: pytest.LogCaptureFixture
) -> None:
    photographs = data.open_photographs(damaged)
    samples = dataset(photographs, augment=False, length=6, cache_bytes=0)
    with caplog.at_level(logging.WARNING, "spikefill"):
        assert torch.equal(samples[1]["target"], samples[2]["target"])
        assert torch.equal(samples[4]["target"], samples[5]["target"])
        assert not torch.equal(samples[0]["target"], samples[1]["target"])
    assert len(caplog.messages) == 1
    assert "2.png cannot be decoded" in caplog.messages[0]
    only = dataset(photographs[1:2], length=3)
    with pytest.raises(InputError, match=r"no photograph could be decoded: .*2\.png"):
        only[0]


def test_what_cannot_be_read_for_a_moment_is_read_again(damaged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = dataset(data.open_photographs(damaged))[0]
    failures = _unreadable(monkeypatch, times=2)
    assert same(dataset(data.open_photographs(damaged))[0], expected)
    assert failures == ["down", "down"]


def test_what_cannot_be_read_at_all_is_not_replaced(
    damaged: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    samples = dataset(data.open_photographs(damaged))
    expected = dataset(data.open_photographs(damaged))[0]
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING, "spikefill"):
        _unreadable(patch, times=100)
        with pytest.raises(UnreadableError, match=r"cannot read .*\.png: the network is down"):
            samples[0]
    assert caplog.messages == []
    assert same(samples[0], expected)


def test_a_photograph_that_has_gone_is_not_waited_for(damaged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = dataset(data.open_photographs(damaged), augment=False)
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("it waited"))
    (damaged / "1.png").unlink()
    with pytest.raises(UnreadableError, match=r"cannot read .*1\.png"):
        samples[0]


def _unreadable(monkeypatch: pytest.MonkeyPatch, *, times: int) -> list[str]:
    """Lets the next attempts to read a file fail; a list that grows with each of them."""
    failures: list[str] = []
    original = Path.read_bytes

    def read(self: Path) -> bytes:
        if len(failures) < times:
            failures.append("down")
            raise OSError(errno.ENETDOWN, "the network is down")
        return original(self)

    monkeypatch.setattr(Path, "read_bytes", read)
    monkeypatch.setattr("spikefill.data.decoding._PAUSES", (0.0, 0.0))
    return failures


def test_a_real_folder_with_all_its_faults(folder: Path) -> None:
    samples = dataset(data.open_photographs(folder), size=48, length=20)
    levels = [samples[index]["target"] for index in range(20)]
    grey = [bool((level[0] == level[1]).all() and (level[1] == level[2]).all()) for level in levels]
    assert any(grey)
    assert not all(grey)


def test_there_are_length_samples_and_no_more() -> None:
    samples = dataset([ramp(40, 40)], length=2)
    assert len(samples) == 2
    assert len([samples[0], samples[1]]) == 2
    for index in (2, -1):
        with pytest.raises(IndexError, match=f"index is {index}; there are 2 samples"):
            samples[index]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"size": 7}, "size is 7; it must be a whole number, at least 8"),
        ({"size": 32.0}, "size is 32.0"),
        ({"length": -1}, "length is -1"),
        ({"seed": -1}, "seed is -1; it must be a whole number, at least 0"),
        ({"seed": True}, "seed is True"),
        ({"families": ()}, "families is empty; name some of: thin, medium, thick, boxes, scratches"),
        ({"families": "thin"}, "families is 'thin'; it must be a sequence"),
        ({"families": ("thin", "wide")}, "family is 'wide'; it must be one of"),
        ({"scales": (0.8, 0.5)}, "scales is \\(0.8, 0.5\\)"),
        ({"scales": (0.0, 1.0)}, "scales is"),
        ({"scales": (0.5, 1.5)}, "scales is"),
        ({"shorter_side": 31}, "shorter_side is 31; it must be at least size = 32"),
        ({"photographs": []}, "photographs is empty"),
    ],
)
def test_wrong_arguments(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        dataset(**{"photographs": [ramp(40, 40)], **changes})
