"""Where a photograph's holes come from, and what is done to them: what a person may ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spikefill.errors import InputError, check_choice
from spikefill.masks.adjust import LARGEST_MARGIN, dilated, dilating
from spikefill.masks.arguments import check_whole
from spikefill.masks.scratches import SCRATCH_THRESHOLD, scratches, searching
from spikefill.masks.sources import COMPARING, as_rgb, of_colour, of_transparency

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DETECTORS = ("scratches",)
"""What can be found in a photograph of itself."""


@dataclass(frozen=True)
class MaskSettings:
    """Where holes come from: a mask, unless one of the first three says otherwise; and what becomes of them.

    Attributes:
        colour: The photograph's pixels of this colour; see `of_colour`.
        transparent: Its transparent pixels.
        auto: What is found in it, of `DETECTORS`.
        tolerance: How far a pixel's colour may be from ``colour``, 0 to 255.
        threshold: How much a scratch must stand out, in grey levels, 1 to 255; see `scratches`.
        resize: Bring a mask of another size to that of the photograph.
        invert: Take what is known for holes, and holes for known.
        dilate: Pixels by which holes grow.
        feather: Pixels from the edge inward over which the photograph's own pixels fade into the restored ones.

    Raises:
        InputError: Several sources are given, or what goes with one that is not, or an unknown detector, or a number
            of pixels that is not from 0 to 1000.
    """

    colour: str | None = None
    transparent: bool = False
    auto: str | None = None
    tolerance: int | None = None
    threshold: int | None = None
    resize: bool = False
    invert: bool = False
    dilate: int = 0
    feather: int = 0

    def __post_init__(self) -> None:
        if self.colour is not None:
            as_rgb(self.colour)
        if self.tolerance is not None:
            check_whole("tolerance", self.tolerance, 0, 255)
        if self.threshold is not None:
            check_whole("threshold", self.threshold, 1, 255)
        check_whole("dilate", self.dilate, 0, LARGEST_MARGIN)
        check_whole("feather", self.feather, 0, LARGEST_MARGIN)
        sources = [
            name
            for name, given in (("colour", self.colour), ("transparent", self.transparent), ("auto", self.auto))
            if given not in (None, False)
        ]
        if len(sources) > 1:
            raise InputError(f"{sources[0]} and {sources[1]} are both given; holes come from one of them")
        if self.auto is not None:
            check_choice("auto", self.auto, DETECTORS)
        for name, value, source in (("tolerance", self.tolerance, "colour"), ("threshold", self.threshold, "auto")):
            if value is not None and sources != [source]:
                raise InputError(f"{name} is {value}, but goes with {source}, which is not given")
        if self.resize and sources:
            raise InputError(f"resize is for a mask, but the holes come from {sources[0]}")

    @property
    def from_photograph(self) -> bool:
        """Whether the holes are found in the photograph, without a mask."""
        return self.colour is not None or self.transparent or self.auto is not None

    def check_source(self, mask: object | None) -> None:
        """Raises `InputError` unless there is a mask, or the holes are found in the photograph, and not both."""
        if mask is not None and self.from_photograph:
            raise InputError("a mask is given, but the holes are to be found in the photograph; leave one out")
        if mask is None and not self.from_photograph:
            raise InputError("a mask is missing; name one, or say what in the photograph is a hole")

    def found(self, pixels: NDArray[Any]) -> NDArray[np.bool_]:
        """The holes that are found in a photograph, bool (H, W).

        Args:
            pixels: (H, W) or (H, W, 1 to 4), uint8, uint16 or floating point in [0, 1].

        Raises:
            InputError: It is not such an array, or an argument of the source is wrong.
        """
        if self.colour is not None:
            return of_colour(pixels, self.colour, self.tolerance or 0)
        if self.transparent:
            return of_transparency(pixels)
        return scratches(pixels, SCRATCH_THRESHOLD if self.threshold is None else self.threshold)

    def finding(self, height: int, width: int) -> int:
        """The bytes that `found` takes beside the photograph, what it gives included."""
        return searching(height, width) if self.auto else height * width + COMPARING

    def adjusted(self, holes: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Holes inverted, and then grown, as asked for."""
        holes = ~holes if self.invert else holes
        return dilated(holes, self.dilate) if self.dilate else holes

    def adjusting(self, height: int, width: int) -> int:
        """The bytes that `adjusted` takes beside what it is given."""
        inverted = height * width if self.invert else 0
        return inverted + (dilating(height, width, self.dilate) if self.dilate else 0)
