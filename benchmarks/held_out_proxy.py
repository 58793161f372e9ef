"""A reverse proxy on loopback that passes every byte on, except where the rule that is switched on says otherwise.

One connection to the target for each connection of a client, so that reuse, resets, half-closed connections and time limits
stay the target's own. What is not plain HTTP/1.1 (broken framing, a head that comes slowly, an upgrade) goes through unread.
"""

import asyncio
import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

HEAD_WITHIN_S = 0.3
"""A head that takes longer is passed on as it comes: time limits for slow heads are the target's."""
READ_BYTES = 65536
AHEAD_BYTES = 1 << 20

Headers = list[tuple[str, str]]


def header(headers: Headers, name: str) -> str | None:
    """Give the first header of this name."""
    return next((value for key, value in headers if key.lower() == name.lower()), None)


def with_header(headers: Headers, name: str, value: str | None) -> Headers:
    """Give the headers with this one replaced (None: removed)."""
    rest = [(key, old) for key, old in headers if key.lower() != name.lower()]
    return rest if value is None else [*rest, (name, value)]


@dataclass(slots=True)
class Asked:
    """A request; rules may change it before it is passed on."""

    method: str
    target: str
    headers: Headers
    body: bytes = b""
    number: int = 0
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def token(self) -> str:
        """The bearer token, or nothing."""
        kind, _, token = (header(self.headers, "authorization") or "").partition(" ")
        return token if kind.lower() == "bearer" else ""

    @property
    def claims(self) -> dict[str, Any]:
        """What the token says, unverified; empty where it is none."""
        try:
            part = self.token.split(".")[1]
            found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        except (IndexError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def user(self) -> str:
        """Whose token it is."""
        return str(self.claims.get("sub", ""))


@dataclass(slots=True)
class Answer:
    """An answer; rules may change all of it. `pieces` of that many bytes with a pause between; `said_length` may lie."""

    status: int
    headers: Headers
    body: bytes = b""
    reason: str = "X"
    said_length: int | None = None
    piece_bytes: int = 0
    pause_s: float = 0.0
    close: bool = False

    def json(self) -> Any:
        """The body as JSON, None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def put(self, value: object) -> None:
        """Replace the body, written as the target writes."""
        self.body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


class Rule:
    """Passes everything on; a defect overrides what it changes."""

    def wants_request(self, asked: Asked) -> bool:
        """Whether `on_request` is to see this one, with its whole body."""
        return False

    async def on_request(self, asked: Asked) -> Answer | None:
        """Change it, or answer in the target's place."""
        return None

    def wants_answer(self, asked: Asked) -> bool:
        """Whether `on_answer` is to see the whole answer to this request."""
        return False

    async def on_answer(self, asked: Asked, answer: Answer) -> None:
        """Change the answer."""

    def wants_stream(self, asked: Asked) -> bool:
        """Whether `on_event` is to see each server-sent event or WebSocket message."""
        return False

    async def on_event(self, asked: Asked, event: bytes) -> Sequence[bytes]:
        """What is passed on in the place of this event (its lines, or the text of a message)."""
        return [event]


class Wire:
    """One side's connection with what was read ahead."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Takes both ends of the connection."""
        self.reader, self.writer = reader, writer
        self.buffer = bytearray()
        self.ended = self.broken = False

    async def fill(self) -> bool:
        """Read once; False at the end."""
        if self.ended:
            return False
        try:
            data = await self.reader.read(READ_BYTES)
        except OSError:
            self.broken, data = True, b""
        self.buffer += data
        self.ended = not data
        return not self.ended

    def take(self, count: int) -> bytes:
        """Take up to so many bytes of what was read."""
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    async def until(self, mark: bytes) -> bytes:
        """Everything up to and with the mark; EOFError where it does not come."""
        while (at := self.buffer.find(mark)) < 0:
            if not await self.fill():
                raise EOFError
        return self.take(at + len(mark))

    async def exactly(self, count: int) -> bytes:
        """So many bytes; EOFError where they do not come."""
        while len(self.buffer) < count:
            if not await self.fill():
                raise EOFError
        return self.take(count)

    async def send(self, data: bytes) -> None:
        """Write, and wait while the other side is slow."""
        try:
            self.writer.write(data)
            await self.writer.drain()
        except OSError:
            self.broken = True
            raise EOFError from None

    def abort(self) -> None:
        """Reset the connection."""
        self.writer.transport.abort()


def parse_request(head: bytes) -> Asked | None:
    """A plain request, None for anything odd, which is then passed on unread."""
    try:
        first, *lines = head[:-4].decode("latin-1").split("\r\n")
        method, target, version = first.split(" ")
        headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    except ValueError:
        return None
    names = [name.lower() for name, _ in headers]
    odd = any(not name or name != name.strip() for name in names) or any("\n" in line for line in [first, *lines])
    twice = names.count("content-length") + names.count("transfer-encoding") > 1
    if odd or twice or version != "HTTP/1.1" or not target.startswith("/"):
        return None
    if body_kind(headers) is None:
        return None
    return Asked(method, target, headers)


def body_kind(headers: Headers) -> int | str | None:
    """Length in bytes, or `chunked`; None where it cannot be told."""
    coding, length = header(headers, "transfer-encoding"), header(headers, "content-length")
    if coding is not None:
        return "chunked" if coding.lower() == "chunked" else None
    if length is None:
        return 0
    return int(length) if length.isascii() and length.isdigit() else None


def parse_answer(head: bytes) -> Answer:
    """The head of an answer."""
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    _, status, *reason = first.split(" ", 2)
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return Answer(int(status), headers, reason=reason[0] if reason else "")


async def chunk(wire: Wire) -> tuple[bytes, bytes]:
    """The next chunk: as it stood on the wire, and its data (empty at the last one)."""
    line = await wire.until(b"\r\n")
    size = int(line.split(b";")[0], 16)
    if size:
        data = await wire.exactly(size + 2)
        return line + data, data[:-2]
    trailer = await wire.until(b"\r\n")
    raw = line + trailer
    while trailer != b"\r\n":
        trailer = await wire.until(b"\r\n")
        raw += trailer
    return raw, b""


def as_chunk(data: bytes) -> bytes:
    """The data as a chunk on the wire."""
    return b"%x\r\n%s\r\n" % (len(data), data)


async def copy_body(source: Wire, to: Wire, kind: int | str) -> None:
    """Pass a body on unchanged, as it comes."""
    if isinstance(kind, str):
        data = b"."
        while data:
            raw, data = await chunk(source)
            await to.send(raw)
        return
    while kind > 0:
        if not source.buffer and not await source.fill():
            raise EOFError
        part = source.take(kind)
        kind -= len(part)
        await to.send(part)


async def whole_body(source: Wire, kind: int | str) -> bytes:
    """The whole body, without its chunks."""
    if isinstance(kind, int):
        return await source.exactly(kind)
    parts: list[bytes] = []
    while (found := await chunk(source))[1]:
        parts.append(found[1])
    return b"".join(parts)


async def tunnel(client: Wire, server: Wire) -> None:
    """Pass bytes on in both directions until the target ends it."""
    await asyncio.gather(_pump(client, server), _pump(server, client))


async def _pump(source: Wire, to: Wire) -> None:
    try:
        while source.buffer or await source.fill():
            await to.send(source.take(READ_BYTES))
    except EOFError:
        source.abort()
        return
    if source.broken:
        to.abort()
    elif to.writer.can_write_eof() and not to.writer.is_closing():
        try:
            to.writer.write_eof()
        except OSError:
            to.abort()


async def frame(wire: Wire) -> tuple[int, bytes, bytes]:
    """The next WebSocket frame of a server: opcode, payload, and as it stood on the wire."""
    head = await wire.exactly(2)
    size = head[1] & 0x7F
    more = await wire.exactly({126: 2, 127: 8}.get(size, 0))
    size = int.from_bytes(more) if more else size
    payload = await wire.exactly(size)
    return head[0] & 0x0F, payload, head + more + payload


def as_frame(payload: bytes) -> bytes:
    """A text frame of a server."""
    size = len(payload)
    if size < 126:
        return bytes([0x81, size]) + payload
    return bytes([0x81, 126]) + size.to_bytes(2) + payload
