"""Servers that do one thing wrong each, on raw asyncio sockets and loopback.

    async with hostile("gzip-bomb") as base_url: ...      # in a test that runs an event loop
    with hostile_in_thread("silent") as base_url: ...     # beside a command that is run as a process

`FAULTS` lists the names. `dies-after-N` answers N requests and then refuses connections. The certificates of the tls
faults come from an authority whose file `authority_file` writes: `tls-sound` verifies with it, `tls-untrusted` is
the same server for a client that does not have it.
"""

import asyncio
import contextlib
import functools
import socket
import ssl
import struct
import threading
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import brotli
import trustme

MIB = 1024 * 1024
BOMB_BYTES = 64 * MIB
"""What a bomb would unfold to."""

ESCAPES = "\x1b[31m\x1b]0;owned\x07</script><script>alert(1)</script><img src=x onerror=alert(1)>&'\"]]>"
"""What a terminal, a page, an XML file and a Markdown table must not take as it is."""

DIES_AFTER = "dies-after-"

Exchange = Callable[[str, asyncio.StreamWriter], Awaitable[None]]
"""Answers one request, given its head; the connection is closed when it returns."""


def answer(status: int, body: bytes = b"", *headers: str, length: int | None = None) -> bytes:
    """A response as bytes; `length` is the Content-Length that it claims, true unless given."""
    lines = [f"HTTP/1.1 {status} Because", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + body


def fixed(response: bytes) -> Exchange:
    """Answers everything with the same bytes."""

    async def exchange(head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(response)
        await writer.drain()

    return exchange


def json_of(body: bytes, status: int = 200) -> Exchange:
    """Answers everything with this JSON text."""
    return fixed(answer(status, body, "Content-Type: application/json"))


async def endless_body(head: str, writer: asyncio.StreamWriter) -> None:
    """A body without length that never ends."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n")
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


async def endless_headers(head: str, writer: asyncio.StreamWriter) -> None:
    """Header lines that never end."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-More: and more\r\n" * 1000)
        await writer.drain()


async def endless_informational(head: str, writer: asyncio.StreamWriter) -> None:
    """100 Continue, for ever."""
    while True:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
        await writer.drain()
        await asyncio.sleep(0.01)


async def endless_chunk_header(head: str, writer: asyncio.StreamWriter) -> None:
    """A chunk size line that never ends."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"0" * 65536)
        await writer.drain()


async def drip_feed(head: str, writer: asyncio.StreamWriter) -> None:
    """A byte of the body now and then."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def drip_headers(head: str, writer: asyncio.StreamWriter) -> None:
    """A byte of the header block now and then."""
    writer.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def gzip_bomb(head: str, writer: asyncio.StreamWriter) -> None:
    """Few bytes that unfold to `BOMB_BYTES`."""
    writer.write(answer(200, _gzip_bomb(), "Content-Encoding: gzip", "Content-Type: application/json"))
    await writer.drain()


async def brotli_bomb(head: str, writer: asyncio.StreamWriter) -> None:
    """Fewer bytes that unfold to `BOMB_BYTES`."""
    writer.write(answer(200, _brotli_bomb(), "Content-Encoding: br"))
    await writer.drain()


async def reset_in_body(head: str, writer: asyncio.StreamWriter) -> None:
    """A reset after a part of the body."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1000)
    await writer.drain()
    await asyncio.sleep(0.05)  # the client is to have read that part before the reset throws the rest away
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def silence(head: str, writer: asyncio.StreamWriter) -> None:
    """No answer at all."""
    await asyncio.Event().wait()


async def redirect_loop(head: str, writer: asyncio.StreamWriter) -> None:
    """A redirect to where one is."""
    writer.write(answer(302, b"", f"Location: {head.split(' ', 2)[1]}"))
    await writer.drain()


async def endless_events(head: str, writer: asyncio.StreamWriter) -> None:
    """An event stream whose first event never ends."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: ")
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


