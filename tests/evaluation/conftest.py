from __future__ import annotations

import pytest
from skimage import data

from .fakes import Album

SIZE = 64


@pytest.fixture(scope="session")
def album() -> Album:
    """Two photographs of 64 x 64 and one, in the middle, that is too small."""
    cat, astronaut = data.chelsea()[100:164, 150:214], data.astronaut()[80:144, 190:254]
    return Album([cat, cat[:40], astronaut], ["cat", "narrow", "astronaut"])
