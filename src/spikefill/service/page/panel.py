"""`Panel`: a part of the page with its own HTML, CSS and JavaScript, from the files of ``static/``."""

from __future__ import annotations

from abc import ABCMeta
from importlib.resources import files
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.component_meta import ComponentMeta
from gradio.data_classes import FileData
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

_STATIC = files("spikefill.service.page") / "static"


class _WithoutStub(ComponentMeta):
    """Makes classes of components as Gradio does, but for the ``.pyi`` file that it writes beside their source."""

    def __new__(cls, name: str, bases: tuple[type, ...], attributes: dict[str, Any]) -> _WithoutStub:
        return ABCMeta.__new__(cls, name, bases, attributes)


class Panel(gr.HTML, metaclass=_WithoutStub):
    """A component of Gradio made of ``static/NAME.html``, ``.css`` and ``.js``, the last two after ``common``.

    Its value is a JSON object. The HTML is the same whatever the value: the script puts values into it as text, so
    that nothing of a user's file is ever taken for HTML. Functions give whole values: where they gave updates
    (`gradio.skip`, `gradio.update`), Gradio would make the component anew, without what makes it a panel.

    Args:
        name: Of the three files.
        **options: As for `gradio.HTML`.
    """

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(
            html_template=_static(f"{name}.html"),
            css_template=_static("common.css") + _static(f"{name}.css"),
            js_on_load=_static("common.js") + _static(f"{name}.js"),
            apply_default_css=False,
            **options,
        )

    def preprocess(self, payload: Any) -> Any:
        """What a function gets of what a browser sends; it may be anything, and each panel says what it takes."""
        return payload

    def postprocess(self, value: Any) -> Any:
        """As it is: a JSON object, or None."""
        return value

    def kept(self, data: bytes, name: str) -> dict[str, Any]:
        """A file for the browser, kept until the page deletes its temporary files.

        Args:
            data: The file's bytes.
            name: What it is called when it is saved.

        Returns:
            A part of the panel's value; the script finds its address under ``url``.
        """
        path = save_bytes_to_cache(data, name, cache_dir=self.GRADIO_CACHE)
        return FileData(path=path, orig_name=name, size=len(data)).model_dump()

    async def async_move_resource_to_block_cache(self, url_or_file_path: str | Path | None) -> str | None:
        """As Gradio's, for what `uploaded` lets pass: Gradio would copy any file of the server, or fetch an address."""
        if url_or_file_path is not None:
            uploaded(str(url_or_file_path))
        return await super().async_move_resource_to_block_cache(url_or_file_path)


def _static(name: str) -> str:
    return (_STATIC / name).read_text("utf-8")


def uploaded(path: object) -> Path:
    """A file that was uploaded to the page or made by it, and is still kept.

    Raises:
        gradio.Error: ``path`` is not one; browsers say which file they mean, and may not mean any other.
    """
    folder = Path(get_upload_folder()).resolve()
    file = Path(str(path)).resolve()
    if not isinstance(path, str) or not file.is_relative_to(folder) or not file.is_file():
        raise refusal("the photograph is no longer kept; open it again")
    return file


def refusal(message: str) -> gr.Error:
    """What to raise to say to a person why something is not done."""
    return gr.Error(f"{message[0].upper()}{message[1:]}.", title="Not done", print_exception=False)