@functools.cache
def _gzip_bomb() -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [compressor.compress(bytes(MIB)) for _ in range(BOMB_BYTES // MIB)]
    return b"".join([*parts, compressor.flush()])


@functools.cache
def _brotli_bomb() -> bytes:
    compressor = brotli.Compressor(quality=1)
    parts = [compressor.process(bytes(MIB)) for _ in range(BOMB_BYTES // MIB)]
    return b"".join([*parts, compressor.finish()])


BOMBS = {"gzip-bomb": _gzip_bomb, "brotli-bomb": _brotli_bomb}


def _many_headers(count: int) -> bytes:
    return answer(200, b"{}", *(f"X-{number}: {number}" for number in range(count)))


def _hostile_fields() -> bytes:
    quoted = ESCAPES.replace('"', '\\"').replace("\x1b", "\\u001b").replace("\x07", "\\u0007")
    body = f'{{"{quoted}": "{quoted}", "status": "{quoted}"}}'.encode()
    headers = (f"X-{number}: {ESCAPES}" for number in range(3))
    kind = f"Content-Type: application/json; {ESCAPES}"
    return answer(200, body, kind, f"Set-Cookie: session={ESCAPES}", f"Server: {ESCAPES}", *headers)


LOGIN_PAGE = b"<!doctype html><title>Sign in</title><form method=post><input name=user><input type=password></form>"

FAULTS: dict[str, Exchange] = {
    "endless-body": endless_body,
    "endless-headers": endless_headers,
    "endless-informational": endless_informational,
    "endless-chunk-header": endless_chunk_header,
    "endless-event": endless_events,
    "drip-feed": drip_feed,
    "drip-headers": drip_headers,
    "gzip-bomb": gzip_bomb,
    "brotli-bomb": brotli_bomb,
    "gzip-cut": fixed(answer(200, zlib.compress(b"x" * 1000, wbits=31)[:-9], "Content-Encoding: gzip")),
    "gzip-that-is-none": fixed(answer(200, b"plain text", "Content-Encoding: gzip")),
    "encoding-unknown": fixed(answer(200, b"????", "Content-Encoding: zip-of-the-day")),
    "length-too-long": fixed(answer(200, b"short", length=1000)),
    "length-too-short": fixed(answer(200, b"longer than it says", length=6)),
    "length-negative": fixed(answer(200, b"short", length=-5)),
    "bad-chunk": fixed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno-number\r\nxxxx\r\n0\r\n\r\n"),
    "length-twice": fixed(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"),
    "length-and-chunks": fixed(
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    ),
    "switches-protocols": fixed(b"HTTP/1.1 101 Now\r\nUpgrade: gopher\r\nConnection: Upgrade\r\n\r\n\x00\x01"),
    "status-999": fixed(answer(999, b"?")),
    "status-000": fixed(answer(0, b"?")),
    "no-content-with-content": fixed(answer(204, b"content")),
    "bare-line-feeds": fixed(b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok"),
    "nul-in-header": fixed(answer(200, b"ok", "X-Nul: a\0b")),
    "header-without-colon": fixed(answer(200, b"ok", "no colon here")),
    "folded-header": fixed(answer(200, b"ok", "X-Folded: a", " b")),
    "http-1.0": fixed(b"HTTP/1.0 200 OK\r\n\r\nuntil the end"),
    "http-0.9": fixed(b"<html>no status line at all</html>\n\n"),
    "http-2": fixed(b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    "invalid-utf8": fixed(answer(200, b'{"name": "\xff\xfe\x80"}', "Content-Type: application/json")),
    "nan-json": json_of(b'{"value": NaN, "status": Infinity}'),
    "deep-json": json_of(b"[" * 100_000 + b"]" * 100_000),
    "huge-number-json": json_of(b'{"value": ' + b"9" * 100_000 + b"}"),
    "many-headers": fixed(_many_headers(10_000)),
    "redirect-loop": redirect_loop,
    "redirect-elsewhere": fixed(answer(302, b"", "Location: http://192.0.2.1/take-me-there")),
    "reset-in-body": reset_in_body,
    "closes-at-once": fixed(b""),
    "silent": silence,
    "not-http": fixed(b"220 mail.test ready\r\n\r\n" + bytes(range(256))),
    "not-http-banner": fixed(b"SSH-2.0-hostile\r\n"),
    "hostile-fields": fixed(_hostile_fields()),
    "always-401": json_of(b'{"error": "unauthorized"}', 401),
    "always-404": json_of(b'{"error": "not found"}', 404),
    "always-429": fixed(answer(429, b'{"error": "slow down"}', "Retry-After: 1", "Content-Type: application/json")),
    "always-500": json_of(b'{"error": "broken"}', 500),
    "always-503": fixed(answer(503, b'{"error": "later"}', "Retry-After: 1", "Content-Type: application/json")),
    "login-page": fixed(answer(200, LOGIN_PAGE, "Content-Type: text/html")),
    "always-ok": json_of(b'{"status": "ok"}'),
    "empty-200": fixed(answer(200)),
    "tls-sound": json_of(b'{"status": "ok"}'),
    "tls-untrusted": json_of(b'{"status": "ok"}'),
    "tls-other-host": json_of(b'{"status": "ok"}'),
    "tls-expired": json_of(b'{"status": "ok"}'),
    "tls-is-none": json_of(b'{"status": "ok"}'),
}
"""What each name answers; `dies-after-N` comes beside."""


@asynccontextmanager
async def hostile(name: str) -> AsyncIterator[str]:
    """Serve a fault on a free loopback port; gives its base URL."""
    left = int(name.removeprefix(DIES_AFTER)) if name.startswith(DIES_AFTER) else None
    if name in BOMBS:
        await asyncio.to_thread(BOMBS[name])  # made before the first request: it takes its time
    async with serving(FAULTS["always-ok" if left is not None else name], name=name, dies_after=left) as base_url:
        yield base_url


@asynccontextmanager
async def serving(exchange: Exchange, *, name: str = "", dies_after: int | None = None) -> AsyncIterator[str]:
    """Serve any exchange on a free loopback port; gives its base URL."""
    server = _Server(exchange, name, dies_after)
    await server.start()
    try:
        yield server.base_url
    finally:
        await server.stop()


@contextmanager
def hostile_in_thread(name: str) -> Iterator[str]:
    """As `hostile`, with an event loop in a thread of its own."""
    ready, stop = threading.Event(), asyncio.Event()
    found: dict[str, str] = {}
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        async with hostile(name) as base_url:
            found["base_url"] = base_url
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), name=f"hostile {name}")
    thread.start()
    try:
        assert ready.wait(10), f"the {name} server did not start"
        yield found["base_url"]
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join(10)


def authority_file(folder: Path) -> Path:
    """Write the certificate of the authority that signed the tls faults; give the file."""
    path = folder / "hostile-authority.pem"
    _authority().cert_pem.write_to_path(path)
    return path


TURNS_OF_AN_ACCEPT = 5
"""Of the event loop, from a connection's acceptance until its task runs: ended before that, nobody would close it."""


class _Server:
    """One exchange on one port."""

    def __init__(self, exchange: Exchange, name: str, dies_after: int | None) -> None:
        self._name, self._exchange, self._left = name, exchange, dies_after
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.base_url = ""

    async def start(self) -> None:
        """Listen."""
        context = _tls(self._name)
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=context)
        port = self._server.sockets[0].getsockname()[1]
        self.base_url = f"{'https' if self._name.startswith('tls-') else 'http'}://127.0.0.1:{port}"

    async def stop(self) -> None:
        """Stop listening and drop every connection."""
        assert self._server is not None
        for _ in range(TURNS_OF_AN_ACCEPT):
            await asyncio.sleep(0)
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, EOFError, asyncio.LimitOverrunError):
                head = "" if self._name == "tls-is-none" else await _request(reader)
                if not self._is_dead():
                    await self._exchange(head, writer)
                    await writer.drain()
                writer.close()
                await writer.wait_closed()
        finally:
            writer.transport.abort()
            # The loop may end right after this: a transport that it has not closed by then would warn from nowhere.
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _is_dead(self) -> bool:
        if self._left is None:
            return False
        self._left -= 1
        if self._left <= 0 and self._server is not None:
            self._server.close()
        return self._left < 0


async def _request(reader: asyncio.StreamReader) -> str:
    """Read a request with its body; gives its head."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    for line in head.split("\r\n")[1:]:
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            await reader.readexactly(int(value))
    return head


@functools.cache
def _authority() -> trustme.CA:
    return trustme.CA()


def _tls(name: str) -> ssl.SSLContext | None:
    if not name.startswith("tls-") or name == "tls-is-none":
        return None
    host = "other.test" if name == "tls-other-host" else "127.0.0.1"
    now = datetime.now(UTC)
    until = now - timedelta(days=1) if name == "tls-expired" else now + timedelta(days=30)
    certificate = _authority().issue_cert(host, not_before=now - timedelta(days=30), not_after=until)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context
