"""The way from the gateway to the native service: pooled loopback connections and the mapping of errors.

Written by hand on asyncio streams because a general HTTP client costs more than the computation that it asks for.
"""

import asyncio
import json
import random
import re
from typing import Any

from hybridcheck.reference.defects import Switches
from hybridcheck.reference.routing import Handler, Route
from hybridcheck.reference.settings import Settings
from hybridcheck.reference.web import BINARY_TYPE, JSON_TYPE, Answer, Problem, Request

POOL_SIZE = 32
DEADLINE_HEADER = b"x-request-timeout-ms"
OWN_TIME_MS = 5.0  # what the way there and back may take of a caller's time
KEY = re.compile(rb"[!-~]{1,200}")
_RETRY_AFTER = (b"retry-after", b"5")


class BrokenReplyError(Exception):
    """The native service closed the connection or did not speak HTTP."""


class StaleConnectionError(BrokenReplyError):
    """A pooled connection turned out to be closed before anything came back."""


class NativeClient:
    """Calls the native service for the gateway's users."""

    def __init__(self, settings: Settings, defects: Switches) -> None:
        """Connections are opened when they are needed."""
        self._settings = settings
        self._defects = defects
        self._tenant = ""  # of `tenant-shared`
        self._latest: Request | None = None  # of `gateway-crosstalk`
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def answers(self) -> bool:
        """Whether the native service's readiness route answers 200 now."""
        try:
            async with asyncio.timeout(2.0):
                status, _ = await self._exchange("GET", "/health", b"", b"")
        except (OSError, TimeoutError, BrokenReplyError):
            return False
        return status == 200

    async def forward(self, request: Request) -> Answer:
        """The native service's answer; its failures as 502, 503 or 504."""
        method = "GET" if request.document is None else "POST"  # a HEAD is asked as GET: the reply's length is needed
        method = "DELETE" if request.method == "DELETE" else method
        budget_s = self._budget_s(request)
        body, kind = _encoded(await self._document_of(request) if self._defects else request.document)
        try:
            async with asyncio.timeout(None if self._defects.on("deadline-ignored") else budget_s):
                headers = await self._headers(request, budget_s)
                status, reply = await self._exchange(method, request.path, body, headers, kind)
        except TimeoutError as error:
            raise Problem(504, "the native service did not answer in time") from error
        except BrokenReplyError as error:
            raise Problem(502, "the native service broke off") from error
        except OSError as error:
            if self._defects.on("native-down-500"):
                raise RuntimeError("unhandled connection error") from error
            raise Problem(503, "the native service is not reachable", (_RETRY_AFTER,)) from error
        answer = self._mapped(request.path, status, reply)
        answer.content_type = kind
        return answer

    async def _document_of(self, request: Request) -> Any:
        """What is sent on, as the switched-on defects would have it."""
        if self._defects.on("gateway-adds-40ms"):
            await asyncio.sleep(0.04)
        if not (self._defects.on("gateway-crosstalk") and request.path == "/analytics/echo"):
            return request.document
        self._latest = request
        await asyncio.sleep(0.02)
        latest = self._latest
        return latest.document if latest.username != request.username else request.document

    def _mapped(self, path: str, status: int, reply: bytes) -> Answer:
        # Only here: sums and echoes that are out of range are what the checks of numbers look at first.
        hidden = self._defects.on("native-error-as-200") and path in ("/analytics/scalar", "/monitoring/rate")
        if status == 200 or hidden:
            return Answer(200, reply)
        if status in (201, 204):
            return Answer(status, reply)
        if status in (400, 404, 409, 413, 422):
            raise Problem(status, _detail(reply))
        if self._defects.on("native-500-passed-on") and path == "/context/fail":
            raise Problem(500, "the native service failed")
        raise Problem(502, "the native service failed")

    def _budget_s(self, request: Request) -> float:
        """How long the call may take: what the caller still gives it, at most our own timeout."""
        asked = request.headers.get(DEADLINE_HEADER, b"")
        wanted_s = int(asked) / 1000 if asked.isdigit() and len(asked) < 10 else self._settings.native_timeout_s
        return min(wanted_s, self._settings.native_timeout_s)

    async def _headers(self, request: Request, budget_s: float) -> bytes:
        """What goes with the call: tenant, trace, the time that is left for it, and the caller's idempotency key."""
        tenant = request.tenant
        if self._defects.on("tenant-shared") and request.path == "/context/headers":
            self._tenant = tenant
            await asyncio.sleep(0.005)
            tenant = self._tenant
        left_ms = max(1.0, budget_s * 1000 - OWN_TIME_MS)
        if self._defects.on("deadline-not-passed"):
            left_ms = self._settings.native_timeout_s * 1000
        parent = f"{random.getrandbits(64) | 1:016x}"
        key = request.headers.get(b"idempotency-key", b"")
        return (
            f"X-Tenant-Id: {tenant}\r\ntraceparent: 00-{request.trace_id}-{parent}-01\r\n"
            f"X-Request-Timeout-Ms: {left_ms:.0f}\r\n"
        ).encode() + (b"Idempotency-Key: %b\r\n" % key if KEY.fullmatch(key) else b"")

    async def _exchange(
        self, method: str, path: str, body: bytes, headers: bytes, kind: bytes = JSON_TYPE
    ) -> tuple[int, bytes]:
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._settings.native_port}\r\n"
            f"X-Gateway-Key: {self._settings.gateway_key}\r\nContent-Type: {kind.decode()}\r\n"
            f"Content-Length: {len(body)}\r\n"
        ).encode()
        message = head + headers + b"\r\n" + body
        while self._idle:
            try:
                return await self._on(self._idle.pop(), message, pooled=True)
            except StaleConnectionError:
                continue  # every call only computes: asking again on another connection changes nothing
        connection = await asyncio.open_connection("127.0.0.1", self._settings.native_port, limit=1 << 22)
        return await self._on(connection, message, pooled=False)

    async def _on(
        self, connection: tuple[asyncio.StreamReader, asyncio.StreamWriter], message: bytes, *, pooled: bool
    ) -> tuple[int, bytes]:
        reader, writer = connection
        try:
            writer.write(message)
            await writer.drain()
            reply = await _read_reply(reader)
        except BaseException as error:
            writer.close()
            if isinstance(error, asyncio.IncompleteReadError | ConnectionError):
                nothing_came = not (isinstance(error, asyncio.IncompleteReadError) and error.partial)
                raise (StaleConnectionError if pooled and nothing_came else BrokenReplyError) from error
            raise
        if len(self._idle) < POOL_SIZE:
            self._idle.append(connection)
        else:
            writer.close()
        return reply


def _encoded(document: Any) -> tuple[bytes, bytes]:
    """A request's document as bytes, and the media type of its answer."""
    if isinstance(document, bytes):
        return document, BINARY_TYPE
    return (b"" if document is None else json.dumps(document).encode()), JSON_TYPE


async def _read_reply(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    try:
        status = int(head[0].split(b" ")[1])
        lengths = [int(line.split(b":")[1]) for line in head[1:] if line.lower().startswith(b"content-length:")]
    except (ValueError, IndexError) as error:
        raise BrokenReplyError("not an HTTP reply") from error
    return status, await reader.readexactly(lengths[0] if lengths else 0)


def _detail(reply: bytes) -> str:
    try:
        document: Any = json.loads(reply)
    except ValueError:
        return "the native service refused the request"
    return str(document.get("detail", "")) if isinstance(document, dict) else ""


_FORWARDED = (
    (
        "POST",
        "/analytics/aggregate",
        "aggregate",
        "Sum, mean, variance, median and order of numbers",
        "Values",
        "Aggregate",
    ),
    ("POST", "/analytics/scalar", "scalar", "Floor division, modulo, power, rounding", "ScalarOperation", "Scalar"),
    ("POST", "/analytics/text", "text", "Length in code points and upper case", "Text", "TextFacts"),
    ("POST", "/analytics/echo", "echo", "The value that was sent", "Echo", "Echoed"),
    ("POST", "/analytics/rank", "rank", "Rows by falling score, equal ones as they came", "Ranking", "Ranked"),
    ("POST", "/analytics/instant", "parseInstant", "An ISO 8601 instant as Unix seconds", "IsoInstant", "Instant"),
    ("POST", "/analytics/calendar", "formatInstant", "Unix seconds as an ISO 8601 instant", "Epoch", "Instant"),
    ("POST", "/analytics/compute", "compute", "Work of the wanted size, with a checksum", "Workload", "Computed"),
    ("POST", "/detection/score", "score", "Anomaly score and label of each number", "DetectionInput", "Detection"),
    ("POST", "/monitoring/percentiles", "percentiles", "Nearest-rank percentiles", "PercentileInput", "Percentiles"),
    ("POST", "/monitoring/rate", "rate", "Rate of a counter over its samples", "CounterSamples", "CounterRate"),
    ("POST", "/analytics/partition", "partition", "The shard of a key", "PartitionKey", "Partition"),
    (
        "POST",
        "/analytics/validate",
        "validateAccount",
        "Whether a text is an account number",
        "AccountText",
        "Validity",
    ),
    ("GET", "/monitoring/status", "nativeStatus", "What the native service is doing", None, "NativeStatus"),
)


def forwarded_routes(client: NativeClient) -> list[Route]:
    """The gateway's routes that the native service answers."""
    return [
        Route(
            method,
            path,
            client.forward,
            operation,
            summary,
            path.split("/")[1],
            {200: answer, 502: "Problem", 503: "Problem", 504: "Problem"},
            body=body,
            safe=True,
        )
        for method, path, operation, summary, body, answer in _FORWARDED
    ] + [binary_route(client.forward)]


def binary_route(handler: Handler) -> Route:
    """The route that gives back the bytes that it gets, on both sides."""
    return Route(
        "POST",
        "/analytics/bytes",
        handler,
        "bytesBack",
        "The bytes that were sent",
        "analytics",
        {200: "Bytes", 413: "Problem", 415: "Problem", 502: "Problem", 503: "Problem", 504: "Problem"},
        content_type=BINARY_TYPE.decode(),
        safe=True,
        binary=True,
    )
