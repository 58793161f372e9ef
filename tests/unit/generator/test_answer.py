"""Reading answers: wherever the bytes are cut, an answer is the same; a connection that may be kept is kept."""

import gzip

import httptools
import pytest

from hybridcheck.generator.answer import HeadReader, LookingReader, Reader
from hybridcheck.generator.orders import Operation
from hybridcheck.generator.recording import Book

JSON = b"Content-Type: application/json; charset=utf-8\r\n"
PACKED = gzip.compress(b'{"status":"ok"}')
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


@pytest.mark.parametrize(
    "answer,ends",
    [
        (b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\nall of it", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nnot all of it", False),
        (b"HTTP/1.1 200 OK\r\nTRANSFER-ENCODING: chunked\r\n\r\n5\r\nhello\r\n", False),
        (b"HTTP/1.1 200 OK\r\nServ", False),
        (b"", False),
    ],
)
def test_end_of_stream_ends_only_unframed_answers(answer: bytes, *, ends: bool) -> None:
    """A body without a length ends with the connection; anything else that ends so was cut off."""
    reader = Reader()
    reader.expect(operation())
    if answer:
        reader.feed(answer)
    assert reader.complete == 0
    assert reader.ends_with_connection(answer) is ends
    assert reader.complete == int(ends)


def test_head_is_complete_with_its_head() -> None:
    """Content-Length of an answer to HEAD announces nothing; a body after it is an error."""
    reader = LookingReader()
    reader.expect(operation("HEAD", content_type="application/json"))
    feed = HeadReader(reader).parser.feed_data
    feed(b"HTTP/1.1 200 OK\r\n" + JSON + b"Content-Length: 4711\r\n\r\n")
    assert (reader.complete, reader.problem, reader.keep_alive) == (1, None, True)
    with pytest.raises(httptools.HttpParserError):
        feed(b"body")


def test_two_answers_to_one_request_are_seen() -> None:
    """What nobody asked for is counted, so that the lane can refuse it."""
    reader = Reader()
    reader.expect(operation())
    reader.feed(KEPT["length"] * 2)
    assert reader.complete == 2


def test_broken_gzip_does_not_pass_a_body_check() -> None:
    """A body that cannot be unpacked contains nothing."""
    reader = LookingReader()
    reader.expect(operation(text="status"))
    reader.feed(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 6\r\n\r\nstatus")
    assert reader.problem == "body_check"
