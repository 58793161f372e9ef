"""Raw bytes, aborted and half-open connections, with caps on time and size; only the abuse class gets here."""

import asyncio
import base64
import re
import socket
import ssl
import struct
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Literal

import httpx

from hybridcheck.cases import Json
from hybridcheck.evidence import Failure
from hybridcheck.transport.exchange import Draft, Place, Sender, opened
from hybridcheck.transport.failures import classify, detail_of

PIECE_BYTES = 64 * 1024

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER without lingering: closing sends RST instead of FIN, as a client does that died."""

FRAMING_HEADERS = frozenset({b"content-length", b"transfer-encoding"})

REQUEST_LINE = re.compile(rb"^[A-Za-z]+ (?:https?://[^/\s]+)?(/\S*)", re.MULTILINE)
"""A request line anywhere in a payload: its path is held against `scope.deny_paths`."""


@dataclass(frozen=True, slots=True)
class Payload:
    """What to send, and how long and how much to listen."""

    data: bytes
    most_s: float
    most_bytes: int
    close_after_send: bool = False


@dataclass(slots=True)
class Transcript:
    """What was sent and what came back, and how it ended."""

    sent: bytes
    received: bytes = b""
    ended: Literal["by_target", "by_us", "deadline", "cap", "failed"] = "by_us"
    failure: Failure | None = None
    detail: str = ""

    def values(self) -> dict[str, Json]:
        """The transcript as plain values: bytes as text where they are UTF-8, else as base64."""
        return {
            "sent_bytes": len(self.sent),
            "received_bytes": len(self.received),
            **_bytes("sent", self.sent),
            **_bytes("received", self.received),
            "ended": self.ended,
            "failure": self.failure.value if self.failure else None,
            "detail": self.detail,
        }


def head_of(request: httpx.Request) -> bytes:
    """The head of a request up to its last header line, without what frames its body and without the blank line."""
    lines = [b"%s %s HTTP/1.1" % (request.method.encode(), request.url.raw_path)]
    lines += [b"%s: %s" % pair for pair in request.headers.raw if pair[0].lower() not in FRAMING_HEADERS]
    return b"\r\n".join(lines) + b"\r\n"


async def converse(sender: Sender, place: Place, draft: Draft, tls: ssl.SSLContext, payload: Payload) -> Transcript:
    """Send the payload to where the draft goes and read until it closes, or a cap or the deadline comes.

    Raises:
        EvidenceLost: where it may not be sent; the gap is recorded.
    """
    draft = replace(draft, method="RAW", deadline_s=payload.most_s)
    transcript = Transcript(payload.data)
    async with sender.permission(place, draft):
        for path in REQUEST_LINE.findall(payload.data):
            sender.guard.allow_path(path.decode("latin-1").partition("?")[0])
        deadline_s, _ = sender.deadline(draft)
        deadline = asyncio.timeout(deadline_s)
        try:
            async with deadline:
                await _exchange(sender, draft.url, tls, payload, transcript)
        except (OSError, EOFError) as error:
            if isinstance(error, TimeoutError) and deadline.expired():
                transcript.ended = "deadline"
            else:
                transcript.ended, transcript.failure, transcript.detail = "failed", classify(error), detail_of(error)
    return transcript


@dataclass(slots=True)
class Aborts:
    """How often a request was sent and its connection reset at the first byte of the answer, and what came instead."""

    times: int
    answered: int = 0
    failures: Counter[str] = field(default_factory=Counter)

    def values(self) -> dict[str, Json]:
        """As plain values; `broken` counts those that got no byte of an answer."""
        broken = sum(self.failures.values())
        return {"times": self.times, "answered": self.answered, "broken": broken, "failures": dict(self.failures)}


async def abort(
    sender: Sender, place: Place, draft: Draft, tls: ssl.SSLContext, *, times: int, most_s: float
) -> Aborts:
    """Send a request `times` times at once, wait for the first byte of each answer, and reset its connection.

    Raises:
        EvidenceLost: where it may not be sent; the gap is recorded.
    """
    found = Aborts(times)
    draft = replace(draft, deadline_s=most_s)

    async def one() -> None:
        async with sender.permission(place, draft):
            deadline_s, _ = sender.deadline(draft)
            try:
                async with asyncio.timeout(deadline_s):
                    answered = await _reset_at_first_byte(sender, sender.request(draft), tls)
            except (OSError, EOFError) as error:
                failure = classify(error)
                late = isinstance(error, TimeoutError) and failure is None
                found.failures[Failure.DEADLINE.value if late or failure is None else failure.value] += 1
            else:
                found.answered += answered
                found.failures += Counter() if answered else Counter({Failure.CLOSED_EARLY.value: 1})

    results = await asyncio.gather(*(one() for _ in range(times)), return_exceptions=True)
    broken = next((result for result in results if isinstance(result, BaseException)), None)
    if broken is not None:
        raise broken
    return found


async def _reset_at_first_byte(sender: Sender, request: httpx.Request, tls: ssl.SSLContext) -> bool:
    """Whether a first byte came; the connection is reset either way."""
    reader, writer = await opened(sender, str(request.url), tls)
    try:
        writer.write(_whole(request))
        await writer.drain()
        return bool(await reader.read(1))
    finally:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        writer.transport.abort()


@dataclass(slots=True)
class Held:
    """Connections that were opened and held: how many stood, and how many the target ended while they were held."""

    asked: int
    opened: int = 0
    ended_by_target: int = 0
    failures: Counter[str] = field(default_factory=Counter)

    def values(self) -> dict[str, Json]:
        """As plain values."""
        found = {"asked": self.asked, "opened": self.opened, "ended_by_target": self.ended_by_target}
        return {**found, "failures": dict(self.failures)}


@asynccontextmanager
async def holding(
    sender: Sender, place: Place, draft: Draft, tls: ssl.SSLContext, *, count: int, half: bool
) -> AsyncIterator[Held]:
    """Open `count` connections, idle or with half a request head sent, and hold them within the context.

    Raises:
        EvidenceLost: where they may not be opened; the gap is recorded.
    """
    held, pairs = Held(count), list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]()
    async with AsyncExitStack() as stack:
        for _ in range(count):
            async with sender.permission(place, draft):
                head = head_of(sender.request(draft)) if half else b""
                try:
                    async with asyncio.timeout(sender.deadline(draft)[0]):
                        reader, writer = await opened(sender, draft.url, tls)
                except OSError as error:
                    held.failures[(classify(error) or Failure.CONNECT_TIMEOUT).value] += 1
                    continue
                stack.callback(writer.transport.abort)
                writer.write(head[: len(head) // 2])
                held.opened += 1
                pairs.append((reader, writer))  # a writer that nobody holds closes its connection
        yield held
        held.ended_by_target = sum(reader.at_eof() or reader.exception() is not None for reader, _ in pairs)


def _whole(request: httpx.Request) -> bytes:
    """A request as it goes over the wire, with the length of its body."""
    body = request.read()
    return head_of(request) + (b"Content-Length: %d\r\n\r\n" % len(body) if body else b"\r\n") + body


async def _exchange(sender: Sender, url: str, tls: ssl.SSLContext, payload: Payload, transcript: Transcript) -> None:
    reader, writer = await opened(sender, url, tls)
    try:
        writer.write(payload.data)
        await writer.drain()
        if payload.close_after_send:
            return
        while chunk := await reader.read(PIECE_BYTES):
            room = payload.most_bytes - len(transcript.received)
            transcript.received += chunk[:room]
            if len(chunk) >= room:
                transcript.ended = "cap"
                return
        transcript.ended = "by_target"
    finally:
        writer.transport.abort()


def _bytes(name: str, data: bytes) -> dict[str, Json]:
    try:
        return {name: data.decode("utf-8")}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(data).decode("ascii")}
