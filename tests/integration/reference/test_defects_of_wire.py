"""Each defect of the socket layer, and of how errors are told, is seen with its switch on, and only then."""

import json
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from tests.integration.reference.visitor import PATIENCE_S, Observer, Visitor, seen_with_its_switch_only

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def connected(visitor: Visitor, timeout_s: float = PATIENCE_S, window_bytes: int = 0) -> socket.socket:
    """A connection to the native service."""
    native = urlsplit(visitor.system.native_url)
    made = socket.socket()
    if window_bytes:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window_bytes)
    made.settimeout(timeout_s)
    try:
        made.connect((native.hostname, native.port))
    except OSError:
        made.close()
        raise
    return made


def head(visitor: Visitor, path: str, framing: str) -> bytes:
    """A request's head for the native service."""
    lines = [f"POST /analytics/{path} HTTP/1.1", "Host: native", "Content-Type: application/json"]
    lines += [f"X-Gateway-Key: {visitor.system.gateway_key}", framing]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def status_of(peer: socket.socket) -> int:
    """The status of the answer that comes; 0 where none does."""
    with suppress(OSError):
        return int((peer.recv(4096) or b"HTTP/1.1 0").split()[1])
    return 0


def direct(visitor: Visitor, path: str, document: object) -> tuple[int, dict[str, object]]:
    """Status and document of the native service's own answer."""
    answer = visitor.http.post(
        f"{visitor.system.native_url}/analytics/{path}",
        json=document,
        headers={"X-Gateway-Key": visitor.system.gateway_key},
    )
    return answer.status_code, answer.json() if answer.headers["content-type"].endswith("json") else {}


def sees_wire_body_one_recv(visitor: Visitor) -> bool:
    """Seventy thousand bytes are no JSON any more."""
    return direct(visitor, "echo", {"value": "x" * 70_000})[0] == 400


def sees_wire_first_segment_only(visitor: Visitor) -> bool:
    """A body that comes later is none."""

    def refused() -> bool:
        with connected(visitor) as peer:
            peer.sendall(head(visitor, "echo", "Content-Length: 11"))
            time.sleep(0.1)  # nothing tells whether the service has read the head by then: it mostly has
            peer.sendall(b'{"value":7}')
            return status_of(peer) == 400

    return any(refused() for _ in range(5))


def sees_wire_one_send(visitor: Visitor) -> bool:
    """An answer for which nobody waits yet is cut."""
    body = json.dumps({"bytes": 1 << 20}).encode()

    def cut() -> bool:
        got = 0
        with connected(visitor, window_bytes=16384) as peer:
            peer.sendall(head(visitor, "blob", f"Content-Length: {len(body)}\r\nConnection: close") + body)
            with suppress(OSError):
                peer.recv(1, socket.MSG_PEEK)  # however long the service takes to begin
                time.sleep(0.2)  # nothing tells whether it has sent what it could by then: it mostly has
                while data := peer.recv(65536):
                    got += len(data)
        return got < 1 << 20

    return any(cut() for _ in range(5))


def sees_wire_keepalive_dropped(visitor: Visitor) -> bool:
    """The eleventh request finds the connection closed."""
    native = urlsplit(visitor.system.native_url)
    connection = HTTPConnection(native.hostname or "", native.port, timeout=PATIENCE_S)
    connection.connect()
    connection.auto_open = 0  # a request on a closed connection fails instead of opening another
    try:
        for _ in range(12):
            connection.request("GET", "/health", headers={"X-Gateway-Key": visitor.system.gateway_key})
            connection.getresponse().read()
    except (HTTPException, OSError):
        return True
    finally:
        connection.close()
    return False


def sees_wire_serial_accept(visitor: Visitor) -> bool:
    """Somebody who says nothing holds up the next."""
    with connected(visitor), connected(visitor, timeout_s=4) as peer:  # longer than a busy machine holds the service up
        peer.sendall(head(visitor, "echo", "Content-Length: 11") + b'{"value":7}')
        return status_of(peer) == 0


