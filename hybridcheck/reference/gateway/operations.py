"""Health, readiness, metrics, the OpenAPI document and the index."""

from collections.abc import Awaitable, Callable
from typing import Any

from hybridcheck.reference.defects import Switches
from hybridcheck.reference.gateway.store import Store, now_text
from hybridcheck.reference.metrics import CONTENT_TYPE, Metrics
from hybridcheck.reference.routing import Handler, Route
from hybridcheck.reference.settings import Settings
from hybridcheck.reference.web import Answer, Problem, Request, json_answer

WORN_OFF_AFTER = 3600
"""After how many requests readiness is gone with `ready-wears-off`: more than come before the load of a quick run."""


def _public(path: str, handler: Handler, summary: str, answers: dict[int, str | None], **more: Any) -> Route:
    """A GET that everybody may send; its operation is named like its handler."""
    name = handler.__name__
    return Route("GET", path, handler, name, summary, "operations", answers, access="public", **more)


class Operations:
    """What operators and probes ask for. All of it is public."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        metrics: Metrics,
        native_answers: Callable[[], Awaitable[bool]],
        openapi: Callable[[], dict[str, Any]],
        defects: Switches,
    ) -> None:
        """`native_answers` says whether the native service answers now; `openapi` gives the document."""
        self._store = store
        self._metrics = metrics
        self._native_answers = native_answers
        self._openapi = openapi
        self._defects = defects
        self._health = {"status": "alive", "build": settings.build, "started_at": now_text()}

    def routes(self) -> list[Route]:
        """The public operations."""
        ready: dict[int, str | None] = {200: "Readiness", 503: "Problem"}
        return [
            _public("/", self.index, "What this is", {200: "Index"}, shared_cache=True),
            _public("/openapi.json", self.openapi, "This document", {200: "OpenApi"}, shared_cache=True),
            _public("/health", self.health, "The process is alive", {200: "Health"}),
            _public("/health/ready", self.ready, "Everything needed for work is there", ready),
            _public("/metrics", self.metrics, "Prometheus text", {200: "Exposition"}, content_type="text/plain"),
        ]

    async def index(self, request: Request) -> Answer:
        """The name of the system and where its description is."""
        return json_answer({"name": "reference hybrid system", "documentation": "/openapi.json"})

    async def openapi(self, request: Request) -> Answer:
        """The OpenAPI document."""
        return json_answer(self._openapi())

    async def health(self, request: Request) -> Answer:
        """Alive, since when, and which build."""
        answer = json_answer(self._health)
        if self._defects.on("nan-in-health"):
            answer.body = answer.body[:-1] + b',"load":NaN}'
        if self._defects.on("invalid-utf8"):
            answer.body = answer.body[:-1] + b',"place":"caf\xe9"}'
        if self._defects.on("mislabelled-json"):
            answer.content_type = b"text/html; charset=utf-8"
        return answer

    async def ready(self, request: Request) -> Answer:
        """200 if storage and native service answer now, else 503."""
        storage = self._store.answers()
        native = await self._native_answers()
        found = {"storage": "up" if storage else "down", "native": "up" if native else "down"}
        worn_off = self._defects.on("ready-wears-off") and self._metrics.requests() >= WORN_OFF_AFTER
        native = native or self._defects.on("ready-though-native-down")
        if self._defects.on("never-ready") or worn_off or not (storage and native):
            raise Problem(503, "not ready", ((b"retry-after", b"5"),), dependencies=found)
        status = "down" if self._defects.on("health-body-down") else "ready"
        return json_answer({"status": status, "dependencies": found})

    async def metrics(self, request: Request) -> Answer:
        """The metrics of all workers."""
        return Answer(200, self._metrics.exposition(), CONTENT_TYPE)
