"""The application: everything that the service answers, put together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NoReturn

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from pydantic.json_schema import models_json_schema

from spikefill._version import __version__
from spikefill.batch import ModelChoice
from spikefill.service import page
from spikefill.service.about import about_routes
from spikefill.service.bodies import Limits
from spikefill.service.health import health_routes
from spikefill.service.inpaint import inpaint_routes
from spikefill.service.iopaint_schema import AdjustMaskRequest, InpaintRequest
from spikefill.service.login import login_routes
from spikefill.service.masks import mask_routes
from spikefill.service.metrics import Measured, Metrics
from spikefill.service.problems import ProblemDocument, answer_problems, responses
from spikefill.service.security import Access, Guard
from spikefill.service.settings import ServiceSettings
from spikefill.service.workers import Workers

_DESCRIPTION = """Restores the missing parts of photographs.

The service's own page is at [/](/). Where a token is asked for, it is sent as `Authorization: Bearer TOKEN`."""
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
_REFERENCE = "#/components/schemas/{model}"


def create_app(settings: ServiceSettings) -> FastAPI:
    """The service as an ASGI application; its lifespan starts the processes that restore, and drains them.

    Args:
        settings: What it may be told.

    Returns:
        The application; ``state.workers`` are its `Workers`.
    """
    workers = Workers(
        ModelChoice(settings.model),
        processes=settings.processes,
        threads=settings.threads,
        queue=settings.queue,
        seconds=settings.seconds,
        largest_megapixels=settings.largest_megapixels,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with workers, page.swept():
            yield

    app = FastAPIOffline(
        title="Spikefill",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        redoc_url=None,
        responses=responses(401, 403),
        favicon_url="data:,",
    )
    app.state.workers = workers
    access, metrics = Access(settings), Metrics(workers)
    interface = (inpaint_routes(workers), mask_routes(workers), about_routes(settings))
    for routes in (*interface, health_routes(workers), metrics.routes(), login_routes(access)):
        app.include_router(routes)
    _answer_missing(app, interface)
    answer_problems(app)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    page.mount(app, settings, workers)
    # The last one is the first to see a request.
    app.add_middleware(Limits, settings=settings, workers=workers)
    app.add_middleware(Guard, access=access, settings=settings)
    app.add_middleware(Measured, metrics=metrics)
    return app


def _answer_missing(app: FastAPI, interface: Sequence[APIRouter]) -> None:
    """Keeps requests for what the interface does not have from the page, which has an answer to everything."""
    routes = [route for router in interface for route in router.routes if isinstance(route, APIRoute)]
    methods = {route.path: sorted(route.methods or ()) for route in routes}

    async def missing(request: Request) -> NoReturn:
        known = methods.get(request.url.path)
        raise HTTPException(405, headers={"Allow": ", ".join(known)}) if known else HTTPException(404)

    app.router.add_route("/api/{rest:path}", missing, methods=_METHODS, include_in_schema=False)


def _document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with the bodies that endpoints read themselves."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        _, schemas = models_json_schema(
            [(InpaintRequest, "validation"), (AdjustMaskRequest, "validation"), (ProblemDocument, "validation")],
            ref_template=_REFERENCE,
        )
        document["components"]["schemas"].update(schemas["$defs"])
        document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"token": []}, {}]
        app.openapi_schema = document
    return app.openapi_schema
