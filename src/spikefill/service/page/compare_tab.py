"""The tab that shows what several methods make of the same holes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import gradio as gr

from spikefill.service.page.asking import moments
from spikefill.service.page.comparing import Compare, methods
from spikefill.service.page.editor import CURRENT, Edited, Editor
from spikefill.service.page.panel import Panel
from spikefill.service.workers import Workers


def compare_tab(editor: Editor, model: str, workers: Workers) -> None:
    """Builds the tab, and says what its button does.

    Args:
        editor: Has the photograph and the mask.
        model: The name of the service's model.
        workers: Do the computing.
    """
    compared = methods(model)
    names = [method.title for method in compared]
    gr.Markdown(
        f"What {', '.join(names[:-1])} and {names[-1]} make of what is painted over under *Restore*, in pixels of the "
        "photograph. The times are for restoring alone."
    )
    start = gr.Button("Compare", variant="primary", size="lg", elem_id="compare")
    panel = Panel("methods", elem_id="methods", label="Methods")

    def figure(title: str, picture: bytes, suffix: str, time: str) -> dict[str, Any]:
        return {"title": title, "picture": panel.kept(picture, f"picture{suffix}"), "time": time}

    async def compare(edited: Edited) -> AsyncIterator[Any]:
        figures: list[dict[str, Any]] = []
        for method in compared:
            async with aclosing(moments(workers, Compare(edited.painted, method.name))) as steps:
                async for moment in steps:
                    yield {"underway": moment.underway(method.title), "figures": figures}
                    if (sample := moment.result) is not None:
                        if not figures:
                            figures.append(figure("before", sample.damaged, sample.suffix, ""))
                        time = f"{sample.seconds:.2f} s"
                        figures.append(figure(method.title, sample.restored, sample.suffix, time))
        yield {"figures": figures}

    work = start.click(compare, editor, panel, js=CURRENT, show_progress="hidden", api_visibility="private")
    work.failure(lambda: None, None, panel, queue=False, show_progress="hidden", api_visibility="private")
