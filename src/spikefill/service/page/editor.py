"""The editor: the photograph on which a mask is painted, and the buttons around it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spikefill.service.page.painted import Painted
from spikefill.service.page.panel import Panel, refusal, uploaded
from spikefill.service.page.tasks import Masked, Opened

_CURRENT = "document.querySelector('#editor .editor').current()"

CURRENT = f"() => [{_CURRENT}]"
"""JavaScript that reads the painted layer at the moment when a function whose input is the editor is called."""

CURRENT_AND_OTHER = f"(_, other) => [{_CURRENT}, other]"
"""The same for a function that has another input after the editor."""


@dataclass(frozen=True)
class Edited:
    """What the editor sends.

    Attributes:
        painted: The photograph with what was painted on it.
        mask: The file of a mask that was uploaded just now; in other events, that of the photograph.
    """

    painted: Painted
    mask: Path


class Editor(Panel):
    """A canvas with brush, eraser, undo, redo, zoom and pan; ``static/editor.js`` says how it works.

    It shows a preview that the server made, and supplies the mask alone. Its events are ``opened`` (a photograph was
    uploaded), ``masked`` (a mask was), ``scratches``, ``expand`` and ``shrink`` (the buttons of these names). A
    function gets an `Edited` from it.

    Args:
        largest_megabytes: Of a file that it sends.
    """

    def __init__(self, largest_megabytes: float) -> None:
        value = {"largestMegabytes": largest_megabytes}
        super().__init__("editor", elem_id="editor", label="Photograph", value=value)

    def preprocess(self, payload: Any) -> Edited:  # type: ignore[override]
        """From what ``current`` in the script returns.

        Raises:
            gradio.Error: No photograph is open, or a file is named that is not kept.
        """
        sent = payload if isinstance(payload, dict) else {}
        if not sent.get("photo"):
            raise refusal("open a photograph first, under Restore")
        photo, layer, base, mask = (sent.get(key) for key in ("photo", "layer", "base", "mask"))
        if not isinstance(layer, str | None):
            raise refusal("the painted layer is not text")
        file = uploaded(photo)
        painted = Painted(file, layer, None if base is None else uploaded(base))
        return Edited(painted, file if mask is None else uploaded(mask))

    def opened_value(self, photo: Path, opened: Opened, message: str) -> dict[str, Any]:
        """The value that shows another photograph."""
        return {
            "photo": str(photo),
            "preview": self.kept(opened.preview, f"preview{opened.suffix}"),
            "width": opened.width,
            "height": opened.height,
            "message": message,
        }

    def masked_value(self, photo: Path, masked: Masked, message: str) -> dict[str, Any]:
        """The value that shows another mask on the same photograph; it can be undone."""
        return {
            "photo": str(photo),
            "base": self.kept(masked.base, "mask.png"),
            "layer": self.kept(masked.layer, "layer.png"),
            "message": message,
        }
