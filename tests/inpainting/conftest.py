from __future__ import annotations

import numpy as np
import pytest
import torch

from spikefill import models
from spikefill.inpainting import Inpainter


@pytest.fixture(scope="session")
def model() -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return models.create("scnn", width=8, steps=4)


@pytest.fixture(scope="session")
def inpainter(model: torch.nn.Module) -> Inpainter:
    return Inpainter(model)


@pytest.fixture
def holes() -> np.ndarray:
    """41 x 53; a block inside, a corner, and the middle of an edge."""
    mask = np.zeros((41, 53), bool)
    mask[10:20, 15:30] = True
    mask[:4, :5] = True
    mask[25:30, 52] = True
    return mask
