"""Pictures of any size, mode and depth under any mask: what is known comes back bit for bit, in the same size."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from soak import pictures
from spikefill import InputError, inpainting, models
from spikefill.inpainting import Damaged, Inpainter
from tests.images.samples import pillow_file

ARRAYS, IMAGES, FILES, BY_DEFAULT = 5_000, 5_000, 9_600, 400
"""Cases of each test: 20,000."""

Holes = NDArray[np.bool_]


@pytest.fixture(scope="module")
def inpainter() -> Inpainter:
    """A network that nobody trained, small enough to be quick."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return Inpainter(models.create("scnn", width=4, steps=2))


def hold(check: Callable[..., None], share: float, count: int, **strategies: st.SearchStrategy[Any]) -> None:
    """Tries a property on a share of many cases, which are the same in each run; one that fails is said."""

    @settings(
        max_examples=max(1, round(count * share)),
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(size=pictures.sizes, seed=st.integers(0, 2**32 - 1), of_mask=st.sampled_from(pictures.MASKS), **strategies)
    def holds(seed: int, **case: Any) -> None:
        note(f"seed {seed}, {case}")
        check(generator=np.random.default_rng(seed), **case)

    holds()


def refused(holes: Holes, restore: Callable[[], object]) -> bool:
    """Whether all is a hole, which is said."""
    if not holes.all():
        return False
    with pytest.raises(InputError, match="mask covers the whole picture: there is nothing to restore it from"):
        restore()
    return True


def check_kept(before: NDArray[Any], after: NDArray[Any], holes: Holes) -> None:
    assert after.dtype == before.dtype
    assert after.shape == before.shape
    assert after[~holes].tobytes() == before[~holes].tobytes()
    if before.dtype.kind == "f":
        assert (after >= 0).all()
        assert (after <= 1).all()


def test_arrays(inpainter: Inpainter, share: float) -> None:
    def check(size: tuple[int, int], generator: pictures.Generator, of_mask: str, channels: int, dtype: str) -> None:
        image = pictures.array(generator, size, channels or None, dtype)
        mask = pictures.mask(generator, size, of_mask)
        holes = mask >= 128
        if not refused(holes, lambda: inpainter.inpaint(image, mask)):
            check_kept(image, inpainter.inpaint(image, mask), holes)

    dtypes = st.sampled_from(["uint8", "uint16", "float16", "float32", "float64", ">u2", ">f4"])
    hold(check, share, ARRAYS, channels=st.integers(0, 4), dtype=dtypes)


def test_pil_images(inpainter: Inpainter, share: float) -> None:
    def check(size: tuple[int, int], generator: pictures.Generator, of_mask: str, mode: str) -> None:
        image = pictures.pil_image(generator, size, mode)
        mask = pictures.mask(generator, size, of_mask)
        holes = mask >= 128
        if refused(holes, lambda: inpainter.inpaint(image, Image.fromarray(mask))):
            return
        restored = inpainter.inpaint(image, Image.fromarray(mask))
        assert restored.mode == {"1": "L", "P": "RGB"}.get(mode, mode)
        assert restored.size == image.size
        check_kept(np.asarray(image.convert(restored.mode)), np.asarray(restored), holes)

    hold(check, share, IMAGES, mode=st.sampled_from(pictures.MODES))


def restored_file(size: tuple[int, int], generator: pictures.Generator, of_mask: str, kind: Any, model: Any) -> None:
    """Restores a file as the command line does, and looks at what was written with another reader."""
    file = pictures.picture_file(generator, size, kind)
    mask = pictures.mask(generator, size, of_mask)
    holes = mask >= 128
    encoded_mask = pillow_file(mask, "PNG")
    if refused(holes, lambda: Damaged.read(file.encoded, encoded_mask)):
        return
    written = Damaged.read(file.encoded, encoded_mask).restored(lambda: model)
    if not holes.any():
        assert written == file.encoded
    elif file.lossy:
        with Image.open(io.BytesIO(written)) as image:
            assert image.size == size[::-1]
            assert image.format == "JPEG"
    else:
        check_kept(file.pixels, pictures.seen(written), holes)


def test_files(inpainter: Inpainter, share: float) -> None:
    def check(size: tuple[int, int], generator: pictures.Generator, of_mask: str, kind: tuple[str, str]) -> None:
        restored_file(size, generator, of_mask, kind, inpainter)

    hold(check, share, FILES, kind=st.sampled_from(pictures.KINDS))


def test_files_by_the_default_model(share: float) -> None:
    model = inpainting.load(models.DEFAULT)

    def check(size: tuple[int, int], generator: pictures.Generator, of_mask: str, kind: tuple[str, str]) -> None:
        restored_file(size, generator, of_mask, kind, model)

    hold(check, share, BY_DEFAULT, kind=st.sampled_from(pictures.KINDS))
