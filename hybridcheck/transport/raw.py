"""Raw bytes on a connection of its own, with caps on time and size; only the abuse class gets here."""

import asyncio
import base64
import re
import ssl
from dataclasses import dataclass
from typing import Literal

from hybridcheck.cases import Json
from hybridcheck.evidence import Failure
from hybridcheck.transport.exchange import Draft, Place, Sender
from hybridcheck.transport.failures import classify, detail_of
from hybridcheck.transport.scope import Origin

PIECE_BYTES = 64 * 1024

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


async def converse(sender: Sender, place: Place, base_url: str, tls: ssl.SSLContext, payload: Payload) -> Transcript:
    """Send the payload to the target and read until it closes, or a cap or the deadline comes.

    Raises:
        EvidenceLost: where it may not be sent; the gap is recorded.
    """
    draft = Draft("RAW", base_url, deadline_s=payload.most_s)
    transcript = Transcript(payload.data)
    async with sender.permission(place, draft):
        for path in REQUEST_LINE.findall(payload.data):
            sender.guard.allow_path(path.decode("latin-1").partition("?")[0])
        deadline_s, _ = sender.deadline(draft)
        deadline = asyncio.timeout(deadline_s)
        try:
            async with deadline:
                await _exchange(Origin.of(base_url), tls, payload, transcript)
        except (OSError, EOFError) as error:
            if isinstance(error, TimeoutError) and deadline.expired():
                transcript.ended = "deadline"
            else:
                transcript.ended, transcript.failure, transcript.detail = "failed", classify(error), detail_of(error)
    return transcript


async def _exchange(origin: Origin, tls: ssl.SSLContext, payload: Payload, transcript: Transcript) -> None:
    context = tls if origin.scheme == "https" else None
    reader, writer = await asyncio.open_connection(origin.host, origin.port, ssl=context)
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
