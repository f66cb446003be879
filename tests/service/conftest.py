from __future__ import annotations

import io
from collections.abc import Iterator
from typing import NamedTuple

import httpx
import numpy as np
import pytest
import torch
from PIL import Image

from spikefill import data, models
from spikefill.service.settings import ServiceSettings

from .running import Running, running


class Pair(NamedTuple):
    """A photograph and its mask as files, and the pixels of both."""

    image: bytes
    mask: bytes
    pixels: np.ndarray
    holes: np.ndarray


def encoded(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A network that nobody trained, small enough to be quick."""
    path = tmp_path_factory.mktemp("weights") / "model.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(5)
        models.save(models.create("scnn", width=4, steps=2), path)
    return str(path)


@pytest.fixture(scope="session")
def pair() -> Pair:
    """96 x 64 px out of a real photograph, with a block of a hole."""
    pixels = data.open_photographs("embedded")[0][100:164, 100:196]
    holes = np.zeros(pixels.shape[:2], bool)
    holes[20:30, 40:60] = True
    return Pair(encoded(pixels), encoded(holes.astype(np.uint8) * np.uint8(255)), pixels, holes)


@pytest.fixture(scope="session")
def service(weights: str) -> Iterator[Running]:
    """A service with one process, and limits that tests can reach."""
    settings = ServiceSettings(
        port=0, model=weights, processes=1, threads=1, queue=2, seconds=4, largest_megabytes=12, largest_megapixels=4,
        patience=1, slowest=1000, requests=8,
    )  # fmt: skip
    with running(settings) as found:
        yield found


@pytest.fixture
def client(service: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, timeout=60) as found:
        yield found
