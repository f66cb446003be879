"""What is sent to do harm: it is refused, and the service goes on."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from .conftest import Pair, encoded
from .running import Running
from .sockets import answer, connected, figure, head, sent_until_answered, until
from .tasks import Steps
from .test_inpaint import PATH, said

FORM = "multipart/form-data; boundary=x"
BOMB_SIDE = 50_000


def png_bomb() -> bytes:
    """A PNG file of a few kilobytes whose header says that it has 2.5 gigapixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", BOMB_SIDE, BOMB_SIDE, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1 << 20))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def tiff_bomb() -> bytes:
    """A TIFF file whose directory says that it has 2.5 gigapixels."""
    entries = ((256, 4, BOMB_SIDE), (257, 4, BOMB_SIDE), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8),
               (277, 3, 1), (278, 4, BOMB_SIDE), (279, 4, 100))  # fmt: skip
    directory = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(entries)) + directory + bytes(104)


def form(url: str, **files: bytes) -> bytes:
    """A whole request with files in a form."""
    request = httpx.Request("POST", url + PATH, files=files)
    body, (length, kind) = request.read(), (request.headers[name] for name in ("content-length", "content-type"))
    return head(PATH, url, Content_Type=kind, Content_Length=length) + body


@pytest.fixture(autouse=True)
def _still_serves(client: httpx.Client, pair: Pair) -> Iterator[None]:
    yield
    assert client.post(PATH, files={"image": pair.image, "mask": pair.mask}).status_code == 200


@pytest.mark.parametrize("bomb", [png_bomb(), tiff_bomb()], ids=["png", "tiff"])
def test_bombs(client: httpx.Client, pair: Pair, service: Running, bomb: bytes) -> None:
    restarts = service.workers.restarts
    for files in ({"image": bomb, "mask": pair.mask}, {"image": pair.image, "mask": bomb}):
        assert f"is {BOMB_SIDE} x {BOMB_SIDE} px, 2500 megapixels" in said(client.post(PATH, files=files), 400)
    assert service.workers.restarts == restarts  # the header was enough


def test_a_text_bomb(client: httpx.Client, pair: Pair) -> None:
    start, end = pair.image[:33], pair.image[33:]
    content = b"comment\0\0" + zlib.compress(bytes(20_000_000))
    chunk = struct.pack(">I", len(content)) + b"zTXt" + content + struct.pack(">I", zlib.crc32(b"zTXt" + content))
    assert "is damaged" in said(client.post(PATH, files={"image": start + chunk + end, "mask": pair.mask}), 400)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "TIFF"])
def test_files_that_are_cut_off(client: httpx.Client, pair: Pair, kind: str) -> None:
    whole = encoded(pair.pixels, kind)
    for image in (whole[: len(whole) // 2], whole[:20]):
        detail = said(client.post(PATH, files={"image": image, "mask": pair.mask}), 400)
        assert detail.startswith("the image is ")


def test_files_that_are_not_what_they_say(client: httpx.Client, pair: Pair) -> None:
    gif = io.BytesIO()
    Image.fromarray(pair.pixels).save(gif, "GIF")
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 96 64\n(/etc/passwd) (r) file\n"
    page = b"<!doctype html><script>alert(1)</script>"
    for content in (gif.getvalue(), postscript, page, b"PK\x03\x04" + bytes(100), b"\x89PNG\r\n\x1a\n" + page):
        for name in ("image", "mask"):
            sent = {"image": ("a.png", pair.image, "image/png"), "mask": ("b.png", pair.mask, "image/png")}
            sent[name] = ("a.png", content, "image/png")
            assert said(client.post(PATH, files=sent), 400).startswith(f"the {name} is ")


def test_names_of_files_are_nobodys_business(
    client: httpx.Client, pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = ("../../etc/passwd", "..\\..\\boot.ini", "/tmp/a.png", "a\0.png", "x" * 3000, str(tmp_path / "a.png"))
    for name in names:
        found = client.post(PATH, files={"image": (name, pair.image), "mask": (name, pair.mask)})
        assert found.status_code == 200
        assert name not in str(found.headers)
    assert list(tmp_path.iterdir()) == []
    up = "..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd"
    for path in (f"/{up}", f"/static-offline-docs/{up}", f"/api/v1/{up}"):
        assert b"root:" not in client.get(path).content


@pytest.mark.parametrize("length", [True, False], ids=["announced", "in chunks"])
def test_a_gigabyte(service: Running, length: bool) -> None:
    piece = bytes(1 << 20)
    pieces = [piece if length else f"{len(piece):x}\r\n".encode() + piece + b"\r\n"] * 1000
    size = {"Content_Length": len(piece) * 1000} if length else {"Transfer_Encoding": "chunked"}
    with connected(service.url) as client:
        client.sendall(head(PATH, service.url, Content_Type="application/json", **size))
        sent_until_answered(client, pieces)
        status, rest = answer(client)
    assert status == 413
    assert b"the request is larger than 12 MB, the most that is taken" in rest


def test_a_body_that_hardly_comes(service: Running) -> None:
    with connected(service.url) as client:
        client.sendall(head(PATH, service.url, Content_Type=FORM, Content_Length=1000) + b"--x")
        status, rest = answer(client)
    assert status == 408
    assert b"the request comes too slowly, at less than 1000 kB/s" in rest


def test_headers_that_hardly_come(service: Running) -> None:
    with connected(service.url) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost")
        assert answer(client) == (0, b"")
    with connected(service.url) as client:
        assert answer(client) == (0, b"")


def test_an_answer_that_nobody_fetches(service: Running) -> None:
    counted = 'spikefill_http_answers_total{path="/api/v1/inpaint",status="200"}'
    before = figure(service.url, counted)
    noise = np.random.default_rng(0).integers(0, 256, (1700, 1800, 3), dtype=np.uint8)
    hole = np.zeros(noise.shape[:2], np.uint8)
    hole[0, 0] = 255
    with connected(service.url, buffer=4096) as client:
        client.sendall(form(service.url, image=encoded(noise, "BMP"), mask=encoded(hole)))
        until(lambda: figure(service.url, counted) == before + 1)  # given up: it has not been read
        status, rest = answer(client)
    assert status == 200
    assert len(rest) < noise.size


def test_a_client_that_goes_away_stops_the_computing(service: Running, pair: Pair) -> None:
    gone = 'spikefill_http_answers_total{path="/api/v1/inpaint",status="499"}'
    before = figure(service.url, gone)
    side = 2000
    photograph = encoded(np.tile(pair.pixels, (32, 21, 1))[:side, :side], "JPEG")
    holes = np.full((side, side), 255, np.uint8)
    holes[::100] = 0
    with connected(service.url) as client:
        client.sendall(form(service.url, image=photograph, mask=encoded(holes)))
        until(lambda: service.workers.busy == 1)
    until(lambda: figure(service.url, gone) == before + 1)
    assert service.workers.busy == 0


def test_a_client_that_goes_away_in_the_middle_is_no_error(
    service: Running, pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    gone = 'spikefill_http_answers_total{path="/api/v1/inpaint",status="499"}'
    before = figure(service.url, gone)
    with connected(service.url) as client:
        client.sendall(form(service.url, image=pair.image, mask=pair.mask)[:-100])
    until(lambda: figure(service.url, gone) == before + 1)
    assert caplog.records == []


def test_an_upload_to_the_page_that_is_cancelled_is_no_error(
    service: Running, caplog: pytest.LogCaptureFixture
) -> None:
    gone = 'spikefill_http_answers_total{path="/gradio_api/upload",status="499"}'
    before = figure(service.url, gone)
    part = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n' + bytes(50_000)
    with connected(service.url) as client:
        kind = "multipart/form-data; boundary=x"
        client.sendall(head("/gradio_api/upload", service.url, Content_Type=kind, Content_Length=900_000) + part)
    until(lambda: figure(service.url, gone) == before + 1)
    assert caplog.records == []


def test_an_upload_to_the_page_has_the_same_limit(client: httpx.Client) -> None:
    answer = client.post("/gradio_api/upload", files={"files": ("a.png", bytes(12_000_001))})
    assert said(answer, 413) == "the request is larger than 12 MB, the most that is taken"


def test_a_client_that_goes_away_leaves_the_queue(service: Running, pair: Pair) -> None:
    long = service.start(service.workers.run(Steps(100_000)))
    until(lambda: service.workers.busy == 1)
    with connected(service.url) as client:
        client.sendall(form(service.url, image=pair.image, mask=pair.mask))
        until(lambda: service.workers.waiting == 1)
    until(lambda: service.workers.waiting == 0)
    long.cancel()


def test_other_sites_are_refused(client: httpx.Client, pair: Pair) -> None:
    files = {"image": pair.image, "mask": pair.mask}
    for origin in ("https://elsewhere.example", "null", "http://127.0.0.1:1", "http://[", ""):
        answer = client.post(PATH, files=files, headers={"origin": origin})
        assert said(answer, 403).startswith(f"origin is {origin!r}; only pages of ")
        assert "access-control-allow-origin" not in answer.headers
    asked = client.options(
        PATH, headers={"origin": "https://elsewhere.example", "access-control-request-method": "POST"}
    )
    assert asked.status_code == 403
    assert client.post(PATH, files=files, headers={"origin": str(client.base_url).rstrip("/")}).status_code == 200


def test_a_name_that_was_made_to_mean_this_machine(client: httpx.Client) -> None:
    for path in ("/", "/docs", "/api/v1/model", "/healthz"):
        answer = client.get(path, headers={"host": "elsewhere.example"})
        assert said(answer, 403).startswith("host is 'elsewhere.example'; without a token it must be localhost")
    assert client.get("/api/v1/model", headers={"host": "localhost"}).status_code == 200
