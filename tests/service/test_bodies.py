"""Limits on requests, with an application of a few lines behind them."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from spikefill.batch import ModelChoice
from spikefill.service.bodies import Limits
from spikefill.service.settings import ServiceSettings
from spikefill.service.workers import Workers

from .test_inpaint import said

SETTINGS = ServiceSettings(largest_megabytes=0.01, requests=2, patience=0.2, slowest=1000)


def limited(app: Any) -> Limits:
    workers = Workers(ModelChoice("none"), processes=1, threads=1, queue=1, seconds=1, largest_megapixels=1)
    return Limits(app, SETTINGS, workers)


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with what it got."""
    body = b""
    while (message := await receive()).get("body") or message.get("more_body"):
        body += message["body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def posted(app: Any, *bodies: Any, method: str = "POST", path: str = "/") -> list[httpx.Response]:
    async def post() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
            return await asyncio.gather(*(client.request(method, path, content=body) for body in bodies))

    return asyncio.run(post())


async def parts(count: int, seconds: float = 0) -> Any:
    for _ in range(count):
        yield bytes(1000)
        await asyncio.sleep(seconds)


def test_what_is_within_the_limits_passes() -> None:
    announced, in_parts = posted(limited(echo), bytes(10_000), parts(10))
    assert announced.content == in_parts.content == bytes(10_000)


def test_what_is_too_large_is_refused() -> None:
    for answer in posted(limited(echo), bytes(10_001), parts(11)):
        assert said(answer, 413) == "the request is larger than 0.01 MB, the most that is taken"
        assert answer.headers["connection"] == "close"


def test_what_comes_too_slowly_is_refused() -> None:
    (answer,) = posted(limited(echo), parts(5, seconds=0.1))
    assert said(answer, 408).startswith("the request comes too slowly")


def test_an_application_that_does_not_know_of_it_is_not_heard() -> None:
    async def careless(scope: Any, receive: Any, send: Any) -> None:
        try:
            await echo(scope, receive, send)
        except Exception:
            await send({"type": "http.response.start", "status": 500, "headers": []})
            await send({"type": "http.response.body", "body": b"what?"})

    (answer,) = posted(limited(careless), parts(11))
    assert said(answer, 413)


def test_mistakes_of_the_application_stay_what_they_are() -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        posted(limited(broken), b"")


def test_there_are_only_so_many_at_a_time() -> None:
    app = limited(echo)
    answers = posted(app, *(parts(3, seconds=0.02) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 429, 429]
    for answer in answers:
        if answer.status_code == 429:
            assert int(answer.headers["retry-after"]) >= 1
            assert said(answer, 429).startswith("too many photographs are waiting; try again in ")
    assert posted(app, b"again")[0].content == b"again"


def test_photographs_are_refused_unread_while_the_queue_is_full() -> None:
    async def fails(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("the request was read")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Workers, "full", property(lambda _: True))
        (answer,) = posted(limited(fails), parts(3), path="/api/v1/inpaint")
        assert said(answer, 429).startswith("too many photographs are waiting; try again in ")
        assert int(answer.headers["retry-after"]) >= 1
        assert posted(limited(echo), b"a mask", path="/api/v1/adjust_mask")[0].content == b"a mask"
    assert posted(limited(echo), b"again", path="/api/v1/inpaint")[0].content == b"again"


def test_the_form_for_the_token_takes_nobodys_place() -> None:
    app = limited(echo)
    answers = posted(app, *(parts(3, seconds=0.02) for _ in range(4)), path="/login")
    assert [answer.status_code for answer in answers] == [200] * 4
    (answer,) = posted(app, bytes(10_001), path="/login")
    assert said(answer, 413)


def test_large_answers_go_out_in_pieces() -> None:
    sent: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes(range(256)) * 4000})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(limited(app)({"type": "http", "method": "POST", "path": "/", "headers": []}, None, send))
    bodies = sent[1:]
    assert b"".join(message["body"] for message in bodies) == bytes(range(256)) * 4000
    assert [message.get("more_body", False) for message in bodies] == [True, True, True, False]
    assert max(len(message["body"]) for message in bodies) == 1 << 18


def test_an_answer_that_nobody_fetches_is_given_up() -> None:
    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})
        raise AssertionError("it went on")

    asyncio.run(limited(app)({"type": "http", "method": "POST", "path": "/", "headers": []}, None, send))
