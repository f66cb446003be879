"""Errors as documents of RFC 9457, which also say what clients of IOPaint read."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Literal, Self

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from spikefill.errors import InputError
from spikefill.service.disconnects import ClientGone
from spikefill.service.workers import Busy, Stopping, TookTooLong, WorkFailed

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

CLIENT_GONE = 499
"""What stands for the status where there is nobody left to answer."""

_RESTART_SECONDS = 5
"""After which a client of a service that stops may try again."""


class ProblemDocument(BaseModel):
    """What went wrong."""

    type: Literal["about:blank"] = Field(description="The status alone says what kind of problem it is.")
    title: str = Field(description="The status in words.")
    status: int = Field(ge=400, le=599)
    detail: str = Field(description="What is wrong here, and what would do.")
    errors: str = Field(description="The same as `detail`, where clients of IOPaint look for it.")


class Problem(Exception):  # noqa: N818
    """An answer that is a problem document.

    Args:
        status: Of HTTP.
        detail: What is wrong here, and what would do.
        headers: Further headers of the answer.
    """

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers

    @classmethod
    def of(cls, error: Exception) -> Self:
        """What to answer when an exception was raised."""
        match error:
            case HTTPException():
                return cls(error.status_code, error.detail, error.headers)
            case Busy():
                return cls(429, str(error), {"Retry-After": str(error.retry_after)})
            case InputError():
                return cls(400, str(error))
            case TookTooLong():
                return cls(504, str(error))
            case Stopping():
                return cls(503, str(error), {"Retry-After": str(_RESTART_SECONDS)})
        return cls(500, "the service failed, for a reason that is not in the request; its log says more")

    def answer(self) -> Response:
        """The document."""
        title = HTTPStatus(self.status).phrase
        document = ProblemDocument(
            type="about:blank", title=title, status=self.status, detail=self.detail, errors=self.detail
        )
        return JSONResponse(document.model_dump(), self.status, self.headers, MEDIA_TYPE)


def answer_problems(app: FastAPI) -> None:
    """Makes an application answer every exception with a problem document."""

    async def known(_: Request, error: Exception) -> Response:
        return (error if isinstance(error, Problem) else Problem.of(error)).answer()

    async def failed(_: Request, error: Exception) -> Response:
        logger.error("%s", error)
        return Problem.of(error).answer()

    async def unseen(_: Request, __: Exception) -> Response:
        return Response(status_code=CLIENT_GONE)

    app.add_exception_handler(ClientGone, unseen)
    app.add_exception_handler(ClientDisconnect, unseen)
    for kind in (Problem, HTTPException, Busy, InputError, TookTooLong, Stopping):
        app.add_exception_handler(kind, known)
    app.add_exception_handler(WorkFailed, failed)
    app.add_exception_handler(Exception, known)  # the server logs those itself


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Problem documents with these statuses, as FastAPI describes them in the OpenAPI document."""
    described: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
        described[status] = {"description": HTTPStatus(status).phrase, "content": content}
    return described
