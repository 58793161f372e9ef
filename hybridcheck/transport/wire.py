"""One request on the wire and what came of it: deadlines, caps, decoding; nothing is raised for what a target does.

The seam is httpx's `AsyncBaseTransport`, below httpx's client: no cookie jar, no redirects, no default headers, no
environment proxies. Each exchange has a connection of its own: nothing that one answer leaves on a connection (bytes
beyond its length, a half-closed keep-alive) can reach the next case.
"""

import asyncio
import time
from dataclasses import dataclass, field

import httpx

from hybridcheck.evidence import Failure, Headers, ReceivedResponse
from hybridcheck.ledger import body_of
from hybridcheck.transport.decoding import Decoder, Identity, NotDecodable, decoder_for
from hybridcheck.transport.failures import classify, detail_of
from hybridcheck.transport.pins import OutOfScope

MOST_BODY_BYTES = 10 * 1024 * 1024
"""What is kept of one body at most, whatever the profile says."""

CUT_BODY_BYTES = 64 * 1024
"""What is kept of a body that is larger than the cap: nothing can be judged by a part, and a ledger has an end."""

NO_BODY_STATUSES = frozenset({204, 304})


class ToolFault(Exception):
    """Something broke on our side of the wire; the message says what."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one request: a response, a failure, or both (a response that was cut); times in milliseconds."""

    response: ReceivedResponse | None
    failure: Failure | None
    detail: str
    first_byte_ms: float | None
    total_ms: float
    kept_bytes: int = 0


@dataclass(slots=True)
class _Arrival:
    """What has arrived so far; it stays when a deadline ends the request."""

    most_bytes: int
    started: float = field(default_factory=time.monotonic)
    step: str = ""
    head: httpx.Response | None = None
    first_byte_ms: float | None = None
    decoder: Decoder = field(default_factory=Identity)
    kept: bytearray = field(default_factory=bytearray)
    raw_bytes: int = 0
    decoded_bytes: int = 0

    async def trace(self, name: str, info: dict[str, object]) -> None:
        """Note which step of the exchange is under way (httpcore's trace events)."""
        self.step = name

    def elapsed_ms(self) -> float:
        """Milliseconds since the request was begun."""
        return (time.monotonic() - self.started) * 1000

    def take(self, chunk: bytes) -> bool:
        """Take a piece of the body; False where it is more than the cap."""
        self.raw_bytes += len(chunk)
        room = self.most_bytes - len(self.kept)
        decoded = self.decoder.feed(chunk, room)
        self.decoded_bytes += len(decoded)
        self.kept += decoded[:room]
        return len(decoded) <= room and self.raw_bytes <= self.most_bytes

    def let_go(self) -> None:
        """Free what is large at once: httpx and httpcore refer in circles, which keep the arrival for a while."""
        self.decoder, self.kept = Identity(), bytearray()

    def late(self) -> Failure:
        """What it means that the deadline came now."""
        if self.head is not None:
            return Failure.DEADLINE
        if self.step.startswith("connection."):
            return Failure.CONNECT_TIMEOUT
        return Failure.WRITE_TIMEOUT if ".send_request" in self.step else Failure.READ_TIMEOUT


