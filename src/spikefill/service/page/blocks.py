"""The page as a whole: a title, and a tab for each thing to do."""

from __future__ import annotations

import gradio as gr

from spikefill.service.page.activity_tab import activity_tab
from spikefill.service.page.compare_tab import compare_tab
from spikefill.service.page.kept import KEPT_SECONDS, SWEEP_SECONDS
from spikefill.service.page.restore_tab import restore_tab
from spikefill.service.settings import ServiceSettings
from spikefill.service.workers import Workers


def page(settings: ServiceSettings, workers: Workers) -> gr.Blocks:
    """The page.

    Args:
        settings: Of the service.
        workers: Do the computing.
    """
    blocks: gr.Blocks = gr.Blocks(
        title="Spikefill", analytics_enabled=False, delete_cache=(SWEEP_SECONDS, KEPT_SECONDS), fill_width=True
    )
    with blocks:
        gr.Markdown("# Spikefill\nPaint over the damage in a photograph, and have it restored.", elem_id="title")
        with gr.Tabs():
            with gr.Tab("Restore"):
                editor = restore_tab(settings.largest_megabytes, workers)
            with gr.Tab("Spikes"):
                activity_tab(editor, workers)
            with gr.Tab("Compare"):
                compare_tab(editor, settings.model, workers)
    # Who waits and who is turned away is for the workers to say.
    blocks.queue(default_concurrency_limit=None, api_open=False)
    return blocks
