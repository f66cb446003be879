"""Takes the pictures of docs/page.md again: ``python -m tests.service.page.screenshots``, from the project's folder."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect

from spikefill.service.settings import ServiceSettings

from ..running import running
from .conftest import DESKTOP, PATIENCE, PHONE, chromium
from .steps import example, paint, restore, status

FOLDER = Path(__file__).parents[3] / "docs" / "images"
WIDTH = 900
COLOURS = 256


def take(page: Page, name: str, *, whole: bool = False) -> None:
    """Writes what is to be seen, or the whole page, reduced and with a palette: small enough for a repository."""
    page.mouse.move(0, 0)
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_function("[...document.images].every((one) => one.complete)")
    with Image.open(io.BytesIO(page.screenshot(full_page=whole, animations="disabled"))) as shot:
        picture = shot.convert("RGB")
    picture.thumbnail((WIDTH, 10 * WIDTH), Image.Resampling.LANCZOS)
    picture.quantize(COLOURS, Image.Quantize.MEDIANCUT).save(FOLDER / f"page-{name}.png", optimize=True)


def main() -> None:
    with running(ServiceSettings(port=0)) as site, chromium() as browser:

        def visit(**options) -> Page:
            page = browser.new_context(**options).new_page()
            page.set_default_timeout(PATIENCE)
            page.goto(site.url)
            page.wait_for_selector("#examples button")
            return page

        page = visit(**DESKTOP)
        example(page, 0)
        restore(page)
        take(page, "restore")
        page.get_by_role("tab", name="Compare").click()
        page.click("#compare")
        expect(page.locator("#methods figure")).to_have_count(4)
        take(page, "compare", whole=True)
        page.get_by_role("tab", name="Spikes").click()
        page.click("#inspect")
        page.click("#activity .spot", position={"x": 150, "y": 90})
        page.wait_for_selector("#activity figure svg")
        take(page, "spikes", whole=True)

        page = visit(**DESKTOP, color_scheme="dark")
        example(page, 1)
        restore(page)
        page.locator("#result input[type=range]").fill("30")
        take(page, "dark")

        page = visit(**PHONE, device_scale_factor=2)
        example(page, 0)
        page.click("#editor [data-do=clear]")
        page.click("#editor [data-do=scratches]")
        expect(status(page)).to_contain_text("eraser")
        paint(page, (0.275, 0.98), (0.48, 0.48))
        take(page, "phone")


if __name__ == "__main__":
    main()
