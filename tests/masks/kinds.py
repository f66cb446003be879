"""The types of pixels that a photograph may have."""

from __future__ import annotations

from typing import Any

import numpy as np

KINDS = [np.uint8, np.uint16, np.float32, np.float64, np.float16, np.dtype(">u2")]


def as_kind(values: np.ndarray, kind: Any) -> np.ndarray:
    """8-bit values as another type of pixels."""
    kind = np.dtype(kind)
    if kind.kind == "f":
        return (values / 255).astype(kind)
    return (values.astype(np.uint32) * (257 if kind.itemsize == 2 else 1)).astype(kind)
