from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from spikefill.data.embedded import embedded_files


@pytest.fixture(scope="session")
def cat() -> np.ndarray:
    """A real photograph: 300 x 451, RGB, uint8."""
    (path,) = (file for file in embedded_files("val") if file.name == "chelsea.png")
    with Image.open(path) as image:
        return np.array(image)
