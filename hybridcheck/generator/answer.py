"""Reading one answer after the other from a connection: a reusable parser that knows when an answer is complete.

`should_keep_alive` is asked inside `on_message_complete`: afterwards the parser has forgotten, and would always say no.
"""

from collections.abc import Callable, Iterator
from typing import Any

from httptools import HttpResponseParser

from hybridcheck.generator import failures
from hybridcheck.generator.failures import Failed
from hybridcheck.generator.operation import Sample
from hybridcheck.generator.orders import Operation
from hybridcheck.generator.sampling import TooDeep
from hybridcheck.generator.unpacking import LONGEST_BODY_BYTES, NotReadable, TooLong, unpacked

LONGEST_HEAD_BYTES = 1 << 20
_VERSIONS = frozenset({"1.0", "1.1"})
_CONTENT_TYPE_LENGTH, _CONTENT_ENCODING_LENGTH = len(b"content-type"), len(b"content-encoding")


class Reader:
    """Answers of one connection. `feed` takes bytes; `complete` is 1 when the answer is; `problem` says what was wrong.

    `keep_alive` is true as soon as an answer left the connection fit for another request.
    """

    __slots__ = ("complete", "detail", "feed", "keep_alive", "on_message_begin", "operation", "parser", "problem")

    def __init__(self) -> None:
        self.on_message_begin = self._one_at_a_time().__next__
        """Called by the parser at the first byte of an answer; resuming a generator costs half of what a call does."""
        self.parser = HttpResponseParser(self)
        self.feed = self.parser.feed_data
        self.complete = 0
        self.keep_alive = False
        self.problem: str | None = None
        self.detail = ""
        self.operation: Operation

    def expect(self, operation: Operation) -> None:
        """The next answer is to a request of this operation."""
        self.operation = operation
        self.complete = 0
        self.problem = None

    def _one_at_a_time(self) -> Iterator[None]:
        """What comes after the answer that was asked for is not another request's."""
        while not self.complete:
            yield
        raise Failed(failures.FRAMING, "bytes came after the end of the answer")

    def on_message_complete(self) -> None:
        """Called by the parser at the end of an answer; interim answers (1xx) are skipped."""
        status = self.parser.get_status_code()
        if status < 200 and status != 101:
            self.forget()
            return
        self.complete += 1
        keep_alive = self.parser.should_keep_alive()
        if not (keep_alive and self.keep_alive):  # the first answer of a connection, or its last
            _check_version(self.parser)
            self.keep_alive = keep_alive
        if status not in self.operation.expected:
            self.problem, self.detail = failures.STATUS, f"status {status}"
        else:
            self.look()

    def look(self) -> None:
        """Check what a plain reader does not see."""

    def forget(self) -> None:
        """Drop what was seen of an interim answer."""


def _check_version(parser: Any) -> None:
    version = parser.get_http_version()
    if version not in _VERSIONS:
        raise Failed(failures.FRAMING, f"an answer of HTTP/{version} to a request of HTTP/1.1")


class Beginning:
    """The beginning of an answer that comes in several pieces: whether its own head has ended, and what will end its body.

    The reader's parser tells neither. A parser of its own reads up to the end of the head, interim answers before it too.
    `until_close`: no length and no chunks, so that the end of the stream is that of the answer (RFC 9112, section 6.3).
    """

    __slots__ = ("_chunked", "_coded", "_head", "_headed", "_parser", "_sized", "size", "until_close")

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self._headed = self._sized = self._coded = self._chunked = False
        self._head = self.size = 0
        self.until_close = False

    def add(self, data: bytes) -> None:
        """A piece of the answer.

        Raises:
            Failed: the head is endless.
        """
        self.size += len(data)
        if self._headed:
            return
        self._head += len(data)
        self._parser.feed_data(data)
        if self._head > LONGEST_HEAD_BYTES and not self._headed:
            raise Failed(failures.FRAMING, f"no end of the header after {self.size} bytes")

    def on_message_begin(self) -> None:
        """A head begins: the answer's, or that of an interim one before it."""
        self._head = 0
        self._sized = self._coded = self._chunked = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """The headers that say where a body ends."""
        name = name.lower()
        if name == b"content-length":
            self._sized = True
        elif name == b"transfer-encoding":
            self._coded = True
            self._chunked = value.lower().rpartition(b",")[2].strip() == b"chunked"

    def on_headers_complete(self) -> None:
        """The end of a head."""
        self._headed = self._parser.get_status_code() >= 200
        self.until_close = self._headed and not (self._chunked if self._coded else self._sized)


