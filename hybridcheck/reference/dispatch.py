"""From an ASGI call to an answer: matching, caller, negotiation, body, problems, headers, counting."""

import random
import re
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache
from html import escape
from typing import Any

from hybridcheck.reference.defects import Switches
from hybridcheck.reference.metrics import Metrics
from hybridcheck.reference.routing import Route, Router, allowed_methods
from hybridcheck.reference.schema_check import Schema, violation
from hybridcheck.reference.settings import Settings
from hybridcheck.reference.web import (
    JSON_TYPE,
    PROBLEM_TYPE,
    Answer,
    ClientGone,
    Header,
    Problem,
    Receive,
    Request,
    Scope,
    Send,
    Streamed,
    json_answer,
    read_bytes,
    read_json,
    send_answer,
    send_stream,
)

_TRACEPARENT = re.compile(rb"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}\Z")
_PREFLIGHT = (
    (b"access-control-allow-methods", b"GET, POST, PUT, DELETE"),
    (b"access-control-allow-headers", b"Authorization, Content-Type, Idempotency-Key, If-Match"),
    (b"access-control-max-age", b"600"),
)
CODON_TRACE = (
    "ValueError: outside the domain\n\nRaised from: kernels.hk_scores.0:int\n"
    "/app/native/kernels.codon:141:5\n\nBacktrace:\n  [0x7f31] kernels.main.0 at /app/native/kernels.codon:212:1\n"
)
"""What Codon writes of an exception that nobody caught."""

Authorize = Callable[[Request, Route], None]
Before = Callable[[Request], Awaitable[Answer | None]]


