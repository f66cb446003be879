"""The frames of a film, restored one after the other as they come."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spikefill import masks
from spikefill.errors import InputError, check_choice
from spikefill.models.carrying import Potentials, carrying

if TYPE_CHECKING:
    from spikefill.inpainting.pipeline import Inpainter

Carry = Literal["nothing", "potentials"]
CARRIES: tuple[str, ...] = ("nothing", "potentials")
"""What may be carried from frame to frame."""

Inpaint = Callable[[Any, NDArray[np.bool_]], Any]


def restored_frames(inpainter: Inpainter, frames: Any, mask: Any, carry: Carry) -> Iterator[Any]:
    """What `Inpainter.sequence` gives, with the same arguments."""
    if isinstance(frames, str | Path | Image.Image) or not isinstance(frames, Iterable):
        raise InputError(f"frames is a {type(frames).__name__}; it must be an iterable of pictures")
    if not (_is_one(mask) or isinstance(mask, Iterable)):
        raise InputError(
            f"mask is a {type(mask).__name__}; it must be one mask, or an iterable with one for each frame"
        )
    check_choice("carry", carry, CARRIES)
    return _each(inpainter.inpaint if carry == "nothing" else _carrying_on(inpainter), frames, mask)


def _carrying_on(inpainter: Inpainter) -> Inpaint:
    """Restores frames one after the other, of which each goes on from the potentials of the one before."""
    if inpainter.quality != "fast":
        raise InputError(f"carry is 'potentials', which goes with quality='fast'; quality is {inpainter.quality!r}")
    potentials = Potentials()
    carrier = copy.copy(inpainter)
    carrier.model = carrying(inpainter.model, potentials)

    def inpaint(frame: Any, holes: NDArray[np.bool_]) -> Any:
        potentials.begin()
        return carrier.inpaint(frame, holes)

    return inpaint


def _each(inpaint: Inpaint, frames: Iterable[Any], mask: Any) -> Iterator[Any]:
    first: tuple[int, ...] | None = None
    for number, (frame, given) in enumerate(zip(frames, _masks(mask), strict=False), 1):
        try:
            if given is None:
                raise InputError("there is no mask for it; give one for all frames, or one for each")
            holes = _holes(given)
            first = first or holes.shape
            if holes.shape != first:
                raise InputError(
                    f"mask is {holes.shape[1]} x {holes.shape[0]} px, that of the first frame {first[1]} x {first[0]}; "
                    "all must be of one size"
                )
            restored = inpaint(frame, holes)
        except InputError as error:
            raise InputError(f"frame {number}: {error}") from error
        yield restored


def _masks(mask: Any) -> Iterator[Any]:
    """A mask for each frame, without an end; None where they have run out."""
    if _is_one(mask):
        holes = _holes(mask)
        while True:
            yield holes
    yield from mask
    while True:
        yield None


def _is_one(mask: Any) -> bool:
    """Whether it is a single mask, for all frames."""
    return isinstance(mask, str | Path | Image.Image | np.ndarray)


def _holes(mask: Any) -> NDArray[np.bool_]:
    return masks.read(mask) if isinstance(mask, str | Path) else masks.as_mask(mask)
