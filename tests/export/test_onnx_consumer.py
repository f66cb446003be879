"""The example that runs an exported file without torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from spikefill import masks, models
from spikefill.export import onnx as exporting
from spikefill.inpainting import Inpainter

CONSUMER = Path(__file__).parents[2] / "examples" / "onnx_consumer.py"


def consume(*arguments: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, CONSUMER, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("size", [(45, 64), (64, 33)])
def test_it_restores_a_photograph_of_any_size(size: tuple[int, int], tmp_path: Path, cat: np.ndarray) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = models.create("hybrid", activation="relu")
    exporting.write(exporting.to_onnx(model), tmp_path / "model.onnx")
    photograph = cat[60 : 60 + size[0], 120 : 120 + size[1]]
    holes = masks.sample("thin", size, seed=4, index=0)
    Image.fromarray(photograph).save(tmp_path / "photograph.png")
    masks.write(tmp_path / "mask.png", holes)
    done = consume(*(tmp_path / name for name in ("model.onnx", "photograph.png", "mask.png", "restored.png")))
    assert (done.returncode, done.stderr) == (0, "")
    with Image.open(tmp_path / "restored.png") as file:
        restored = np.array(file)
    np.testing.assert_array_equal(restored[~holes], photograph[~holes])
    difference = restored.astype(int) - Inpainter(model).inpaint(photograph, holes)
    assert np.abs(difference).max() <= 1


def test_it_says_how_it_is_called() -> None:
    done = consume()
    assert done.returncode == 1
    assert done.stderr.startswith("usage: onnx_consumer.py")


def test_it_needs_neither_torch_nor_spikefill() -> None:
    tree = ast.parse(CONSUMER.read_text("utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported == {"sys", "numpy", "onnxruntime", "PIL"}
