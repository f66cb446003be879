"""Work for a client that may go away: then it is cancelled, which stops the computing."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from fastapi import Request

Result = TypeVar("Result")


class ClientGone(Exception):  # noqa: N818
    """There is nobody left to answer."""


async def unless_gone(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """Waits for work, and cancels it if the client closes the connection.

    Args:
        request: Whose body has been read.
        work: What it asks for.

    Raises:
        ClientGone: It did.
        Exception: What the work raises.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientGone
        return task.result()
    finally:
        for waited_for in (task, gone):
            waited_for.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
