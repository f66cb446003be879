"""The finest level taken from a picture as it is stored is what it is as planes of float."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from spikefill import models
from spikefill.models import Hybrid, pyramid
from spikefill.models.cells import Cells, halved
from spikefill.models.finest import Finest
from spikefill.models.stored import Stored

SIZES = [(1, 5), (9, 10), (37, 101), (40, 600)]


def picture(size: tuple[int, int], channels: int = 3, dtype: Any = np.uint8) -> Stored:
    """Noise, of which a fifth is missing."""
    generator = np.random.default_rng(sum(size))
    numbers = generator.random((*size, channels), np.float32)
    colours = (numbers * 255).astype(np.uint8) if dtype == np.uint8 else numbers
    holes: NDArray[np.bool_] = generator.random(size) < 0.2
    if dtype != np.uint8:
        colours[holes] = np.nan
    return Stored(colours, holes)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("channels", "dtype"), [(3, np.uint8), (1, np.uint8), (3, np.float32), (1, np.float32)])
def test_the_next_coarser_level_is_the_same_to_the_last_bit(size: tuple[int, int], channels: int, dtype: Any) -> None:
    stored = picture(size, channels, dtype)
    found = Finest(stored, 4).halved(4)
    masked, mask = stored.planes()
    _, expected, *_ = pyramid.build(masked, mask, multiple=4, coarsest=4)
    assert torch.equal(found.light, expected.light)
    assert torch.equal(found.known, expected.known)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_cores_input_is_the_filled_picture(size: tuple[int, int], channels: int) -> None:
    stored = picture(size, channels)
    finest = Finest(stored, 4)
    masked, mask = stored.planes()
    level = pyramid.build(masked, mask, multiple=4, coarsest=10_000)[0]
    filled = torch.rand(3, len(finest.pixels), generator=torch.Generator().manual_seed(0))
    image = level.light.clone()
    image[0][:, finest.pixels.mask] = filled
    expected = F.pixel_unshuffle(torch.cat([2 * image - 1, level.known], dim=1), 2)[0]
    cells = Cells(halved(finest.pixels.mask))
    found = finest.unshuffled(cells, filled)
    assert torch.equal(found.values, expected[:, cells.mask].T)
    values = torch.zeros(1, 3, *finest.size)
    values[0][:, finest.pixels.mask] = filled
    assert torch.equal(finest.restored(filled), values[0, :, : size[0], : size[1]][:, torch.from_numpy(stored.holes)])


@pytest.mark.parametrize("holes", ["few", "half", "all but a pixel"])
@pytest.mark.parametrize("size", [(5, 7), (61, 83), (90, 128)])
def test_holes_are_filled_as_from_planes(size: tuple[int, int], holes: str) -> None:
    model: Hybrid = models.read("hybrid-small")  # type: ignore[assignment]
    stored = picture(size)
    stored.holes[:] = holes == "all but a pixel"
    stored.holes[size[0] // 2, : size[1] // 2] = True
    if holes == "half":
        stored.holes[: size[0] // 2] = True
    stored.holes[-1, -1] = False
    with torch.inference_mode():
        expected = model.restored(*stored.planes())
        assert torch.equal(model.in_holes(stored), expected[0][:, torch.from_numpy(stored.holes)])
    assert torch.equal(model.in_holes(stored), stored.in_holes(model(*stored.planes())))  # where gradients are wanted