class Wire:
    """Sends requests through an httpx transport and reads what comes, within a deadline and caps.

    Args:
        transport: the seam; `network.real_transport` outside of tests.
        most_bytes: cap on the raw and on the decoded bytes of a body.
        connect_timeout_s: how long establishing a connection (with TLS) may take.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport, *, most_bytes: int, connect_timeout_s: float) -> None:
        self._transport = transport
        self._most_bytes = min(most_bytes, MOST_BODY_BYTES)
        self._connect_timeout_s = connect_timeout_s

    async def send(self, request: httpx.Request, deadline_s: float) -> Outcome:
        """Send a request and read its answer until its end, a failure, a cap, or the deadline.

        Raises:
            OutOfScope: where the connection may not be made.
            ToolFault: where our side broke.
        """
        arrival = _Arrival(self._most_bytes)
        failure: Failure | None = None
        detail = ""
        deadline = asyncio.timeout(deadline_s)
        try:
            async with deadline:
                failure = await self._receive(request, arrival)
        except OutOfScope:
            raise
        except NotDecodable as error:
            failure, detail = Failure.DECODING, detail_of(error)
        except Exception as error:  # noqa: BLE001 - whatever the seam raises is named, or is a ToolFault
            failure, detail = arrival.late(), f"after {deadline_s:g} s"
            if not (isinstance(error, TimeoutError) and deadline.expired()):
                failure, detail = _failure_of(error)
        outcome = _outcome(arrival, failure, detail)
        arrival.let_go()
        return outcome

    def over(self, transport: httpx.AsyncBaseTransport) -> "Wire":
        """The same deadlines and caps over another transport."""
        return Wire(transport, most_bytes=self._most_bytes, connect_timeout_s=self._connect_timeout_s)

    async def open(self, request: httpx.Request) -> httpx.Response:
        """Send a request and give the response with its body unread (for streams); raises what httpx raises."""
        request.extensions = {**request.extensions, "timeout": self._timeouts()}
        return await self._transport.handle_async_request(request)

    async def _receive(self, request: httpx.Request, arrival: _Arrival) -> Failure | None:
        request.extensions = {**request.extensions, "timeout": self._timeouts(), "trace": arrival.trace}
        response = await self._transport.handle_async_request(request)
        try:
            arrival.first_byte_ms = arrival.elapsed_ms()
            arrival.head = response
            if not isinstance(response.stream, httpx.AsyncByteStream):
                raise ToolFault("the transport gave no asynchronous stream")
            encoding = ", ".join(response.headers.get_list("content-encoding"))
            bodyless = request.method == "HEAD" or response.status_code in NO_BODY_STATUSES
            if not bodyless:
                arrival.decoder = _decoder(encoding)
            async for chunk in response.stream:
                if not arrival.take(chunk):
                    return Failure.TOO_LARGE
            if arrival.raw_bytes:
                arrival.decoder.finish()
        finally:
            await response.aclose()
        return None

    def _timeouts(self) -> dict[str, float | None]:
        """Only connecting has a timeout of its own here; the deadline bounds the rest as a whole."""
        return {"connect": self._connect_timeout_s, "read": None, "write": None, "pool": None}


def header_pairs(headers: httpx.Headers) -> Headers:
    """Headers as ordered pairs, names as on the wire, values as Latin-1."""
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers.raw)


def http_version(response: httpx.Response) -> str:
    """The version in the status line."""
    version = response.extensions.get("http_version", b"HTTP/1.1")
    return version.decode("ascii", "replace") if isinstance(version, bytes) else str(version)


def _decoder(encoding: str) -> Decoder:
    try:
        return decoder_for(encoding)
    except NotDecodable as error:
        return _Unreadable(str(error))


class _Unreadable:
    """An encoding that we cannot read: the bytes are kept as they came, and the end says what is wrong."""

    def __init__(self, complaint: str) -> None:
        self._complaint = complaint

    def feed(self, data: bytes, most: int) -> bytes:
        """The bytes themselves."""
        return data

    def finish(self) -> None:
        """Raise `NotDecodable`."""
        raise NotDecodable(self._complaint)


def _failure_of(error: Exception) -> tuple[Failure, str]:
    failure = classify(error)
    if failure is None:
        raise ToolFault(detail_of(error)) from error
    return failure, detail_of(error)


def _outcome(arrival: _Arrival, failure: Failure | None, detail: str) -> Outcome:
    response = None
    kept = bytes(arrival.kept[:CUT_BODY_BYTES] if failure is Failure.TOO_LARGE else arrival.kept)
    if (head := arrival.head) is not None:
        response = ReceivedResponse(
            status=head.status_code,
            http_version=http_version(head),
            headers=header_pairs(head.headers),
            body=body_of(kept, size_bytes=arrival.decoded_bytes, complete=failure is None),
        )
    if failure is Failure.TOO_LARGE and not detail:
        detail = f"more than {arrival.most_bytes} bytes"
    return Outcome(response, failure, detail, arrival.first_byte_ms, arrival.elapsed_ms(), len(kept))
