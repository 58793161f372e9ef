"""Connections of the lean user: raw non-blocking sockets below gevent, and TLS over memory BIOs on top of them.

Both have the same face: `send` takes what it can, `receive` gives bytes, `b""` at the end of the stream, or raises
`BlockingIOError` when there is nothing yet, or no room. TLS hands out everything that it has decrypted at once, so that
waiting for the socket can never hang on bytes that were read already.
"""

import contextlib
import errno
import os
import socket as patched_socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from gevent import monkey
from gevent import ssl as gevent_ssl

from hybridcheck.addresses import is_never_requested
from hybridcheck.errors import ToolError
from hybridcheck.generator.failures import CutOff
from hybridcheck.generator.orders import Orders

CHUNK_BYTES = 65_536
RawSocket: Any = monkey.get_original("socket", "socket")
"""The interpreter's own socket class: gevent's would switch greenlets behind our back."""


class Wait(Protocol):
    """Waits until a file descriptor is ready; raises when the deadline is over."""

    def __call__(self, descriptor: int, *, writable: bool) -> None:
        """Return when the descriptor is readable, or writable where that is asked for."""


@dataclass(frozen=True, slots=True)
class Address:
    """One resolved address of the target."""

    family: int
    sockaddr: Any

    def __str__(self) -> str:
        return f"{self.sockaddr[0]}:{self.sockaddr[1]}"


def resolve(host: str, port: int, pinned: tuple[str, ...] = ()) -> tuple[Address, ...]:
    """All stream addresses of the target, in the resolver's order; those that the run has pinned, where it has.

    One that this machine has no address to send from (IPv6, where there is none) is left out where there are others: nobody
    has refused a connection there.

    Raises:
        OSError: the name has no address.
        ToolError: it leads where nothing is ever sent.
    """
    asked = pinned or (host,)
    answers = [patched_socket.getaddrinfo(one, port, type=patched_socket.SOCK_STREAM) for one in asked]
    found = tuple(dict.fromkeys(Address(family, where) for answer in answers for family, *_, where in answer))
    refused = next((str(address.sockaddr[0]) for address in found if is_never_requested(address.sockaddr[0])), None)
    if refused is not None:
        raise ToolError(f"{host} leads to {refused}: a metadata or link-local address, which is never requested")
    return tuple(address for address in found if _has_way(address)) or found


def _has_way(address: Address) -> bool:
    """Whether this machine has an address of its own to send from: the kernel is asked, and nothing is sent."""
    try:
        with RawSocket(address.family, patched_socket.SOCK_DGRAM) as asking:
            asking.connect(address.sockaddr)
    except OSError as error:
        return error.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
    return True


def tls_context(orders: Orders) -> Any:
    """A client context that verifies certificate and host name unless the plan says otherwise; HTTP/1.1 only.

    Raises:
        OSError: the CA file cannot be read.
    """
    context = gevent_ssl.create_default_context(cafile=orders.ca_file)
    context.set_alpn_protocols(["http/1.1"])
    if not orders.verify_tls:
        context.check_hostname = False
        context.verify_mode = gevent_ssl.CERT_NONE
    return context


def connect(addresses: tuple[Address, ...], wait: Wait) -> Any:
    """A connected non-blocking socket to the first address that accepts.

    Raises:
        OSError: none did; the last refusal.
    """
    refusal: OSError = OSError(errno.EADDRNOTAVAIL, "the target has no address")
    for address in addresses:
        raw = RawSocket(address.family, patched_socket.SOCK_STREAM)
        try:
            raw.setblocking(False)
            raw.setsockopt(patched_socket.IPPROTO_TCP, patched_socket.TCP_NODELAY, 1)
            code = raw.connect_ex(address.sockaddr)
            if code == errno.EINPROGRESS:
                wait(raw.fileno(), writable=True)
                code = raw.getsockopt(patched_socket.SOL_SOCKET, patched_socket.SO_ERROR)
            if code:
                raise OSError(code, os.strerror(code))
            return raw
        except OSError as error:
            raw.close()
            refusal = error
        except BaseException:
            raw.close()
            raise
    raise refusal


class PlainConnection:
    """A socket as it is."""

    __slots__ = ("_socket", "receive", "send")

    def __init__(self, raw: Any) -> None:
        self._socket = raw
        self.send: Callable[[Any], int] = raw.send
        self.receive: Callable[[int], bytes] = raw.recv

    def fileno(self) -> int:
        """The file descriptor to watch."""
        return int(self._socket.fileno())

    def close(self) -> None:
        """Close the socket at once."""
        self._socket.close()


class TlsConnection:
    """TLS over a socket; the host name is sent (SNI) and checked against the certificate."""

    __slots__ = ("_accepted", "_ended", "_incoming", "_outgoing", "_socket", "_tls", "_unsent", "_wait")

    def __init__(self, raw: Any, context: Any, host: str, wait: Wait) -> None:
        self._socket = raw
        self._wait = wait
        self._accepted, self._unsent = 0, b""
        self._ended = False
        self._incoming, self._outgoing = gevent_ssl.MemoryBIO(), gevent_ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    def handshake(self) -> None:
        """Carry out the handshake.

        Raises:
            ssl.SSLError: not TLS, or a certificate that does not hold.
            ConnectionResetError: the target closed in the middle of it.
        """
        while True:
            try:
                self._tls.do_handshake()
                break
            except gevent_ssl.SSLWantReadError:
                self._push()
            self._wait(self.fileno(), writable=False)
            data = self._socket.recv(CHUNK_BYTES)
            if not data:
                raise ConnectionResetError("the connection was closed in the TLS handshake")
            self._incoming.write(data)
        self._push()

    def _push(self) -> None:
        """Send the handshake's own bytes, waiting for room where it must."""
        self._unsent += self._outgoing.read()
        while self._unsent:
            try:
                self._flush()
            except BlockingIOError:
                self._wait(self.fileno(), writable=True)

    def _flush(self) -> None:
        while self._unsent:
            self._unsent = self._unsent[self._socket.send(self._unsent) :]

    def send(self, data: Any) -> int:
        """Encrypt a piece and send it; says how much of the data it was. After a `BlockingIOError` the same data are due again."""
        if not self._unsent:
            self._accepted = int(self._tls.write(data[:CHUNK_BYTES]))
            self._unsent = self._outgoing.read()
        self._flush()
        return self._accepted

    def receive(self, limit: int) -> bytes:
        """Everything that has arrived and can be decrypted.

        Raises:
            CutOff: the target closed without a word (RFC 9112, section 9.8): nobody knows whether it had said everything.
        """
        if self._ended:
            return b""
        data = self._socket.recv(limit)
        if not data:
            raise CutOff("the connection was closed without the goodbye of TLS (close_notify)")
        self._incoming.write(data)
        pieces: list[bytes] = []
        while self._incoming.pending or self._tls.pending():
            try:
                piece = self._tls.read(limit)
            except gevent_ssl.SSLWantReadError:
                break  # the rest of a record is still on its way
            except gevent_ssl.SSLZeroReturnError:
                piece = b""
            if not piece:
                self._say_ended()
                break
            pieces.append(piece)
        if not pieces and not self._ended:
            raise BlockingIOError
        return b"".join(pieces)

    def _say_ended(self) -> None:
        """The target said goodbye: from now on the socket is readable, and the end is what is read."""
        self._ended = True
        with contextlib.suppress(OSError):  # not connected any more: readable as well
            self._socket.shutdown(patched_socket.SHUT_RD)

    def fileno(self) -> int:
        """The file descriptor to watch."""
        return int(self._socket.fileno())

    def close(self) -> None:
        """Close the socket at once; a closing alert would only be late."""
        self._socket.close()


Connection = PlainConnection | TlsConnection


def open_connection(orders: Orders, addresses: tuple[Address, ...], context: Any, wait: Wait) -> Connection:
    """A new connection to the target that is ready for a request.

    Raises:
        OSError: it could not be made, `ssl.SSLError` among them.
    """
    raw = connect(addresses, wait)
    if context is None:
        return PlainConnection(raw)
    connection = TlsConnection(raw, context, orders.host, wait)
    try:
        connection.handshake()
    except BaseException:
        raw.close()
        raise
    return connection
