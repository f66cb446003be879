"""What a photograph suffers from: holes, or noise all over it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from spikefill.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST_SIGMA = 255.0


@dataclass(frozen=True)
class Degradation:
    """What is restored; in recipes, files of weights and commands a word, `parse` and `str` of it.

    Attributes:
        sigma: Standard deviation of white Gaussian noise in grey levels, above 0 and at most 255; None for holes.

    Raises:
        InputError: ``sigma`` is out of its range.
    """

    sigma: float | None = None

    def __post_init__(self) -> None:
        if self.sigma is not None and not 0 < self.sigma <= LARGEST_SIGMA:
            raise InputError(f"sigma is {self.sigma:g}; it must be above 0 and at most {LARGEST_SIGMA:g} grey levels")

    @classmethod
    def parse(cls, text: str) -> Self:
        """What ``holes`` or ``noise:SIGMA`` stands for; a file of weights may have anything in its place.

        Raises:
            InputError: It is neither, or SIGMA is out of its range.
        """
        kind, colon, number = str(text).partition(":")
        if text == "holes":
            return cls()
        try:
            sigma = float(number)
        except ValueError:
            sigma = math.nan
        if kind != "noise" or not colon or not 0 < sigma <= LARGEST_SIGMA:
            raise InputError(
                f"degradation is {text!r}; it must be holes, or noise:SIGMA with SIGMA above 0 and at most "
                f"{LARGEST_SIGMA:g} grey levels, such as noise:25"
            )
        return cls(sigma)

    def __str__(self) -> str:
        return "holes" if self.sigma is None else f"noise:{str(self.sigma).removesuffix('.0')}"

    @property
    def is_noise(self) -> bool:
        """Whether it is noise."""
        return self.sigma is not None


HOLES = Degradation()


def check_holes_alone(degradation: Degradation, arguments: Mapping[str, object]) -> None:
    """Raises `InputError` if there is noise, and an argument by name that goes with holes alone is not None."""
    for name, value in arguments.items():
        if degradation.is_noise and value is not None:
            raise InputError(f"{name} is {value!r}; it goes with holes, not with {degradation}")


def check_trained_for(model: object, wanted: Degradation, *, name: str = "model") -> None:
    """Raises `InputError` unless a network restores what is wanted; one that does not say restores holes.

    Args:
        model: A network of `spikefill.models`.
        wanted: What it is asked to restore.
        name: What it is called.
    """
    own = getattr(model, "degradation", HOLES)
    if own != wanted:
        raise InputError(
            f"{name} was trained for {own}, not for {wanted}; measure it with: spikefill evaluate --degradation {own}"
        )
