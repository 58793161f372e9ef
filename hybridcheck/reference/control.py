"""A loopback interface through which hooks do to the native service what a fault is: hold it down, freeze it, slow it.

`GET /native` says what it is doing. `POST /native/hold`, `/start`, `/restart`, `/freeze`, `/continue` and
`/slow?ms=N` return the same once it is so. Every request needs the key in `X-Control-Key`.
"""

import hmac
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, urlsplit

from hybridcheck.reference.native_keeper import NativeKeeper

KEY_HEADER = "X-Control-Key"


class Control:
    """A small HTTP server on a thread of its own."""

    def __init__(self, keeper: NativeKeeper, key: str) -> None:
        """Listens at once, on a free port of loopback."""
        handler = type("Handler", (_Handler,), {"keeper": keeper, "key": key})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name="control")

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> Self:
        """Take requests."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Take no more requests."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    keeper: NativeKeeper
    key: str
    protocol_version = "HTTP/1.1"
    timeout = 10

    def do_GET(self) -> None:
        """Say what the native service is doing."""
        if self._may():
            found = urlsplit(self.path).path == "/native"
            self._answer(200 if found else 404, dict(self.keeper.state()) if found else {"detail": "no such path"})

    def do_POST(self) -> None:
        """Do something to it."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self._may():
            return
        act = self._act()
        if act is None:
            self._answer(404, {"detail": "no such path, or ms is no number"})
            return
        try:
            act()
        except (OSError, RuntimeError) as error:
            self._answer(500, {"detail": str(error)[:500]})
        else:
            self._answer(200, dict(self.keeper.state()))

    def _act(self) -> Callable[[], None] | None:
        address, keeper = urlsplit(self.path), self.keeper
        if address.path == "/native/slow":
            try:
                ms = float(parse_qs(address.query)["ms"][0])
            except (KeyError, ValueError):
                return None
            return lambda: keeper.slow(ms)
        return {
            "/native/hold": keeper.hold,
            "/native/start": keeper.start,
            "/native/restart": keeper.restart,
            "/native/freeze": keeper.freeze,
            "/native/continue": keeper.thaw,
        }.get(address.path)

    def _may(self) -> bool:
        if hmac.compare_digest((self.headers.get(KEY_HEADER) or "").encode(), self.key.encode()):
            return True
        self._answer(401, {"detail": "the key is needed"})
        return False

    def _answer(self, status: int, document: dict[str, object]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server uses
        """Keep quiet."""
