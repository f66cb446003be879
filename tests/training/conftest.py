from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from spikefill.training import Recipe, load_recipe

TINY = (
    "model.arguments={width: 8, steps: 8, noise: 0.5}",
    "data.size=32",
    "batch_size=2",
    "validation.count=3",
    "validation.pictures=2",
    "validation.every_minutes=null",
    "log_every_steps=1",
)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def tiny() -> Recipe:
    """The paper's recipe, small enough for a test."""
    return load_recipe("scnn", TINY)
