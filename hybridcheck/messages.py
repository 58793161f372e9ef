"""HTTP messages as they were on the wire, and the ways in which an exchange of them can fail."""

import base64
from enum import StrEnum

from hybridcheck.cases import Frozen


class Failure(StrEnum):
    """How an exchange ended without a complete response; the target's doing unless the name says otherwise."""

    DNS = "dns"
    REFUSED = "refused"
    CONNECT_TIMEOUT = "connect_timeout"
    UNREACHABLE = "unreachable"
    RESET = "reset"
    CLOSED_EARLY = "closed_early"
    READ_TIMEOUT = "read_timeout"
    WRITE_TIMEOUT = "write_timeout"
    DEADLINE = "deadline"
    TLS_UNTRUSTED = "tls_untrusted"
    TLS_HOSTNAME = "tls_hostname"
    TLS_EXPIRED = "tls_expired"
    TLS_HANDSHAKE = "tls_handshake"
    NOT_HTTP = "not_http"
    FRAMING = "framing"
    TOO_LARGE = "too_large"
    DECODING = "decoding"


class Body(Frozen):
    """Bytes of a message as they were on the wire (after transfer and content decoding), at most the cap's worth.

    `text` where the bytes are UTF-8, else `base64`. `size_bytes` counts what arrived, also beyond what is kept.
    """

    text: str | None = None
    base64: str | None = None
    size_bytes: int = 0
    complete: bool = True
    redacted: bool = False

    def content(self) -> bytes:
        """The kept bytes."""
        if self.base64 is not None:
            return base64.b64decode(self.base64)
        return (self.text or "").encode()


Headers = tuple[tuple[str, str], ...]
"""Ordered header pairs as on the wire (names as sent; bytes outside ASCII as Latin-1)."""


class SentRequest(Frozen):
    """A request as it went out."""

    method: str
    url: str
    headers: Headers = ()
    body: Body | None = None


class ReceivedResponse(Frozen):
    """A response as it came in; `body.complete` is False where it was cut."""

    status: int
    http_version: str = "HTTP/1.1"
    headers: Headers = ()
    body: Body = Body()

    def header(self, name: str) -> str | None:
        """The first value of a header, names compared without case; None when absent."""
        return next(iter(self.header_values(name)), None)

    def header_values(self, name: str) -> tuple[str, ...]:
        """All values of a header in wire order."""
        wanted = name.lower()
        return tuple(value for key, value in self.headers if key.lower() == wanted)

    @property
    def media_type(self) -> str:
        """The media type without parameters, lower case; empty when there is none."""
        return (self.header("content-type") or "").split(";")[0].strip().lower()
