"""The proxy's server: reads a request, asks the rule, passes it on, and passes the answer back."""

import asyncio
import time
from contextlib import suppress
from dataclasses import replace

from benchmarks.held_out_proxy import (
    AHEAD_BYTES,
    HEAD_WITHIN_S,
    Answer,
    Asked,
    Rule,
    Wire,
    as_chunk,
    as_frame,
    body_kind,
    chunk,
    copy_body,
    frame,
    header,
    parse_answer,
    parse_request,
    tunnel,
    whole_body,
    with_header,
)

FELT_S = 0.05
"""A rule that holds an answer back for longer than this has done something."""


class Proxy:
    """Listens on a free loopback port in front of the target; counts what it read as requests and what the rule changed."""

    def __init__(self, target_port: int, rule: Rule) -> None:
        """Nothing listens before `start`."""
        self.target_port, self.rule = target_port, rule
        self.requests = self.unread = self.fired = 0
        self.faults: list[str] = []
        self.port = 0

    async def start(self) -> asyncio.Server:
        """Listen; the caller closes the server."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20, backlog=1024)
        self.port = int(server.sockets[0].getsockname()[1])
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Wire(reader, writer)
        try:
            server = Wire(*await asyncio.open_connection("127.0.0.1", self.target_port))
        except OSError:
            client.abort()
            return
        try:
            while await self._exchange(client, server):
                pass
        except EOFError:
            if client.broken or server.broken:
                client.abort()
                server.abort()
        except Exception as error:  # noqa: BLE001 - a rule that breaks is our fault, not the planted defect: it is shown
            self.faults.append(repr(error))
            client.abort()
        finally:
            for wire in (client, server):
                wire.writer.close()
                with suppress(OSError):
                    await wire.writer.wait_closed()

    async def _exchange(self, client: Wire, server: Wire) -> bool:
        """One request and its answer; whether the connection goes on."""
        if not client.buffer:
            await _either(client, server)
        if not client.buffer and client.ended:
            return False
        head = b""
        if not server.buffer and not server.ended:
            with suppress(TimeoutError, EOFError):
                async with asyncio.timeout(HEAD_WITHIN_S):
                    head = await client.until(b"\r\n\r\n")
        asked = parse_request(head) if head else None
        if asked is None:
            self.unread += 1
            client.buffer[:0] = head
            await tunnel(client, server)
            return False
        self.requests += 1
        asked.number = self.requests
        kind = body_kind(asked.headers)
        assert kind is not None
        if header(asked.headers, "expect") is None and self.rule.wants_request(asked):
            asked.body = await whole_body(client, kind)
            before = _rebuilt(asked, sized=True)
            own = await self.rule.on_request(asked)
            self.fired += own is not None or before != _rebuilt(asked, sized=True)
            if own is not None:
                await _write(client, asked, own)
                return not own.close
            await server.send(_rebuilt(asked, sized=kind != 0 or bool(asked.body)))
            kind = 0
        else:
            await server.send(head)
        return await self._both_ways(client, server, asked, kind)

    async def _both_ways(self, client: Wire, server: Wire, asked: Asked, kind: int | str) -> bool:
        """The request's body goes one way while the answer may come the other way already."""
        sent = asyncio.Event()
        upload = asyncio.create_task(_upload(client, server, kind, sent))
        download = asyncio.create_task(self._download(client, server, asked))
        try:
            await asyncio.wait({upload, download}, return_when=asyncio.FIRST_COMPLETED)
            if upload.done() and client.broken:
                raise EOFError
            after = await download
        finally:
            for task in (upload, download):
                task.cancel()
            await asyncio.gather(upload, download, return_exceptions=True)
        if after == "tunnel" or (after == "next" and not sent.is_set()):
            await tunnel(client, server)
            return False
        if after == "messages":
            await asyncio.gather(tunnel_up(client, server), self._messages(client, server, asked))
            return False
        return after == "next"

    async def _download(self, client: Wire, server: Wire, asked: Asked) -> str:
        """Pass the answer back; what comes after it."""
        while True:
            head = await server.until(b"\r\n\r\n")
            answer = parse_answer(head)
            if answer.status >= 200 or answer.status == 101:
                break
            await client.send(head)
        if answer.status == 101:
            await client.send(head)
            return "messages" if self.rule.wants_stream(asked) else "tunnel"
        closes = "close" in f"{header(answer.headers, 'connection')}{header(asked.headers, 'connection')}".lower()
        empty = asked.method == "HEAD" or answer.status in {204, 304}
        open_ended = not empty and not any(header(answer.headers, n) for n in ("content-length", "transfer-encoding"))
        kind = 0 if empty else body_kind(answer.headers)
        if open_ended or kind is None:
            await client.send(head)
            return "tunnel"
        if kind == "chunked" and self.rule.wants_stream(asked) and answer.status == 200:
            await client.send(head)
            await self._events(client, server, asked)
        elif kind != "chunked" and self.rule.wants_answer(asked):
            answer.body = await whole_body(server, kind)
            before, begun = replace(answer), time.monotonic()
            await self.rule.on_answer(asked, answer)
            self.fired += before != answer or time.monotonic() - begun > FELT_S
            await _write(client, asked, answer)
        else:
            await client.send(head)
            await copy_body(server, client, kind)
        return "end" if closes or answer.close else "next"

    async def _events(self, client: Wire, server: Wire, asked: Asked) -> None:
        """Server-sent events, one by one."""
        pending = b""
        while True:
            _, data = await chunk(server)
            pending += data
            while b"\n\n" in pending:
                event, _, pending = pending.partition(b"\n\n")
                others = await self.rule.on_event(asked, event + b"\n\n")
                self.fired += list(others) != [event + b"\n\n"]
                for other in others:
                    await client.send(as_chunk(other))
            if not data:
                await client.send((as_chunk(pending) if pending else b"") + b"0\r\n\r\n")
                return

    async def _messages(self, client: Wire, server: Wire, asked: Asked) -> None:
        """The messages of a WebSocket server, one by one; control frames as they are."""
        with suppress(EOFError):
            while True:
                opcode, payload, raw = await frame(server)
                if opcode == 1:
                    others = await self.rule.on_event(asked, payload)
                    self.fired += list(others) != [payload]
                    for other in others:
                        await client.send(as_frame(other))
                else:
                    await client.send(raw)
        client.writer.close()


