"""The service in a thread of the tests' own process, with a real socket and real worker processes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, NamedTuple

from fastapi import FastAPI

from spikefill.service import server
from spikefill.service.app import create_app
from spikefill.service.settings import ServiceSettings
from spikefill.service.workers import Workers


class Running(NamedTuple):
    """A service that answers: its application, where it is, and its event loop."""

    app: FastAPI
    url: str
    loop: asyncio.AbstractEventLoop

    @property
    def workers(self) -> Workers:
        return self.app.state.workers

    def start(self, call: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Starts a coroutine in the service's event loop."""
        return asyncio.run_coroutine_threadsafe(call, self.loop)

    def ask(self, call: Coroutine[Any, Any, Any]) -> Any:
        """Waits for a coroutine that runs in the service's event loop."""
        return self.start(call).result()


@contextmanager
def running(settings: ServiceSettings) -> Iterator[Running]:
    """Serves until the block ends."""
    ready, found = threading.Event(), []

    async def run() -> None:
        app = create_app(settings)  # within a loop: Gradio would make one of its own and leave it open
        serving = server.Server(app, settings, ready=ready.set)
        found.append((serving, Running(app, server.address(at), asyncio.get_running_loop())))
        await serving.run_at(at)

    with server.listening(settings) as at:
        thread = threading.Thread(target=lambda: asyncio.run(run()))
        thread.start()
        while not ready.wait(0.1):
            assert thread.is_alive(), "the service did not start"
        serving, service = found[0]
        try:
            yield service
        finally:
            serving.should_exit = True
            thread.join()
