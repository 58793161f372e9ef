"""Drafting against a server: what is asked, what never is, and what hostile documents end in."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from hybridcheck.drafting.looking import Unreachable
from hybridcheck.drafting.making import make
from hybridcheck.errors import UsageError

TODAY = date(2026, 11, 20)
ANSWER = {"200": {"description": "ok", "content": {"application/json": {"schema": {"type": "object"}}}}}
Serve = Callable[[dict[str, tuple[int, dict[str, str], bytes]]], str]


@pytest.fixture
def asked() -> list[str]:
    """What the server was asked, in order."""
    return []


@pytest.fixture
def serve(asked: list[str]) -> Iterator[Serve]:
    """Starts a server on loopback that answers paths as told, and 404 else; gives its URL."""
    servers: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(answers: dict[str, tuple[int, dict[str, str], bytes]]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                status, headers, body = answers.get(self.path, (404, {}, b"no"))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


def shown(value: Any, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """A 200 with a JSON body."""
    return 200, {"Content-Type": "application/json", **headers}, json.dumps(value).encode()


def document(paths: dict[str, Any], **more: Any) -> tuple[int, dict[str, str], bytes]:
    """A document as an answer."""
    return shown({"openapi": "3.0.0", "paths": paths, **more})


async def test_the_document_is_found_and_open_reads_are_tried_out(serve: Serve, asked: list[str]) -> None:
    """Declared are those that answered as documented; a 401 is left with what it needs, a slow 500 stays a promise."""
    get = {"get": {"responses": ANSWER}}
    url = serve(
        {
            "/swagger.json": document({"/good": get, "/closed": get, "/broken": get, "/gone": get}),
            "/good": shown({}),
            "/closed": (401, {}, b""),
            "/broken": (500, {}, b""),
            "/healthz": shown({"status": "ok"}),
            "/metrics": (200, {"Content-Type": "text/plain"}, b"# TYPE a counter\na 1\n"),
        }
    )
    made = await make(None, url, today=TODAY)
    profile = made.loaded.profile
    assert [operation.path for _, _, operation in profile.all_operations()] == ["/good", "/broken"]
    assert profile.openapi == "/swagger.json"
    assert profile.ready is not None
    assert profile.ready.path == "/healthz"
    assert profile.observability.metrics == "/metrics"
    assert "answered 500 just now, documented is 200" in made.draft.text
    assert "`auth: required` with an identity: it answered 401 just now:\n#     GET /closed" in made.draft.text
    assert profile.not_applicable == {}
    assert "/gone" in asked


async def test_nothing_is_asked_that_changes_something_needs_somebody_or_lies_elsewhere(
    serve: Serve, asked: list[str]
) -> None:
    """Writes, protected and dangerous reads, streams, remote references and servers of other hosts: no request."""
    elsewhere = serve({})
    secured = {"get": {"responses": ANSWER, "security": [{"a": []}]}}
    paths = {
        "/write": {"post": {"responses": ANSWER}, "delete": {"responses": ANSWER}},
        "/secret": secured,
        "/logout": {"get": {"responses": ANSWER}},
        "/events": {"get": {"responses": {"200": {"content": {"text/event-stream": {}}}}}},
        "/remote": {"$ref": f"{elsewhere}/path.json"},
        "/typed": {"get": {"responses": {"200": {"$ref": f"{elsewhere}/answer.json"}}}},
    }
    schemes = {"securitySchemes": {"a": {"type": "http", "scheme": "bearer"}}}
    url = serve({"/openapi.json": document(paths, servers=[{"url": elsewhere}], components=schemes)})
    await make(f"{url}/openapi.json", None, today=TODAY)
    assert {"/write", "/secret", "/logout", "/events", "/remote"}.isdisjoint(asked)
    assert not [path for path in asked if path.endswith(("path.json", "answer.json"))]


async def test_a_value_that_was_made_up_must_exist(serve: Serve) -> None:
    """A route that answers any value alike shows nothing, and is left for the author."""
    get = {"get": {"responses": ANSWER}}
    catch_all = {f"/any/{value}": shown({"a": 1}) for value in ("text", "text-hc4f1d9a06b7e2")}
    url = serve(
        {"/openapi.json": document({"/any/{x}": get, "/one/{x}": get}), "/one/text": shown({"a": 1}), **catch_all}
    )
    made = await make(None, url, today=TODAY)
    assert [operation.path for _, _, operation in made.loaded.profile.all_operations()] == ["/one/{x}"]
    assert "a value that exists: it answers anything alike:\n#     GET /any/{x}" in made.draft.text


@pytest.mark.parametrize(
    "answer,words",
    [
        ((302, {"Location": "http://elsewhere.test/openapi.json"}, b""), "answered 302"),
        ((200, {}, b"<html>hello</html>"), "no OpenAPI document"),
        ((200, {}, b'{"openapi": "3.0.0", "x": "' + b"x" * 10_000_000 + b'"}'), "more than 4,194,304 bytes"),
        ((404, {}, b""), "answered 404"),
    ],
    ids=["redirect", "page", "10 MB", "absent"],
)
async def test_what_is_no_document_is_a_clear_error(
    answer: tuple[int, dict[str, str], bytes], words: str, serve: Serve, asked: list[str]
) -> None:
    """One request, and an error that says what came; a redirect is not followed."""
    url = serve({"/doc": answer})
    with pytest.raises(UsageError, match=words):
        await make(f"{url}/doc", None, today=TODAY)
    assert asked == ["/doc"]


async def test_a_system_without_a_document_or_without_an_answer_is_told_apart(serve: Serve) -> None:
    """No document at the usual paths: exit 2; nothing listens: exit 4."""
    with pytest.raises(UsageError, match="no OpenAPI document was found"):
        await make(None, serve({}), today=TODAY)
    with pytest.raises(Unreachable, match="refused"):
        await make(None, "http://127.0.0.1:9", today=TODAY)
