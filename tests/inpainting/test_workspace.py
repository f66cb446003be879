"""How much memory the network takes, and that a dense region keeps within what was counted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikefill import InputError, models
from spikefill.inpainting import Inpainter, workspace
from spikefill.inpainting.workspace import Area
from spikefill.memory import PROCESS


def test_every_architecture_has_a_workspace() -> None:
    (small,), (base,), (scnn,) = (
        workspace.of(models.create(name, **options)).everywhere
        for name, options in (("hybrid", {"size": "small"}), ("hybrid", {"size": "base"}), ("scnn", {}))
    )
    assert small < base < scnn


def test_coarse_levels_take_more_for_each_pixel() -> None:
    model: Any = models.create("hybrid")
    assert len(workspace.of_window(model, 3).everywhere) == 3
    fine, same, coarse = workspace.of_window(model, 3).everywhere
    assert fine == same < coarse
    levels = [workspace.of_coarse(model, number, Area(1_000_000, 1_000_000)) for number in (1, 2)]
    assert levels[0].kept < levels[1].kept < levels[0].taken < levels[1].taken


def test_a_streaming_network_takes_room_for_every_step() -> None:
    spaces = {
        steps: workspace.of(models.create("hybrid", size="tiny", steps=steps, streaming={"warm_up": 2}))
        for steps in (2, 6)
    }
    (few,), (many,) = spaces[2].everywhere, spaces[6].everywhere
    assert spaces[2].nowhere == few > workspace.of(models.create("hybrid")).everywhere[0]
    assert many > 1.8 * few


def test_a_network_with_noise_computes_everything() -> None:
    space = workspace.of(models.create("hybrid", noise=0.1, noise_in_eval=True))
    assert space.everywhere == (space.nowhere,) == workspace.of(models.create("hybrid")).everywhere


def test_few_holes_take_less() -> None:
    space = workspace.Workspace(nowhere=50, everywhere=(300, 600), fixed=7)
    assert space.of(1000, Area(1000, 0), Area(250, 0)) == 50_007
    assert space.of(1000, Area(1000, 60), Area(250, 0)) == 50_007 + 30_000
    assert space.of(1000, Area(1000, 60), Area(250, 100)) == 50_007 + 100_000
    assert space.of(1000, Area(1000, 600), Area(250, 250)) == 300_007


def test_a_picture_that_is_given_twice_needs_no_copy() -> None:
    picture, holes = np.zeros((6000, 6000, 3), np.uint8), np.zeros((6000, 6000), bool)
    holes[0, 0] = True
    limit = PROCESS + picture.nbytes + holes.nbytes + 100_000_000
    inpainter = Inpainter(models.create("hybrid"), max_memory=limit)
    assert inpainter.restore(picture, holes, in_place=True) is picture
    with pytest.raises(InputError, match="a picture of 6000 x 6000 px takes"):
        inpainter.restore(picture, holes)


MEASURED = """
import sys
import numpy as np, torch
from spikefill import data, inpainting
from spikefill.inpainting import workspace
from spikefill.inpainting.planning import plan_within
from spikefill.memory import PROCESS
from spikefill.peak_memory import peak

torch.set_num_threads(1)
side, room = int(sys.argv[1]), int(sys.argv[2])
picture = np.pad(data.open_photographs("embedded", part="val")[0], ((0, side), (0, side), (0, 0)), "symmetric")
picture = np.ascontiguousarray(picture[:side, :side])
holes = np.random.default_rng(0).random(picture.shape[:2]) < 0.5  # nowhere so few that anything is left out
inpainter = inpainting.load("hybrid")
held = picture.nbytes + holes.nbytes
limit = PROCESS + held + (room or round(holes.size * workspace.of(inpainter.model).everywhere[0]))
plan = plan_within(inpainter.model, holes, held, max_memory=limit)
inpainter = inpainting.load("hybrid", max_memory=limit)
inpainter.restore(picture, holes, in_place=True)
print(peak(), limit, plan.coarse)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from Linux")
@pytest.mark.parametrize(("side", "room"), [(768, 0), (1500, 150_000_000)], ids=["at once", "in windows"])
def test_what_is_computed_everywhere_keeps_within_the_limit(side: int, room: int) -> None:
    command = [sys.executable, "-c", MEASURED, str(side), str(room)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    peak, limit, coarse = map(int, done.stdout.split())
    assert (coarse > 0) == (room > 0)
    assert 0.6 * limit < peak <= limit
