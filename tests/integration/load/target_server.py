"""A small target with scripted answers, for the load engine's tests; run as a process, prints its port first.

Every path is a behaviour. It counts what it received, and `/count` (never counted) tells as JSON.
"""

import asyncio
import json
import os
import socket
import ssl
import struct
import sys
import zlib
from collections import Counter

COUNTS: Counter[str] = Counter()
BODY = b'{"status":"ok"}'


def framed(body: bytes = BODY, status: str = "200 OK", extra: bytes = b"") -> bytes:
    """An answer whose length is said in its head."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + extra + b"\r\n" + body


def gzipped(body: bytes) -> bytes:
    """The body as gzip."""
    packer = zlib.compressobj(wbits=31)
    return packer.compress(body) + packer.flush()


CHUNKED = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n{"stat\r\n9\r\nus":"ok"}\r\n0\r\n\r\n'
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + BODY
ANSWERS = {
    "/ok": framed(),
    "/fails": framed(b"broken", "500 Internal Server Error"),
    "/chunked": CHUNKED,
    "/head": framed(b"", extra=b"")[: framed(b"").index(b"Content-Length")] + b"Content-Length: 4711\r\n\r\n",
    "/interim": HINTS + framed(),
    "/gzip": framed(gzipped(BODY), extra=b"Content-Encoding: gzip\r\n"),
    "/twice": framed() + framed(),
    "/once-and-a-bit": framed() + framed()[:-20],
    "/large": framed(b"0123456789abcdef" * 200_000),
    "/garbage": b"SSH-2.0-OpenSSH_9.2\r\n",
    "/redirect": framed(b"", "302 Found", b"Location: /ok\r\n"),
}
ENDLESS = {
    "/endless-body": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"4\r\nabcd\r\n"),
    "/endless-head": (b"HTTP/1.1 200 OK\r\n", b"X-Again: and again\r\n"),
}
THEN_CLOSES = {
    "/close": framed(extra=b"Connection: close\r\n"),
    "/until-close": UNTIL_CLOSE,
    "/interim-until-close": HINTS + UNTIL_CLOSE,
    "/interim-alone": HINTS,
    "/interim-early": HINTS + framed(b"x" * 100)[:-60],
    "/leaves": framed(),
    "/large-early": framed(b"x" * 1_000_000)[:-60],
    "/early": framed(b"x" * 100)[:-60],
    "/fails-and-closes": framed(b"broken", "500 Internal Server Error", b"Connection: close\r\n"),
    "/nothing": b"",
    "/half-chunk": CHUNKED[:-12],
}


async def numbered(path: str) -> None:
    """Wait for so many milliseconds, or end the process with the request after so many."""
    number = int(path.rsplit("/", 1)[1])
    if path.startswith("/slow/"):
        await asyncio.sleep(number / 1000)
    elif COUNTS[path] > number:
        os._exit(1)


async def talk_on(writer: asyncio.StreamWriter) -> bool:
    """A second answer that nobody asked for, a little later."""
    writer.write(framed())
    await asyncio.sleep(0.005)
    writer.write(framed())
    return True


async def tear(writer: asyncio.StreamWriter) -> bool:
    """The end of the stream without TLS's goodbye, where there is TLS."""
    writer.write(UNTIL_CLOSE)
    writer.get_extra_info("socket").shutdown(socket.SHUT_WR)
    return False


async def refuse(writer: asyncio.StreamWriter) -> bool:
    """An answer before the request is there, of which no more is read."""
    writer.write(framed(b"", "413 Content Too Large"))
    await asyncio.sleep(2)
    return False


ODD = {"/talks-on": talk_on, "/torn": tear, "/refuses": refuse}


async def answer(path: str, writer: asyncio.StreamWriter) -> bool:
    """Answer one request; True when the connection lives on."""
    if path == "/count":
        writer.write(framed(json.dumps(COUNTS).encode()))
        return True
    COUNTS[path] += 1
    if path.startswith(("/slow/", "/dies-after/")):
        await numbered(path)
        writer.write(framed())
    elif path == "/hangs":
        await asyncio.sleep(60)
    elif path in ODD:
        return await ODD[path](writer)
    elif path == "/drips":
        for byte in framed():
            writer.write(bytes([byte]))
            await asyncio.sleep(0.001)
    elif path in ENDLESS:
        head, piece = ENDLESS[path]
        writer.write(head)
        while True:
            writer.write(piece * 1000)
            await writer.drain()
    elif path == "/reset":
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False
    else:
        writer.write(ANSWERS.get(path) or THEN_CLOSES.get(path, framed(b"?", "404 Not Found")))
    return path not in THEN_CLOSES


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection until somebody closes it."""
    COUNTS["connections"] += 1
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = next((line[15:] for line in head.split("\r\n") if line.lower().startswith("content-length:")), "0")
            if " /refuses " not in head:
                await reader.readexactly(int(length))
            COUNTS["authorized"] += "Authorization: Bearer secret-token" in head
            if not await answer(head.split(" ")[1], writer):
                break
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    writer.close()


async def main(certificate: str | None) -> None:
    """Serve on a free port and tell which."""
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context, backlog=1000)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None))
