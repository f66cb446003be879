"""``/metrics``: what the service does, in the format of Prometheus."""

from __future__ import annotations

import time
from collections.abc import Iterator

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spikefill.service.problems import CLIENT_GONE
from spikefill.service.workers import Workers

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_ELSEWHERE = "elsewhere"
"""What stands for all paths that the service does not have, of which clients could think up any number."""
_FAILED = 500


class Metrics:
    """The figures of one service.

    Args:
        workers: Whose queue is shown.
    """

    def __init__(self, workers: Workers) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._registry.register(_Queue(workers))
        self._answers = Counter(
            "spikefill_http_answers", "Answers, by path and status.", ("path", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "spikefill_http_seconds", "From a request's headers to the end of its answer, by path.", ("path",),
            registry=self._registry, buckets=_SECONDS,
        )  # fmt: skip

    def routes(self) -> APIRouter:
        """The endpoint."""
        routes = APIRouter(include_in_schema=False)

        @routes.get("/metrics")
        async def metrics() -> Response:
            return Response(generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

        return routes

    def add(self, path: str, status: int, seconds: float) -> None:
        """Counts an answer."""
        self._answers.labels(path, status).inc()
        self._seconds.labels(path).observe(seconds)


class Measured:
    """Middleware that counts answers."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status = time.perf_counter(), CLIENT_GONE

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception:
            status = _FAILED
            raise
        finally:
            path = getattr(scope.get("route"), "path", _ELSEWHERE)
            self._metrics.add(path, status, time.perf_counter() - start)


class _Queue(Collector):
    """The figures of the workers, read when they are asked for."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    def collect(self) -> Iterator[Metric]:
        """The figures."""
        workers = self._workers
        yield GaugeMetricFamily("spikefill_tasks_waiting", "Tasks in the queue.", workers.waiting)
        yield GaugeMetricFamily("spikefill_tasks_busy", "Tasks that are worked on.", workers.busy)
        yield CounterMetricFamily("spikefill_process_restarts", "Processes that were replaced.", workers.restarts)
