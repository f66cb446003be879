"""What browsers send may be anything: no file but those of the page is touched."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
import httpx
import pytest

from spikefill.service.page.activity_tab import Activity
from spikefill.service.page.editor import Editor
from spikefill.service.page.examples import EXAMPLES, Examples
from spikefill.service.page.panel import uploaded
from spikefill.service.page.result import Result

from .conftest import file_of


@pytest.fixture
def photo(temporary: str, cat) -> str:
    folder = Path(temporary) / "hash"
    folder.mkdir(exist_ok=True)
    (folder / "cat.png").write_bytes(file_of(cat))
    return str(folder / "cat.png")


@pytest.fixture
def secret(tmp_path: Path) -> str:
    path = tmp_path / "secret.png"
    path.write_bytes(b"secret")
    return str(path)


def test_an_uploaded_file_is_found(photo):
    assert uploaded(photo) == Path(photo).resolve()


@pytest.mark.parametrize("name", ["{secret}", "{folder}/../secret.png", "{folder}/gone.png", "{folder}", "", None, 3])
def test_no_other_path_is_a_file_of_the_page(temporary, secret, name):
    path = name.format(secret=secret, folder=temporary) if isinstance(name, str) else name
    with pytest.raises(gr.Error, match="no longer kept"):
        uploaded(path)


def test_a_link_out_of_the_folder_is_not_followed(temporary, secret):
    link = Path(temporary) / "link.png"
    link.symlink_to(secret)
    with pytest.raises(gr.Error, match="no longer kept"):
        uploaded(str(link))


@pytest.mark.parametrize("key", ["photo", "base", "mask"])
def test_the_editor_takes_no_path_from_elsewhere(photo, secret, key):
    with pytest.raises(gr.Error, match="no longer kept"):
        Editor(1).preprocess({"photo": photo, key: secret})


@pytest.mark.parametrize("payload", [None, [], {}, {"photo": ""}, {"photo": None}])
def test_the_editor_asks_for_a_photograph(payload):
    with pytest.raises(gr.Error, match="Open a photograph first"):
        Editor(1).preprocess(payload)


def test_the_editor_takes_no_layer_but_text(photo):
    with pytest.raises(gr.Error, match="not text"):
        Editor(1).preprocess({"photo": photo, "layer": {"path": "/etc/passwd"}})


@pytest.mark.parametrize("payload", [None, {}, {"file": 3}, {"file": {"path": "/etc/passwd"}}])
def test_painting_goes_on_on_no_other_file(payload, temporary):
    with pytest.raises(gr.Error, match="no longer kept"):
        Result().preprocess(payload)


@pytest.mark.parametrize("chosen", [None, -1, len(EXAMPLES), "0"])
def test_there_are_no_other_examples(chosen):
    with pytest.raises(gr.Error, match="no such example"):
        Examples().preprocess({"chosen": chosen})


@pytest.mark.parametrize("place", [{}, {"across": 0.5}, {"across": 2, "down": 0}, {"across": "0", "down": 0}, None])
def test_there_are_no_pixels_beyond_the_picture(place):
    with pytest.raises(gr.Error, match="no such pixel"):
        Activity().preprocess(place)


def answer(url: str, value: object) -> str:
    """What the page says to a value of the editor as sent by its first event, ``opened``."""
    with httpx.Client(base_url=f"{url}/gradio_api", timeout=60) as client:
        sent = {"data": [value], "fn_index": 0, "session_hash": "guest", "event_data": None, "trigger_id": None}
        assert client.post("/queue/join", json=sent).status_code == 200
        return client.get("/queue/data", params={"session_hash": "guest"}).text


@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")
@pytest.mark.parametrize("address", ["{secret}", "http://127.0.0.1:9/cat.png", "file:///etc/passwd"])
def test_a_file_that_is_smuggled_in_is_neither_copied_nor_fetched(site, temporary, secret, address):
    path = address.format(secret=secret)
    before = sorted(Path(temporary).rglob("*"))
    said = answer(site.url, {"photo": path, "other": {"path": path, "url": path, "meta": {"_type": "gradio.FileData"}}})
    assert "no longer kept" in said
    assert sorted(Path(temporary).rglob("*")) == before


def test_no_stub_is_written_beside_the_source():
    folder = Path(__file__).parents[3] / "src" / "spikefill" / "service" / "page"
    assert (folder / "panel.py").exists()
    assert not list(folder.glob("*.pyi"))
