"""What tests of several packages share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from spikefill.data.embedded import embedded_files

_ONE_THREAD = {"docs", "export", "reproduce", "training"}


@pytest.fixture(autouse=True)
def _one_thread(request: pytest.FixtureRequest) -> Iterator[None]:
    """Runs the tests of some folders on one thread: their networks are small, and sums come in the same order."""
    before = torch.get_num_threads()
    if request.path.relative_to(Path(__file__).parent).parts[0] in _ONE_THREAD:
        torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def cat() -> np.ndarray:
    """A real photograph: 300 x 451, RGB, uint8."""
    (path,) = (file for file in embedded_files("val") if file.name == "chelsea.png")
    with Image.open(path) as image:
        return np.array(image)
