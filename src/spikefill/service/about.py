"""``GET /api/v1/model`` and ``server-config``: what the service restores with, and what it can do."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter

from spikefill._version import __version__
from spikefill.models import resolved
from spikefill.service.iopaint_schema import ModelInfo, ServerConfig
from spikefill.service.settings import ServiceSettings


def about_routes(settings: ServiceSettings) -> APIRouter:
    """The endpoints."""
    routes = APIRouter(prefix="/api/v1")
    name = Path(resolved(settings.model)).name  # where a model lies on this machine is nobody's business
    info = ModelInfo(name=name, path=name)
    config = ServerConfig(
        modelInfos=[info],
        version=__version__,
        largestMegabytes=settings.largest_megabytes,
        largestMegapixels=settings.largest_megapixels,
        seconds=settings.seconds,
    )

    @routes.get("/model")
    async def model() -> ModelInfo:
        """What the service restores with."""
        return info

    @routes.get("/server-config")
    async def server_config() -> ServerConfig:
        """What the service can do, and its limits."""
        return config

    return routes