async def tunnel_up(client: Wire, server: Wire) -> None:
    """What a WebSocket client sends goes on unread."""
    with suppress(EOFError):
        while client.buffer or await client.fill():
            await server.send(client.take(1 << 16))
    server.writer.close()


async def _either(client: Wire, server: Wire) -> None:
    """Wait until one of the two says something or ends."""
    tasks = [asyncio.create_task(wire.fill()) for wire in (client, server)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _upload(client: Wire, server: Wire, kind: int | str, sent: asyncio.Event) -> None:
    """Pass the body on, then watch whether the client goes away."""
    try:
        await copy_body(client, server, kind)
        sent.set()
        while len(client.buffer) < AHEAD_BYTES and await client.fill():
            pass
    except EOFError:
        pass
    if client.ended and not client.broken and not server.writer.is_closing():
        with suppress(OSError):
            server.writer.write_eof()
    elif not client.ended:
        await asyncio.Event().wait()  # enough read ahead: the answer decides


def _rebuilt(asked: Asked, *, sized: bool) -> bytes:
    headers = with_header(asked.headers, "transfer-encoding", None)
    if sized:
        headers = with_header(headers, "Content-Length", str(len(asked.body)))
    lines = [f"{asked.method} {asked.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + asked.body


async def _write(client: Wire, asked: Asked, answer: Answer) -> None:
    headers = answer.headers
    if asked.method != "HEAD" and answer.status not in {204, 304}:
        length = len(answer.body) if answer.said_length is None else answer.said_length
        headers = with_header(headers, "content-length", str(length))
    lines = [f"HTTP/1.1 {answer.status} {answer.reason}", *(f"{name}: {value}" for name, value in headers)]
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    body = b"" if asked.method == "HEAD" or answer.status in {204, 304} else answer.body
    if not answer.piece_bytes:
        await client.send(head + body)
        return
    await client.send(head)
    for at in range(0, len(body), answer.piece_bytes):
        await client.send(body[at : at + answer.piece_bytes])
        await asyncio.sleep(answer.pause_s)
