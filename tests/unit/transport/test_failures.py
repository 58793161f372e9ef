"""Every exception that can come up from below has a name, or is known to be a fault of ours."""

import errno
import socket
import ssl
from collections.abc import Iterator

import h11
import httpcore
import httpx
import pytest

from hybridcheck.evidence import Failure
from hybridcheck.transport.failures import BY_TYPE, OURS, chain, classify, detail_of


def descendants(root: type[BaseException]) -> Iterator[type[BaseException]]:
    """The class and all classes below it."""
    yield root
    for child in root.__subclasses__():
        yield from descendants(child)


def leaves(*roots: type[BaseException]) -> list[type[BaseException]]:
    """The classes below the roots that have no class below them: what is really raised."""
    found = {kind for root in roots for kind in descendants(root) if not kind.__subclasses__()}
    return sorted(found, key=lambda kind: f"{kind.__module__}.{kind.__name__}")


HTTPX_ROOTS = (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError)
HTTPCORE_ROOTS = (httpcore.TimeoutException, httpcore.NetworkError, httpcore.RemoteProtocolError)


@pytest.mark.parametrize("kind", leaves(*HTTPX_ROOTS, *HTTPCORE_ROOTS))
def test_every_exception_of_httpx_has_its_place(kind: type[BaseException]) -> None:
    """Each leaf of the trees is either a named failure or one of ours; a new one breaks this test."""
    named = any(issubclass(kind, row) for row, _ in BY_TYPE)
    ours = issubclass(kind, OURS)
    assert named or ours or kind is httpcore.PoolTimeout


def certificate_error(code: int) -> ssl.SSLCertVerificationError:
    """A verification error as OpenSSL gives it."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = code
    return error


CAUSES = [
    (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), Failure.REFUSED),
    (ConnectionResetError(errno.ECONNRESET, "reset"), Failure.RESET),
    (OSError(errno.EHOSTUNREACH, "no route"), Failure.UNREACHABLE),
    (OSError(errno.ENETUNREACH, "no network"), Failure.UNREACHABLE),
    (socket.gaierror(-2, "unknown name"), Failure.DNS),
    (ssl.SSLError(1, "wrong version number"), Failure.TLS_HANDSHAKE),
    (certificate_error(10), Failure.TLS_EXPIRED),
    (certificate_error(9), Failure.TLS_EXPIRED),
    (certificate_error(62), Failure.TLS_HOSTNAME),
    (certificate_error(64), Failure.TLS_HOSTNAME),
    (certificate_error(18), Failure.TLS_UNTRUSTED),
    (certificate_error(20), Failure.TLS_UNTRUSTED),
]


@pytest.mark.parametrize("cause, failure", CAUSES)
def test_the_cause_says_more_than_the_wrapper(cause: Exception, failure: Failure) -> None:
    """The same ConnectError is named by what stands behind it, also inside a group of attempts."""
    wrapped = httpx.ConnectError("all attempts failed")
    wrapped.__cause__ = httpcore.ConnectError("all attempts failed")
    wrapped.__cause__.__cause__ = cause
    assert classify(wrapped) is failure
    wrapped.__cause__.__cause__ = ExceptionGroup("attempts", [cause])
    assert classify(wrapped) is failure


def h11_complaint(*pieces: bytes, end: bool = False) -> str:
    """What h11 says about these bytes as an answer to a GET."""
    connection = h11.Connection(our_role=h11.CLIENT, max_incomplete_event_size=1024)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    connection.send(h11.EndOfMessage())
    with pytest.raises(h11.RemoteProtocolError) as complaint:  # noqa: PT012 - which piece it is does not matter
        for piece in (*pieces, b"") if end else pieces:
            connection.receive_data(piece)
            while (event := connection.next_event()) is not h11.NEED_DATA and event is not h11.PAUSED:
                pass
    return str(complaint.value)


@pytest.mark.parametrize(
    "pieces, end, failure",
    [
        ((b"220 mail.test ready\r\n\r\n",), False, Failure.NOT_HTTP),
        ((b"HTTP/1.1 200 OK\r\nX: " + b"x" * 2000,), False, Failure.TOO_LARGE),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",), True, Failure.CLOSED_EARLY),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",), False, Failure.FRAMING),
    ],
)
def test_the_texts_of_h11_are_the_ones_we_rely_on(pieces: tuple[bytes, ...], end: bool, failure: Failure) -> None:
    """h11 names its complaints by text alone; a new wording breaks this test."""
    assert classify(httpx.RemoteProtocolError(h11_complaint(*pieces, end=end))) is failure


def test_our_own_faults_have_no_failure() -> None:
    """What no target can cause is not blamed on one, whatever stands behind it."""
    wrong = httpx.LocalProtocolError("illegal header value")
    wrong.__cause__ = ConnectionResetError()
    assert classify(wrong) is None
    assert classify(RuntimeError("bug")) is None


def test_a_chain_that_bites_its_tail_ends() -> None:
    """Each link is looked at once."""
    first, second = ValueError("a"), ValueError("b")
    first.__context__, second.__context__ = second, first
    assert list(chain(first)) == [first, second]


def test_details_are_short() -> None:
    """A target may write into an exception's text."""
    assert len(detail_of(ValueError("x" * 10_000))) == 300
