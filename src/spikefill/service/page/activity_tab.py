"""The tab that shows what the network's neurons did."""

from __future__ import annotations

from typing import Any, TypeGuard

import gradio as gr

from spikefill.service.page.asking import ask
from spikefill.service.page.editor import CURRENT, CURRENT_AND_OTHER, Edited, Editor
from spikefill.service.page.inspecting import CHANNELS_SHOWN, LARGEST_SIDE, Follow, Inspect
from spikefill.service.page.panel import Panel, refusal
from spikefill.service.workers import Workers

_LEGEND = (
    f"Under each map, the neurons at the cross: above, the membranes of the {CHANNELS_SHOWN} channels that fire most, "
    "with the threshold dashed; below, the spikes of all channels."
)


class Activity(Panel):
    """Maps of spike rates; its event ``followed`` asks for the neurons at a pixel.

    A function gets from it where the pixel lies: ``(across, down)``, 0 to 1.
    """

    def __init__(self) -> None:
        super().__init__("activity", elem_id="activity", label="Spike rates")

    def preprocess(self, payload: Any) -> tuple[float, float]:  # type: ignore[override]
        """The place.

        Raises:
            gradio.Error: It is none.
        """
        across, down = (payload.get(key) if isinstance(payload, dict) else None for key in ("across", "down"))
        if not (_is_share(across) and _is_share(down)):
            raise refusal("there is no such pixel")
        return float(across), float(down)


def _is_share(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and 0 <= value <= 1


def activity_tab(editor: Editor, workers: Workers) -> None:
    """Builds the tab, and says what happens in it.

    Args:
        editor: Has the photograph and the mask.
        workers: Do the computing.
    """
    gr.Markdown(
        "The network restores what is painted over under *Restore* once more, in a copy of at most "
        f"{LARGEST_SIDE} px, and every spike of every layer is counted."
    )
    start = gr.Button("Show the spikes", variant="primary", size="lg", elem_id="inspect")
    panel = Activity()

    async def inspect(edited: Edited) -> Any:
        rates = await ask(workers, Inspect(edited.painted))
        return {"picture": panel.kept(rates.picture, "given.png"), "largest": rates.largest, "layers": rates.layers}

    async def follow(edited: Edited, place: tuple[float, float]) -> Any:
        return {"traces": await ask(workers, Follow(edited.painted, *place)), "message": _LEGEND}

    start.click(inspect, editor, panel, js=CURRENT, show_progress_on=start, api_visibility="private")
    panel.followed(follow, [editor, panel], panel, js=CURRENT_AND_OTHER, api_visibility="private")
