"""``POST /api/v1/adjust_mask``: holes that grow, shrink, or change places with what is known."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from spikefill.service.disconnects import unless_gone
from spikefill.service.iopaint_schema import AdjustMaskRequest, from_base64, parsed
from spikefill.service.problems import responses
from spikefill.service.work import AdjustMask
from spikefill.service.workers import Workers

_REQUEST_BODY = {
    "required": True,
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/AdjustMaskRequest"}}},
}
_ANSWER: dict[str, Any] = {
    "description": "A PNG file, RGBA: amber in the holes, transparent elsewhere.",
    "content": {"image/png": {"schema": {"type": "string", "contentMediaType": "image/png"}}},
}


def mask_routes(workers: Workers) -> APIRouter:
    """The endpoint; ``workers`` compute."""
    routes = APIRouter(prefix="/api/v1")

    @routes.post(
        "/adjust_mask",
        response_class=Response,
        responses={200: _ANSWER, **responses(400, 408, 413, 422, 429, 500, 503, 504)},
        openapi_extra={"requestBody": _REQUEST_BODY},
    )
    async def adjust_mask(request: Request) -> Response:
        """Let the holes of a mask grow or shrink, or change places with what is known."""
        asked = parsed(AdjustMaskRequest, await request.body())
        task = AdjustMask(from_base64(asked.mask, "mask"), asked.operate, asked.kernel_size)
        return Response(await unless_gone(request, workers.run(task)), media_type="image/png")

    return routes