def sees_wire_framing_lenient(visitor: Visitor) -> bool:
    """Two lengths are as good as one."""
    with connected(visitor) as peer:
        peer.sendall(head(visitor, "echo", "Content-Length: 5\r\nContent-Length: 11") + b'{"value":7}')
        return status_of(peer) == 200


def restarted(visitor: Visitor, do: Callable[[], object]) -> bool:
    """Whether something ends the native service, as its keeper counts: not, where it goes on answering."""
    keeper = visitor.system.keeper
    assert keeper is not None
    before, answers, until = keeper.restarts, 0, time.monotonic() + PATIENCE_S
    do()
    while keeper.restarts == before and answers < 5 and time.monotonic() < until:
        answers += visitor.get("/monitoring/status").status_code == 200
        time.sleep(0.1)
    return keeper.restarts > before


def sees_wire_abort_kills(visitor: Visitor) -> bool:
    """Resetting a connection in the middle of an answer ends the process."""
    body = json.dumps({"bytes": 1 << 22}).encode()

    def abort() -> None:
        for _ in range(3):
            with suppress(OSError), connected(visitor, window_bytes=16384) as peer:
                peer.sendall(head(visitor, "blob", f"Content-Length: {len(body)}") + body)
                peer.recv(1)
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)

    return restarted(visitor, abort)


def sees_wire_bad_input_kills(visitor: Visitor) -> bool:
    """A text at the end of a long list of numbers ends the process."""

    def ask() -> None:
        with suppress(Exception):
            direct(visitor, "aggregate", {"values": [*[1] * 2000, "x"]})

    return restarted(visitor, ask)


def sees_wire_index_unchecked(visitor: Visitor) -> bool:
    """Behind the list are somebody else's rows."""
    return "foreign" in visitor.post("/analytics/page", {"offset": 10, "limit": 3}).text


def sees_error_body_as_200(visitor: Visitor) -> bool:
    """A body of another media type is refused under 200."""
    answer = visitor.ask("POST", "/analytics/echo", content=b"{}", headers={"Content-Type": "text/plain"})
    return answer.status_code == 200 and answer.json()["status"] == 415


def sees_errors_untraced(visitor: Visitor) -> bool:
    """A 404 does not name its trace, a 200 does."""
    assert "x-trace-id" in visitor.get("/health").headers
    return "x-trace-id" not in visitor.get("/nowhere").headers


def sees_console_in_errors(visitor: Visitor) -> bool:
    """A 404 quotes an exception in bold."""
    return "\x1b[1m" in visitor.get("/nowhere").json()["detail"]


def sees_wire_header_case(visitor: Visitor) -> bool:
    """CONTENT-TYPE is none."""
    with connected(visitor) as peer:
        peer.sendall(head(visitor, "echo", "Content-Length: 11").replace(b"Content-Type", b"CONTENT-TYPE"))
        peer.sendall(b'{"value":7}')
        return status_of(peer) == 415


def sees_gzip_mislabelled(visitor: Visitor) -> bool:
    """What says gzip is plain text."""
    with visitor.http.stream("GET", f"{visitor.system.base_url}/health", headers={"Accept-Encoding": "gzip"}) as answer:
        return answer.headers.get("content-encoding") == "gzip" and b"alive" in b"".join(answer.iter_raw())


def sees_query_decoded_twice(visitor: Visitor) -> bool:
    """A plus becomes a blank."""
    return bool(visitor.get("/ref/query?text=a%2Bb").json()["text"] == "a b")


def sees_sse_text_split(visitor: Visitor) -> bool:
    """The fifth event has lost a letter."""
    return "\ufffd" in visitor.get("/stream/events?count=5&interval_ms=0").content.decode()


def test_seen_on_and_not_off(observer: Observer, healthy: Visitor) -> None:
    """The wrong behaviour shows with the switch on, and not on the healthy system."""
    seen_with_its_switch_only(observer, healthy)
