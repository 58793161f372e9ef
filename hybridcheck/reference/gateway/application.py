"""The gateway's ASGI application: all its parts, wired."""

import asyncio
from pathlib import Path
from typing import Any

from hybridcheck.reference.defects import Switches
from hybridcheck.reference.dispatch import Dispatcher
from hybridcheck.reference.gateway.authentication import Authentication
from hybridcheck.reference.gateway.context import ContextGateway
from hybridcheck.reference.gateway.dashboards import Dashboards
from hybridcheck.reference.gateway.datasets import Datasets
from hybridcheck.reference.gateway.detectors import Detectors
from hybridcheck.reference.gateway.exposed import exposed_file
from hybridcheck.reference.gateway.graph import Graph
from hybridcheck.reference.gateway.native_client import NativeClient, forwarded_routes
from hybridcheck.reference.gateway.operations import Operations
from hybridcheck.reference.gateway.people import People
from hybridcheck.reference.gateway.store import Store
from hybridcheck.reference.gateway.strain import Audit, Strain
from hybridcheck.reference.gateway.strained_streams import StrainedStreams
from hybridcheck.reference.gateway.streams import Streams
from hybridcheck.reference.gateway.tokens import Tokens
from hybridcheck.reference.gateway.twins import twin_routes
from hybridcheck.reference.gateway.wire import query_route
from hybridcheck.reference.metrics import Metrics
from hybridcheck.reference.native.context import context_routes
from hybridcheck.reference.native.wire import wire_routes
from hybridcheck.reference.openapi import openapi_document
from hybridcheck.reference.routing import Route
from hybridcheck.reference.schemas import SCHEMAS
from hybridcheck.reference.settings import Settings
from hybridcheck.reference.web import Answer, Problem, Receive, Request, Scope, Send, json_answer

UNTOUCHED = ("/metrics",)  # stays honest whatever is switched on, so that the rest can be watched


class Gateway:
    """One worker of the gateway."""

    def __init__(self, settings: Settings) -> None:
        """Opens the shared state; tasks start with the first request."""
        defects = self._defects = Switches(settings.defects)
        store = Store(settings.state_dir)
        path = Path(settings.state_dir) / "gateway-metrics.bin"
        metrics = Metrics(path, settings.instance_index, settings.instances, defects)
        client = NativeClient(settings, defects)
        datasets = Datasets(store, defects)
        self._authentication = Authentication(settings, store, Tokens(settings.signing_key, defects), defects)
        self._dashboards = Dashboards(store, metrics, defects)
        self._audit = Audit(store, metrics, defects)
        self._strain = Strain(defects)
        self._streams = Streams(self._authentication, metrics, defects, StrainedStreams(defects, self._strain.strained))
        self._tasks: list[asyncio.Task[None]] = []
        self.routes = (
            *Operations(settings, store, metrics, client.answers, self._describe, defects).routes(),
            *self._authentication.routes(),
            *self._dashboards.routes(),
            *datasets.routes(),
            *Detectors(settings.state_dir, datasets, client, defects).routes(),
            *People(settings, self._defects).routes(),
            *Graph(store, datasets, defects).routes(),
            *self._streams.routes(),
            *forwarded_routes(client),
            *wire_routes(client.forward, client.forward),
            query_route(defects),
            *context_routes(ContextGateway(client, defects).handler_of),
            *twin_routes(defects),
        )
        metrics.open([route.label for route in self.routes])
        self._openapi = openapi_document("Reference hybrid system", self.routes, SCHEMAS, settings.body_limit_bytes)
        self._dispatcher = Dispatcher(
            self.routes,
            SCHEMAS,
            metrics,
            self._authorize,
            settings=settings,
            instance=f"gateway-{settings.instance_index + 1}",
            before=self._before if defects else None,
        )

    def _describe(self) -> dict[str, Any]:
        return self._openapi

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI interface."""
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self._dashboards.keep_sampling()),
                asyncio.create_task(self._audit.keep_writing()),
            ]
        if scope["type"] == "http":
            await self._dispatcher.answer_http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._streams.answer_websocket(scope, receive, send)

    async def _before(self, request: Request) -> Answer | None:
        if request.path not in UNTOUCHED:
            self._audit.note_request()
            await self._strain.suffer(request.path)
            if self._strain.hollow():
                return json_answer({})
        return exposed_file(request.path, self._defects)

    def _authorize(self, request: Request, route: Route) -> None:
        self._authentication.identify(request, route.operation)
        if route.access == "admin" and request.role != "admin" and not self._defects.on("role-not-enforced"):
            raise Problem(403, "this needs the role admin")
        if route.method != "GET" and not route.safe:
            self._audit.note(request.username, route.operation)
