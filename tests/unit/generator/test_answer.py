"""Reading answers: wherever the bytes are cut, an answer is the same; a connection that may be kept is kept."""

import gzip
import zlib

import brotli
import httptools
import pytest

from hybridcheck.generator import failures
from hybridcheck.generator.answer import LONGEST_HEAD_BYTES, Beginning, HeadReader, LookingReader, Reader
from hybridcheck.generator.failures import Failed
from hybridcheck.generator.orders import Operation
from hybridcheck.generator.recording import Book
from hybridcheck.generator.sampling import Sampler

JSON = b"Content-Type: application/json; charset=utf-8\r\n"
PACKED = gzip.compress(b'{"status":"ok"}', mtime=0)
KEPT = {
    "length": b"HTTP/1.1 200 OK\r\n" + JSON + b'Content-Length: 15\r\n\r\n{"status":"ok"}',
    "chunks": b"HTTP/1.1 200 OK\r\n"
    + JSON
    + b'Transfer-Encoding: chunked\r\n\r\n6\r\n{"stat\r\n9\r\nus":"ok"}\r\n0\r\n\r\n',
    "interim": b"HTTP/1.1 100 Continue\r\nContent-Type: text/plain\r\n\r\nHTTP/1.1 200 OK\r\n"
    + JSON
    + b'Content-Length: 15\r\n\r\n{"status":"ok"}',
    "gzip": b"HTTP/1.1 200 OK\r\n"
    + JSON
    + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(PACKED)
    + PACKED,
}


def operation(method: str = "GET", content_type: str | None = None, text: str | None = None) -> Operation:
    """An operation that expects 200 and what is given."""
    ordered: dict[str, object] = {"name": "a", "method": method, "expected_statuses": [200, 204]}
    ordered |= {"content_type": content_type, "body_contains": text}
    return Operation(ordered, b"", Book("a", (), 0, 5))


@pytest.mark.parametrize("name", KEPT)
def test_cuts_do_not_matter_and_the_connection_is_kept(name: str) -> None:
    """Two answers after one another on one parser, cut at every place: complete once each, right, and kept alive."""
    wanted = operation(content_type="application/json", text='"status":"ok"')
    for cut in range(1, len(KEPT[name])):
        reader = LookingReader()
        for _ in range(2):
            reader.expect(wanted)
            reader.feed(KEPT[name][:cut])
            assert reader.complete == 0
            reader.feed(KEPT[name][cut:])
            assert (reader.complete, reader.problem, reader.keep_alive) == (1, None, True)


@pytest.mark.parametrize(
    "content_type,text,problem",
    [("text/html", None, "content_type"), (None, "absent", "body_check"), (None, None, None)],
)
def test_checks_find_what_is_wrong(content_type: str | None, text: str | None, problem: str | None) -> None:
    """Each check on its own; a wrong content type stays wrong on the second look."""
    reader, wanted = LookingReader(), operation(content_type=content_type, text=text)
    for _ in range(2):
        reader.expect(wanted)
        reader.feed(KEPT["length"])
        assert reader.problem == problem


