"""How much memory the network takes, and that a dense region keeps within what was counted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from spikefill import InputError, models
from spikefill.inpainting import Inpainter, workspace
from spikefill.memory import PROCESS

SIDE = 768


def test_every_architecture_has_a_workspace() -> None:
    sizes = [workspace.of(models.create("hybrid", size=size), "fast").everywhere for size in ("small", "base")]
    assert sizes[0] < sizes[1] < workspace.of(models.create("scnn"), "fast").everywhere
    assert workspace.of(models.create("hybrid"), "best").everywhere > sizes[0]


def test_a_streaming_network_takes_room_for_every_step() -> None:
    spaces = {
        steps: workspace.of(models.create("hybrid", size="tiny", steps=steps, streaming={"warm_up": 2}), "fast")
        for steps in (2, 6)
    }
    assert spaces[2].nowhere == spaces[2].everywhere > workspace.of(models.create("hybrid"), "fast").everywhere
    assert spaces[6].everywhere > 1.8 * spaces[2].everywhere


def test_few_holes_take_less() -> None:
    space = workspace.Workspace(everywhere=300, nowhere=50)
    assert space.of(1000, 0) == 50_000
    assert space.of(1000, 60) == 50_000 + 30_000
    assert space.of(1000, 600) == 300_000


def test_a_picture_that_is_given_twice_needs_no_copy() -> None:
    picture, holes = np.zeros((4000, 4000, 3), np.uint8), np.zeros((4000, 4000), bool)
    holes[0, 0] = True
    limit = PROCESS + picture.nbytes + holes.nbytes + 30_000_000
    inpainter = Inpainter(models.create("hybrid"), max_memory=limit)
    assert inpainter.restore(picture, holes, in_place=True) is picture
    with pytest.raises(InputError, match="a picture of 4000 x 4000 px takes"):
        inpainter.restore(picture, holes)


MEASURED = f"""
import numpy as np, torch
from spikefill import data, inpainting
from spikefill.inpainting import workspace
from spikefill.memory import PROCESS
from spikefill.peak_memory import peak

torch.set_num_threads(1)
picture = np.pad(data.open_photographs("embedded", part="val")[0], ((0, {SIDE}), (0, {SIDE}), (0, 0)), "symmetric")
picture = np.ascontiguousarray(picture[:{SIDE}, :{SIDE}])
holes = np.random.default_rng(0).random(picture.shape[:2]) < 0.5  # nowhere so few that anything is left out
inpainter = inpainting.load("hybrid")
limit = PROCESS + picture.nbytes + holes.nbytes + holes.size * workspace.of(inpainter.model, "fast").everywhere
inpainter = inpainting.load("hybrid", max_memory=limit)
inpainter.restore(picture, holes, in_place=True)
print(peak(), limit)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from Linux")
def test_a_dense_region_keeps_within_the_limit() -> None:
    done = subprocess.run([sys.executable, "-c", MEASURED], capture_output=True, text=True, check=True)
    peak, limit = map(int, done.stdout.split())
    assert 0.6 * limit < peak <= limit
