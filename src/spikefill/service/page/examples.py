"""Photographs to try the page with: a click opens one with its mask."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from PIL import Image

from spikefill.service.page.panel import Panel, refusal

_FOLDER = files("spikefill.service.page") / "examples"
_THUMBNAIL_SIDE = 240


@dataclass(frozen=True)
class Example:
    """A damaged photograph in ``examples/``; `spikefill.service.page.make_examples` made it.

    Attributes:
        name: Of its files, without suffix.
        title: What is shown of it.
    """

    name: str
    title: str

    @property
    def photo(self) -> bytes:
        """The photograph, a JPEG file."""
        return (_FOLDER / f"{self.name}.jpg").read_bytes()

    @property
    def mask(self) -> bytes:
        """The mask, a PNG file."""
        return (_FOLDER / f"{self.name}.png").read_bytes()

    def thumbnail(self) -> str:
        """A small picture as a data URI."""
        with Image.open(io.BytesIO(self.photo)) as image:
            image.thumbnail((_THUMBNAIL_SIDE, _THUMBNAIL_SIDE))
            buffer = io.BytesIO()
            image.save(buffer, "JPEG", quality=80)
        return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


EXAMPLES = (Example("chelsea-scratches", "Scratches"), Example("coffee-text", "Text"))
"""In the order in which they are shown."""


class Examples(Panel):
    """Buttons with thumbnails; its event is ``chosen``, and what a function gets from it the chosen `Example`."""

    def __init__(self) -> None:
        shown = [{"title": example.title, "picture": example.thumbnail()} for example in EXAMPLES]
        super().__init__("examples", elem_id="examples", label="Examples", value={"examples": shown})

    def preprocess(self, payload: Any) -> Example:  # type: ignore[override]
        """The chosen one.

        Raises:
            gradio.Error: It is none of `EXAMPLES`.
        """
        chosen = payload.get("chosen") if isinstance(payload, dict) else None
        if not isinstance(chosen, int) or not 0 <= chosen < len(EXAMPLES):
            raise refusal("there is no such example")
        return EXAMPLES[chosen]
