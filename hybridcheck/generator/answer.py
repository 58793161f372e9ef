"""Reading one answer after the other from a connection: a reusable parser that knows when an answer is complete.

`should_keep_alive` is asked inside `on_message_complete`: afterwards the parser has forgotten, and would always say no.
"""

import zlib
from collections.abc import Callable

from httptools import HttpResponseParser

from hybridcheck.generator import failures
from hybridcheck.generator.failures import Failed
from hybridcheck.generator.orders import Operation

LONGEST_HEAD_BYTES = 1 << 20
LONGEST_BODY_BYTES = 16 << 20
_HEAD_END = b"\r\n\r\n"
_COMPRESSED = frozenset({b"gzip", b"x-gzip", b"deflate"})
_CONTENT_TYPE_LENGTH, _CONTENT_ENCODING_LENGTH = len(b"content-type"), len(b"content-encoding")
_GZIP_OR_ZLIB = 47  # zlib: 32 + 15, find out which header it is


class Reader:
    """Answers of one connection. `feed` takes bytes; `complete` counts answers; `problem` says what was wrong."""

    __slots__ = ("complete", "detail", "feed", "keep_alive", "operation", "parser", "problem")

    def __init__(self) -> None:
        self.parser = HttpResponseParser(self)
        self.feed = self.parser.feed_data
        self.complete = 0
        self.keep_alive = True
        self.problem: str | None = None
        self.detail = ""
        self.operation: Operation

    def expect(self, operation: Operation) -> None:
        """The next answer is to a request of this operation."""
        self.operation = operation
        self.complete = 0
        self.problem = None

    def on_message_complete(self) -> None:
        """Called by the parser at the end of an answer; interim answers (1xx) are skipped."""
        status = self.parser.get_status_code()
        if status < 200 and status != 101:
            self.forget()
            return
        self.complete += 1
        self.keep_alive = self.parser.should_keep_alive()
        if status not in self.operation.expected:
            self.problem, self.detail = failures.STATUS, f"status {status}"
        else:
            self.look()

    def look(self) -> None:
        """Check what a plain reader does not see."""

    def forget(self) -> None:
        """Drop what was seen of an interim answer."""

    def ends_with_connection(self, head: bytes) -> bool:
        """At the end of the stream: True when that is how this answer ends (RFC 9112, section 6.3, rule 8)."""
        at = head.find(_HEAD_END)
        fields = head[: at + 2].lower()
        framed = b"\r\ncontent-length:" in fields or b"\r\ntransfer-encoding:" in fields
        if at < 0 or framed or self.complete:
            return False
        self.on_message_complete()
        return True


class LookingReader(Reader):
    """A reader that keeps content type and body for the operation's checks.

    `looked_into` is called when a body is held against schema and values.
    """

    __slots__ = ("body", "content_type", "encoding", "keeps_body", "looked_into", "sampled", "seen", "size")

    def __init__(self, looked_into: Callable[[], None] = lambda: None) -> None:
        self.body: list[bytes] = []
        self.content_type = self.encoding = b""
        self.size = 0
        self.keeps_body = self.sampled = False
        self.seen: dict[bytes, bytes] = {}
        self.looked_into = looked_into
        super().__init__()

    def expect(self, operation: Operation) -> None:
        """The next answer is to a request of this operation; nothing of an earlier one is kept."""
        self.operation = operation
        self.complete = self.size = 0
        self.problem = None
        self.content_type = self.encoding = b""
        sampler = operation.sampler
        self.sampled = sampler is not None and sampler.due()
        self.keeps_body = self.sampled or operation.body_contains is not None
        if self.body:
            self.body = []
        if self.seen:
            self.seen = {}

    def forget(self) -> None:
        """Drop what was seen of an interim answer."""
        self.content_type = self.encoding = b""
        self.size = 0
        self.body = []
        self.seen = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the headers that checks need; most others are told by their length alone."""
        size = len(name)
        if size == _CONTENT_TYPE_LENGTH and name.lower() == b"content-type":
            self.content_type = value
        elif size == _CONTENT_ENCODING_LENGTH and name.lower() == b"content-encoding":
            self.encoding = value.lower()
        if self.operation.expected_headers:
            self.seen.setdefault(name.lower(), value)

    def on_body(self, piece: bytes) -> None:
        """Keep the body up to a cap; what lies beyond it is not searched."""
        if self.keeps_body and self.size < LONGEST_BODY_BYTES:
            self.size += len(piece)
            self.body.append(piece)

    def look(self) -> None:
        """Check content type, headers and body."""
        wanted = self.operation
        if wanted.content_type is not None and self.content_type != wanted.content_type_as_sent:
            if self.content_type.split(b";")[0].strip().lower() != wanted.content_type:
                shown = self.content_type.decode("latin-1")
                self.problem, self.detail = failures.CONTENT_TYPE, f"content type {shown!r}"
                return
            wanted.content_type_as_sent = self.content_type  # equal bytes need no second look
        for name, value in wanted.expected_headers.items():
            if self.seen.get(name) != value:
                shown = self.seen[name].decode("latin-1") if name in self.seen else "missing"
                self.problem, self.detail = failures.HEADER, f"header {name.decode()}: {shown}"[:200]
                return
        if wanted.body_contains is not None and wanted.body_contains not in self.readable_body():
            self.problem, self.detail = failures.BODY_CHECK, "the declared text is not in the body"
        elif self.sampled and wanted.sampler is not None:
            self.looked_into()
            fault = wanted.sampler.fault(self.readable_body())
            if fault is not None:
                self.problem, self.detail = fault

    def readable_body(self) -> bytes:
        """The kept body, unpacked where it is compressed; empty where that fails."""
        body = b"".join(self.body)
        if self.encoding not in _COMPRESSED:
            return body
        try:
            return zlib.decompressobj(_GZIP_OR_ZLIB).decompress(body, LONGEST_BODY_BYTES)
        except zlib.error:
            return b""


class HeadReader:
    """The answer to HEAD ends with its head, which the parser cannot be told: a parser of its own for each answer."""

    __slots__ = ("_of", "parser")

    def __init__(self, of: Reader) -> None:
        self._of = of
        self.parser = HttpResponseParser(self)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Pass on what checks need."""
        if isinstance(self._of, LookingReader):
            self._of.on_header(name, value)

    def on_headers_complete(self) -> None:
        """The end of the answer, unless it is an interim one."""
        status = self.parser.get_status_code()
        if status < 200:
            return
        of = self._of
        of.complete += 1
        of.keep_alive = self.parser.should_keep_alive()
        if status not in of.operation.expected:
            of.problem, of.detail = failures.STATUS, f"status {status}"
        else:
            of.look()

    def on_body(self, piece: bytes) -> None:
        """A body after HEAD breaks the framing of everything that follows."""
        raise Failed(failures.FRAMING, "a body came with the answer to HEAD")
