"""What a person does on the page, and what is to be seen of it."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, expect


def upload(page: Page, data: bytes, name: str) -> None:
    """Opens a photograph and waits until it is shown."""
    files = {"name": name, "mimeType": "application/octet-stream", "buffer": data}
    page.set_input_files("#editor input[name=photo] >> nth=0", files)
    expect(status(page)).to_contain_text(f"{name}, ")


def example(page: Page, number: int) -> None:
    """Opens one of the examples and waits until it is shown with its holes."""
    page.click(f"#examples button >> nth={number}")
    expect(status(page)).to_contain_text("to be restored")


def status(page: Page):
    return page.locator("#editor [role=status]")


def paint(page: Page, *places: tuple[float, float]) -> None:
    """A stroke through places given as shares of the photograph's width and height."""
    view = page.locator("#editor canvas")
    view.scroll_into_view_if_needed()
    box = view.bounding_box()
    points = [(box["x"] + across * box["width"], box["y"] + down * box["height"]) for across, down in places]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=4)
    page.mouse.up()


def touch(page: Page, *fingers: list[tuple[float, float]]) -> None:
    """As `paint`, by fingers that go together from place to place."""
    view = page.locator("#editor canvas")
    view.scroll_into_view_if_needed()
    box = view.bounding_box()
    session = page.context.new_cdp_session(page)

    def send(kind: str, index: int) -> None:
        places = [finger[index] for finger in fingers]
        points = [
            {"x": box["x"] + across * box["width"], "y": box["y"] + down * box["height"], "id": number}
            for number, (across, down) in enumerate(places)
        ]
        event = {"type": kind, "touchPoints": [] if kind == "touchEnd" else points}
        session.send("Input.dispatchTouchEvent", event)

    send("touchStart", 0)
    for index in range(1, len(fingers[0])):
        send("touchMove", index)
    send("touchEnd", 0)


def painted(page: Page) -> np.ndarray:
    """The layer as the page would send it: a bool array."""
    uri = page.evaluate("document.querySelector('#editor .editor').current().layer")
    with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as image:
        return np.array(image)[..., 3] >= 128


def restore(page: Page) -> None:
    page.click("#restore")
    expect(page.locator("#result a[download]")).to_be_visible()


def downloaded(page: Page) -> tuple[str, bytes]:
    """Name and bytes of what the link to the result gives."""
    with page.expect_download() as download:
        page.click("#result a[download]")
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def wait_until(true: Callable[[], bool]) -> None:
    """Waits for what no element of the page shows."""
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)
