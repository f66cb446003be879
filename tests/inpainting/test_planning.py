"""Which parts a picture is restored in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from spikefill import InputError, models
from spikefill.inpainting import planning, workspace
from spikefill.inpainting.planning import SIDES, SMALLER_SIDES, Blocks, Layout, plan_within
from spikefill.inpainting.workspace import Area, Workspace
from spikefill.masks.squares import Rectangle, wider
from spikefill.memory import PROCESS
from spikefill.models import Hybrid
from spikefill.models.windows import Window

EVERY_SIDE = (*SIDES, *SMALLER_SIDES)


@pytest.fixture(scope="module")
def model() -> Hybrid:
    return Hybrid().eval()


def holes_at(height: int, width: int, *places: tuple[int, int]) -> np.ndarray:
    holes = np.zeros((height, width), bool)
    for row, column in places:
        holes[row, column] = True
    return holes


def assert_each_hole_is_covered_once(holes: np.ndarray, regions: Any) -> None:
    covered = np.zeros(holes.shape, np.uint8)
    for region in regions:
        covered[region.inner] += 1
    assert covered.max() == 1
    assert covered[holes].all()


def test_squares_shrink_with_the_memory() -> None:
    space = Workspace(50, (300,))
    height, width = 2000, 3000

    def seen(inner: Rectangle) -> tuple[Rectangle, list[Rectangle]]:
        area = wider(inner[0], 256, height), wider(inner[1], 256, width)
        return area, [area]

    layout = Layout(Blocks(np.ones((height, width), bool)), seen)
    rooms = (2_500_000_000, 1_000_000_000, 700_000_000, 400_000_000, 135_000_000)
    found = [layout.side(space, EVERY_SIDE, room) for room in rooms]
    sides = [side or 0 for side, _, _ in found]
    assert sides == sorted(sides, reverse=True)
    assert sides[0] >= 3000
    assert sides[-1] in SMALLER_SIDES
    for (side, needed, _), room in zip(found, rooms, strict=True):
        assert side is not None
        assert needed == max(space.of(pixels, *levels) for pixels, levels in layout.regions(side)) <= room
    assert layout.side(space, EVERY_SIDE, 1_000_000) == (None, min(
        max(space.of(pixels, *levels) for pixels, levels in layout.regions(side)) for side in EVERY_SIDE
    ), float("inf"))  # fmt: skip


def test_what_is_near_a_hole() -> None:
    blocks = Blocks(holes_at(100, 200, (50, 70)))
    assert blocks.area((slice(0, 100), slice(0, 200))) == Area(20_000, 9 * 256)
    assert blocks.area((slice(0, 20), slice(0, 200))) == Area(4000, 0)
    assert blocks.area((slice(40, 60), slice(64, 80))) == Area(320, 2 * 256)
    assert blocks.area((slice(0, 50), slice(0, 100)), 1) == Area(5000, 3 * 3 * 256)
    assert blocks.area((slice(0, 100), slice(0, 200)), around=0) == Area(20_000, 256)
    assert list(blocks.squares(32)) == [(slice(48, 64), slice(64, 80))]


def test_what_fits_is_restored_at_once(model: Hybrid) -> None:
    generator = np.random.default_rng(0)
    scratched = holes_at(3000, 4000)
    for row, column in generator.integers(0, (3000, 3900), (150, 2)):
        scratched[row, column : column + 100] = True
    for holes in (scratched, holes_at(3000, 4000, (5, 5), (2990, 3990))):
        plan = plan_within(model, holes, 0, max_memory=None)
        assert plan.coarse == 0
        assert [region.outer for region in plan.regions] == [(slice(0, 3000), slice(0, 4000))]
        assert plan.parts == 1


def test_what_does_not_is_restored_in_windows(model: Hybrid) -> None:
    holes = np.ones((6000, 6000), bool)
    holes[::8] = False
    plan = plan_within(model, holes, 0, max_memory=None)
    assert plan.coarse == 2
    assert plan.parts == len(plan.regions) + 1
    assert_each_hole_is_covered_once(holes, plan.regions)
    most = workspace.of(model).everywhere[0] * (Hybrid.tile + 2 * Hybrid.context) ** 2 + workspace.FIXED
    for window in plan.regions:
        assert isinstance(window, Window)
        assert window == Window.around(window.inner, (6000, 6000), model.radii(2))
        rows, columns = window.levels[0]
        computed = (rows.stop - rows.start) * (columns.stop - columns.start)
        assert computed * workspace.of_window(model, 2).everywhere[0] < most


def test_less_memory_means_more_coarse_levels_and_smaller_windows(model: Hybrid) -> None:
    holes = np.zeros((6000, 8000), bool)
    holes[::300, :6000] = holes[1000:3000, 2000:5000] = True
    plans = [
        plan_within(model, holes, 200_000_000, max_memory=PROCESS + 200_000_000 + room)
        for room in (1_200_000_000, 300_000_000, 180_000_000)
    ]
    coarse = [plan.coarse for plan in plans]
    assert coarse == sorted(coarse)
    assert coarse[0] < coarse[-1]
    assert len(plans[0].regions) < len(plans[-1].regions)
    for plan in plans:
        assert_each_hole_is_covered_once(holes, plan.regions)


@pytest.mark.parametrize("name", ["hybrid", "scnn", "partial-unet"])
def test_what_does_not_fit_is_refused_with_what_would_do(name: str) -> None:
    model = models.create(name).eval()
    holes = np.ones((900, 1200), bool)
    with pytest.raises(InputError, match=r"a picture of 1200 x 900 px takes .* GB, but max_memory is 510 MB") as error:
        plan_within(model, holes, 3_240_000, max_memory=510_000_000)
    enough = int(str(error.value).split("max_memory=")[1].rstrip(")"))
    assert plan_within(model, holes, 3_240_000, max_memory=enough).regions


def test_a_network_that_sees_the_whole_picture_gets_it() -> None:
    model = models.create("partial-unet")
    plan = plan_within(model, holes_at(500, 700, (3, 3)), 0, max_memory=None)
    assert [region.outer for region in plan.regions] == [(slice(0, 500), slice(0, 700))]
    with pytest.raises(InputError, match="a picture of 700 x 500 px"):
        plan_within(model, holes_at(500, 700, (3, 3)), 0, max_memory=PROCESS + 1_000_000)


@pytest.mark.parametrize("options", [{"streaming": {}}, {"noise": 0.1, "noise_in_eval": True}])
def test_a_network_that_cannot_be_divided_gets_squares_with_its_context(options: dict[str, Any]) -> None:
    model = Hybrid(size="tiny", **options)
    assert not model.divisible
    plan = plan_within(model, holes_at(400, 2300, (200, 10), (200, 2200)), 0, max_memory=None)
    assert plan.coarse == 0
    first, second = plan.regions
    assert first.outer == (slice(0, 400), slice(0, 10 + 1 + Hybrid.context))
    assert second.outer == (slice(0, 400), slice(2200 - Hybrid.context, 2300))
    assert not Hybrid(size="tiny").to(torch.float64).divisible


def test_a_networks_own_bound_is_no_reason_to_refuse(model: Hybrid) -> None:
    small = Hybrid(size="tiny").eval()
    small.context, small.tile = 0, 64
    holes = np.ones((900, 1200), bool)
    plan = plan_within(small, holes, 0, max_memory=None)
    assert_each_hole_is_covered_once(holes, plan.regions)
    assert plan.needed < plan_within(model, holes, 0, max_memory=None).needed


def test_strips_begin_with_whole_cells() -> None:
    assert planning.strip((10_000, 1000), 2) == 512
    assert planning.strip((10_000, 100_000), 3) == 32
    assert planning.strip((100, 100), 3) == 100
