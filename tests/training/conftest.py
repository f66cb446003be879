from __future__ import annotations

import pytest

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


@pytest.fixture
def tiny() -> Recipe:
    """The paper's recipe, small enough for a test."""
    return load_recipe("scnn", TINY)
