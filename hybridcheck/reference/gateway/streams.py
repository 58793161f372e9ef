"""Server-sent events and WebSocket messages: numbered, stamped when they happen, resumable, ended in so many words."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass

from hybridcheck.reference.defects import Switches
from hybridcheck.reference.dispatch import trace_id
from hybridcheck.reference.gateway.authentication import Authentication
from hybridcheck.reference.gateway.strained_streams import DELAY_S, Event, StrainedStreams, delayed
from hybridcheck.reference.metrics import Metrics
from hybridcheck.reference.routing import Parameter, Route, integer_parameter
from hybridcheck.reference.web import PROBLEM_TYPE, Answer, Problem, Receive, Request, Scope, Send, Streamed

COUNT = Parameter(
    "count", {"type": "integer", "minimum": 1, "maximum": 10_000, "default": 20}, "Events until the end of the stream"
)
INTERVAL = Parameter(
    "interval_ms", {"type": "integer", "minimum": 0, "maximum": 1000, "default": 50}, "Milliseconds between two events"
)
LAST_ID = Parameter(
    "last_event_id",
    {"type": "integer", "minimum": 0, "maximum": 10_000, "default": 0},
    "The last event that the client has",
)
FAIL_AFTER = Parameter(
    "fail_after",
    {"type": "integer", "minimum": 0, "maximum": 10_000, "default": 0},
    "The event after which the source fails; 0 for none",
)
LAST_ID_HEADER = Parameter("Last-Event-ID", {"type": "string"}, "The last event that the client has", "header")
PATH_SSE = "/stream/events"
PATH_WS = "/stream/ws"

NOTE = "naïve café ☕ 😀"  # in every event
SPLIT_EACH, SPLIT_LETTER = 5, "☕".encode()  # every fifth event is sent in two pieces, cut in the middle of that letter


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events a listener asks for."""

    last: int
    count: int
    interval_ms: int
    fail_after: int


class SourceFailed(ConnectionAbortedError):
    """What events come from has failed; the listener has to see that there is no more to come of them."""


