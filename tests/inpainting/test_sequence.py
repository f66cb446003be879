from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spikefill import InputError, models
from spikefill.inpainting import Inpainter, load

SIDE = 64


@pytest.fixture(scope="module")
def hybrid() -> Inpainter:
    return load("hybrid-small")


@pytest.fixture(scope="module")
def film(cat: np.ndarray) -> list[np.ndarray]:
    """A pan of 3 px a frame."""
    return [np.ascontiguousarray(cat[100 : 100 + SIDE, 150 + 3 * n : 150 + 3 * n + SIDE]) for n in range(4)]


@pytest.fixture(scope="module")
def overlay() -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[20:34, 12:40] = True
    return mask


@pytest.fixture(scope="module")
def scratches(overlay: np.ndarray) -> list[np.ndarray]:
    """A mask for each frame; the third has no hole."""
    return [overlay, overlay.T.copy(), np.zeros_like(overlay), np.roll(overlay, 20, axis=0)]


def with_steps(steps: int) -> Inpainter:
    inpainter = load("hybrid-small")
    inpainter.model.set_steps(steps)
    return inpainter


def test_frame_by_frame_is_each_frame_by_itself(
    hybrid: Inpainter, film: list[np.ndarray], scratches: list[np.ndarray]
) -> None:
    restored = list(hybrid.sequence(film, scratches))
    assert len(restored) == 4
    for frame, mask, result in zip(film, scratches, restored, strict=True):
        assert np.array_equal(result, hybrid.inpaint(frame, mask))


def test_the_first_frame_carries_nothing_yet(hybrid: Inpainter, film: list[np.ndarray], overlay: np.ndarray) -> None:
    first, second = itertools.islice(hybrid.sequence(film, overlay, carry="potentials"), 2)
    expected = hybrid.inpaint(film[0], overlay)
    assert (np.abs(first.astype(int) - expected) <= 1).mean() >= 0.999
    assert (second != hybrid.inpaint(film[1], overlay)).any()


def test_the_mean_over_frames_of_one_step_tends_to_many_steps(film: list[np.ndarray], overlay: np.ndarray) -> None:
    wanted = with_steps(32).inpaint(film[0], overlay)[overlay].astype(float)
    one_step = with_steps(1)
    restored = one_step.sequence(itertools.repeat(film[0], 32), overlay, carry="potentials")
    first, *others = [frame[overlay].astype(float) for frame in restored]

    def error(result: np.ndarray) -> float:
        return float(np.sqrt(np.mean((result - wanted) ** 2)))

    assert np.array_equal(first, one_step.inpaint(film[0], overlay)[overlay])
    assert error(np.mean(others, axis=0)) < 0.6 * error(first)


@pytest.mark.parametrize("carry", ["nothing", "potentials"])
def test_known_pixels_stay_and_nothing_leaks_from_under_the_mask(
    carry: Any, hybrid: Inpainter, film: list[np.ndarray], scratches: list[np.ndarray]
) -> None:
    random = np.random.default_rng(3)
    others = []
    for frame, mask in zip(film, scratches, strict=True):
        other = frame.copy()
        other[mask] = random.integers(0, 256, other[mask].shape)
        others.append(other)
    before = [frame.copy() for frame in film]
    restored = list(hybrid.sequence(film, scratches, carry=carry))
    for frame, copied, mask, result in zip(film, before, scratches, restored, strict=True):
        assert np.array_equal(frame, copied)
        assert np.array_equal(result[~mask], frame[~mask])
    for result, other in zip(restored, hybrid.sequence(others, scratches, carry=carry), strict=True):
        assert np.array_equal(result, other)


def test_sequences_do_not_meddle_with_one_another(
    hybrid: Inpainter, film: list[np.ndarray], overlay: np.ndarray
) -> None:
    films = film, film[::-1]
    alone = [list(hybrid.sequence(frames, overlay, carry="potentials")) for frames in films]
    still = hybrid.inpaint(film[0], overlay)
    both = [hybrid.sequence(frames, overlay, carry="potentials") for frames in films]
    for expected, result in zip(zip(*alone, strict=True), zip(*both, strict=True), strict=True):
        assert np.array_equal(expected, result)
    assert np.array_equal(hybrid.inpaint(film[0], overlay), still)
    with ThreadPoolExecutor(2) as pool:
        together = pool.map(lambda frames: list(hybrid.sequence(frames, overlay, carry="potentials")), films)
        for expected, result in zip(alone, together, strict=True):
            assert np.array_equal(expected, result)


