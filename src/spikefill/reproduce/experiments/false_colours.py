"""How the false colours of the paper's Fig. 3 can come about: an image in [-1, 1] shown without its negative values.

Two things are done to photographs x in [0, 1], normalised to v = 2 x - 1:
- `wrapped`: v is converted to bytes as ``(255 v).astype(uint8)`` does it: negative values wrap round;
- `shut`: v goes through a final ReLU first, which loses negative values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from spikefill.reproduce import networks
from spikefill.reproduce.cases import cases
from spikefill.reproduce.trials import Context, Result

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spikefill.evaluation.baselines import Image

PANELS = "panels.npz"
"""The file with the panels, arrays that are named ROW/HEADING."""

KINDS = ("all above the middle grey", "some below", "all below")
"""Kinds of pixels, by which of their three values are negative in [-1, 1]."""

_COLOURFUL = 16
"""Difference of the largest and the smallest channel, in levels, from which a pixel has a colour to be false."""


def wrapped(image: Image) -> Image:
    """The bytes of an image in [-1, 1]: ``255 v`` modulo 256.

    Args:
        image: (H, W, 3), uint8: 255 x.
    """
    return (_signed(image) % 256).astype(np.uint8)


def shut(image: Image) -> Image:
    """The bytes of an image in [-1, 1] after a final ReLU: black where a value is negative."""
    return np.maximum(_signed(image), 0).astype(np.uint8)


def floor_of_relu(image: Image) -> float:
    """The mean squared error in [-1, 1] below which no output of a final ReLU comes: that of the negative values."""
    return float(np.mean(np.square(np.minimum(_signed(image), 0) / 255)))


def measure_colours(image: Image) -> dict[str, dict[str, int]]:
    """By kind of pixels, their number and sums over them, from which `panels_of_photographs` takes means.

    ``pixels``; ``original``, ``wrapped`` and ``shut``: the sum of the mean levels; ``colourful``: pixels with a colour;
    ``false``: those of them whose strongest channel is another when wrapped.
    """
    negative = (_signed(image) < 0).sum(axis=2)
    kinds = (negative == 0, (negative > 0) & (negative < 3), negative == 3)
    pictures = {"original": image, "wrapped": wrapped(image), "shut": shut(image)}
    colourful = np.ptp(image.astype(int), axis=2) >= _COLOURFUL
    false = colourful & (image.argmax(axis=2) != pictures["wrapped"].argmax(axis=2))
    return {
        kind: {
            "pixels": int(where.sum()),
            **{name: int(picture[where].sum()) for name, picture in pictures.items()},
            "colourful": int((colourful & where).sum()),
            "false": int((false & where).sum()),
        }
        for kind, where in zip(KINDS, kinds, strict=True)
    }


def panels_of_photographs(
    context: Context, *, network: networks.Network, settings: Mapping[str, Any], panels: int
) -> Result:
    """Measures the colours of all photographs, and makes the panels of the first.

    The result has, by kind of pixels, ``share``, the mean levels ``original``, ``wrapped`` and ``shut``, and ``false``,
    the share of colourful pixels whose strongest channel is another when wrapped (None without any); and ``floor``,
    the mean of `floor_of_relu`.
    """
    inpainter = networks.inpainter(context, network)
    sums = {kind: dict.fromkeys(("pixels", "original", "wrapped", "shut", "colourful", "false"), 0) for kind in KINDS}
    floors: list[float] = []
    pictures: dict[str, Image] = {}
    shown: list[str] = []
    for case in cases(context, {**settings, "families": settings["families"][:1], "repeats": 1}, "false colours"):
        for kind, counted in measure_colours(case.image).items():
            for name, value in counted.items():
                sums[kind][name] += value
        floors.append(floor_of_relu(case.image))
        if len(shown) < panels:
            restored = np.asarray(inpainter.inpaint(case.image, case.mask))
            columns = {
                "photograph": case.image,
                "masked": np.where(case.mask[..., None], np.uint8(0), case.image),
                "restored": restored,
                "photograph in [-1, 1], as bytes": wrapped(case.image),
                "restored in [-1, 1], final ReLU": shut(restored),
            }
            pictures.update({f"{len(shown)}/{heading}": picture for heading, picture in columns.items()})
            shown.append(case.name)
    np.savez_compressed(context.folder / PANELS, **pictures)  # type: ignore[arg-type]
    total = sum(counted["pixels"] for counted in sums.values())
    return {
        "photographs": shown,
        "floor": sum(floors) / len(floors),
        "kinds": {
            kind: {
                "share": counted["pixels"] / total,
                **{
                    name: counted[name] / (3 * counted["pixels"]) if counted["pixels"] else None
                    for name in ("original", "wrapped", "shut")
                },
                "false": counted["false"] / counted["colourful"] if counted["colourful"] else None,
            }
            for kind, counted in sums.items()
        },
    }


def _signed(image: Image) -> NDArray[np.int64]:
    """``255 v``, which is whole for bytes: from -255 to 255."""
    return 2 * image.astype(np.int64) - 255
