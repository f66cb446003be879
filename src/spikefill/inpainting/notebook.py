"""A restored picture that a notebook shows beside the damaged one."""

from __future__ import annotations

import base64
import io
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from spikefill.images.through_pillow import to_image

_SHOWN_SIDE = 512
_HOLE_COLOUR = (230, 30, 120)
_ORIENTED_BY = ("exif", "xmp")
"""Where PIL's ``info`` may say which way up the picture is."""


class RestoredImage(Image.Image):
    """A `PIL.Image.Image` like any other, except that notebooks show it before and after.

    Attributes:
        damaged: The picture before, its holes coloured, reduced to what a notebook shows; None on derived images.
    """

    damaged: Image.Image | None = None

    @classmethod
    def of(
        cls,
        pixels: NDArray[Any],
        info: dict[Any, Any],
        *,
        damaged: NDArray[Any],
        holes: NDArray[np.bool_],
        cmyk: bool = False,
    ) -> Self:
        """From restored pixels, PIL's ``info``, and what was there before; four channels are RGBA unless ``cmyk``."""
        restored = cls()
        restored.__setstate__(to_image(pixels, cmyk=cmyk).__getstate__())
        restored.info = info
        before = _shown(to_image(damaged, cmyk=cmyk))
        before.info = {key: info[key] for key in _ORIENTED_BY if key in info}
        marks = Image.fromarray(holes).convert("L").resize(before.size, Image.Resampling.BOX)
        before.paste(_HOLE_COLOUR, mask=marks)
        restored.damaged = before
        return restored

    def save(self, fp: Any, format: str | None = None, **params: Any) -> None:  # noqa: A002
        """As `PIL.Image.Image.save`, with what the source says of its pixels, which Pillow leaves out of some formats.

        That is the EXIF data, which say which way up the picture is, and the ICC profile, which says what its colours
        are. A profile for grey is left to Pillow, since some formats turn grey into colour.
        """
        if exif := self.info.get("exif"):
            params.setdefault("exif", exif)
        profile = self.info.get("icc_profile")
        if profile and profile[16:20] != b"GRAY":
            params.setdefault("icc_profile", profile)
        super().save(fp, format, **params)

    def _repr_html_(self) -> str:
        """Both pictures, side by side, upright."""
        if self.damaged is None:
            return _figure(_shown(self), "")
        return (
            '<div style="display:flex;flex-wrap:wrap;gap:1em">'
            f"{_figure(self.damaged, 'before')}{_figure(_shown(self), 'after')}</div>"
        )


def _shown(image: Image.Image) -> Image.Image:
    """RGB, 8 bits, no larger than a notebook shows."""
    info = image.info
    if image.mode == "I;16":
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    elif image.mode == "F":
        image = Image.fromarray((np.asarray(image).clip(0, 1) * 255).astype(np.uint8))
    shown = image.convert("RGB")
    shown.info = {key: info[key] for key in _ORIENTED_BY if key in info}
    shown.thumbnail((_SHOWN_SIDE, _SHOWN_SIDE))
    return shown


def _figure(image: Image.Image, caption: str) -> str:
    buffer = io.BytesIO()
    ImageOps.exif_transpose(image).save(buffer, "PNG")
    data = base64.b64encode(buffer.getvalue()).decode()
    return (
        f'<figure style="margin:0"><img alt="{caption}" src="data:image/png;base64,{data}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )
