"""Who may use the service: tokens, cookies, the form to log in, and where it may listen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx
import pytest

from spikefill import InputError
from spikefill.service import security
from spikefill.service.app import create_app
from spikefill.service.security import COOKIE, COOKIE_SECONDS, Access
from spikefill.service.settings import ServiceSettings, read_token

from .test_inpaint import said

TOKEN = "correct horse battery staple".replace(" ", "-")
GUARDED = ("/", "/docs", "/openapi.json", "/metrics", "/api/v1/model", "/api/v1/server-config", "/config")


@pytest.fixture(scope="module")
def ask() -> Callable[[Callable[[httpx.AsyncClient], Coroutine[Any, Any, Any]]], Any]:
    """Runs something with a client of an application that asks for the token; its workers are not started."""
    loop = asyncio.new_event_loop()

    async def made() -> httpx.AsyncClient:
        app = create_app(ServiceSettings(token=TOKEN, host="0.0.0.0"))
        return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service")

    client = loop.run_until_complete(made())
    yield lambda call: loop.run_until_complete(call(client))
    loop.run_until_complete(client.aclose())
    loop.close()


def get(path: str, **options: Any) -> Callable[[httpx.AsyncClient], Coroutine[Any, Any, httpx.Response]]:
    return lambda client: client.get(path, **options)


@pytest.mark.parametrize("path", GUARDED)
def test_without_the_token_nothing_is_told(ask: Any, path: str) -> None:
    assert said(ask(get(path)), 401).startswith("a token is needed; send the header 'Authorization: Bearer TOKEN'")
    assert ask(get(path)).headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer x", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN, "Bearer ß"]
)
def test_wrong_tokens(ask: Any, given: str) -> None:
    assert ask(get("/api/v1/model", headers={"authorization": given.encode("latin-1")})).status_code == 401


@pytest.mark.parametrize("host", [b"x/login?", b"x/healthz#", b"x/readyz?"])
def test_the_host_that_is_named_makes_no_path_open(host: bytes) -> None:
    reached, sent = [], []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope)

    async def send(message: Any) -> None:
        sent.append(message)

    settings = ServiceSettings(token=TOKEN, host="0.0.0.0")
    guard = security.Guard(app, Access(settings), settings)
    scope = {
        "type": "http", "method": "POST", "scheme": "http", "path": "/api/v1/inpaint", "root_path": "",
        "query_string": b"", "headers": [(b"host", host)], "server": ("127.0.0.1", 80),
    }  # fmt: skip
    asyncio.run(guard(scope, None, send))
    assert not reached
    assert sent[0]["status"] == 401


def test_the_right_one(ask: Any) -> None:
    for given in (f"Bearer {TOKEN}", f"bearer  {TOKEN}"):
        assert ask(get("/api/v1/model", headers={"authorization": given})).status_code == 200


def test_what_watches_the_service_needs_none(ask: Any) -> None:
    assert ask(get("/healthz")).status_code == 200
    assert ask(get("/readyz")).status_code == 503  # nothing is started here


def test_a_browser_is_sent_to_the_form_and_back(ask: Any) -> None:
    async def visit(client: httpx.AsyncClient) -> None:
        sent = await client.get("/docs", headers={"accept": "text/html,*/*"})
        assert (sent.status_code, sent.headers["location"]) == (303, "/login?next=/docs")
        form = await client.get(sent.headers["location"])
        assert 'value="/docs"' in form.text
        wrong = await client.post("/login", data={"token": "guess", "next": "/docs"})
        assert wrong.status_code == 401
        assert "That is not the token." in wrong.text
        assert 'value="/docs"' in wrong.text
        assert "set-cookie" not in wrong.headers
        right = await client.post("/login", data={"token": f" {TOKEN}\n", "next": "/docs"})
        assert (right.status_code, right.headers["location"]) == (303, "/docs")
        cookie = right.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert TOKEN not in cookie
        assert (await client.get("/docs")).status_code == 200
        assert (await client.post("/logout")).headers["location"] == "/login"
        assert (await client.get("/docs")).status_code == 401

    ask(visit)


def test_the_cookie_is_for_encrypted_connections_where_there_are_any(ask: Any) -> None:
    async def log_in(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post("https://service/login", data={"token": TOKEN})

    assert "Secure" in ask(log_in).headers["set-cookie"]


@pytest.mark.parametrize(
    "following", ["//elsewhere.example", "https://elsewhere.example", "/\\elsewhere", "/\t/elsewhere"]
)
def test_the_form_leads_to_no_other_site(ask: Any, following: str) -> None:
    async def log_in(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post("/login", data={"token": TOKEN, "next": following})

    assert ask(log_in).headers["location"] == "/"


def test_the_form_shows_no_code_of_others(ask: Any) -> None:
    page = ask(get("/login", params={"next": '/"><script>alert(1)</script>'})).text
    assert "<script>" not in page


def test_cookies_end_and_cannot_be_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    access = Access(ServiceSettings(token=TOKEN))
    cookie = access.new_cookie()

    def user(value: str) -> str | None:
        scope = {"type": "http", "headers": [(b"cookie", f"{COOKIE}={value}".encode("latin-1"))]}
        return access.user(security.Request(scope))

    assert user(cookie)
    end, _, signature = cookie.partition(".")
    for other in (
        "",
        ".",
        end,
        f"{int(end) + 1}.{signature}",
        f"{end}.{signature[:-1]}",
        f".{signature}",
        "²." + signature,
    ):
        assert user(other) is None
    assert (
        Access(ServiceSettings(token=TOKEN[::-1])).user(
            security.Request({"type": "http", "headers": [(b"cookie", f"{COOKIE}={cookie}".encode())]})
        )
        is None
    )
    later = time.time() + COOKIE_SECONDS + 1
    monkeypatch.setattr(security.time, "time", lambda: later)
    assert user(cookie) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost", "LOCALHOST."])
def test_this_machine_alone_needs_no_token(host: str) -> None:
    assert ServiceSettings.of(host=host).loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "example.org", "localhost.example.org", ""])
def test_others_need_one(host: str) -> None:
    with pytest.raises(InputError, match="^host is .*, which others may reach; give --token-file, or --no-token"):
        ServiceSettings.of(host=host)
    assert ServiceSettings.of(host=host, token=TOKEN).token
    assert ServiceSettings.of(host=host, no_token=True).no_token


def test_settings_that_are_wrong_are_named() -> None:
    for values, message in (
        ({"port": 70000}, "port is 70000; it must be less than or equal to 65535"),
        ({"processes": 0}, "processes is 0; it must be greater than or equal to 1"),
        ({"colour": "red"}, "colour is no setting; there are: host, port, model"),
        ({"token": "short"}, "the token is too short; it must have at least 16 characters"),
        ({"token": TOKEN, "no_token": True}, "a token is given, and no_token, too; leave one out"),
    ):
        with pytest.raises(InputError) as caught:
            ServiceSettings.of(**values)
        assert str(caught.value).startswith(message)


def test_the_file_of_the_token(tmp_path: Path) -> None:
    path = tmp_path / "token"
    with pytest.raises(InputError, match="cannot read token file .*: No such file"):
        read_token(path)
    for text in ("", "\n", "two words"):
        path.write_text(text)
        with pytest.raises(InputError, match="must hold one word, such as 'openssl rand -hex 32' makes"):
            read_token(path)
    path.write_text("pässword", "utf-8")
    with pytest.raises(InputError, match="ASCII"):
        read_token(path)
    path.write_text(f"  {TOKEN}\n")
    assert read_token(path) == TOKEN
