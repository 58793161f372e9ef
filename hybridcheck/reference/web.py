"""Requests, answers and problems on plain ASGI: what the gateway and the native host share."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from hybridcheck.reference.defects import Switches

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Receive, Send], Awaitable[None]]  # as ASGI 3 defines it
Header = tuple[bytes, bytes]

JSON_TYPE = b"application/json"
PROBLEM_TYPE = b"application/problem+json"
BINARY_TYPE = b"application/octet-stream"
DRAINED_BYTES = 16 * 1024 * 1024
DRAINED_FOR_S = 2.0


class Problem(Exception):
    """An error that the client is told about as RFC 9457 problem+json."""

    def __init__(self, status: int, detail: str, headers: tuple[Header, ...] = (), **members: Any) -> None:
        """`members` are extension members of the problem document."""
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers
        self.members = members

    def document(self, trace_id: str) -> dict[str, Any]:
        """The problem document."""
        document = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "trace_id": trace_id,
        }
        return document | self.members


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


@dataclass(slots=True)
class Answer:
    """A whole response."""

    status: int
    body: bytes = b""
    content_type: bytes = JSON_TYPE
    headers: tuple[Header, ...] = ()


@dataclass(slots=True)
class Streamed:
    """A response whose body is produced piece by piece."""

    content_type: bytes
    pieces: AsyncGenerator[bytes, None]
    status: int = 200
    headers: tuple[Header, ...] = ()


@dataclass(slots=True)
class Request:
    """One HTTP request, with what the dispatcher found out about it."""

    method: str
    path: str
    headers: dict[bytes, bytes]
    scope: Scope
    receive: Receive
    trace_id: str
    path_values: dict[str, str] = field(default_factory=dict)
    username: str = ""
    role: str = ""
    tenant: str = ""
    session_id: str = ""
    document: Any = None  # the validated JSON body

    def query(self) -> dict[str, str]:
        """Query parameters; of repeated ones the last counts."""
        return dict(parse_qsl(self.scope["query_string"].decode("latin-1"), keep_blank_values=True))

    def header(self, name: bytes) -> str | None:
        """A header's value, by lower-case name."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")


def json_answer(document: Any, status: int = 200, headers: tuple[Header, ...] = ()) -> Answer:
    """A JSON response. NaN and Infinity are refused: they are not JSON."""
    body = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    return Answer(status, body, JSON_TYPE, headers)


async def read_body(request: Request, limit_bytes: int, defects: Switches) -> bytes:
    """The request's body; 413 if it is over the limit."""
    limit = 1 << 40 if defects.on("upload-limit-missing") else limit_bytes
    declared = request.headers.get(b"content-length", b"0")
    pieces: list[bytes] = []
    size = int(declared) if declared.isdigit() else 0
    if size > limit:
        await _refuse_body(request, size, limit_bytes)
    size = 0
    async for piece in _body_pieces(request):
        size += len(piece)
        if size > limit:
            await _refuse_body(request, size, limit_bytes)
        pieces.append(piece)
    return b"".join(pieces)


async def _body_pieces(request: Request) -> AsyncGenerator[bytes, None]:
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        yield message.get("body", b"")
        if not message.get("more_body", False):
            return


async def _refuse_body(request: Request, size: int, limit_bytes: int) -> NoReturn:
    """Answer 413. A client that is still sending could miss the answer, so a moderate rest is read and thrown away."""
    headers: tuple[Header, ...] = ((b"connection", b"close"),)
    if size <= DRAINED_BYTES:
        left = DRAINED_BYTES
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAINED_FOR_S):
                async for piece in _body_pieces(request):
                    left -= len(piece)
                    if left < 0:
                        break
                else:
                    headers = ()
    raise Problem(413, f"a body may have at most {limit_bytes} bytes", headers)


async def read_json(request: Request, limit_bytes: int, defects: Switches) -> Any:
    """The request's JSON document: 415 for another media type or coding, 400 for what is not JSON."""
    media_type = request.headers.get(b"content-type", b"").split(b";", maxsplit=1)[0].strip().lower()
    if media_type != JSON_TYPE and not defects.on("wrong-media-type-accepted"):
        raise Problem(415, "the body must be application/json", ((b"accept-post", JSON_TYPE),))
    if request.headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise Problem(415, "content codings are not understood", ((b"accept-encoding", b"identity"),))
    body = await read_body(request, limit_bytes, defects)
    if defects.on("json-trailing-comma"):
        body = re.sub(rb",\s*([\]}])", rb"\1", body)
    try:
        first = defects.on("duplicate-first-wins") and not request.path.startswith("/ref/")
        members = _first_members if first else None
        document = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=members)
        if b"\\u" in body:  # an escape may be half a surrogate pair, which is no character
            json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        if defects.on("malformed-json-500"):
            raise RuntimeError("unhandled parse error") from error
        raise Problem(400, "the body is not a JSON document in UTF-8") from error
    return document


def _first_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return dict(reversed(pairs))


async def read_bytes(request: Request, limit_bytes: int, defects: Switches) -> bytes:
    """The request's body as it is: 415 for another media type than application/octet-stream."""
    media_type = request.headers.get(b"content-type", b"").split(b";", maxsplit=1)[0].strip().lower()
    if media_type != BINARY_TYPE:
        raise Problem(415, "the body must be application/octet-stream", ((b"accept-post", BINARY_TYPE),))
    return await read_body(request, limit_bytes, defects)


def _refuse_constant(token: str) -> None:
    raise ValueError(f"{token} is not JSON")


async def send_answer(send: Send, answer: Answer, fixed: list[Header]) -> None:
    """Send a whole response with the given fixed headers before its own."""
    headers = [*fixed, *answer.headers, (b"content-length", b"%d" % len(answer.body))]
    if answer.body:
        headers.append((b"content-type", answer.content_type))
    if answer.status == 204:
        headers = [*fixed, *answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def send_stream(send: Send, receive: Receive, answer: Streamed, fixed: list[Header]) -> None:
    """Send a response piece by piece and stop producing when the client goes away."""
    headers = [*fixed, *answer.headers, (b"content-type", answer.content_type)]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    producing = asyncio.create_task(_send_pieces(send, answer))
    leaving = asyncio.create_task(disconnected(receive))
    await asyncio.wait({producing, leaving}, return_when=asyncio.FIRST_COMPLETED)
    leaving.cancel()
    if not producing.done():
        producing.cancel()
    await asyncio.gather(producing, leaving, return_exceptions=True)
    if producing.done() and not producing.cancelled():
        producing.result()


async def _send_pieces(send: Send, answer: Streamed) -> None:
    async for piece in answer.pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def disconnected(receive: Receive) -> None:
    """Wait until the client has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass
