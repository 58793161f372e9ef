"""A target of its own process that answers GET /read, and streams numbered events at /events.

With `late` as an argument, events reach nobody for 0.6 s after they happened while requests are served, and for some
seconds after one: in the calm before, the stream is as it should be. Prints its port.
"""

import asyncio
import json
import sys
import time
from email.utils import formatdate

LATE_S = 0.6 if "late" in sys.argv else 0.0
BUSY_S = 5.0  # longer than whoever sends the requests may be held up
INTERVAL_S = 0.05

last_read = -BUSY_S


def head(kind: str, length: int | None = None) -> bytes:
    """The head of an answer; without a length the body ends with the connection."""
    end = "Connection: close" if length is None else f"Content-Length: {length}"
    return f"HTTP/1.1 200 OK\r\nDate: {formatdate(usegmt=True)}\r\nContent-Type: {kind}\r\n{end}\r\n\r\n".encode()


async def events(writer: asyncio.StreamWriter) -> None:
    """An event each 50 ms, until the listener leaves."""
    writer.write(head("text/event-stream"))
    pending: list[tuple[float, bytes]] = []
    sequence = 0
    while not writer.is_closing():
        sequence += 1
        data = json.dumps({"sequence": sequence, "sent_at": time.time()})
        pending.append((time.monotonic(), f"id: {sequence}\ndata: {data}\n\n".encode()))
        now = time.monotonic()
        held_s = LATE_S if now - last_read < BUSY_S else 0.0
        while pending and pending[0][0] + held_s <= now:
            writer.write(pending.pop(0)[1])
        await writer.drain()
        await asyncio.sleep(INTERVAL_S)


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection."""
    global last_read  # noqa: PLW0603  what all connections share
    try:
        while line := (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0]:
            if line.startswith(b"GET /events"):
                await events(writer)
                return
            last_read = time.monotonic() if line.startswith(b"GET /read") else last_read
            writer.write(head("application/json", 2) + b"{}")
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main() -> None:
    """Serve until the process is killed."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


asyncio.run(main())
