"""How large the squares may be for the memory that is left."""

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


def test_squares_shrink_with_the_memory() -> None:
    sides = [
        workspace.tile_side(300, (9000, 12000), 400_000_000, 256, 1536, limit)
        for limit in (None, 3_000_000_000, 1_500_000_000, 1_200_000_000, 1_050_000_000)
    ]
    assert sides == [1536, 1536, 896, 448, 192]
    for side, limit in zip(sides[1:], (3_000_000_000, 1_500_000_000, 1_200_000_000, 1_050_000_000), strict=True):
        assert PROCESS + 400_000_000 + 300 * (side + 512) ** 2 <= limit
    assert workspace.tile_side(300, (500, 600), 900_000, 256, 1536, 600_000_000) == 1536  # all of it fits


@pytest.mark.parametrize("context", [256, None])
def test_what_does_not_fit_is_refused_with_what_would_do(context: int | None) -> None:
    with pytest.raises(InputError, match=r"a picture of 12000 x 9000 px takes .* GB, but max_memory is 1 GB") as error:
        workspace.tile_side(300, (9000, 12000), 400_000_000, context, 1536, 1_000_000_000)
    enough = int(str(error.value).split("max_memory=")[1].rstrip(")"))
    assert workspace.tile_side(300, (9000, 12000), 400_000_000, context, 1536, enough) >= workspace.SMALLEST_TILE


def test_every_architecture_has_a_workspace() -> None:
    sizes = [workspace.bytes_a_pixel(models.create("hybrid", size=size), "fast") for size in ("small", "base")]
    assert sizes[0] < sizes[1] < workspace.bytes_a_pixel(models.create("scnn"), "fast")
    assert workspace.bytes_a_pixel(models.create("hybrid"), "best") > sizes[0]


def test_a_picture_that_is_given_twice_needs_no_copy() -> None:
    picture, holes = np.zeros((4000, 4000, 3), np.uint8), np.zeros((4000, 4000), bool)
    holes[0, 0] = True
    limit = PROCESS + picture.nbytes + holes.nbytes + 150_000_000
    inpainter = Inpainter(models.create("hybrid"), max_memory=limit)
    assert inpainter.restore(picture, holes, in_place=True) is picture
    with pytest.raises(InputError, match="a picture of 4000 x 4000 px takes"):
        inpainter.restore(picture, holes)


MEASURED = f"""
import re, sys
import numpy as np, torch
from pathlib import Path
from spikefill import data, inpainting
from spikefill.inpainting import workspace
from spikefill.memory import PROCESS

torch.set_num_threads(1)
picture = np.pad(data.open_photographs("embedded", part="val")[0], ((0, {SIDE}), (0, {SIDE}), (0, 0)), "symmetric")
picture = np.ascontiguousarray(picture[:{SIDE}, :{SIDE}])
holes = np.random.default_rng(0).random(picture.shape[:2]) < 0.5  # nowhere so few that anything is left out
inpainter = inpainting.load("hybrid")
limit = PROCESS + picture.nbytes + holes.nbytes + holes.size * workspace.bytes_a_pixel(inpainter.model, "fast")
inpainter = inpainting.load("hybrid", max_memory=limit)
inpainter.restore(picture, holes, in_place=True)
peak = 1000 * int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
print(peak, limit)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from Linux")
def test_a_dense_region_keeps_within_the_limit() -> None:
    done = subprocess.run([sys.executable, "-c", MEASURED], capture_output=True, text=True, check=True)
    peak, limit = map(int, done.stdout.split())
    assert 0.6 * limit < peak <= limit
