from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from spikefill import data


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def cat() -> np.ndarray:
    """A real photograph: 300 x 451, RGB, uint8."""
    photographs = data.open_photographs(data.EMBEDDED, part="val")
    return photographs[photographs.names.index("chelsea.png")]