@pytest.mark.parametrize("carry", ["nothing", "potentials"])
def test_frames_and_masks_are_taken_one_by_one(carry: Any, film: list[np.ndarray], overlay: np.ndarray) -> None:
    taken = []

    def noted(what: str, items: Iterator[Any]) -> Iterator[Any]:
        for item in items:
            taken.append(what)
            yield item

    masks = noted("mask", itertools.repeat(overlay))
    restored = load("hybrid-small").sequence(noted("frame", itertools.cycle(film)), masks, carry=carry)
    assert taken == []
    next(restored)
    assert taken == ["frame", "mask"]
    next(restored)
    assert taken == ["frame", "mask"] * 2


@pytest.mark.parametrize("carry", ["nothing", "potentials"])
def test_frames_may_be_images_and_files(
    carry: Any, hybrid: Inpainter, film: list[np.ndarray], overlay: np.ndarray, tmp_path: Path
) -> None:
    expected = list(hybrid.sequence(film, overlay, carry=carry))
    images = [Image.fromarray(frame) for frame in film]
    paths = [tmp_path / f"{number}.png" for number in range(len(film))]
    for image, path in zip(images, paths, strict=True):
        image.save(path)
    mask = Image.fromarray(overlay)
    mask.save(tmp_path / "mask.png")
    for frames, one in ((images, mask), (paths, tmp_path / "mask.png"), (map(str, paths), str(tmp_path / "mask.png"))):
        for result, right in zip(hybrid.sequence(frames, one, carry=carry), expected, strict=True):
            assert isinstance(result, Image.Image)
            assert np.array_equal(np.asarray(result), right)


def test_inks_are_carried_with_their_own_potentials(
    hybrid: Inpainter, film: list[np.ndarray], overlay: np.ndarray
) -> None:
    inks = [Image.fromarray(frame).convert("CMYK") for frame in film[:2]]
    restored = list(hybrid.sequence(inks, overlay, carry="potentials"))
    assert [image.mode for image in restored] == ["CMYK", "CMYK"]
    for image, source in zip(restored, inks, strict=True):
        assert np.array_equal(np.asarray(image)[~overlay], np.asarray(source)[~overlay])


def test_the_papers_network_carries_too(film: list[np.ndarray], overlay: np.ndarray) -> None:
    scnn = load("scnn")
    restored = list(scnn.sequence([film[0]] * 3, overlay, carry="potentials"))
    assert np.array_equal(restored[0], scnn.inpaint(film[0], overlay))
    assert (restored[1] != restored[0]).any()


@pytest.mark.parametrize("carry", ["nothing", "potentials"])
def test_what_a_sequence_cannot_be_names_the_frame(
    carry: Any, hybrid: Inpainter, film: list[np.ndarray], overlay: np.ndarray
) -> None:
    smaller = film[2][:-8]
    restored = hybrid.sequence([*film[:2], smaller], overlay, carry=carry)
    next(restored), next(restored)
    with pytest.raises(InputError, match=r"^frame 3: mask is 64 x 64 px, the photograph 64 x 56; .*one size$"):
        next(restored)
    changing = [overlay, overlay[:-8]]
    with pytest.raises(InputError, match=r"^frame 2: mask is 64 x 56 px, that of the first frame 64 x 64; "):
        list(hybrid.sequence([film[0], smaller], changing, carry=carry))
    with pytest.raises(InputError, match=r"^frame 3: there is no mask for it; "):
        list(hybrid.sequence(film, [overlay, overlay], carry=carry))
    with pytest.raises(InputError, match=r"^frame 2: mask covers the whole picture"):
        list(hybrid.sequence(film, [overlay, np.ones_like(overlay)], carry=carry))
    assert list(hybrid.sequence([], overlay, carry=carry)) == []


def test_wrong_arguments_are_said_at_the_call(hybrid: Inpainter, film: list[np.ndarray], overlay: np.ndarray) -> None:
    for wrong in ("film.png", Path("film.png"), Image.fromarray(film[0]), 5):
        with pytest.raises(InputError, match=r"^frames is a .*; it must be an iterable of pictures$"):
            hybrid.sequence(wrong, overlay)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="^mask is a NoneType; "):
        hybrid.sequence(film, None)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="^carry is 'spikes'; it must be one of: nothing, potentials$"):
        hybrid.sequence(film, overlay, carry="spikes")  # type: ignore[arg-type]
    relu = Inpainter(models.create("hybrid", size="tiny", activation="relu"))
    with pytest.raises(InputError, match="no neurons"):
        relu.sequence(film, overlay, carry="potentials")
    streaming = Inpainter(models.create("hybrid", size="tiny", streaming={}))
    with pytest.raises(InputError, match="streaming"):
        streaming.sequence(film, overlay, carry="potentials")
    best = Inpainter(hybrid.model, quality="best")
    with pytest.raises(InputError, match="^carry is 'potentials', which goes with quality='fast'; quality is 'best'$"):
        best.sequence(film, overlay, carry="potentials")
    for inpainter in (relu, streaming, best):
        assert next(inpainter.sequence(film, overlay)).shape == film[0].shape
