"""The page in a real browser, as a person uses it: on a desk, on a phone, by keyboard."""

from __future__ import annotations

import asyncio
import io
import re
from contextlib import closing, contextmanager

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from spikefill.masks import dilated
from spikefill.service.settings import ServiceSettings

from ...images.samples import RGB_PROFILE, exif
from ..running import running
from ..tasks import Steps
from .conftest import DESKTOP, PATIENCE, PHONE, file_of
from .steps import downloaded, example, paint, painted, restore, status, touch, upload, wait_until

# Gradio's queue uses what pandas is about to give up.
pytestmark = pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")

TOKEN = "a-token-of-sixteen-letters"
STROKE = [(0.3, 0.3), (0.6, 0.5)]


def pixels_of(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.array(image)


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_photograph_is_opened_painted_restored_compared_and_downloaded(visit, cat, screen):
    page = visit(**screen)
    upload(page, file_of(cat, exif=exif(1), icc_profile=RGB_PROFILE), "cat.png")
    (touch if screen is PHONE else paint)(page, *([STROKE] if screen is PHONE else STROKE))
    holes = painted(page)
    assert 0.001 < holes.mean() < 0.1
    restore(page)

    slider = page.locator("#result input[type=range]")
    slider.focus()
    slider.press("End")
    assert page.locator("#result .result").evaluate("box => box.style.getPropertyValue('--cut')") == "100%"
    assert page.evaluate("document.documentElement.scrollWidth") <= screen["viewport"]["width"]

    name, data = downloaded(page)
    assert name == "cat-restored.png"
    after = pixels_of(data)
    assert np.array_equal(after[~holes], cat[~holes])
    assert (after[holes] != cat[holes]).any(axis=1).mean() > 0.9
    with Image.open(io.BytesIO(data)) as image:
        assert image.info["icc_profile"] == RGB_PROFILE
        assert image.getexif()[0x010F] == "A camera"


def test_a_photograph_that_lies_on_its_side_is_painted_as_it_is_seen(visit, cat):
    page = visit(**DESKTOP)
    marked = cat.copy()
    marked[40:80, 30:130] = (255, 0, 255)  # what is to vanish
    lying = np.rot90(marked)
    upload(page, file_of(lying, "JPEG", quality=95, subsampling=0, exif=exif(6)), "lying.jpg")
    expect(status(page)).to_contain_text("451 × 300 px")
    paint(page, (0.1, 0.2), (0.25, 0.2))
    holes = painted(page)
    assert holes.shape == (300, 451)
    restore(page)
    name, data = downloaded(page)
    assert name == "lying-restored.jpg"
    change = abs(pixels_of(data).astype(int) - lying).max(axis=2)
    changed = np.rot90(change, -1) > 60
    assert changed[holes].mean() > 0.5
    assert not changed[~dilated(holes, 16)].any()
    with Image.open(io.BytesIO(data)) as image:
        assert image.getexif()[0x0112] == 6


def test_strokes_are_erased_undone_and_cleared_by_button_and_keyboard(visit, cat):
    page = visit(**DESKTOP)
    upload(page, file_of(cat), "cat.png")
    paint(page, *STROKE)
    stroke = painted(page)
    page.keyboard.press("Control+z")
    assert not painted(page).any()
    page.keyboard.press("Control+Shift+Z")
    assert np.array_equal(painted(page), stroke)

    page.keyboard.press("e")
    paint(page, (0.28, 0.3), (0.4, 0.36))
    assert 0 < painted(page).sum() < stroke.sum()
    page.click("#editor [data-do=undo]")
    assert np.array_equal(painted(page), stroke)
    page.click("#editor [data-do=clear]")
    assert not painted(page).any()
    page.click("#editor [data-do=undo]")
    assert np.array_equal(painted(page), stroke)


def test_the_brush_has_a_size(visit, cat):
    page = visit(**DESKTOP)
    upload(page, file_of(cat), "cat.png")
    paint(page, *STROKE)
    thin = painted(page).sum()
    page.keyboard.press("Control+z")
    page.locator("#editor input[name=size]").fill("80")
    paint(page, *STROKE)
    assert painted(page).sum() > 3 * thin


def test_the_view_zooms_and_moves_without_a_pointer(visit, cat):
    page = visit(**DESKTOP)
    upload(page, file_of(cat), "cat.png")
    stage, canvas = page.locator("#editor .stage"), page.locator("#editor canvas")
    stage.focus()
    before = canvas.bounding_box()
    stage.press("+")
    zoomed = canvas.bounding_box()
    assert zoomed["width"] == pytest.approx(1.5 * before["width"], rel=0.01)
    stage.press("ArrowRight")
    assert canvas.bounding_box()["x"] == pytest.approx(zoomed["x"] - 40, abs=1)
    paint(page, (0.5, 0.5), (0.52, 0.5))  # where it is painted is where it lies, zoomed or not
    rows, columns = np.nonzero(painted(page))
    assert (rows.mean(), columns.mean()) == pytest.approx((150, 0.51 * 451), abs=2)
    stage.press("0")
    assert canvas.bounding_box() == pytest.approx(before, abs=1)


def test_two_fingers_move_the_photograph_and_do_not_paint(visit, cat):
    page = visit(**PHONE)
    upload(page, file_of(cat), "cat.png")
    before = page.locator("#editor canvas").bounding_box()
    touch(page, [(0.4, 0.5), (0.3, 0.5), (0.2, 0.5)], [(0.6, 0.5), (0.7, 0.5), (0.8, 0.5)])
    assert page.locator("#editor canvas").bounding_box()["width"] > 2 * before["width"]
    assert not painted(page).any()


def test_a_mask_is_uploaded_expanded_and_shrunk(visit, cat):
    page = visit(**DESKTOP)
    upload(page, file_of(cat), "cat.png")
    mask = np.zeros(cat.shape[:2], bool)
    mask[100:120, 200:230] = True
    files = {"name": "mask.png", "mimeType": "image/png", "buffer": file_of(mask)}
    page.set_input_files("#editor input[name=mask]", files)
    expect(status(page)).to_have_text("0.44 % of the photograph is to be restored.")
    assert np.array_equal(painted(page), mask)
    page.click("#editor [data-do=expand]")
    expect(status(page)).to_have_text("0.52 % of the photograph is to be restored.")
    assert np.array_equal(painted(page), dilated(mask, 1))
    page.click("#editor [data-do=shrink]")
    expect(status(page)).to_have_text("0.44 % of the photograph is to be restored.")
    page.click("#editor [data-do=undo]")
    page.click("#editor [data-do=undo]")
    assert np.array_equal(painted(page), mask)


def test_scratches_are_found(visit, cat):
    page = visit(**DESKTOP)
    scratched = cat.copy()
    scratched[20:280, 300:302] = 255
    upload(page, file_of(scratched), "scratched.png")
    page.click("#editor [data-do=scratches]")
    expect(status(page)).to_contain_text("eraser")
    assert painted(page)[20:280, 300:302].mean() > 0.9


@pytest.mark.parametrize("way", ["paste", "drop"])
def test_a_photograph_is_pasted_or_dropped(visit, cat, way):
    page = visit(**DESKTOP)
    page.evaluate(
        """([way, bytes]) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], "cat.png", { type: "image/png" }));
            const made = way === "paste" ? new ClipboardEvent(way, { clipboardData: data, bubbles: true })
                                         : new DragEvent(way, { dataTransfer: data, bubbles: true, cancelable: true });
            document.querySelector("#editor .welcome").dispatchEvent(made);
        }""",
        [way, list(file_of(cat[:100, :100]))],
    )
    expect(status(page)).to_contain_text("cat.png, 100 × 100 px")


def test_painting_goes_on_on_the_result(visit):
    page = visit(**DESKTOP)
    example(page, 0)
    shown = painted(page)
    assert shown.mean() > 0.01
    restore(page)
    _, first = downloaded(page)
    page.click("#result button")
    expect(status(page)).to_contain_text("chelsea-scratches-restored.jpg, 451 × 300 px")
    assert not painted(page).any()
    paint(page, *STROKE)
    before = page.get_attribute("#result a", "href")
    page.click("#restore")
    expect(page.locator("#result a")).not_to_have_attribute("href", before)
    name, second = downloaded(page)
    assert name == "chelsea-scratches-restored.jpg"
    assert first != second


@contextmanager
def occupied(site):
    """Keeps the only process busy."""
    busy = asyncio.run_coroutine_threadsafe(site.workers.run(Steps(6000)), site.loop)
    try:
        yield
    finally:
        busy.cancel()


def test_restoring_is_cancelled(visit, cat, site):
    page = visit(**DESKTOP)
    upload(page, file_of(cat), "cat.png")
    paint(page, *STROKE)
    with occupied(site):
        page.click("#restore")
        page.wait_for_function("() => document.querySelector('#cancel')?.offsetParent")
        wait_until(lambda: site.workers.waiting == 1)
        expect(page.locator("#result .underway")).to_contain_text("Restoring … 1 s")
        expect(page.get_by_role("progressbar", name="Progress").first).to_be_visible()
        page.click("#cancel")
        expect(page.locator("#restore")).to_be_visible()
        wait_until(lambda: site.workers.waiting == 0)
    restore(page)


def test_leaving_the_page_cancels(visit, cat, site):
    page = visit(**DESKTOP)
    upload(page, file_of(cat), "cat.png")
    paint(page, *STROKE)
    with occupied(site):
        page.click("#restore")
        wait_until(lambda: site.workers.waiting == 1)
        page.goto("about:blank")
        wait_until(lambda: site.workers.waiting == 0)


def test_a_token_opens_the_page(browser, weights, temporary, cat):
    settings = ServiceSettings(port=0, model=weights, processes=1, threads=1, token=TOKEN)
    with running(settings) as site, closing(browser.new_page(**DESKTOP)) as page:
        page.set_default_timeout(PATIENCE)
        page.goto(site.url)
        page.get_by_label("Token").fill("another-token-of-that-length")
        page.get_by_label("Token").press("Enter")
        expect(page.get_by_role("alert")).to_have_text("That is not the token.")
        page.get_by_label("Token").fill(TOKEN)
        page.click("text=Log in")
        page.wait_for_selector("#editor .welcome")
        upload(page, file_of(cat), "cat.png")
        paint(page, *STROKE)
        restore(page)


def test_what_cannot_be_done_is_said(visit, cat):
    page = visit(**DESKTOP)
    page.click("#restore")
    expect(page.get_by_text("Open a photograph first")).to_be_visible()
    upload(page, file_of(cat), "cat.png")
    page.click("#restore")
    expect(page.get_by_text(re.compile("Nothing is painted over yet"))).to_be_visible()
    files = {"name": "mask.png", "mimeType": "image/png", "buffer": file_of(np.ones((10, 10), bool))}
    page.set_input_files("#editor input[name=mask]", files)
    expect(page.get_by_text("The mask is 10 x 10 px, the photograph 451 x 300")).to_be_visible()


def test_a_file_that_is_no_photograph_is_refused(visit):
    page = visit(**DESKTOP)
    files = {"name": "letter.png", "mimeType": "image/png", "buffer": b"Dear Sir or Madam"}
    page.set_input_files("#editor input[name=photo] >> nth=0", files)
    expect(page.get_by_text("Letter.png is not an image that can be read")).to_be_visible()


def test_a_file_beyond_the_limit_is_not_sent(visit):
    page = visit(**DESKTOP)
    files = {"name": "film.tif", "mimeType": "image/tiff", "buffer": bytes(2_100_000)}
    page.set_input_files("#editor input[name=photo] >> nth=0", files)
    expect(status(page)).to_have_text("film.tif has 2.1 MB; at most 2 MB are taken.")


@pytest.mark.parametrize("agreed", [False, True])
def test_paint_is_not_lost_by_opening_another_photograph_without_a_question(visit, cat, agreed):
    page = visit(**DESKTOP)
    upload(page, file_of(cat), "cat.png")
    paint(page, *STROKE)
    before, questions = painted(page), []

    def answer(dialog):
        questions.append(dialog.message)
        dialog.accept() if agreed else dialog.dismiss()

    page.on("dialog", answer)
    page.click("#examples button >> nth=1")
    if agreed:
        expect(status(page)).to_contain_text("to be restored.")
        page.wait_for_function("document.querySelector('#editor canvas').width === 600")
    else:
        assert np.array_equal(painted(page), before)
    assert len(questions) == 1
