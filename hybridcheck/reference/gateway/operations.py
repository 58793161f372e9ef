"""Health, readiness, metrics, the OpenAPI document and the index."""

from collections.abc import Awaitable, Callable
from typing import Any

from hybridcheck.reference.defects import Switches
from hybridcheck.reference.gateway.store import Store, now_text
from hybridcheck.reference.metrics import CONTENT_TYPE, Metrics
from hybridcheck.reference.routing import Route
from hybridcheck.reference.settings import Settings
from hybridcheck.reference.web import Answer, Problem, Request, json_answer


class Operations:
    """What operators and probes ask for. All of it is public."""

    def __init__(
        self, settings: Settings, store: Store, native_answers: Callable[[], Awaitable[bool]], defects: Switches
    ) -> None:
        """`native_answers` says whether the native service answers now."""
        self._store = store
        self._native_answers = native_answers
        self._defects = defects
        self._health = {"status": "alive", "build": settings.build, "started_at": now_text()}
        self.metrics: Metrics | None = None
        self.openapi: dict[str, Any] = {}

    def routes(self) -> list[Route]:
        """The public operations."""
        return [
            Route(
                "GET",
                "/",
                self.index,
                "index",
                "What this is",
                "operations",
                {200: "Index"},
                access="public",
                shared_cache=True,
            ),
            Route(
                "GET",
                "/openapi.json",
                self.describe,
                "openapi",
                "This document",
                "operations",
                {200: "OpenApi"},
                access="public",
                shared_cache=True,
            ),
            Route(
                "GET",
                "/health",
                self.health,
                "health",
                "The process is alive",
                "operations",
                {200: "Health"},
                access="public",
            ),
            Route(
                "GET",
                "/health/ready",
                self.ready,
                "ready",
                "Everything needed for work is there",
                "operations",
                {200: "Readiness", 503: "Problem"},
                access="public",
            ),
            Route(
                "GET",
                "/metrics",
                self.expose,
                "metrics",
                "Prometheus exposition",
                "operations",
                {200: "Exposition"},
                access="public",
                content_type="text/plain",
            ),
        ]

    async def index(self, request: Request) -> Answer:
        """The name of the system and where its description is."""
        return json_answer({"name": "reference hybrid system", "documentation": "/openapi.json"})

    async def describe(self, request: Request) -> Answer:
        """The OpenAPI document."""
        return json_answer(self.openapi)

    async def health(self, request: Request) -> Answer:
        """Alive, since when, and which build."""
        return json_answer(self._health)

    async def ready(self, request: Request) -> Answer:
        """200 if storage and native service answer now, else 503."""
        storage = self._store.answers()
        native = await self._native_answers()
        found = {"storage": "up" if storage else "down", "native": "up" if native else "down"}
        if self._defects.on("never-ready") or not (storage and native):
            raise Problem(503, "not ready", ((b"retry-after", b"5"),), dependencies=found)
        return json_answer({"status": "ready", "dependencies": found})

    async def expose(self, request: Request) -> Answer:
        """The metrics of all workers."""
        if self.metrics is None:
            raise Problem(503, "metrics are not open yet", ((b"retry-after", b"1"),))
        return Answer(200, self.metrics.exposition(), CONTENT_TYPE)
