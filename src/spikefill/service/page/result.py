"""The restored photograph: before and after under a slider, to download or to go on with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spikefill.service.page.panel import Panel, uploaded
from spikefill.service.page.tasks import Restored

_ADDED = "-restored"


class Result(Panel):
    """Its event ``go_on`` asks for the result to become the photograph in the editor.

    A function gets the path of the restored file from it. While work goes on its value is ``{"underway": ...}``, see
    `Moment.underway`; with this and with None, it goes on showing what was restored before.
    """

    def __init__(self) -> None:
        super().__init__("result", elem_id="result", label="Restored")

    def preprocess(self, payload: Any) -> Path:  # type: ignore[override]
        """The restored file.

        Raises:
            gradio.Error: It is not kept any more.
        """
        file = payload.get("file") if isinstance(payload, dict) else None
        return uploaded(file.get("path") if isinstance(file, dict) else None)

    def restored_value(self, photo: Path, restored: Restored) -> dict[str, Any]:
        """The value that shows a restored photograph."""
        name = f"{photo.stem.removesuffix(_ADDED)}{_ADDED}{photo.suffix}"
        return {
            "before": self.kept(restored.before.preview, f"before{restored.before.suffix}"),
            "after": self.kept(restored.after.preview, f"after{restored.after.suffix}"),
            "file": self.kept(restored.encoded, name),
            "message": f"{restored.after.width} × {restored.after.height} px, restored in {restored.seconds:.1f} s",
        }
