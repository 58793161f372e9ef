"""The native service's HTTP host: CPython around kernels that are loaded from a compiled library where there is one."""

import asyncio
import hmac
import math
import random
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from hybridcheck.reference.defects import Switches
from hybridcheck.reference.dispatch import Dispatcher
from hybridcheck.reference.metrics import CONTENT_TYPE, Metrics
from hybridcheck.reference.native import edges, legacy
from hybridcheck.reference.native.build import load_kernels
from hybridcheck.reference.native.context import Context, context_routes
from hybridcheck.reference.native.services import COMPUTATIONS, Computation, refuse_arithmetic
from hybridcheck.reference.native.slowness import Slowness
from hybridcheck.reference.native.wire import Wire, wire_routes
from hybridcheck.reference.native.work import Work
from hybridcheck.reference.openapi import openapi_document
from hybridcheck.reference.routing import Handler, Route
from hybridcheck.reference.schemas import SCHEMAS
from hybridcheck.reference.settings import Settings
from hybridcheck.reference.web import BINARY_TYPE, Answer, Problem, Receive, Request, Scope, Send, json_answer

_SCHEMAS = SCHEMAS | {
    "Manifest": {"type": "object", "required": ["runtime"], "properties": {"runtime": {"type": "string"}}}
}


class NativeHost:
    """The native service. Its only caller is the gateway, which proves itself with a key."""

    def __init__(self, settings: Settings) -> None:
        """Builds or finds the kernels first."""
        self._settings = settings
        self._defects = Switches(settings.defects)
        self._kernels, self._manifest = load_kernels(emulation=settings.native_emulation)
        if any(self._defects.on(name) for name in legacy.IN_KERNELS):
            self._kernels = legacy.LegacyKernels(self._defects)
        self._work = Work(self._kernels, self._defects)
        self._wire = Wire(self._defects)
        self._started = time.monotonic()
        self._slowness = Slowness(Path(settings.state_dir))
        routes = self._routes()
        self._metrics = Metrics(Path(settings.state_dir) / "native-metrics.bin", 0, 1, self._defects)
        self._metrics.open([route.label for route in routes])
        self._openapi = openapi_document("Reference native service", routes, _SCHEMAS, settings.body_limit_bytes)
        if self._defects.on("schema-skew"):
            skewed = _SCHEMAS["Total"] | {"properties": {"total": {"type": "string"}, "degraded": {"type": "boolean"}}}
            self._openapi["components"]["schemas"]["Total"] = skewed
        self._dispatcher = Dispatcher(
            routes,
            _SCHEMAS,
            self._metrics,
            self._authorize,
            settings=replace(settings, cors_origins=()),
            instance="native-1",
        )

    @property
    def runtime(self) -> str:
        """What the kernels were built by."""
        return str(self._manifest["runtime"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI interface."""
        if scope["type"] == "http":
            await self._dispatcher.answer_http(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})

    def _routes(self) -> list[Route]:
        return [
            *(self._computed(row) for row in (*COMPUTATIONS, *edges.EDGES)),
            *wire_routes(self._wire.blob, self._wire.page),
            *context_routes(Context(self._kernels, self._defects).handler_of),
            self._binary(),
            self._got("/monitoring/status", self._status, "NativeStatus", access="user"),
            self._got("/__runtime", self._runtime, "Manifest"),
            self._got("/health", self._health, "Index"),
            self._got("/metrics", self._expose, "Exposition", content_type="text/plain"),
            self._got("/openapi.json", self._describe, "OpenApi", shared_cache=True),
        ]

    def _binary(self) -> Route:
        return Route(
            "POST",
            "/analytics/bytes",
            self._bytes_back,
            "bytesBack",
            "The bytes that were sent",
            "native",
            {200: "Bytes", 413: "Problem", 415: "Problem"},
            content_type=BINARY_TYPE.decode(),
            safe=True,
            binary=True,
        )

    async def _bytes_back(self, request: Request) -> Answer:
        return Answer(200, edges.bytes_back(request.document, self._defects), BINARY_TYPE)

    def _computed(self, row: Computation) -> Route:
        handler, answers = partial(self._compute, row), {200: row.answer}
        return Route("POST", row.path, handler, row.operation, row.path, "native", answers, body=row.body, safe=True)

    def _got(self, path: str, handler: Handler, answer: str, access: str = "public", **more: Any) -> Route:
        return Route("GET", path, handler, path.rpartition("/")[2], path, "native", {200: answer}, access, **more)

    def _authorize(self, request: Request, route: Route) -> None:
        key = request.headers.get(b"x-gateway-key", b"")
        if self._defects.on("native-open") or (key and self._defects.on("native-any-key")):
            key = self._settings.gateway_key.encode()
        if not hmac.compare_digest(key, self._settings.gateway_key.encode()):
            raise Problem(401, "the key of the gateway is needed", ((b"www-authenticate", b"GatewayKey"),))
        request.tenant = request.header(b"x-tenant-id") or ""

    async def _compute(self, row: Computation, request: Request) -> Answer:
        if self._slowness.ms:
            await asyncio.sleep(self._slowness.ms / 1000)
        await self._work.warm_up(row, request.document)
        await self._work.slow_down()
        if row.long:
            with refuse_arithmetic():
                return json_answer({"tenant": request.tenant} | await self._work.result(row, request.document))
        if not self._defects:
            with refuse_arithmetic():
                result = row.compute(self._kernels, request.document)
            return json_answer({"tenant": request.tenant} | result)
        return self._spoilt(row, request)

    def _spoilt(self, row: Computation, request: Request) -> Answer:
        """The answer as the switched-on defects would have it: what is read, computed, answered and written."""
        edges.struck(row.operation, request.document, self._kernels, self._defects)
        document = legacy.received(request.document, self._defects)
        try:
            with refuse_arithmetic():
                unchecked = edges.without_check(row.operation, document, self._defects)
                result = unchecked or spoilt(row.operation, row.compute(self._kernels, document), self._defects)
        except Problem as problem:
            if not (self._defects.on("native-inf") and legacy.overflows(row.operation, document, problem.__cause__)):
                raise
            result = {"result": math.inf} if row.operation == "scalar" else {"sum": math.inf}
        result = legacy.answered(row.operation, document, result, self._defects)
        result = edges.answered(row.operation, document, result, self._defects)
        body = legacy.written({"tenant": request.tenant} | result, self._defects)
        if self._defects.on("nan-in-json") and row.operation == "aggregate":
            body = body.replace(b'"variance":null', b'"variance":NaN')
        return Answer(200, body)

    async def _status(self, request: Request) -> Answer:
        return json_answer(
            {
                "tenant": request.tenant,
                "requests": self._metrics.requests(),
                "in_flight": self._metrics.in_flight(),
                "uptime_s": time.monotonic() - self._started,
                "now": legacy.now_text(self._defects),
                "runtime": "codon" if self._defects.on("runtime-untrue") else self.runtime,
            }
        )

    async def _runtime(self, request: Request) -> Answer:
        return json_answer(self._manifest)

    async def _health(self, request: Request) -> Answer:
        return json_answer({"name": "reference native service", "documentation": "/openapi.json"})

    async def _expose(self, request: Request) -> Answer:
        return Answer(200, self._metrics.exposition(), CONTENT_TYPE)

    async def _describe(self, request: Request) -> Answer:
        return json_answer(self._openapi)


def spoilt(operation: str, result: dict[str, Any], defects: Switches) -> dict[str, Any]:
    """The result as the switched-on defects would have it."""
    if operation == "aggregate":
        _spoil_aggregate(result, defects)
    if operation == "score":
        _spoil_scores(result, defects)
    if operation == "rate" and defects.on("monitoring-negative-rate"):
        result["increase"], result["rate_per_s"] = -result["increase"], -result["rate_per_s"]
    return result


def _spoil_aggregate(result: dict[str, Any], defects: Switches) -> None:
    if defects.on("analytics-wrong-mean"):
        result["mean"] *= result["count"] / (result["count"] + 1)
    if defects.on("analytics-nondeterministic"):
        result["mean"] += random.random() * max(abs(result["mean"]), 1.0) * 1e-3
    if defects.on("nan-in-json"):
        result["variance"] = None
    if defects.on("native-differs"):
        result["sorted"] = result["sorted"][::-1]


def _spoil_scores(result: dict[str, Any], defects: Switches) -> None:
    for point in result["scores"]:
        if defects.on("detection-wrong-labels"):
            point["label"] = "normal" if point["label"] == "anomaly" else "anomaly"
        if defects.on("detection-ignores-input"):
            point["score"], point["label"] = math.sin(point["index"]), "normal"
    result["anomalies"] = sum(point["label"] == "anomaly" for point in result["scores"])
