"""The hybrid network computed where the holes need it gives what it gives for the whole picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from spikefill import data, inpainting, masks, models
from spikefill.models import Hybrid, hybrid, pyramid, sparse
from spikefill.models.cells import Cells


@pytest.fixture(scope="module")
def trained() -> Hybrid:
    return models.read("hybrid-small")  # type: ignore[return-value]


@pytest.fixture(scope="module")
def photograph() -> Tensor:
    """1 x 3 x 250 x 330 out of an embedded photograph."""
    pixels = np.ascontiguousarray(data.open_photographs("embedded")[0][:250, :330])
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255


def hole(image: Tensor, *where: Any) -> Tensor:
    mask = torch.zeros(1, 1, *image.shape[-2:])
    mask[0, 0][where] = 1
    return mask


def both(model: Hybrid, image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    with torch.inference_mode():
        return model.restored(image * (1 - mask), mask), model(image * (1 - mask), mask)


def assert_the_same(found: Tensor, expected: Tensor, mask: Tensor) -> None:
    """All known pixels, and nearly all in the holes: where a sum is rounded otherwise, a spike may come or go."""
    assert found.shape == expected.shape
    holes = (mask > 0).expand_as(found)
    assert torch.equal(found[~holes], expected[~holes])
    if holes.any():
        different = (found - expected)[holes].abs()
        assert (different < 1 / 255).float().mean() >= 0.99
        assert different.square().mean() < 1e-6


HOLES: dict[str, tuple[Any, ...]] = {
    "a pixel": (120, 77),
    "the first pixel": (0, 0),
    "the last pixel": (-1, -1),
    "a line": (slice(None), 100),
    "a frame": ([0, -1], slice(None)),
    "a block": (slice(60, 90), slice(200, 260)),
    "half": (slice(None), slice(0, 165)),
    "nearly all": (slice(3, None), slice(None)),
    "none": (slice(0, 0), slice(0, 0)),
}


@pytest.mark.parametrize("name", HOLES)
def test_holes_of_every_kind(trained: Hybrid, photograph: Tensor, name: str) -> None:
    mask = hole(photograph, *HOLES[name])
    assert_the_same(*both(trained, photograph, mask), mask)


def test_an_image_that_lies_channels_last(trained: Hybrid, photograph: Tensor) -> None:
    image = photograph[..., :248, :328]  # of a size that is not padded, which would lay it out anew
    mask = hole(image, *HOLES["a block"])
    assert_the_same(*both(trained, image.contiguous(memory_format=torch.channels_last), mask), mask)


@pytest.mark.parametrize("family", ["scratches", "text", "thin", "blobs"])
def test_families_of_masks(trained: Hybrid, photograph: Tensor, family: str) -> None:
    mask = torch.from_numpy(masks.sample(family, 330, seed=1, index=0)[:250].copy())[None, None].float()
    assert_the_same(*both(trained, photograph, mask), mask)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (9, 8), (37, 101), (64, 64)])
def test_any_size(trained: Hybrid, photograph: Tensor, size: tuple[int, int]) -> None:
    image = photograph[..., : size[0], : size[1]]
    mask = hole(image, size[0] // 2, size[1] // 2)
    assert_the_same(*both(trained, image, mask), mask)


@pytest.mark.parametrize(("size", "activation"), [("tiny", "lif"), ("small", "relu"), ("base", "lif")])
def test_other_networks(photograph: Tensor, size: str, activation: str) -> None:
    """Base has blocks in every place, and its blocks' weights are far from zero here."""
    with torch.random.fork_rng():
        torch.manual_seed(2)
        model = Hybrid(size=size, activation=activation).eval()  # type: ignore[arg-type]
    mask = hole(photograph, slice(20, 24), slice(30, 200)) + hole(photograph, slice(100, 200), 300)
    assert_the_same(*both(model, photograph, mask), mask)


@pytest.mark.parametrize("size", ["small", "base"])
def test_with_all_that_a_block_sees_it_is_the_same_but_for_rounding(
    photograph: Tensor, size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network without neurons, so that rounding stays small, whose far cells count as much as near ones."""
    monkeypatch.setattr(sparse, "REACH", 99)
    monkeypatch.setattr(sparse, "DENSE_FROM", 1.1)
    with torch.random.fork_rng():
        torch.manual_seed(2)
        model = Hybrid(size=size, activation="relu").eval()
        with torch.no_grad():
            for weight in model.parameters():
                weight.abs_() if weight.ndim == 4 else weight
    mask = hole(photograph, slice(20, 24), slice(30, 200)) + hole(photograph, 200, 300)
    found, expected = both(model, photograph, mask)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_little_is_computed_for_little(trained: Hybrid, photograph: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    sides: list[int] = []
    forward = hybrid.Core.forward

    def counted(core: hybrid.Core, image: Tensor, *arguments: Any) -> Any:
        sides.append(max(image.shape[-2:]))
        return forward(core, image, *arguments)

    monkeypatch.setattr(hybrid.Core, "forward", counted)
    for where, largest in (((120, 77), 84), ((slice(None), slice(None, None, 4)), 332)):
        sides.clear()
        mask = hole(photograph, *where)
        with torch.inference_mode():
            trained.restored(photograph * (1 - mask), mask)
        assert max(sides) <= largest
    assert max(sides) == 332  # holes everywhere: all of it


def test_what_needs_gradients_or_has_several_images_is_computed_whole(
    trained: Hybrid, photograph: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("computed sparsely")

    monkeypatch.setattr(sparse, "refined", refuse)
    mask = hole(photograph, 120, 77)
    masked = photograph * (1 - mask)
    assert torch.equal(trained.restored(masked, mask), trained(masked, mask))
    with torch.inference_mode():
        several = masked.repeat(2, 1, 1, 1), mask.repeat(2, 1, 1, 1)
        assert torch.equal(trained.restored(*several), trained(*several))
        with pytest.raises(AssertionError, match="computed sparsely"):
            trained.restored(masked, mask)


def test_pixels_of_an_enlarged_image() -> None:
    image = torch.rand(1, 3, 5, 8, generator=torch.Generator().manual_seed(0))
    for height, width in ((10, 16), (8, 12)):
        pixels = Cells(torch.rand(height, width, generator=torch.Generator().manual_seed(1)) < 0.5)
        enlarged = pyramid.enlarged(image, torch.empty(1, 3, height, width))
        torch.testing.assert_close(sparse._enlarged(image[0], pixels), enlarged[0][:, pixels.mask])


def test_an_inpainter_computes_so(photograph: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    refined = sparse.refined
    monkeypatch.setattr(sparse, "refined", lambda *a: calls.append(1) or refined(*a))  # type: ignore[func-returns-value]
    pixels = (photograph[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    holes = np.zeros(pixels.shape[:2], bool)
    holes[100:103, 50:90] = True
    restored = inpainting.load("hybrid-small").inpaint(pixels, holes)
    assert calls
    assert np.array_equal(restored[~holes], pixels[~holes])


def test_other_precision_and_noise_are_computed_whole(photograph: Tensor) -> None:
    image, mask = photograph[..., :40, :56], hole(photograph[..., :40, :56], 20, slice(3, 30))
    double = Hybrid(size="tiny", activation="relu").eval().double()
    found, expected = both(double, image.double(), mask.double())
    assert torch.equal(found, expected)
    noisy = Hybrid(size="tiny", noise=0.1, noise_in_eval=True).eval()
    with torch.inference_mode():
        results = []
        for call in (noisy.restored, noisy):
            torch.manual_seed(0)
            results.append(call(image * (1 - mask), mask))
    assert torch.equal(*results)
