"""A small shop for tests of scenarios: items, carts of users with a session cookie, credentials; prints its port first.

It tells at `/seen` (never counted) who did what, in the order in which it came.
"""

import asyncio
import json
import sys

SEEN: list[dict[str, object]] = []
CARTS: dict[str, str] = {}
STRANGE: dict[str, list[object]] = {
    "none": [],
    "null": [{"id": None, "name": ""}],
    "object": [{"id": {"x": 1}, "name": ""}],
}
"""Items that some search finds."""

OPENED = asyncio.Event()
"""Somebody has had `/only/1`; `/only/0`, which is nobody's, is answered after that."""


def answer(status: str, document: object, extra: str = "") -> bytes:
    """A JSON answer."""
    body = json.dumps(document).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


def reply(method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
    """What the shop answers, and what it remembers."""
    if path == "/seen":
        return answer("200 OK", SEEN)
    who, cookie = headers.get("authorization", ""), headers.get("cookie", "")
    SEEN.append({"method": method, "path": path, "who": who, "cookie": cookie, "body": body.decode()})
    if (method, path) == ("POST", "/login"):
        words = json.loads(body)
        if words["username"] != "stranger":
            return answer("200 OK", {"token": f"{words['username']}-{words['password']}"})
    if path.startswith("/items?"):
        return answer("200 OK", {"items": STRANGE.get(path.partition("=")[2], [{"id": 7, "name": "a/b"}])})
    if path == "/only/1":
        OPENED.set()
        return answer("200 OK", {})
    if (method, path) == ("POST", "/carts"):
        cart = str(len(CARTS) + 1)
        CARTS[cart] = who
        return answer("201 Created", {"cart": cart}, f"Set-Cookie: session={cart}; Path=/; HttpOnly\r\n")
    if method == "POST" and path.startswith("/carts/") and json.loads(body)["item"] == 7:
        return answer("200 OK", {"ok": True})
    if method == "DELETE":
        return answer("204 No Content", None).replace(b"null", b"").replace(b"Content-Length: 4", b"Content-Length: 0")
    return answer("401 Unauthorized" if path == "/login" else "404 Not Found", {"refused": body.decode()})


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.split("\r\n")
            method, path, _ = first.split(" ")
            headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines if line)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            if path == "/only/0":
                await OPENED.wait()
            writer.write(reply(method, path, headers, body))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main() -> None:
    """Serve on a free port."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


asyncio.run(main())
