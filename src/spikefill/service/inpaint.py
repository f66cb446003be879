"""``POST /api/v1/inpaint``: restoring a photograph, as a form with two files or as IOPaint's clients ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData, UploadFile

from spikefill.service.disconnects import unless_gone
from spikefill.service.iopaint_schema import InpaintRequest, from_base64, parsed
from spikefill.service.problems import Problem, responses
from spikefill.service.work import MEDIA_TYPES, Answer, Work
from spikefill.service.workers import Workers

INPAINT_PATH = "/api/v1/inpaint"
IGNORED = "X-Spikefill-Ignored"
"""The header that lists fields which were sent and have no effect."""

_JSON, _FORM = "application/json", "multipart/form-data"
_FILES = ("image", "mask")
_BINARY = {"type": "string", "contentMediaType": "application/octet-stream"}

_REQUEST_BODY = {
    "required": True,
    "content": {
        _JSON: {"schema": {"$ref": "#/components/schemas/InpaintRequest"}},
        _FORM: {
            "schema": {
                "type": "object",
                "properties": {
                    "image": {**_BINARY, "description": "The photograph: PNG, JPEG, WebP, BMP, TIFF or HEIC."},
                    "mask": {**_BINARY, "description": "Its mask, of the same size, white in the holes."},
                },
                "required": list(_FILES),
                "additionalProperties": False,
            }
        },
    },
}

_ANSWER: dict[str, Any] = {
    "description": "The restored photograph, in the format of the one that was sent.",
    "content": {kind: {"schema": _BINARY} for kind in MEDIA_TYPES.values()},
    "headers": {
        "Server-Timing": {
            "description": "Milliseconds in the queue, of decoding, restoring and encoding.",
            "schema": {"type": "string"},
        },
        "X-Seed": {"description": "The seed that was sent.", "schema": {"type": "string"}},
        IGNORED: {"description": "Fields that were sent and have no effect here.", "schema": {"type": "string"}},
    },
}


@dataclass(frozen=True)
class _Asked:
    """What a request asks for, whatever its form."""

    work: Work
    headers: dict[str, str]


def inpaint_routes(workers: Workers) -> APIRouter:
    """The endpoint; ``workers`` restore."""
    routes = APIRouter()

    @routes.post(
        INPAINT_PATH,
        response_class=Response,
        responses={200: _ANSWER, **responses(400, 408, 413, 415, 422, 429, 500, 503, 504)},
        openapi_extra={"requestBody": _REQUEST_BODY},
    )
    async def inpaint(request: Request) -> Response:
        """Restore the holes of a photograph. Known pixels stay as they are, as far as the format can keep them."""
        asked = await _asked(request)
        answer = await unless_gone(request, workers.restore(asked.work))
        headers = {"Server-Timing": _timing(answer), "Cache-Control": "no-store", **asked.headers}
        return Response(answer.encoded, media_type=answer.media_type, headers=headers)

    return routes


async def _asked(request: Request) -> _Asked:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == _JSON:
        fields = parsed(InpaintRequest, await request.body())
        work = Work(from_base64(fields.image, "image"), from_base64(fields.mask, "mask"))
        headers = {"X-Seed": str(fields.seed)}
        if fields.ignored:
            headers[IGNORED] = ", ".join(fields.ignored)
        return _Asked(work, headers)
    if kind == _FORM:
        async with request.form(max_files=len(_FILES) + 1, max_fields=1) as form:
            return _Asked(Work(await _file(form, "image"), await _file(form, "mask")), {})
    raise Problem(415, f"content-type is {kind!r}; it must be {_JSON} or {_FORM}")


async def _file(form: FormData, name: str) -> bytes:
    """The bytes of a file in a form that holds `_FILES` and nothing else."""
    for other in form:
        if other not in _FILES:
            raise Problem(422, f"{other} is no field; there are: {', '.join(_FILES)}")
    given = form.getlist(name)
    if not given:
        raise Problem(422, f"{name} is missing")
    if len(given) > 1 or not isinstance(given[0], UploadFile):
        raise Problem(422, f"{name} must be one file")
    return await given[0].read()


def _timing(answer: Answer) -> str:
    return ", ".join(f"{name};dur={1000 * seconds:.1f}" for name, seconds in answer.seconds.items())
