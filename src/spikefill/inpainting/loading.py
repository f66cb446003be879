"""A model by its name or file, ready to restore; and a picture restored in one call."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image

from spikefill import models
from spikefill.images import Pixels
from spikefill.inpainting.pipeline import Inpainter, Picture


def load(
    name_or_file: str | Path,
    *,
    device: str | None = None,
    precision: str | None = None,
    quality: str | None = None,
    max_memory: int | None = None,
) -> Inpainter:
    """An `Inpainter` with a bundled model's NAME, a FILE of weights, or the best weights of a training run's folder.

    Raises:
        InputError: There is no such model, or an argument of `Inpainter` is wrong.
    """
    return Inpainter(
        models.read(name_or_file), device=device, precision=precision, quality=quality, max_memory=max_memory
    )


def inpaint(
    image: Picture,
    mask: Image.Image | Pixels | str | Path,
    *,
    model: str | Path = models.DEFAULT,
    device: str | None = None,
    precision: str | None = None,
    quality: str | None = None,
    **options: Any,
) -> Any:
    """Restores a picture with the default model.

    Args:
        image: As for `Inpainter.inpaint`, and so are ``mask``, the other options and the result.
        mask: See there.
        model: As for `load`. A bundled model is read once; files may change, so they are read at every call.
        device: As for `Inpainter`.
        precision: As for `Inpainter`.
        quality: As for `Inpainter`.
        **options: ``progress`` and ``cancel``.
    """
    find = _bundled if model in models.bundled_names() else load
    return find(model, device=device, precision=precision, quality=quality).inpaint(image, mask, **options)


@lru_cache(maxsize=4)
def _bundled(name: str | Path, *, device: str | None, precision: str | None, quality: str | None) -> Inpainter:
    return load(name, device=device, precision=precision, quality=quality)