class Dispatcher:
    """Answers HTTP requests from a table of routes."""

    def __init__(
        self,
        routes: Sequence[Route],
        schemas: Mapping[str, Schema],
        metrics: Metrics,
        authorize: Authorize,
        *,
        settings: Settings,
        instance: str,
        before: Before | None = None,
    ) -> None:
        """`authorize` writes the caller into a request or raises 401 or 403; `before` sees every request first."""
        self._router = Router(routes, schemas)
        self._schemas = schemas
        self._metrics = metrics
        self._authorize = authorize
        self._body_limit_bytes = settings.body_limit_bytes
        self._cors_origins = {origin.encode() for origin in settings.cors_origins}
        self._defects = Switches(settings.defects)
        self._before = before
        self._fixed: list[Header] = [
            (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
            (b"referrer-policy", b"no-referrer"),
            (b"vary", b"Origin"),
            (b"x-instance", instance.encode()),
            (b"x-build-id", settings.build.encode()),
        ]
        if not self._defects.on("missing-nosniff"):
            self._fixed.append((b"x-content-type-options", b"nosniff"))
        if self._defects.on("version-banner"):
            self._fixed.append((b"server", b"nginx/1.14.0 (Ubuntu)"))
        self._answers = 0
        self._another = self._defects.on("builds-mixed")
        self._of_another_build = [(k, b"0" * 12 if k == b"x-build-id" else v) for k, v in self._fixed]

    async def answer_http(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        headers = dict(scope["headers"])
        told = {} if self._defects.on("trace-dropped") else headers
        request = Request(scope["method"], scope["path"], headers, scope, receive, trace_id(told))
        self._metrics.begin()
        try:
            await self._answer(request, receive, send)
        finally:
            self._metrics.end()

    async def _answer(self, request: Request, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        route: Route | None = None
        answer: Answer | Streamed
        try:
            found = await self._route(request)
            if isinstance(found, Route):
                route = found
                answer = await self._run(request, route)
            else:
                answer = found
        except ClientGone:
            self._metrics.count(route.label if route else "other", 499)
            return
        except Exception as error:  # noqa: BLE001 - the last line: whatever it is, the client gets a problem document
            answer = self._failure(error, request)
        label = route.label if route else "other"
        self._metrics.count(label, answer.status)
        self._metrics.observe(label, time.perf_counter() - started)
        await self._send(request, route, answer, receive, send)

    async def _route(self, request: Request) -> Route | Answer:
        """The route of a request, or an answer for which no route is needed."""
        if self._before is not None:
            early = await self._before(request)
            if early is not None:
                return early
        found = self._router.methods_at(request.path)
        if found is None:
            raise Problem(404, "nothing lives here")
        routes, request.path_values = found
        method = "GET" if request.method == "HEAD" else request.method
        if method in routes:
            return routes[method]
        allow = (b"allow", allowed_methods(routes).encode())
        if method == "OPTIONS":
            return Answer(204, headers=(allow, *self._preflight(request)))
        if self._defects.on("wrong-method-200") and "GET" in routes:
            return routes["GET"]
        raise Problem(405, f"{request.method} is not possible here", (allow,))

    async def _run(self, request: Request, route: Route) -> Answer | Streamed:
        if route.access != "public":
            self._authorize(request, route)
        accept = request.headers.get(b"accept")
        if accept is not None and not accepts(accept, route.content_type):
            raise Problem(406, f"only {route.content_type} is offered")
        if route.body is not None:
            request.document = await read_json(request, self._body_limit_bytes, self._defects)
            if self._defects.on("native-lone-number") and not request.path.startswith("/ref/"):
                request.document = _listed(request.document)
            if self._defects.on("unknown-members-dropped") and not request.path.startswith("/ref/"):
                request.document = _known(request.document, self._schemas[route.body])
            found = violation(request.document, self._schemas[route.body])
            if found is not None:
                raise Problem(422, found)
        if route.binary:
            request.document = await read_bytes(request, self._body_limit_bytes, self._defects)
        return await route.handler(request)

    def _failure(self, error: Exception, request: Request) -> Answer:
        problem = error if isinstance(error, Problem) else Problem(500, "something went wrong here")
        document = problem.document(request.trace_id)
        if self._defects.on("stack-trace"):
            document["debug"] = "".join(traceback.format_exception(error))
        if self._defects.on("codon-trace"):
            document["debug"] = CODON_TRACE
        if self._defects.on("error-format-html") and problem.status != 422:  # what a service refuses keeps its format
            page = f"<html><body><h1>{problem.status}</h1><p>{escape(problem.detail)}</p></body></html>"
            return Answer(problem.status, page.encode(), b"text/html; charset=utf-8", problem.headers)
        answer = json_answer(document, problem.status, problem.headers)
        answer.content_type = PROBLEM_TYPE
        return misled(answer, self._defects)

    async def _send(
        self, request: Request, route: Route | None, answer: Answer | Streamed, receive: Receive, send: Send
    ) -> None:
        cache = b"public, max-age=60" if route and route.shared_cache and answer.status == 200 else b"no-store"
        if self._defects.on("private-cacheable") and route and route.access != "public":
            cache = b"public, max-age=600"
        self._answers += 1
        headers = [
            *(self._of_another_build if self._answers % 2 and self._another else self._fixed),
            (b"cache-control", cache),
            (b"x-trace-id", request.trace_id.encode()),
            *self._cors(request),
        ]
        if self._defects.on("gzip-mislabelled") and request.headers.get(b"accept-encoding") == b"gzip":
            headers.append((b"content-encoding", b"gzip"))
        if self._defects.on("errors-untraced") and answer.status >= 400:
            headers = [header for header in headers if header[0] != b"x-trace-id"]
        if self._defects.on("nosniff-lost-on-errors") and answer.status >= 400:
            headers = [header for header in headers if header[0] != b"x-content-type-options"]
        if isinstance(answer, Answer):
            await send_answer(send, answer, headers)
        elif request.method == "HEAD":
            await answer.pieces.aclose()
            await send_answer(send, Answer(answer.status), headers)
        else:
            await send_stream(send, receive, answer, headers)

    def _cors(self, request: Request) -> tuple[Header, ...]:
        origin = request.headers.get(b"origin")
        if origin is None:
            return ()
        if self._defects.on("cors-reflects-origin"):
            return (b"access-control-allow-origin", origin), (b"access-control-allow-credentials", b"true")
        return ((b"access-control-allow-origin", origin),) if origin in self._cors_origins else ()

    def _preflight(self, request: Request) -> tuple[Header, ...]:
        asked = b"access-control-request-method" in request.headers
        return _PREFLIGHT if asked and request.headers.get(b"origin") in self._cors_origins else ()


def _known(document: Any, schema: Schema) -> Any:
    """Without the members that a schema does not name."""
    if not isinstance(document, dict) or "properties" not in schema:
        return document
    return {name: value for name, value in document.items() if name in schema["properties"]}


def misled(problem: Answer, defects: Switches) -> Answer:
    """An error as the switched-on defects would tell it."""
    if defects.on("error-body-as-200") and problem.status == 415:
        problem.status, problem.content_type = 200, JSON_TYPE
    if defects.on("console-in-errors") and problem.status == 404:
        printed = b'"detail":"\\u001b[1mIndexError:\\u001b[0m list index out of range. Raised from: at()"'
        problem.body = re.sub(rb'"detail":"[^"]*"', lambda _: printed, problem.body)
    return problem


def _listed(document: Any) -> Any:
    """With one number for `values` in a list, as lenient readers of arguments do."""
    lone = isinstance(document, dict) and type(document.get("values")) in (int, float)
    return document | {"values": [document["values"]]} if lone else document


def trace_id(headers: Mapping[bytes, bytes]) -> str:
    """The trace id of a valid `traceparent` (W3C Trace Context), else a new one."""
    match = _TRACEPARENT.match(headers.get(b"traceparent", b""))
    if match and match[1].strip(b"0") and match[2].strip(b"0"):
        return match[1].decode()
    return f"{random.getrandbits(128):032x}"


@lru_cache(maxsize=256)
def accepts(accept: bytes, content_type: str) -> bool:
    """Whether an `Accept` header admits a media type; `q=0` excludes it (RFC 9110, 12.5.1)."""
    kind = content_type.split("/", maxsplit=1)[0]
    rank = {content_type: 3, f"{kind}/*": 2, "*/*": 1}
    best, quality = 0, 0.0
    for part in accept.decode("latin-1").lower().split(","):
        media_range, *parameters = [piece.strip() for piece in part.split(";")]
        specificity = rank.get(media_range, 0)
        if specificity > best:
            best, quality = specificity, _quality(parameters)
    return best > 0 and quality > 0


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 1.0
    return 1.0
