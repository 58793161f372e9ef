"""Clients of Server-Sent Events and WebSocket: what a stream delivered, when, and how it ended.

Bounded in events, time and bytes; no redirects, no environment proxies; nothing is raised for what a target does.
"""

import asyncio
import base64
import socket
import ssl
import time
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.datastructures import Headers as WebSocketHeaders
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK, InvalidStatus
from websockets.http11 import Response as WebSocketResponse

from hybridcheck.evidence import (
    Body,
    Failure,
    GapReason,
    Headers,
    ReceivedResponse,
    SentRequest,
    StreamEvent,
    StreamRecord,
)
from hybridcheck.ledger import body_of
from hybridcheck.target import EvidenceLost
from hybridcheck.transport.decoding import NotDecodable, decoder_for
from hybridcheck.transport.event_stream import EventStreamParser
from hybridcheck.transport.exchange import RUN_HEADER, Draft, Place, Sender, as_sent, sent_request
from hybridcheck.transport.failures import classify, detail_of
from hybridcheck.transport.scope import Origin, OutOfScope
from hybridcheck.transport.wire import ToolFault, header_pairs, http_version

EVENT_STREAM = "text/event-stream"
OTHER_BODY_BYTES = 64 * 1024
"""What is kept of an answer that is no event stream."""

MESSAGE_TOO_BIG = 1009
"""WebSocket close code (RFC 6455, 7.4.1)."""

CLOSE_S = 1.0
"""How long closing a WebSocket may take."""

