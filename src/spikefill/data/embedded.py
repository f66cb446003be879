"""The eight photographs inside the scikit-image wheel: found, never downloaded, and without importing scikit-image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from spikefill.errors import InputError

EMBEDDED = "embedded"


@dataclass(frozen=True)
class Attribution:
    """Where an embedded photograph comes from, as scikit-image states it."""

    title: str
    author: str
    licence: str


_NASA = "public domain"
_CC0 = "CC0"

TRAIN: Mapping[str, Attribution] = MappingProxyType(
    {
        "astronaut.png": Attribution("Eileen Collins", "NASA", _NASA),
        "hubble_deep_field.jpg": Attribution("Hubble eXtreme Deep Field", "NASA and ESA", _NASA),
        "motorcycle_left.png": Attribution("Motorcycle, left (Middlebury 2014 stereo)", "D. Scharstein et al.", _CC0),
        "motorcycle_right.png": Attribution("Motorcycle, right (Middlebury 2014 stereo)", "D. Scharstein et al.", _CC0),
        "retina.jpg": Attribution("Fundus photograph of a normal left eye", "M. Häggström", _CC0),
        "rocket.jpg": Attribution("Launch of a Falcon 9", "SpaceX", _CC0),
    }
)
"""To train on; both halves of the stereo pair are here."""

VAL: Mapping[str, Attribution] = MappingProxyType(
    {
        "chelsea.png": Attribution("Chelsea the cat", "S. van der Walt", _CC0),
        "coffee.png": Attribution("A cup of coffee", "R. Michetti, Pikolo Espresso Bar", _CC0),
    }
)
"""To validate on and to show."""


def embedded_files(part: str) -> list[Path]:
    """The files of a part: ``"train"``, ``"val"`` or ``"all"``.

    Raises:
        InputError: scikit-image, which carries them, is not installed.
    """
    spec = find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        raise InputError("the embedded photographs come with scikit-image: pip install 'spikefill[train]'")
    folder = Path(next(iter(spec.submodule_search_locations))) / "data"
    names = {"train": TRAIN, "val": VAL, "all": {**TRAIN, **VAL}}[part]
    return [folder / name for name in sorted(names)]
