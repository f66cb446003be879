"""The tab in which a photograph is opened, painted on, restored and downloaded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import gradio as gr

from spikefill.service.page.asking import ask, moments
from spikefill.service.page.editor import CURRENT, Edited, Editor
from spikefill.service.page.examples import Example, Examples
from spikefill.service.page.painted import Painted
from spikefill.service.page.result import Result
from spikefill.service.page.tasks import ChangeMargin, FindScratches, Masked, Open, Restore, TakeMask
from spikefill.service.workers import Workers


def restore_tab(largest_megabytes: float, workers: Workers) -> Editor:
    """Builds the tab, and says what its buttons do.

    Args:
        largest_megabytes: Of a file that is sent.
        workers: Do the computing.

    Returns:
        The editor, whose photograph and mask the other tabs use.
    """
    with gr.Row():
        with gr.Column(scale=3, min_width=320):
            editor = Editor(largest_megabytes)
            start = gr.Button("Restore", variant="primary", size="lg", elem_id="restore")
            stop = gr.Button("Cancel", variant="stop", size="lg", visible=False, elem_id="cancel")
        with gr.Column(scale=2, min_width=320):
            result = Result()
            examples = Examples()
    _listen_to_editor(editor, workers)
    _listen_to_buttons(editor, result, start, stop, workers)
    _listen_to_examples(editor, examples, workers)
    return editor


def _listen_to_editor(editor: Editor, workers: Workers) -> None:
    async def opened(edited: Edited) -> Any:
        return await _shown(editor, edited.painted.photo, workers)

    async def masked(edited: Edited) -> Any:
        mask = await ask(workers, TakeMask(edited.painted, edited.mask))
        return editor.masked_value(edited.painted.photo, mask, _share(mask))

    async def scratches(edited: Edited) -> Any:
        mask = await ask(workers, FindScratches(edited.painted))
        message = f"{_share(mask)} Take away what is no damage with the eraser."
        return editor.masked_value(edited.painted.photo, mask, message)

    def margin(*, larger: bool) -> Any:
        async def changed(edited: Edited) -> Any:
            mask = await ask(workers, ChangeMargin(edited.painted, larger=larger))
            return editor.masked_value(edited.painted.photo, mask, _share(mask))

        return changed

    for listener, answer in (
        (editor.opened, opened),
        (editor.masked, masked),
        (editor.scratches, scratches),
        (editor.expand, margin(larger=True)),
        (editor.shrink, margin(larger=False)),
    ):
        listener(answer, editor, editor, api_visibility="private")


def _listen_to_buttons(editor: Editor, result: Result, start: gr.Button, stop: gr.Button, workers: Workers) -> None:
    async def restored(edited: Edited) -> AsyncIterator[Any]:
        async with aclosing(moments(workers, Restore(edited.painted))) as steps:
            async for moment in steps:
                if moment.result is None:
                    yield {"underway": moment.underway("Restoring")}
                else:
                    yield result.restored_value(edited.painted.photo, moment.result)

    async def go_on(file: Path) -> Any:
        return await _shown(editor, file, workers)

    def at_work(is_at_work: bool) -> Any:
        return lambda: (gr.Button(visible=not is_at_work), gr.Button(visible=is_at_work), None)

    # One after the other: answers to events that begin together may come in any order.
    outputs = [start, stop, result]
    quiet: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    begun = start.click(at_work(True), None, outputs, **quiet)
    work = begun.then(restored, editor, result, js=CURRENT, show_progress="hidden", api_visibility="private")
    work.success(at_work(False), None, outputs, **quiet)
    work.failure(at_work(False), None, outputs, **quiet)
    stop.click(at_work(False), None, outputs, cancels=[work], **quiet)
    result.go_on(go_on, result, editor, api_visibility="private")


def _listen_to_examples(editor: Editor, examples: Examples, workers: Workers) -> None:
    async def chosen(example: Example) -> Any:
        photo, mask = (
            Path(editor.kept(data, f"{example.name}{suffix}")["path"])
            for data, suffix in ((example.photo, ".jpg"), (example.mask, ".png"))
        )
        masked = await ask(workers, TakeMask(Painted(photo), mask))
        return {**await _shown(editor, photo, workers), **editor.masked_value(photo, masked, _share(masked))}

    examples.chosen(chosen, examples, editor, api_visibility="private")


async def _shown(editor: Editor, photo: Path, workers: Workers) -> dict[str, Any]:
    opened = await ask(workers, Open(photo))
    size = f"{photo.name}, {opened.width} × {opened.height} px."
    return editor.opened_value(photo, opened, f"{size} Paint over what is to be restored.")


def _share(mask: Masked) -> str:
    return f"{100 * mask.share:.2g} % of the photograph is to be restored."