class LookingReader(Reader):
    """A reader that keeps content type and body for the operation's checks.

    `looked_into` is called when a body is held against schema and values.
    """

    __slots__ = (
        "body",
        "chunked",
        "content_type",
        "encoding",
        "keeps_body",
        "keeps_headers",
        "looked_into",
        "sampled",
        "seen",
        "size",
    )

    def __init__(self, looked_into: Callable[[], None] = lambda: None) -> None:
        self.body: list[bytes] = []
        self.content_type = self.encoding = b""
        self.size = 0
        self.keeps_body = self.keeps_headers = self.sampled = self.chunked = False
        self.seen: dict[bytes, bytes] = {}
        self.looked_into = looked_into
        super().__init__()

    def expect(self, operation: Operation) -> None:
        """The next answer is to a request of this operation; nothing of an earlier one is kept."""
        self.operation = operation
        self.complete = self.size = 0
        self.problem = None
        self.content_type = self.encoding = b""
        self.chunked = False
        sampler = operation.sampler
        self.sampled = sampler is not None and sampler.due()
        self.keeps_body = self.sampled or operation.body_contains is not None
        if self.body:
            self.body = []
        self.keeps_headers = bool(operation.expected_headers)  # asked for each header of each answer
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
            if self.chunked:
                return
            if not self.content_type:
                self.content_type = value
            elif self.content_type != value:  # two that differ: neither is right
                self.content_type = self.content_type.partition(b";")[0] + b", " + value
        elif size == _CONTENT_ENCODING_LENGTH and name.lower() == b"content-encoding" and not self.chunked:
            self.encoding = b", ".join(filter(None, (self.encoding, value.lower())))
        if self.keeps_headers and not self.chunked:
            self.seen.setdefault(name.lower(), value)

    def on_chunk_header(self) -> None:
        """A chunk begins: a header that comes from now on is a trailer, and says nothing about the body before it."""
        self.chunked = True

    def on_body(self, piece: bytes) -> None:
        """Keep the body up to a cap; what lies beyond it is not searched."""
        if self.keeps_body and self.size <= LONGEST_BODY_BYTES:
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
        if self.keeps_headers:
            wrong = next(
                (name for name, value in wanted.expected_headers.items() if self.seen.get(name) != value), None
            )
            if wrong is not None:
                shown = self.seen[wrong].decode("latin-1") if wrong in self.seen else "missing"
                self.problem, self.detail = failures.HEADER, f"header {wrong.decode()}: {shown}"[:200]
                return
        text = wanted.body_contains
        if text is None and not self.sampled:
            return
        try:
            body = self.readable_body()
        except NotReadable as why:
            self.tell_unread(why)
            return
        if text is not None and body.find(text) < 0:  # `in` first makes a TypeError of the text, and costs double
            self.problem, self.detail = failures.BODY_CHECK, "the declared text is not in the body"
        elif self.sampled and wanted.sampler is not None:
            self._look_into(wanted.sampler, body)

    def _look_into(self, sampler: Sample, body: bytes) -> None:
        """Hold a body against schema and values; one that cannot be followed is as if it were no part of the sample."""
        try:
            fault = sampler.fault(body)
        except TooDeep:
            return
        self.looked_into()
        if fault is not None:
            self.problem, self.detail = fault

    def tell_unread(self, why: NotReadable) -> None:
        """A body that cannot be unpacked is wrong; one that is longer than what is read is not held against a schema, nor counted."""
        text = self.operation.body_contains
        if text is not None:
            if not isinstance(why, TooLong) or text not in why.beginning:
                self.problem, self.detail = failures.BODY_CHECK, f"the declared text was not found: {why}"
        elif not isinstance(why, TooLong):
            self.looked_into()
            self.problem, self.detail = failures.SCHEMA, str(why)

    def readable_body(self) -> bytes:
        """The kept body, unpacked where it is compressed.

        Raises:
            NotReadable: it cannot be unpacked, or is longer than what is read of a body.
        """
        body = b"".join(self.body)
        return unpacked(self.encoding, body) if self.encoding or self.size > LONGEST_BODY_BYTES else body


class HeadReader:
    """The answer to HEAD ends with its head, which the parser cannot be told: a parser of its own for each answer.

    Whether the connection stays is told by version and headers: the parser expects a body, and without a length its end.
    """

    __slots__ = ("_connection", "_of", "parser")

    def __init__(self, of: Reader) -> None:
        self._of = of
        self._connection = b""
        self.parser = HttpResponseParser(self)

    def on_message_begin(self) -> None:
        """The first byte of an answer."""
        self._connection = b""
        self._of.on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Pass on what checks need."""
        if name.lower() == b"connection":
            self._connection += b"," + value.lower().replace(b" ", b"")
        if isinstance(self._of, LookingReader):
            self._of.on_header(name, value)

    def on_headers_complete(self) -> None:
        """The end of the answer, unless it is an interim one."""
        status, of = self.parser.get_status_code(), self._of
        if status < 200:
            of.forget()
            return
        _check_version(self.parser)
        wishes = self._connection.split(b",")
        of.complete += 1
        of.keep_alive = b"close" not in wishes and (self.parser.get_http_version() == "1.1" or b"keep-alive" in wishes)
        if status not in of.operation.expected:
            of.problem, of.detail = failures.STATUS, f"status {status}"
        else:
            of.look()

    def on_chunk_header(self) -> None:
        """Also one without data: chunks are a body."""
        self.on_body(b"")

    def on_body(self, piece: bytes) -> None:
        """A body after HEAD breaks the framing of everything that follows."""
        raise Failed(failures.FRAMING, "a body came with the answer to HEAD")