class Streams:
    """The operations under /stream."""

    def __init__(
        self, authentication: Authentication, metrics: Metrics, defects: Switches, strained: StrainedStreams
    ) -> None:
        """Both streams need an access token."""
        self._authentication = authentication
        self._strained = strained
        self._defects = defects
        self._metrics = metrics

    def routes(self) -> list[Route]:
        """The operations under /stream."""
        return [
            Route(
                "GET",
                PATH_SSE,
                self.events,
                "streamEvents",
                "Numbered events as text/event-stream",
                "streaming",
                {200: "EventStream", 422: "Problem"},
                parameters=(COUNT, INTERVAL, FAIL_AFTER, LAST_ID, LAST_ID_HEADER),
                content_type="text/event-stream",
            ),
            Route(
                "GET",
                PATH_WS,
                self.upgrade_needed,
                "streamMessages",
                "Numbered messages over a WebSocket",
                "streaming",
                {101: None, 422: "Problem", 426: "Problem"},
                parameters=(COUNT, INTERVAL, FAIL_AFTER, LAST_ID),
            ),
        ]

    async def upgrade_needed(self, request: Request) -> Answer:
        """What a plain GET gets where a WebSocket lives."""
        raise Problem(426, "this is a WebSocket", ((b"upgrade", b"websocket"), (b"connection", b"upgrade")))

    async def events(self, request: Request) -> Streamed:
        """Events from the one after Last-Event-ID to `count`, then `event: end`."""
        self._strained.refuse()
        query = request.query()
        last = _last_event_id(request.header(b"last-event-id"), integer_parameter(query, LAST_ID))
        if self._defects.on("sse-no-resume"):
            last = 0
        pieces = self._pieces(_wanted(query, last))
        return Streamed(b"text/event-stream", pieces, headers=((b"x-accel-buffering", b"no"),))

    async def _pieces(self, wanted: Wanted) -> AsyncGenerator[bytes, None]:
        held: list[bytes] = []
        async for event in self._happening(wanted):
            piece = b"id: %d\nevent: tick\ndata: %s\n\n" % (event["sequence"], _json(event))
            if self._defects.on("sse-buffered"):
                held.append(piece)
            elif self._defects.on("sse-out-of-order"):
                held.insert(0, piece)
                if len(held) == 2:
                    yield held.pop(0)
                    yield held.pop(0)
            elif event["sequence"] % SPLIT_EACH:
                yield piece
            else:  # as buffers of fixed size do
                cut = piece.index(SPLIT_LETTER) + 1
                yield self._passed_on(piece[:cut])
                yield self._passed_on(piece[cut:])
        yield b"".join(held)
        if self._defects.on("sse-no-clean-end"):
            raise ConnectionAbortedError("planted: cut off before the end")
        yield b"event: end\ndata: {}\n\n"

    def _passed_on(self, piece: bytes) -> bytes:
        """A piece, or what is left of it where each is decoded alone."""
        return piece.decode("utf-8", "replace").encode() if self._defects.on("sse-text-split") else piece

    async def _happening(self, wanted: Wanted) -> AsyncGenerator[Event, None]:
        """The events as they happen, each stamped with its moment (Unix time in seconds)."""
        events = _ticks(wanted)
        if self._defects.on("stream-delayed"):
            events = delayed(events, lambda _: DELAY_S)
        try:
            async for event in self._strained.passed_on(events) if self._defects else events:
                yield event
        except SourceFailed:
            if not self._defects.on("stream-failure-hidden"):
                raise

    async def answer_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One WebSocket connection: 401, 404 or 422 instead of the handshake, or all messages and a close with 1000."""
        headers = dict(scope["headers"])
        request = Request("GET", scope["path"], headers, scope, receive, trace_id(headers))
        await receive()  # websocket.connect
        try:
            if scope["path"] != PATH_WS:
                raise Problem(404, "nothing lives here")
            if not self._defects.on("ws-anonymous"):
                self._authentication.identify(request, "streamMessages")
            self._strained.refuse()
            query = request.query()
            wanted = _wanted(query, integer_parameter(query, LAST_ID))
        except Problem as problem:
            self._metrics.count(f"GET {PATH_WS}", problem.status)
            await _refuse(send, problem, request)
            return
        self._metrics.count(f"GET {PATH_WS}", 101)
        await send({"type": "websocket.accept"})
        sending = asyncio.create_task(self._send_messages(send, wanted))
        leaving = asyncio.create_task(_closed(receive))
        await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        sending.cancel()
        leaving.cancel()
        await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _send_messages(self, send: Send, wanted: Wanted) -> None:
        try:
            async for event in self._happening(wanted):
                if self._defects.on("ws-lossy") and event["sequence"] % 7 == 0:
                    continue
                await send({"type": "websocket.send", "text": _json({"type": "tick"} | event).decode()})
        except SourceFailed:
            await send({"type": "websocket.close", "code": 1011})
            return
        await send({"type": "websocket.send", "text": '{"type":"end"}'})
        await send({"type": "websocket.close", "code": 1011 if self._defects.on("ws-dirty-close") else 1000})


def _wanted(query: Mapping[str, str], last: int) -> Wanted:
    count, interval_ms, fail_after = (integer_parameter(query, one) for one in (COUNT, INTERVAL, FAIL_AFTER))
    return Wanted(last, count, interval_ms, fail_after)


async def _ticks(wanted: Wanted) -> AsyncGenerator[Event, None]:
    for sequence in range(wanted.last + 1, wanted.count + 1):
        if sequence > wanted.last + 1:
            await asyncio.sleep(wanted.interval_ms / 1000)
        yield {"sequence": sequence, "sent_at": time.time(), "note": NOTE}
        if sequence == wanted.fail_after:
            raise SourceFailed("the source of the events failed, as was asked for")


def _last_event_id(header: str | None, parameter: int) -> int:
    if header is None:
        return parameter
    if header.isascii() and header.isdigit() and len(header) <= 9:
        return int(header)
    raise Problem(422, "Last-Event-ID: the number of an event expected")


def _json(event: Event) -> bytes:
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()


async def _closed(receive: Receive) -> None:
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def _refuse(send: Send, problem: Problem, request: Request) -> None:
    """An HTTP answer in place of the handshake (ASGI's websocket.http.response extension)."""
    body = _json(problem.document(request.trace_id))
    headers = [
        (b"content-type", PROBLEM_TYPE),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"content-length", b"%d" % len(body)),
        *problem.headers,
    ]
    await send({"type": "websocket.http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})
