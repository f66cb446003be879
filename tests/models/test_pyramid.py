"""The image pyramid: exact box averages of what is known, whatever the size."""

from __future__ import annotations

import pytest
import torch

from spikefill.models import pyramid


def test_levels_are_exact_box_averages_of_the_known_part() -> None:
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(2, 3, 16, 32, generator=generator)
    mask = (torch.rand(2, 1, 16, 32, generator=generator) < 0.6).float()
    levels = pyramid.build(image * (1 - mask), mask, multiple=4, coarsest=8)
    assert [tuple(level.known.shape[-2:]) for level in levels] == [(16, 32), (8, 16), (4, 8)]
    for number, level in enumerate(levels):
        side = 1 << number
        blocks = (image * (1 - mask)).unfold(2, side, side).unfold(3, side, side)
        torch.testing.assert_close(level.light, blocks.mean(dim=(4, 5)))
        unknown = mask.unfold(2, side, side).unfold(3, side, side).mean(dim=(4, 5))
        torch.testing.assert_close(1 - level.known, unknown)


def test_the_mean_of_what_is_unknown_composes_to_the_mean_of_the_pixel() -> None:
    generator = torch.Generator().manual_seed(2)
    image = torch.rand(1, 3, 8, 8, generator=generator)
    mask = (torch.rand(1, 1, 8, 8, generator=generator) < 0.5).float()
    level = pyramid.build(image * (1 - mask), mask, multiple=2, coarsest=4)[1]
    unknown = torch.nn.functional.avg_pool2d(image * mask, 2) / (1 - level.known).clamp_min(1e-9)
    torch.testing.assert_close(level.composed(unknown), torch.nn.functional.avg_pool2d(image, 2))


@pytest.mark.parametrize("size", [(1, 1), (1, 100), (5, 3), (9, 33), (31, 257)])
def test_padding_is_unknown_and_a_coarser_level_covers_the_finer_one(size: tuple[int, int]) -> None:
    image, mask = torch.full((1, 3, *size), 0.7), torch.zeros(1, 1, *size)
    levels = pyramid.build(image, mask, multiple=4, coarsest=8)
    assert max(levels[-1].known.shape[-2:]) <= 8
    for level in levels:
        assert all(side % 4 == 0 for side in level.known.shape[-2:])
        torch.testing.assert_close(level.light, (0.7 * level.known).expand_as(level.light))
        torch.testing.assert_close(level.mean(), torch.full((1, 3, 1, 1), 0.7))
    for coarse, fine in zip(levels[1:], levels[:-1], strict=True):
        assert pyramid.enlarged(coarse.light, fine.light).shape == fine.light.shape
        assert pyramid.repeated(coarse.light, fine.light).shape == fine.light.shape
    assert float(levels[0].known.sum()) == size[0] * size[1]


def test_where_nothing_is_known_the_mean_is_the_middle_grey() -> None:
    levels = pyramid.build(torch.rand(1, 3, 8, 8), torch.ones(1, 1, 8, 8), multiple=4, coarsest=8)
    torch.testing.assert_close(levels[0].mean(), torch.full((1, 3, 1, 1), 0.5))


def test_enlarging_keeps_a_constant_and_repeating_keeps_every_value() -> None:
    image = torch.arange(4.0).reshape(1, 1, 2, 2)
    like = torch.zeros(1, 1, 3, 4)
    assert pyramid.repeated(image, like).tolist() == [[[[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3]]]]
    assert (pyramid.enlarged(torch.full((1, 1, 2, 2), 0.3), like) == 0.3).all()
