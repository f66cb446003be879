"""Features of some cells of a grid: as the dense operations have them there."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikefill.models.cells import Cells, Features, doubled, grown, halved

SIZES = [(1, 1), (1, 7), (6, 4), (9, 13)]


def some(height: int, width: int, share: float = 0.2, seed: int = 0) -> Tensor:
    """A mask of cells at random, at least one."""
    mask = torch.rand(height, width, generator=torch.Generator().manual_seed(seed)) < share
    mask[height // 2, width // 2] = True
    return mask


def noise(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def pooled(mask: Tensor, kernel: int, stride: int, padding: int) -> Tensor:
    return F.max_pool2d(mask[None, None].float(), kernel, stride, padding, ceil_mode=stride > 1)[0, 0] > 0


@pytest.mark.parametrize("size", SIZES)
def test_masks_grow_shrink_and_are_seen(size: tuple[int, int]) -> None:
    mask = some(*size)
    assert torch.equal(grown(mask), pooled(mask, 3, 1, 1))
    assert torch.equal(grown(mask, 3), pooled(mask, 7, 1, 3))
    assert torch.equal(grown(mask, 0), mask)
    assert torch.equal(halved(mask), pooled(mask, 2, 2, 0))
    seen = doubled(mask)
    assert seen.shape == (2 * size[0], 2 * size[1])
    asked = nn.functional.conv_transpose2d(mask[None, None].float(), torch.ones(1, 1, 3, 3), stride=2, padding=1,
                                           output_padding=1)  # fmt: skip
    assert torch.equal(seen, asked[0, 0] > 0)


@pytest.mark.parametrize("size", SIZES)
def test_cells_are_numbered_row_by_row(size: tuple[int, int]) -> None:
    cells = Cells(some(*size))
    assert torch.equal(cells.at(cells.rows, cells.columns), torch.arange(len(cells), dtype=torch.int32))
    assert torch.equal(cells.index, torch.arange(size[0] * size[1])[cells.mask.flatten()])
    beyond = cells.at(torch.tensor([-1, size[0], 0, 0]), torch.tensor([0, 0, -1, size[1]]))
    assert (beyond == len(cells)).all()


@pytest.mark.parametrize("size", [(2, 2), (6, 4), (10, 14), (130, 50)])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_convolution_where_it_is_asked_for(
    size: tuple[int, int], stride: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spikefill.models.cells._GATHERED", 5000)
    dense, convolution = noise(1, 5, *size), nn.Conv2d(5, 7, 3, stride, padding=1, bias=False)
    whole = convolution(dense)[0]
    asked = Cells(some(*whole.shape[1:], share=0.5))
    everything = Features.everywhere(dense)
    source = Cells(doubled(asked.mask) if stride == 2 else grown(asked.mask))
    with torch.no_grad():
        for given in (everything, Features.of(everything.taken(source), source)):
            found = given.convolved(convolution, asked)
            torch.testing.assert_close(found.values, whole[:, asked.mask].T, rtol=1e-5, atol=1e-5)


def test_layers_that_look_at_each_cell_alone() -> None:
    dense, convolution = noise(1, 6, 5, 8), nn.Conv2d(6, 3, 1, bias=False)
    features = Features.everywhere(dense)
    with torch.no_grad():
        torch.testing.assert_close(features.times(convolution).values, convolution(dense)[0].flatten(1).T)
        assert torch.equal(features.through(nn.ReLU()).values, features.values.relu())


def test_values_are_taken_at_cells_and_at_those_of_a_finer_grid() -> None:
    dense = noise(1, 3, 4, 5)
    features, asked = Features.everywhere(dense), Cells(some(4, 5, 0.4))
    assert torch.equal(features.taken(asked), dense[0][:, asked.mask].T)
    finer = Cells(some(8, 10, 0.4))
    repeated = F.interpolate(dense, scale_factor=2, mode="nearest")[0]
    assert torch.equal(features.taken_finer(finer), repeated[:, finer.mask].T)
    assert features.taken(features.cells).data_ptr() == features.values.data_ptr()  # not a copy
    away = Cells(some(4, 6, 0.4))
    assert torch.equal(features.taken_finer(away, (4, 2)), repeated[:, 4:, 2:8][:, away.mask].T)


def test_a_part_of_the_grid_has_a_grid_of_its_own() -> None:
    dense, cells = noise(1, 3, 6, 7), Cells(some(6, 7, 0.6))
    part = Features.of(dense[0][:, cells.mask].T, cells).within(slice(1, 5), slice(2, 7))
    assert torch.equal(part.cells.mask, cells.mask[1:5, 2:7])
    assert torch.equal(part.values, dense[0, :, 1:5, 2:7][:, part.cells.mask].T)
    assert not part.rows[-1].any()
