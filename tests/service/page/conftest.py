from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from spikefill.service.settings import ServiceSettings

from ..running import Running, running

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DESKTOP = {"viewport": {"width": 1280, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
PATIENCE = 60_000
"""Milliseconds for which a test waits for what the page is to show."""

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where Gradio keeps its temporary files, of this session alone."""
    with pytest.MonkeyPatch.context() as patch:
        folder = str(tmp_path_factory.mktemp("gradio"))
        patch.setenv("GRADIO_TEMP_DIR", folder)
        yield folder


@pytest.fixture(scope="session")
def site(weights: str, temporary: str) -> Iterator[Running]:
    """The service with a network that nobody trained; its page keeps to limits that tests can reach."""
    settings = ServiceSettings(
        port=0, model=weights, processes=1, threads=1, queue=4, seconds=60, largest_megabytes=2, largest_megapixels=1
    )
    with running(settings) as found:
        yield found


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window."""
    with sync_playwright() as playwright:
        sandbox = [] if os.geteuid() else ["--no-sandbox"]
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=sandbox)
        yield found
        found.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium for the tests of the page: apt-get install chromium fonts-dejavu-core")
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def contexts(browser: Browser) -> dict[str, BrowserContext]:
    """One for each screen: what it has loaded once, it need not load again."""
    return {}


@pytest.fixture
def visit(browser: Browser, contexts: dict[str, BrowserContext], site: Running) -> Iterator[Callable[..., Page]]:
    """Opens the page; at the end of the test, nothing may have gone wrong in it, and no request left the machine."""
    pages, troubles = [], []

    def opened(**options: Any) -> Page:
        context = contexts.get(repr(options)) or contexts.setdefault(repr(options), browser.new_context(**options))
        pages.append(context.new_page())
        page = pages[-1]
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda message: message.type in ("error", "warning") and troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda request: outside(request.url) and troubles.append(request.url))
        page.goto(site.url)
        page.wait_for_selector("#editor .welcome")
        return page

    def outside(url: str) -> bool:
        return not url.startswith((site.url, "data:", "blob:"))

    yield opened
    for page in pages:
        page.close()
    assert troubles == []


def file_of(pixels: np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()
