"""A socket layer in front of the native host with the mistakes of hand-written ones; only there with a switch on.

It takes the place of the listening socket and passes bytes on to the real host, which listens elsewhere on loopback:
one thread per connection and direction. What such layers get wrong (one recv, one send, no idea of framing, an accept
loop that reads, no handler for SIGPIPE) it does on the bytes in between.
"""

import os
import re
import socket
import threading
import time
from contextlib import suppress

from hybridcheck.reference.defects import Switches

ONE_RECV_BYTES = 64 * 1024
SEND_BUFFER_BYTES = 64 * 1024  # what a socket that leaves the host has at first; on loopback it is megabytes
GATHER_S = 0.03  # what arrives within this time counts as the same segment
REQUESTS_PER_CONNECTION = 10
SIGPIPE_STATUS = 141  # what a shell shows for a process that SIGPIPE ended
IN_FRONT = (
    "wire-body-one-recv", "wire-first-segment-only", "wire-one-send", "wire-keepalive-dropped", "wire-serial-accept",
    "wire-framing-lenient", "wire-abort-kills", "wire-bad-input-kills", "wire-header-case",
)  # fmt: skip
LENGTH = re.compile(rb"^content-length[ \t]*:[^\r\n]*\r?\n", re.IGNORECASE | re.MULTILINE)
TRANSFER = re.compile(rb"^transfer-encoding[ \t]*:[^\r\n]*\r?\n", re.IGNORECASE | re.MULTILINE)
LATE_BAD_ELEMENT = re.compile(rb'[\d.]\s*,\s*(?:"[^"]*"|null)\s*\]')


class NaiveHost:
    """The layer: accepts on the outer socket, talks to the real host on an inner one."""

    def __init__(self, outer: socket.socket, defects: Switches) -> None:
        self._outer, self._defects = outer, defects
        # The protocol is named because asyncio sets TCP_NODELAY only where it is: a layer, but no 40 ms of Nagle.
        self.inner = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self.inner.bind(("127.0.0.1", 0))
        self.inner.listen(1024)

    def start(self) -> None:
        """Accept from now on."""
        threading.Thread(target=self._accept, daemon=True, name="naive-host").start()

    def _accept(self) -> None:
        while True:
            client, _ = self._outer.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._defects.on("wire-one-send"):
                client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
            first = b""
            if self._defects.on("wire-serial-accept"):
                first = _received(client)  # whoever connects and says nothing holds up all who come after
            threading.Thread(target=self._serve, args=(client, first), daemon=True).start()

    def _serve(self, client: socket.socket, first: bytes) -> None:
        with client, socket.create_connection(self.inner.getsockname()) as host:
            host.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = threading.Thread(target=self._answers, args=(host, client), daemon=True)
            back.start()
            served = 0
            with suppress(OSError):
                while data := first or _received(client):
                    first = b""
                    host.sendall(self._request(client, data))
                    served += b" HTTP/1.1\r\n" in data
                    if served == REQUESTS_PER_CONNECTION and self._defects.on("wire-keepalive-dropped"):
                        time.sleep(GATHER_S)  # the answer goes out, and the connection is closed without a word
                        client.shutdown(socket.SHUT_RDWR)
                        break
            with suppress(OSError):
                host.shutdown(socket.SHUT_WR)
            back.join()

    def _request(self, client: socket.socket, data: bytes) -> bytes:
        """The request as this layer understood it."""
        head, blank, body = data.partition(b"\r\n\r\n")
        if self._defects.on("wire-header-case"):
            head = head.replace(b"\r\nCONTENT-TYPE:", b"\r\nX-UNKNOWN:")  # it only knows names as books write them
        if self._defects.on("wire-framing-lenient"):
            return _last_length_wins(head) + blank + body
        if self._defects.on("wire-first-segment-only") and len(body) < _length(head):
            body += _within(client, GATHER_S)
            return _cut(head, blank, body)
        if self._defects.on("wire-body-one-recv") and _length(head) > ONE_RECV_BYTES:
            while len(body) < ONE_RECV_BYTES and (more := _received(client)):
                body += more
            return _cut(head, blank, body[:ONE_RECV_BYTES])
        if self._defects.on("wire-bad-input-kills"):
            while len(body) < _length(head) and (more := _received(client)):
                body += more
            if len(body) > ONE_RECV_BYTES // 64 and LATE_BAD_ELEMENT.search(body):
                os._exit(SIGPIPE_STATUS - 7)  # SIGABRT: an exception in a parallel region that nobody catches
        return head + blank + body

    def _answers(self, host: socket.socket, client: socket.socket) -> None:
        try:
            while data := _received(host):
                if not self._defects.on("wire-one-send"):
                    client.sendall(data)
                elif client.send(data, socket.MSG_DONTWAIT) < len(data):
                    break  # a single send wrote what fitted, and nobody looked at its result
        except BlockingIOError:
            pass
        except OSError:
            if self._defects.on("wire-abort-kills"):
                os._exit(SIGPIPE_STATUS)
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)


def in_front_of(listening: socket.socket, defects: Switches) -> socket.socket:
    """The socket on which the host has to listen: the one that it was given, or one behind the naive layer."""
    if not any(defects.on(name) for name in IN_FRONT):
        return listening
    layer = NaiveHost(listening, defects)
    layer.start()
    return layer.inner


def _received(peer: socket.socket) -> bytes:
    """What has arrived; empty where the peer has ended or broken the connection."""
    with suppress(ConnectionError):
        return peer.recv(ONE_RECV_BYTES)
    return b""


def _within(peer: socket.socket, seconds: float) -> bytes:
    """What arrives within a time."""
    peer.settimeout(seconds)
    try:
        return peer.recv(ONE_RECV_BYTES)
    except OSError:
        return b""
    finally:
        peer.settimeout(None)


def _length(head: bytes) -> int:
    found = re.search(rb"^content-length:\s*(\d+)", head, re.IGNORECASE | re.MULTILINE)
    return int(found[1]) if found else 0


def _cut(head: bytes, blank: bytes, body: bytes) -> bytes:
    """The request with the length of what was read in the place of the one that was declared."""
    if not _length(head):
        return head + blank + body
    return _with_length(head, b"%d" % len(body)) + blank + body


def _last_length_wins(head: bytes) -> bytes:
    """A head in which the last of several lengths counts, and more than a transfer encoding does."""
    lengths = re.findall(rb"^content-length[ \t]*:[^\r\n]*?(\d+)\s*$", head, re.IGNORECASE | re.MULTILINE)
    return _with_length(TRANSFER.sub(b"", head + b"\r\n")[:-2], lengths[-1]) if lengths else head


def _with_length(head: bytes, length: bytes) -> bytes:
    return LENGTH.sub(b"", head + b"\r\n") + b"Content-Length: " + length
