"""The eight photographs inside the scikit-image wheel: found by path, nothing downloaded or imported."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from spikefill.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

EMBEDDED = "embedded"


@dataclass(frozen=True)
class Attribution:
    """Where an embedded photograph comes from, as the documentation of `skimage.data` states it.

    Attributes:
        title: What is on it.
        author: Who made it, or gave it.
        licence: ``"CC0"``, ``"public domain"``, or `NOT_STATED`.
        source: Where it was published, if that is stated.
    """

    title: str
    author: str
    licence: str
    source: str = ""


CC0 = "CC0"
PUBLIC_DOMAIN = "public domain"
NOT_STATED = "not stated"

_MIDDLEBURY = (
    "N. Nesic, P. Westling, X. Wang, Y. Kitajima, G. Krathwohl, D. Scharstein (Middlebury College)",
    NOT_STATED,
    "http://vision.middlebury.edu/stereo/data/scenes2014/",
)

TRAIN: Mapping[str, Attribution] = MappingProxyType(
    {
        "astronaut.png": Attribution("Eileen Collins", "NASA", PUBLIC_DOMAIN, "https://flic.kr/p/r9qvLn"),
        "hubble_deep_field.jpg": Attribution(
            "Hubble eXtreme Deep Field",
            "NASA",
            PUBLIC_DOMAIN,
            "http://hubblesite.org/newscenter/archive/releases/2012/37/image/a/",
        ),
        "motorcycle_left.png": Attribution("Motorcycle, left of a stereo pair", *_MIDDLEBURY),
        "motorcycle_right.png": Attribution("Motorcycle, right of a stereo pair", *_MIDDLEBURY),
        "retina.jpg": Attribution(
            "Fundus of a normal left eye",
            "Mikael Häggström",
            CC0,
            "https://commons.wikimedia.org/wiki/File:Fundus_photograph_of_normal_left_eye.jpg",
        ),
        "rocket.jpg": Attribution(
            "Launch of DSCOVR on a Falcon 9",
            "SpaceX",
            PUBLIC_DOMAIN,
            "https://www.flickr.com/photos/spacexphotos/16511594820/",
        ),
    }
)
"""To train on; both photographs of the stereo pair are here."""

VAL: Mapping[str, Attribution] = MappingProxyType(
    {
        "chelsea.png": Attribution("Chelsea the cat", "Stefan van der Walt", CC0),
        "coffee.png": Attribution("A cup of coffee, Pikolo Espresso Bar", "Rachel Michetti", CC0),
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
