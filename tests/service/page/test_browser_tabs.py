"""The page's other tabs in a real browser, the page as a whole by keyboard, and its colours."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from .conftest import DESKTOP, PHONE
from .steps import example, painted, status, wait_until

# Gradio's queue uses what pandas is about to give up.
pytestmark = pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")


def test_methods_are_compared(visit):
    page = visit(**DESKTOP)
    example(page, 1)
    page.get_by_role("tab", name="Compare").click()
    page.click("#compare")
    figures = page.locator("#methods figure")
    expect(figures).to_have_count(4)
    expect(figures.nth(2)).to_contain_text("Telea")
    page.wait_for_function("[...document.querySelectorAll('#methods img')].every((one) => one.naturalWidth > 100)")


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_spikes_are_shown_and_followed_by_keyboard_or_finger(visit, screen):
    page = visit(**screen)
    example(page, 0)
    page.get_by_role("tab", name="Spikes").click()
    page.click("#inspect")
    spot = page.locator("#activity .spot")
    expect(spot).to_be_visible()
    maps = page.locator("#activity figure img").count()
    assert maps > 0
    assert page.locator("#activity tbody tr").count() == maps  # of one level alone
    if screen is PHONE:
        spot.tap(position={"x": 60, "y": 40})
    else:
        spot.focus()
        spot.press("ArrowRight")
        spot.press("Enter")
    expect(page.locator("#activity figure svg")).to_have_count(maps)
    assert page.evaluate("document.documentElement.scrollWidth") <= screen["viewport"]["width"]


def test_all_but_the_brush_is_done_by_keyboard(visit):
    page = visit(**DESKTOP)

    def reach(selector: str) -> None:
        """Goes on to an element by the tabulator alone, and sees that it shows where the focus is."""
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
                break
        else:
            pytest.fail(f"{selector} is not reached")
        shown = page.evaluate(
            """() => [document.activeElement, document.activeElement.parentElement].some((one) => {
                const style = getComputedStyle(one);
                return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
            })"""
        )
        assert shown, f"{selector} does not show it"

    with page.expect_file_chooser() as chooser:
        reach("#editor .welcome input")
        page.keyboard.press("Enter")
    assert not chooser.value.is_multiple()
    reach("#examples button")
    page.keyboard.press("Enter")
    expect(status(page)).to_contain_text("to be restored")
    before = painted(page).sum()

    page.evaluate("document.activeElement.blur()")
    reach("#editor [data-do=undo]")
    page.keyboard.press("Enter")
    assert not painted(page).any()
    page.keyboard.press("Control+Shift+Z")
    wait_until(lambda: painted(page).sum() == before)
    reach("#editor .stage")
    page.keyboard.press("+")
    reach("#editor [data-do=expand]")
    page.keyboard.press("Space")
    expect(page.locator("#editor .editor")).to_be_visible()
    wait_until(lambda: painted(page).sum() > before)
    reach("#restore")
    page.keyboard.press("Enter")
    expect(page.locator("#result a[download]")).to_be_visible()
    reach("#result input[type=range]")
    page.keyboard.press("ArrowRight")
    assert page.locator("#result input[type=range]").input_value() == "50.5"
    reach("#result a[download]")
    with page.expect_download():
        page.keyboard.press("Enter")

    page.evaluate("document.activeElement.blur()")
    reach("[role=tab][aria-selected=false]")
    page.keyboard.press("Enter")
    reach("#inspect")
    page.keyboard.press("Enter")
    expect(page.locator("#activity .spot")).to_be_visible()


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_the_page_is_light_or_dark_as_the_system_is(visit, scheme, dark):
    page = visit(**DESKTOP, color_scheme=scheme)
    colours = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (sum(colours[:3]) < 200) == dark
