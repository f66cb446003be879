"""Limits on what clients send and fetch: how many at a time, how much, and how slowly."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spikefill.service.inpaint import INPAINT_PATH
from spikefill.service.problems import Problem
from spikefill.service.security import LOGIN_PATH
from spikefill.service.settings import ServiceSettings
from spikefill.service.workers import Busy, Workers

_LINGER_SECONDS = 2.0
"""How long what a refused client still sends is thrown away: one that is cut off at once may not see the answer."""
_LOGIN_BYTES = 10_000
"""Of a form with a token. The form is open to everybody; it takes no place of those who have one."""
_PIECE = 1 << 18
"""Bytes of an answer that are sent at a time, so that one which nobody fetches does not lie in memory whole."""


class Limits:
    """Middleware that refuses requests that are too large, too slow or too many, before they are in memory.

    Args:
        app: What serves the others.
        settings: Of the service.
        workers: Say whether there is a place for a photograph, and when a client that is one too many may come back.
    """

    def __init__(self, app: ASGIApp, settings: ServiceSettings, workers: Workers) -> None:
        self._app, self._settings, self._workers = app, settings, workers
        self._posts = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request, or refuses it."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        logs_in = scope["path"] == LOGIN_PATH
        largest = _LOGIN_BYTES if logs_in else round(self._settings.largest_megabytes * 1e6)
        exchange = _Exchange(receive, send, self._settings, largest)
        with suppress(_NotFetchedError):  # the server closes the connection of an answer that is not complete
            if logs_in:
                await exchange.serve(self._app, scope)
                return
            # A photograph that finds no place is refused unread: reading it takes processor time that restoring needs.
            full = scope["path"] == INPAINT_PATH and self._workers.full
            if full or self._posts >= self._settings.requests:
                await exchange.refuse(Problem.of(Busy(self._workers.retry_after())))
                return
            self._posts += 1
            try:
                await exchange.serve(self._app, scope)
            finally:
                self._posts -= 1


class _NotFetchedError(Exception):
    """The client does not take what it asked for."""


class _Exchange:
    """One request and its answer."""

    def __init__(self, receive: Receive, send: Send, settings: ServiceSettings, largest: int) -> None:
        self._receive, self._send = receive, send
        self._largest = largest
        self._patience, self._slowest = settings.patience, settings.slowest * 1e3
        self._read, self._complete = 0, False
        self._gone = False
        """Whether the client went away before it had sent all."""
        self._left = self._patience
        """Seconds for which the client may still keep us waiting; what it sends adds to them."""
        self._problem: Problem | None = None
        self._answering = False

    async def serve(self, app: ASGIApp, scope: Scope) -> None:
        """Has the application answer, unless the request turns out to be over a limit or nobody is left to answer."""
        length = Headers(scope=scope).get("content-length", "")
        if length.isdecimal() and int(length) > self._largest:
            await self.refuse(self._too_large())
            return
        try:
            await app(scope, self.receive, self.send)
        except Exception:
            if self._problem is None and not self._gone:
                raise
        if self._problem is not None and not self._answering:
            await self.refuse(self._problem)

    async def receive(self) -> Message:
        """The next part of the body."""
        if self._complete:
            return await self._receive()
        start = time.monotonic()
        try:
            async with asyncio.timeout(self._left):
                message = await self._receive()
        except TimeoutError:
            problem = Problem(408, f"the request comes too slowly, at less than {self._slowest / 1e3:g} kB/s")
            raise self._over(problem) from None
        if message["type"] == "http.disconnect":
            self._gone = True
        else:
            self._complete = not message.get("more_body", False)
            size = len(message.get("body", b""))
            self._read += size
            self._left += size / self._slowest - (time.monotonic() - start)
            if self._read > self._largest:
                raise self._over(self._too_large())
        return message

    async def send(self, message: Message) -> None:
        """The next part of the answer; that of an application which does not know of the problem is not sent."""
        if self._gone or (self._problem is not None and not self._answering):
            return
        self._answering = True
        body = message.get("body", b"")
        for start in range(0, len(body) - _PIECE, _PIECE):
            await self._pass_on({**message, "body": body[start : start + _PIECE], "more_body": True})
        last = (len(body) - 1) // _PIECE * _PIECE if body else 0
        await self._pass_on({**message, "body": body[last:]} if body else message)

    async def refuse(self, problem: Problem) -> None:
        """Answers with a problem, and closes the connection once the client has had time to read it."""
        self._answering = True
        answer = problem.answer()
        headers = [*answer.raw_headers, (b"connection", b"close")]
        await self._pass_on({"type": "http.response.start", "status": problem.status, "headers": headers})
        await self._pass_on({"type": "http.response.body", "body": bytes(answer.body), "more_body": True})
        try:
            async with asyncio.timeout(_LINGER_SECONDS):
                while not self._complete:
                    message = await self._receive()
                    self._complete = message["type"] == "http.disconnect" or not message.get("more_body", False)
        except TimeoutError:
            pass
        await self._pass_on({"type": "http.response.body", "body": b""})

    async def _pass_on(self, message: Message) -> None:
        try:
            async with asyncio.timeout(self._patience + len(message.get("body", b"")) / self._slowest):
                await self._send(message)
        except TimeoutError:
            raise _NotFetchedError from None

    def _too_large(self) -> Problem:
        return Problem(413, f"the request is larger than {self._largest / 1e6:g} MB, the most that is taken")

    def _over(self, problem: Problem) -> Problem:
        self._problem = problem
        return problem