def test_unexpected_status_is_the_problem_whatever_else_is_wrong() -> None:
    """The status comes first."""
    reader = LookingReader()
    reader.expect(operation(content_type="text/html"))
    reader.feed(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
    assert (reader.problem, reader.detail) == ("status", "status 503")


def test_connection_close_is_noticed() -> None:
    """The answer is complete, the connection is not to be used again."""
    reader = Reader()
    reader.expect(operation())
    reader.feed(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
    assert (reader.complete, reader.keep_alive) == (1, False)


HINTS = b"HTTP/1.1 103 Early Hints\r\nContent-Length: 0\r\nLink: </x>\r\n\r\n"


@pytest.mark.parametrize("before", [b"", HINTS, HINTS + b"\r\n" + HINTS])
@pytest.mark.parametrize(
    "answer,ends",
    [
        (b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\nall of it", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nall of it", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nnot all of it", False),
        (b"HTTP/1.1 200 OK\r\nTRANSFER-ENCODING: chunked\r\n\r\n5\r\nhello\r\n", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n", False),
        (b"HTTP/1.1 200 OK\r\nServ", False),
        (b"", False),
    ],
)
def test_end_of_stream_ends_only_unframed_answers(answer: bytes, before: bytes, *, ends: bool) -> None:
    """A body without a length ends with the connection; anything else that ends so was cut off, after interim answers too."""
    for cut in range(len(before + answer) + 1):
        reader, beginning = Reader(), Beginning()
        reader.expect(operation())
        for piece in filter(None, ((before + answer)[:cut], (before + answer)[cut:])):
            reader.feed(piece)
            beginning.add(piece)
        assert reader.complete == 0
        assert beginning.until_close is ends
        assert beginning.size == len(before + answer)


def test_endless_head_is_refused_and_interim_answers_are_counted_each_for_itself() -> None:
    """Many short interim answers are no endless head; a head without an end is one, after an interim answer too."""
    beginning = Beginning()
    for _ in range(2 * LONGEST_HEAD_BYTES // (100 * len(HINTS))):
        beginning.add(HINTS * 100)
    beginning.add(b"HTTP/1.1 200 OK\r\n")
    line = b"X-Again: " + b"a" * 1000 + b"\r\n"
    for _ in range(LONGEST_HEAD_BYTES // len(line)):
        beginning.add(line)
    with pytest.raises(Failed, match="no end of the header"):
        beginning.add(line)


def test_head_is_complete_with_its_head() -> None:
    """Content-Length of an answer to HEAD announces nothing; a body after it is an error."""
    reader = LookingReader()
    reader.expect(operation("HEAD", content_type="application/json"))
    feed = HeadReader(reader).parser.feed_data
    feed(b"HTTP/1.1 200 OK\r\n" + JSON + b"Content-Length: 4711\r\n\r\n")
    assert (reader.complete, reader.problem, reader.keep_alive) == (1, None, True)
    with pytest.raises(httptools.HttpParserError):
        feed(b"body")


@pytest.mark.parametrize("extra", [KEPT["length"], KEPT["length"][:50], b"H", b"xyz"])
def test_what_comes_after_an_answer_is_refused(extra: bytes) -> None:
    """A second answer, a piece of one that would frame the next, or anything else: it is named as broken framing."""
    reader = Reader()
    reader.expect(operation())
    with pytest.raises(httptools.HttpParserError) as refused:
        reader.feed(KEPT["length"] + extra)
    assert failures.named(refused.value) == ("framing", "bytes came after the end of the answer")


def test_head_answer_without_a_length_keeps_the_connection() -> None:
    """An answer to HEAD has no body whose end could be that of the stream."""
    for connection, kept in (
        (b"", True),
        (b"Connection: close\r\n", False),
        (b"Connection: Keep-Alive, Close\r\n", False),
    ):
        reader = Reader()
        reader.expect(operation("HEAD"))
        HeadReader(reader).parser.feed_data(HINTS + b"HTTP/1.1 200 OK\r\n" + connection + b"\r\n")
        assert (reader.complete, reader.keep_alive) == (1, kept)


@pytest.mark.parametrize("after", [b"0\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_head_answer_with_anything_after_it_is_refused(after: bytes) -> None:
    """Also a last chunk alone is a body."""
    head = b"Transfer-Encoding: chunked" if after.startswith(b"0") else b"Content-Length: 0"
    reader = Reader()
    reader.expect(operation("HEAD"))
    with pytest.raises(httptools.HttpParserError) as refused:
        HeadReader(reader).parser.feed_data(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + after)
    assert failures.named(refused.value)[0] == "framing"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_other_version_of_http_is_refused(method: str) -> None:
    """A status line of HTTP/2.0 over HTTP/1.1 is no answer."""
    reader = Reader()
    reader.expect(operation(method))
    feed = reader.feed if method == "GET" else HeadReader(reader).parser.feed_data
    with pytest.raises(httptools.HttpParserError) as refused:
        feed(b"HTTP/2.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n")
    assert failures.named(refused.value)[0] == "framing"


def test_trailers_are_no_headers() -> None:
    """What follows the last chunk says nothing about the body before it."""
    reader = LookingReader()
    reader.expect(operation(content_type="application/json", text="ok"))
    trailers = b"0\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\n\r\n"
    reader.feed(KEPT["chunks"][:-5] + trailers)
    assert (reader.complete, reader.problem) == (1, None)


def test_two_content_types_that_differ_are_neither() -> None:
    """The last one does not win, nor the first."""
    for wanted in ("application/json", "text/html"):
        reader = LookingReader()
        reader.expect(operation(content_type=wanted))
        reader.feed(KEPT["length"].replace(JSON, JSON + b"Content-Type: text/html\r\n"))
        assert (reader.problem, reader.detail) == ("content_type", "content type 'application/json, text/html'")


def answer_of(encoding: str, body: bytes) -> bytes:
    """An answer in a content encoding."""
    return (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (encoding.encode(), len(body)) + body
    )


@pytest.mark.parametrize(
    "encoding,body,said",
    [
        ("gzip", b"status", "the gzip body cannot be unpacked"),
        ("gzip", PACKED[:-8], "the gzip body has no end"),
        ("gzip", PACKED + b"junk", "the gzip body cannot be unpacked"),
        ("br", b"\x0b\x0b\x80status", "the br body has no end"),
        ("zstd", b"status", "the content encoding 'zstd' is not read here"),
        ("gzip", gzip.compress(b" " * (17 << 20) + b"status"), "only 16 MiB of a body are read"),
    ],
)
def test_body_that_cannot_be_read_does_not_pass_a_body_check(encoding: str, body: bytes, said: str) -> None:
    """A body that cannot be unpacked contains nothing, and the failure says why."""
    reader = LookingReader()
    reader.expect(operation(text="status"))
    reader.feed(answer_of(encoding, body))
    assert reader.problem == "body_check"
    assert said in reader.detail


@pytest.mark.parametrize(
    "encoding,body",
    [
        ("gzip", gzip.compress(b'{"sta', mtime=0) + gzip.compress(b'tus":1}', mtime=0)),
        ("deflate", zlib.compress(b"status")),
        ("deflate", zlib.compress(b"status", wbits=-15)),
        ("br", brotli.compress(b"status")),
        ("gzip, identity, gzip", gzip.compress(PACKED, mtime=0)),
        ("gzip", gzip.compress(b"status" + b" " * (17 << 20))),
    ],
)
def test_bodies_are_unpacked(encoding: str, body: bytes) -> None:
    """Several members, deflate with and without its header, br, one encoding upon another, and what stands within the cap."""
    reader = LookingReader()
    reader.expect(operation(text="status"))
    reader.feed(answer_of(encoding, body))
    assert reader.problem is None


@pytest.mark.parametrize(
    "body,problem,looked", [(b"[1]", None, 1), (b"[" + b" " * (17 << 20) + b"]", None, 0), (b"[", "schema", 1)]
)
def test_body_beyond_the_cap_is_not_held_against_its_schema(body: bytes, problem: str | None, looked: int) -> None:
    """It is no failure of the target's that we read no further, and the answer is not counted as looked into."""
    seen: list[int] = []
    reader, wanted = LookingReader(lambda: seen.append(1)), operation()
    wanted.sampler = Sampler({"type": "array"}, 1, "seed")
    reader.expect(wanted)
    reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert (reader.problem, len(seen)) == (problem, looked)
