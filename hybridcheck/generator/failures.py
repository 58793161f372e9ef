"""What can be wrong with a request, in the closed list of kinds that the reports use."""

import errno
import socket
import ssl

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade

STATUS = "status"
CONTENT_TYPE = "content_type"
HEADER = "header"
BODY_CHECK = "body_check"
SCHEMA = "schema"
VALUES = "values"
EXTRACT = "extract"
TIMEOUT = "timeout"
CONNECT_REFUSED = "connect_refused"
CONNECT_TIMEOUT = "connect_timeout"
RESET = "reset"
EARLY_CLOSE = "early_close"
FRAMING = "framing"
TLS = "tls"
DNS = "dns"
GENERATOR = "generator"
OTHER = "other"

_LONGEST_DETAIL = 200


class CutOff(OSError):
    """The connection was closed without the goodbye that its protocol asks for: what came last may be a part only."""


_KINDS: tuple[tuple[type[BaseException], str], ...] = (
    (ssl.SSLError, TLS),
    (socket.gaierror, DNS),
    (ConnectionRefusedError, CONNECT_REFUSED),
    (ConnectionResetError, RESET),
    (BrokenPipeError, RESET),
    (TimeoutError, CONNECT_TIMEOUT),  # the kernel gave up connecting; our own deadlines are `Failed`
    (CutOff, EARLY_CLOSE),
    (HttpParserError, FRAMING),
    (HttpParserUpgrade, FRAMING),
)


_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM})
"""This machine has no open file, local port or memory left for a connection: the target never heard of the request."""


class Failed(Exception):
    """A request failed in a way that is named already."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


def named(error: BaseException) -> tuple[str, str]:
    """The kind of a failure and what happened in words."""
    detail = f"{type(error).__name__}: {error}"[:_LONGEST_DETAIL]
    if isinstance(error, Failed):
        return error.kind, str(error)[:_LONGEST_DETAIL]
    if isinstance(error, HttpParserCallbackError) and error.__context__ is not None:
        return named(error.__context__)
    for family, kind in _KINDS:
        if isinstance(error, family):
            return kind, detail
    if isinstance(error, OSError) and error.errno in _EXHAUSTED:
        return GENERATOR, detail
    return OTHER, detail


def writable(detail: str) -> str:
    """A target's words, fit for a report: half of a surrogate pair is told as an escape, since who reads reports refuses it."""
    return detail.encode("utf-8", "backslashreplace").decode()
