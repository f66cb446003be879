"""Colours and fonts of the page: those of the system, in light and dark, with nothing to download."""

from __future__ import annotations

import gradio as gr

CSS = """
.gradio-container { width: 100% !important; max-width: 1400px !important; margin: 0 auto !important; }
.gradio-container .app { padding: 16px clamp(12px, 2.5vw, 32px) !important; }
.gradio-container .html-container { padding: 0; }
:root body { color-scheme: light; }
:root body.dark { color-scheme: dark; --color-accent: var(--primary-400); }
:focus-visible { outline: 3px solid var(--color-accent); outline-offset: 2px; }
#inspect, #compare { max-width: 360px; }
#title h1 { margin: 0; font-size: 24px; }
#title p { margin: 4px 0 0; color: var(--body-text-color-subdued); }
@keyframes to-and-fro { from { background-position: 200% 0; } to { background-position: 0 0; } }
"""
"""What the theme has no name for, and the animation of ``static/common.css``, where there can be none.

Gradio confines rules within ``@media`` to what lies in the page's column; the page's own padding does not.
"""


def theme() -> gr.themes.Base:
    """Gradio's own theme, in a teal on which white is easy to read, with the fonts of the system."""
    base = gr.themes.Default(
        primary_hue="teal",
        secondary_hue="teal",
        neutral_hue="slate",
        font=("system-ui", "sans-serif"),
        font_mono=("ui-monospace", "monospace"),
    )
    return base.set(
        body_text_color_subdued="*neutral_500",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_600",
        color_accent="*primary_700",
    )