End = Literal["by_target", "by_us", "abnormal", "deadline"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many events, how many seconds and how many bytes are taken at most."""

    most_events: int
    most_s: float
    most_bytes: int


@dataclass(slots=True)
class _Heard:
    """What a stream has delivered so far; it stays when the deadline comes."""

    bounds: Bounds
    started: float = field(default_factory=time.monotonic)
    started_unix_s: float = field(default_factory=time.time)
    request: SentRequest | None = None
    response: ReceivedResponse | None = None
    opened_ms: float | None = None
    events: list[StreamEvent] = field(default_factory=list)
    size_bytes: int = 0
    ended: End = "abnormal"
    failure: Failure | None = None
    detail: str = ""

    def elapsed_ms(self) -> float:
        """Milliseconds since the request was begun."""
        return (time.monotonic() - self.started) * 1000

    def full(self) -> bool:
        """Whether a bound is reached; notes that we end it."""
        too_large = self.size_bytes > self.bounds.most_bytes
        if too_large:
            self.failure, self.detail = Failure.TOO_LARGE, f"more than {self.bounds.most_bytes} bytes"
        if too_large or len(self.events) >= self.bounds.most_events:
            self.ended = "by_us"
            return True
        return False

    def fail(self, error: Exception) -> None:
        """Note how it failed.

        Raises:
            ToolFault: where our side broke.
        """
        failure = Failure.DECODING if isinstance(error, NotDecodable) else classify(error)
        if failure is None:
            raise ToolFault(detail_of(error)) from error
        self.ended, self.failure, self.detail = "abnormal", failure, detail_of(error)

    def late(self) -> None:
        """Note that the deadline came."""
        self.ended = "deadline"
        if self.response is None:
            self.failure, self.detail = Failure.READ_TIMEOUT, f"no answer within {self.bounds.most_s:g} s"


class _Opening(connect):
    """A WebSocket opening over a connection that stands, which takes a redirect as an answer like any other."""

    def over(self, made: socket.socket) -> Self:
        """The same over this connection."""
        self.create_connection_kwargs["sock"] = made
        return self

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Follow nothing."""
        return exc


async def listen_sse(sender: Sender, place: Place, draft: Draft, bounds: Bounds) -> StreamRecord:
    """Read an event stream; the record is not yet in the ledger.

    Raises:
        EvidenceLost: where nothing may be sent, or the run's own end cut it; the gap is recorded.
    """
    given = {name.lower() for name, _ in draft.headers}
    wanted = (("Accept", EVENT_STREAM), ("Cache-Control", "no-store"), ("Accept-Encoding", "identity"))
    own = tuple(pair for pair in wanted if pair[0].lower() not in given)
    draft = replace(draft, headers=(*own, *draft.headers), deadline_s=bounds.most_s)
    async with sender.permission(place, draft):
        at_s, heard = sender.budgets.now_s(), _Heard(bounds)
        request = sender.request(draft)
        heard.request = sent_request(request, draft.body)
        await _within(sender, draft, heard, _hear_sse(sender, request, heard))
        return _record("sse", place, draft, heard, at_s)


async def listen_websocket(
    sender: Sender, place: Place, draft: Draft, bounds: Bounds, tls: ssl.SSLContext
) -> StreamRecord:
    """Open a WebSocket, send each line of the draft's body as a message, and read; as `listen_sse`."""
    draft = replace(draft, deadline_s=bounds.most_s)
    async with sender.permission(place, draft):
        draft = replace(draft, url="ws" + as_sent(draft.url).removeprefix("http"))
        at_s, heard = sender.budgets.now_s(), _Heard(bounds)
        headers = [(RUN_HEADER, sender.run_id), *draft.headers, *draft.credentials]
        heard.request = SentRequest(method="GET", url=draft.url, headers=tuple(headers))
        opening = _Opening(
            draft.url,
            additional_headers=headers,
            user_agent_header=sender.user_agent,
            proxy=None,
            compression=None,
            open_timeout=None,
            ping_interval=None,
            close_timeout=CLOSE_S,
            max_size=bounds.most_bytes,
            ssl=tls if draft.url.startswith("wss:") else None,
        )
        await _within(sender, draft, heard, _hear_websocket(sender, opening, draft, heard))
        return _record("websocket", place, draft, heard, at_s)


async def _within(sender: Sender, draft: Draft, heard: _Heard, hearing: Any) -> None:
    """Await the hearing within its deadline and note how it ended."""
    deadline_s, cut = sender.deadline(draft)
    deadline = asyncio.timeout(deadline_s)
    try:
        async with deadline:
            await hearing
    except (ToolFault, OutOfScope):
        raise
    except Exception as error:
        if not (isinstance(error, TimeoutError) and deadline.expired()):
            heard.fail(error)
        elif cut:
            raise EvidenceLost(GapReason.INTERRUPTED, "the run's deadline came in mid-stream") from error
        else:
            heard.late()


async def _hear_sse(sender: Sender, request: httpx.Request, heard: _Heard) -> None:
    response = await sender.wire.open(request)
    heard.opened_ms = heard.elapsed_ms()
    try:
        heard.response = ReceivedResponse(
            status=response.status_code, http_version=http_version(response), headers=header_pairs(response.headers)
        )
        decoder = decoder_for(response.headers.get("content-encoding", ""))
        parser = EventStreamParser() if heard.response.media_type == EVENT_STREAM else None
        other = bytearray()
        assert isinstance(response.stream, httpx.AsyncByteStream)
        async for chunk in response.stream:
            data = decoder.feed(chunk, heard.bounds.most_bytes)
            heard.size_bytes += len(data)
            if parser is None:
                other += data[: OTHER_BODY_BYTES - len(other)]
            else:
                room = heard.bounds.most_events - len(heard.events)
                heard.events += [_timed(event, heard) for event in parser.feed(data)[:room]]
            if heard.full():
                break
        else:
            heard.ended = "by_target"
        complete = heard.ended == "by_target" and len(other) == heard.size_bytes
        body = body_of(bytes(other), size_bytes=heard.size_bytes, complete=complete)
        heard.response = heard.response.model_copy(update={"body": body})
    finally:
        await response.aclose()


async def _hear_websocket(sender: Sender, opening: _Opening, draft: Draft, heard: _Heard) -> None:
    origin = Origin.of(draft.url)
    made = await sender.guard.pins.socket(origin.host, origin.port)
    try:
        async with opening.over(made) as connection:
            heard.opened_ms = heard.elapsed_ms()
            heard.request, heard.response = _opened(draft, connection)
            for line in (draft.body or b"").decode("utf-8", "replace").splitlines():
                await connection.send(line)
            while not heard.full():
                _hear_message(await connection.recv(), heard)
    except InvalidStatus as refusal:
        heard.response, heard.ended = _answer(refusal.response), "by_target"
    except ConnectionClosedOK:
        heard.ended = "by_target"
    except ConnectionClosed as closed:
        heard.fail(closed)
        if closed.sent is not None and closed.sent.code == MESSAGE_TOO_BIG:
            heard.failure = Failure.TOO_LARGE


def _hear_message(message: str | bytes, heard: _Heard) -> None:
    binary = isinstance(message, bytes)
    data = base64.b64encode(message).decode("ascii") if isinstance(message, bytes) else message
    heard.size_bytes += len(data)
    heard.events.append(StreamEvent(at_ms=heard.elapsed_ms(), event="binary" if binary else None, data=data))


def _timed(event: StreamEvent, heard: _Heard) -> StreamEvent:
    return event.model_copy(update={"at_ms": heard.elapsed_ms()})


def _opened(draft: Draft, connection: ClientConnection) -> tuple[SentRequest, ReceivedResponse | None]:
    sent = connection.request.headers if connection.request else WebSocketHeaders()
    request = SentRequest(method="GET", url=draft.url, headers=_pairs(sent))
    return request, _answer(connection.response) if connection.response else None


def _answer(response: WebSocketResponse) -> ReceivedResponse:
    body = body_of(bytes(response.body or b"")) if response.status_code != 101 else Body()
    return ReceivedResponse(status=response.status_code, headers=_pairs(response.headers), body=body)


def _pairs(headers: WebSocketHeaders) -> Headers:
    return tuple((str(name), str(value)) for name, value in headers.raw_items())


def _record(
    protocol: Literal["sse", "websocket"], place: Place, draft: Draft, heard: _Heard, at_s: float
) -> StreamRecord:
    assert heard.request is not None
    return StreamRecord(
        label=place.label,
        protocol=protocol,
        request=heard.request,
        response=heard.response,
        failure=heard.failure,
        failure_detail=heard.detail,
        operation=draft.operation,
        identity=draft.identity,
        at_s=at_s,
        started_unix_s=heard.started_unix_s,
        events=tuple(heard.events),
        ended=heard.ended,
        opened_ms=heard.opened_ms,
        total_ms=heard.elapsed_ms(),
    )
