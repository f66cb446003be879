"""``/healthz`` and ``/readyz``: whether the service lives, and whether it takes work."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from spikefill.service.workers import Workers


def health_routes(workers: Workers) -> APIRouter:
    """The endpoints, for whatever starts, watches and balances services."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/healthz")
    async def lives() -> dict[str, str]:
        return {"status": "ok"}

    @routes.get("/readyz")
    async def ready() -> Response:
        if workers.ready:
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "not ready"}, 503, {"Retry-After": "1"})

    return routes
