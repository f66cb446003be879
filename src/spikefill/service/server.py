"""Running the application with uvicorn: one socket, one process, drained when it is told to stop."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from types import FrameType

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from spikefill.errors import InputError
from spikefill.processes import give_large_blocks_back
from spikefill.service.settings import ServiceSettings

_CONNECTIONS = 1000
"""At a time; beyond them they are refused."""
_FETCHING_SECONDS = 30
"""For answers to be fetched, once all work is done."""
_LAST_SECONDS = 2
"""For pages to be left, after that."""
_TICK = 0.05


class Protocol(H11Protocol):
    """HTTP/1.1 for which clients may take no longer than ``timeout_keep_alive`` to send a request's headers."""

    _due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the time for the first request."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Starts the time for a further request, unless it is there whole."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends it."""
        super().connection_lost(exc)
        self._unwatch()

    def _watch(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._unwatch()
        elif self._due is None:
            self._due = self.loop.call_later(self.timeout_keep_alive, self.transport.close)

    def _unwatch(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None


class Server(uvicorn.Server):
    """Serves an application until SIGINT or SIGTERM.

    Then it first lets all work be done; pages that are open do not hold it up.

    Args:
        app: Of `create_app`.
        settings: Those of the application.
        access_log: Log every request.
        ready: Called once it answers.
    """

    def __init__(
        self,
        app: FastAPI,
        settings: ServiceSettings,
        *,
        access_log: bool = False,
        ready: Callable[[], None] = lambda: None,
    ) -> None:
        config = uvicorn.Config(
            app,
            http=Protocol,
            ws="none",
            lifespan="off",  # `run` does that, where its errors can be seen
            log_config=None,
            access_log=access_log,
            server_header=False,
            limit_concurrency=_CONNECTIONS,
            timeout_keep_alive=max(1, round(settings.patience)),
            timeout_graceful_shutdown=_LAST_SECONDS,
        )
        super().__init__(config)
        self._app, self._ready = app, ready

    async def run_at(self, at: socket.socket) -> None:
        """Starts the application, serves at a listening socket, and ends the application.

        Raises:
            InputError: The model cannot be read.
        """
        give_large_blocks_back()
        async with self._app.router.lifespan_context(self._app):
            await self.serve([at])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to serve."""
        await super().startup(sockets)
        self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Takes a signal: the first one stops the server, a second one at once."""
        self.should_exit, self.force_exit = True, self.should_exit

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Takes no further connections, and ends when all work is done and answered."""
        for server in self.servers:
            server.close()
        drained = asyncio.ensure_future(self._app.state.workers.drain())
        while not (self.force_exit or drained.done()):
            await asyncio.sleep(_TICK)
        end = time.monotonic() + _FETCHING_SECONDS
        while not self.force_exit and self._answers() and time.monotonic() < end:
            await asyncio.sleep(_TICK)
        drained.cancel()
        await super().shutdown(sockets)

    def _answers(self) -> bool:
        """Whether an answer to a request with a body is yet to be sent, or is being fetched."""
        return any(
            connection.cycle is not None
            and not connection.cycle.response_complete
            and connection.cycle.scope["method"] == "POST"
            for connection in self.server_state.connections
            if isinstance(connection, H11Protocol)
        )


def listening(settings: ServiceSettings) -> socket.socket:
    """A socket at the address of the settings.

    Raises:
        InputError: There is no such address here, or another program has the port.
    """
    host, port = settings.host, settings.port
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=_CONNECTIONS)
    except OSError as error:
        raise InputError(f"cannot listen at {host}, port {port}: {_reason(error)}") from error


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).partition(" (while")[0]


def address(at: socket.socket) -> str:
    """What to type into a browser on this machine for a listening socket."""
    host, port = at.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
