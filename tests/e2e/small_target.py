"""A small sound system on loopback, in threads: a login, a list, things that can be made and removed; or what a test says.

It notes what it was asked, and can be held up or die where a test needs it.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def line(self) -> str:
        """Method and path."""
        return f"{self.method} {self.path}"


Answer = tuple[int, dict[str, str], bytes] | None
"""Status, headers, body; None closes the connection without an answer."""


class Sound:
    """A system without faults; `dies_after` is the number of requests after which it answers no more."""

    def __init__(self, password: str, *, dies_after: int | None = None) -> None:
        self.password = password
        self.token = "sound-session-4f1c9d2e7b"
        self.things: dict[str, dict[str, Any]] = {}
        self.made = 0
        self.left = dies_after

    def __call__(self, asked: Asked) -> Answer:
        """Answer a request."""
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                return None
        path = asked.path.partition("?")[0]
        if path in {"/ready", "/things"} and asked.method == "GET":
            return say(200, {"ready": True} if path == "/ready" else {"items": sorted(self.things)})
        if asked.line == "POST /login":
            return self._login(asked)
        if path in {"/me", "/mine"} or path.startswith("/things"):
            return self._private(asked, path)
        return say(404, {"error": "there is nothing here"})

    def _login(self, asked: Asked) -> Answer:
        try:
            right = json.loads(asked.body).get("password") == self.password
        except (ValueError, AttributeError):
            right = False
        return say(200, {"token": self.token}) if right else say(401, {"error": "wrong"})

    def _private(self, asked: Asked, path: str) -> Answer:
        if asked.headers.get("authorization") != f"Bearer {self.token}":
            return say(401, {"error": "who are you"})
        if path in {"/me", "/mine"}:
            return say(200, {"name": "ann"}) if asked.method == "GET" else say(405, {"error": "no"})
        if asked.line == "POST /things":
            return self._make(asked)
        thing = path.removeprefix("/things/")
        if thing not in self.things:
            return say(404, {"error": "no such thing"})
        if asked.method == "DELETE":
            self.things.pop(thing)
            return 204, {}, b""
        return say(200, {**self.things[thing], "id": thing})

    def _make(self, asked: Asked) -> Answer:
        if "json" not in asked.headers.get("content-type", ""):
            return say(415, {"error": "JSON, please"})
        try:
            content = dict(json.loads(asked.body))
        except (ValueError, TypeError):
            return say(400, {"error": "this is no JSON object"})
        self.made += 1
        self.things[f"t{self.made}"] = content
        return say(201, {**content, "id": f"t{self.made}"})


def say(status: int, body: Any) -> Answer:
    """An answer in JSON."""
    return status, JSON, json.dumps(body).encode()


@contextmanager
def serving(answer: Callable[[Asked], Answer], seen: list[str] | None = None) -> Iterator[str]:
    """Serve the answers on a free loopback port; gives the base URL. `seen` notes each `METHOD path`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 20

        def respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, self.path, headers, body)
            if seen is not None:
                seen.append(asked.line)
            given = answer(asked)
            if given is None:
                self.close_connection = True
                return
            self._write(*given)

        def _write(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 204 and "Content-Length" not in headers:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = respond  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
            pass

    server = _Quiet(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Quiet(ThreadingHTTPServer):
    """Whoever goes away in mid-answer is no news; threads that still wait do not keep the test."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass
