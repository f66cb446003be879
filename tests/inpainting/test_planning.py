"""Which squares a picture is restored in."""

from __future__ import annotations

import numpy as np
import pytest

from spikefill import InputError, models
from spikefill.inpainting.planning import SIDES, SMALLER_SIDES, Layout, plan_within
from spikefill.inpainting.workspace import Workspace
from spikefill.memory import PROCESS
from spikefill.models import Hybrid

SPACE = Workspace(everywhere=300, nowhere=50)
EVERY_SIDE = (*SIDES, *SMALLER_SIDES)


def holes_at(height: int, width: int, *places: tuple[int, int]) -> np.ndarray:
    holes = np.zeros((height, width), bool)
    for row, column in places:
        holes[row, column] = True
    return holes


def test_squares_shrink_with_the_memory() -> None:
    layout = Layout(np.ones((2000, 3000), bool), 256, 32)
    limits = (3_000_000_000, 1_500_000_000, 1_200_000_000, 900_000_000, 660_000_000)
    sides = [layout.side(SPACE, EVERY_SIDE, 24_000_000, None, limit) for limit in limits]
    assert sides == sorted(sides, reverse=True)
    assert sides[0] >= 3000
    assert sides[-1] in SMALLER_SIDES
    for side, limit in zip(sides, limits, strict=True):
        regions = layout.regions(side)
        assert PROCESS + 24_000_000 + max(SPACE.of(*region) for region in regions) <= limit


def test_scratches_all_over_are_restored_at_once_and_specks_far_apart_each_by_itself() -> None:
    generator = np.random.default_rng(0)
    scratched = holes_at(3000, 4000)
    for row, column in generator.integers(0, (3000, 3900), (150, 2)):
        scratched[row, column : column + 100] = True
    (everywhere,) = plan_within(Hybrid(), scratched, 0, quality="fast", max_memory=None)
    assert len(everywhere.regions) == 1
    specks = holes_at(3000, 4000, (5, 5), (2990, 3990))
    (alone,) = plan_within(Hybrid(), specks, 0, quality="fast", max_memory=None)
    assert len(alone.regions) == 2
    assert all(region.outer[0].stop - region.outer[0].start <= 300 for region in alone.regions)


def test_no_more_memory_is_taken_than_a_square_of_the_networks_own_size_takes() -> None:
    holes = np.ones((6000, 6000), bool)
    holes[::8] = False  # nowhere is it deep
    (stage,) = plan_within(Hybrid(), holes, 0, quality="fast", max_memory=None)
    sides = [part.stop - part.start for region in stage.regions for part in region.outer]
    assert 1536 <= max(sides) <= Hybrid.tile + 2 * Hybrid.context + 32


@pytest.mark.parametrize("context", [256, None])
def test_what_does_not_fit_is_refused_with_what_would_do(context: int | None) -> None:
    layout = Layout(np.ones((900, 1200), bool), context, 32)
    with pytest.raises(InputError, match=r"a picture of 1200 x 900 px takes .* GB, but max_memory is 600 MB") as error:
        layout.side(SPACE, EVERY_SIDE, 3_240_000, None, 600_000_000)
    enough = int(str(error.value).split("max_memory=")[1].rstrip(")"))
    assert layout.side(SPACE, EVERY_SIDE, 3_240_000, None, enough) > 0


def test_a_network_that_sees_the_whole_picture_gets_it() -> None:
    model = models.create("partial-unet")
    (stage,) = plan_within(model, holes_at(500, 700, (3, 3)), 0, quality="fast", max_memory=None)
    assert [region.outer for region in stage.regions] == [(slice(0, 500), slice(0, 700))]
    with pytest.raises(InputError, match="a picture of 500 x 700 px|700 x 500"):
        plan_within(model, holes_at(500, 700, (3, 3)), 0, quality="fast", max_memory=PROCESS + 1_000_000)
