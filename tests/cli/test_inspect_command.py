"""``spikefill inspect``: the pictures that it writes, and that wrong calls are refused before any work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spikefill import data, models
from spikefill.activity import growing
from spikefill.activity.places import telling_pixels
from spikefill.cli.app import run


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a photograph of 16 x 12 pixels, its mask, one that covers everything, and one of another size."""
    monkeypatch.chdir(tmp_path)
    photograph = data.open_photographs("embedded", part="val")[0][120:132, 200:216]
    Image.fromarray(photograph).save("photo.png")
    mask = np.zeros((12, 16), np.uint8)
    mask[5:9, 6:12] = 255
    Image.fromarray(mask).save("mask.png")
    Image.fromarray(np.full((12, 16), 255, np.uint8)).save("all.png")
    Image.fromarray(mask[:8]).save("small.png")
    return tmp_path


def test_every_picture_is_written(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(growing, "STEPS", (1, 2, 8))
    assert run(["inspect", "photo.png", "mask.png", "-o", "seen", "--pixel", "3,4", "--level", "1"]) == 0
    out = capsys.readouterr().out
    found = {path.name for path in (place / "seen").iterdir()}
    assert found == {
        *(f"{kind}-level-{level}.png" for kind in ("rates", "first-spikes") for level in (0, 1)),
        "raster-3-4.png", "membranes-3-4.png", "steps.webp", "activity.json",
    }  # fmt: skip
    for name in found:
        if name.endswith(".png"):
            with Image.open(place / "seen" / name) as picture:
                picture.load()
                assert len(set(picture.convert("L").tobytes())) > 1, name
    with Image.open(place / "seen" / "steps.webp") as animation:
        assert animation.is_animated
        assert animation.n_frames >= 2  # frames that are alike may be joined
        assert animation.size == (16, 12 + 26)
    figures = json.loads((place / "seen" / "activity.json").read_text(encoding="utf-8"))
    layers = figures["layers"]
    assert len(layers) == 7 + 7
    rows = [line.split() for line in out.splitlines()[1:]]
    assert [row[:3] for row in rows] == [[str(a["level"]), a["name"], f"{a['rate']:.3f}"] for a in layers]


def test_more_steps_come_nearer_to_the_restoration() -> None:
    """With the trained number of steps it is the network's own result, and the network keeps its steps."""
    import torch

    model = models.read("hybrid-small")
    image = torch.from_numpy(data.open_photographs("embedded", part="val")[1][:32, :32].copy())
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 8:20, 8:20] = 1
    masked = image.permute(2, 0, 1)[None] / 255 * (1 - mask)
    with torch.no_grad():
        expected = torch.where(mask > 0, model(masked, mask).clamp(0, 1), masked)
    found = dict(growing.restored_with(model, masked, mask, (1, 8, 64)))
    assert torch.equal(found[8], expected)
    assert not torch.equal(found[1], expected)
    assert torch.equal(found[1] * (1 - mask), masked)
    assert {module.steps for module in model.modules() if hasattr(module, "steps")} == {8}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            {"architecture": "spiking-unet", "width": 2, "depth": 2, "steps": 2},
            (
                "model is a SpikingUNet, whose neurons run step by step; only networks whose neurons get one current "
                "for all steps can be inspected, such as hybrid and scnn"
            ),
        ),
        (
            {"architecture": "hybrid", "size": "tiny", "streaming": {}},
            (
                "model is a streaming network, whose neurons run step by step, so that latency is not known; name one "
                "whose neurons get one current for all steps, such as hybrid or scnn"
            ),
        ),
    ],
    ids=["spiking U-Net", "streaming"],
)
def test_networks_that_run_step_by_step_are_refused_plainly(
    arguments: dict[str, Any], said: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models.save(models.create(**arguments), place / "network.safetensors")
    assert run(["inspect", "photo.png", "mask.png", "-o", "seen", "--model", "network.safetensors"]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"spikefill: {said}"
    assert not (place / "seen").exists()


def test_telling_pixels_are_deep_in_a_hole_and_far_from_all() -> None:
    holes = np.zeros((20, 30), bool)
    holes[2:9, 3:10] = True
    (deep, far) = telling_pixels(holes)
    assert deep == (5, 6)
    assert not holes[far]
    assert far[1] > 20
    assert telling_pixels(np.zeros((7, 9), bool)) == [(3, 4)]


def test_nothing_is_overwritten_unasked(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "seen").mkdir()
    (place / "seen" / "mine.txt").write_text("mine")
    assert run(["inspect", "photo.png", "mask.png", "-o", "seen"]) == 2
    assert "exists and is not empty" in capsys.readouterr().err
    assert [path.name for path in (place / "seen").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("photo.png", "MASK"),
        ("photo.png mask.png", "--output"),
        ("none.png mask.png -o seen", "none.png"),
        ("photo.png small.png -o seen", "they must be of one size"),
        ("photo.png all.png -o seen", "mask covers the whole picture"),
        ("photo.png mask.png -o photo.png", "a file; name a folder"),
        ("photo.png mask.png -o seen --pixel 3", "--pixel is '3'; it must be ROW,COLUMN such as 120,64"),
        ("photo.png mask.png -o seen --pixel 12,0", "pixel is 12,0; it must be a row from 0 to 11, a column to 15"),
        ("photo.png mask.png -o seen --level 3", "--level is 3; this photograph has the levels 0 to 1"),
        ("photo.png mask.png -o seen --model lama", "model is 'lama'"),
    ],
)
def test_wrong_calls_are_one_line_and_exit_code_2(
    arguments: str, said: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["inspect", *arguments.split()]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert not (place / "seen").exists()
