"""The web page of ``spikefill serve``, made with Gradio and mounted on the service's application."""

from __future__ import annotations

import gradio as gr
from fastapi import FastAPI

from spikefill.service.page.blocks import page
from spikefill.service.page.kept import swept, use_own_folder
from spikefill.service.page.theme import CSS, theme
from spikefill.service.security import Access
from spikefill.service.settings import ServiceSettings
from spikefill.service.workers import Workers

__all__ = ["mount", "swept"]


def mount(app: FastAPI, settings: ServiceSettings, workers: Workers) -> None:
    """Mounts the page at ``/``; what the application has at other paths comes first.

    Args:
        app: Where it is mounted.
        settings: Say who may see it, and how large a file may be.
        workers: Do all of its computing.
    """
    use_own_folder()
    gr.mount_gradio_app(
        app, page(settings, workers), path="/", auth_dependency=Access(settings).user,
        max_file_size=round(settings.largest_megabytes * 1e6), theme=theme(), css=CSS, footer_links=[],
        run_history=False, show_error=False, ssr_mode=False, pwa=False, mcp_server=False,
    )  # fmt: skip
