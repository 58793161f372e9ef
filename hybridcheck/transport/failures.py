"""From an exception of httpx, httpcore, ssl or the system to the named `Failure` of an exchange.

The whole chain of causes is looked at: httpx wraps a refused connection, a name that does not resolve and a
certificate that is not trusted in one and the same exception.
"""

import errno
import socket
import ssl
from collections.abc import Iterator

import httpcore
import httpx
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus, PayloadTooBig

from hybridcheck.evidence import Failure

DETAIL_CHARACTERS = 300
"""How much of an exception's text is kept: a hostile target may write into it."""

CONNECT_FAILURES = frozenset({Failure.DNS, Failure.REFUSED, Failure.CONNECT_TIMEOUT, Failure.UNREACHABLE})
"""Failures before a connection stood: nothing was sent."""

BY_CAUSE: tuple[tuple[type[BaseException], Failure], ...] = (
    (ssl.SSLError, Failure.TLS_HANDSHAKE),
    (socket.gaierror, Failure.DNS),
    (ConnectionRefusedError, Failure.REFUSED),
    (ConnectionResetError, Failure.RESET),
    (BrokenPipeError, Failure.RESET),
    (EOFError, Failure.CLOSED_EARLY),
)
"""Causes that say what happened wherever in the chain they stand."""

BY_TYPE: tuple[tuple[type[BaseException], Failure], ...] = (
    (httpx.ConnectTimeout, Failure.CONNECT_TIMEOUT),
    (httpx.ReadTimeout, Failure.READ_TIMEOUT),
    (httpx.WriteTimeout, Failure.WRITE_TIMEOUT),
    (httpx.ConnectError, Failure.UNREACHABLE),
    (httpx.NetworkError, Failure.RESET),
    (httpx.RemoteProtocolError, Failure.FRAMING),
    (httpx.DecodingError, Failure.DECODING),
    (httpcore.ConnectTimeout, Failure.CONNECT_TIMEOUT),
    (httpcore.ReadTimeout, Failure.READ_TIMEOUT),
    (httpcore.WriteTimeout, Failure.WRITE_TIMEOUT),
    (httpcore.ConnectError, Failure.UNREACHABLE),
    (httpcore.NetworkError, Failure.RESET),
    (httpcore.RemoteProtocolError, Failure.FRAMING),
    (PayloadTooBig, Failure.TOO_LARGE),
    (ConnectionClosed, Failure.CLOSED_EARLY),
    (InvalidMessage, Failure.NOT_HTTP),
    (InvalidStatus, Failure.FRAMING),
    (InvalidHandshake, Failure.FRAMING),
    (OSError, Failure.UNREACHABLE),
)
"""What an exception means where no cause says more; the first row that fits counts."""

OURS: tuple[type[BaseException], ...] = (
    httpx.LocalProtocolError,
    httpx.UnsupportedProtocol,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.TooManyRedirects,
    httpx.HTTPStatusError,
    httpx.StreamError,
    httpx.InvalidURL,
    httpx.CookieConflict,
)
"""Exceptions that only a fault of this tool can raise: we use no pool limit, no proxy, no redirects, no cookie jar."""

UNREACHABLE_NUMBERS = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN})

EXPIRED, NOT_YET_VALID, HOSTNAME_MISMATCH, ADDRESS_MISMATCH = 10, 9, 62, 64
"""Verification results of OpenSSL (x509_vfy.h)."""


def classify(error: BaseException) -> Failure | None:
    """The failure that an exception means; None where it is no doing of the target."""
    if isinstance(error, OURS):
        return None
    found = next((failure for link in chain(error) if (failure := _by_cause(link))), None)
    if found is not None:
        return found
    return next((failure for kind, failure in BY_TYPE if isinstance(error, kind)), None)


def detail_of(error: BaseException) -> str:
    """The exception in at most `DETAIL_CHARACTERS` characters."""
    return f"{type(error).__name__}: {error}"[:DETAIL_CHARACTERS]


def chain(error: BaseException) -> Iterator[BaseException]:
    """The exception, its causes and contexts, and the members of groups among them; each once."""
    waiting, seen = [error], set[int]()
    while waiting:
        link = waiting.pop(0)
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        members = link.exceptions if isinstance(link, BaseExceptionGroup) else ()
        waiting.extend(other for other in (link.__cause__, link.__context__, *members) if other is not None)


def _by_cause(error: BaseException) -> Failure | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate_failure(error.verify_code)
    if isinstance(error, httpx.RemoteProtocolError | httpcore.RemoteProtocolError):
        return _protocol_failure(str(error))
    if isinstance(error, OSError) and error.errno in UNREACHABLE_NUMBERS:
        return Failure.UNREACHABLE
    return next((failure for kind, failure in BY_CAUSE if isinstance(error, kind)), None)


def _certificate_failure(code: int) -> Failure:
    if code in {EXPIRED, NOT_YET_VALID}:
        return Failure.TLS_EXPIRED
    return Failure.TLS_HOSTNAME if code in {HOSTNAME_MISMATCH, ADDRESS_MISMATCH} else Failure.TLS_UNTRUSTED


def _protocol_failure(message: str) -> Failure:
    """h11 tells its complaints apart by text alone; the texts are held fast by a test."""
    if "without sending" in message:
        return Failure.CLOSED_EARLY
    if "buffer too long" in message:
        return Failure.TOO_LARGE
    if "illegal status line" in message:
        return Failure.NOT_HTTP
    return Failure.FRAMING
