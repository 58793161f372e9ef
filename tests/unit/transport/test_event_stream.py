"""Parsing event streams: the format's rules, whatever the pieces."""

import pytest

from hybridcheck.transport.event_stream import EventStreamParser

STREAM = (
    "\ufeff: a comment\r\n"
    "id: 1\ndata: first\n\n"
    "event: named\rdata: two\rdata:lines\r\r"
    'data: {"k": "ü🙂"}\r\n\r\n'
    "retry: 10\nunknown: x\n\n"
    "id: a\0b\ndata\n\n"
    "data: never finished"
).encode()
EVENTS = [("1", None, "first"), ("1", "named", "two\nlines"), ("1", None, '{"k": "ü🙂"}'), ("1", None, "")]


@pytest.mark.parametrize("piece_bytes", [1, 2, 3, 5, 17, 1000])
def test_the_events_are_the_same_whatever_the_pieces(piece_bytes: int) -> None:
    """CR, LF and CRLF end lines; comments, unknown fields and an unfinished event give nothing; the id stays."""
    parser = EventStreamParser()
    pieces = [STREAM[i : i + piece_bytes] for i in range(0, len(STREAM), piece_bytes)]
    found = [event for piece in pieces for event in parser.feed(piece)]
    assert [(event.id, event.event, event.data) for event in found] == EVENTS


def test_bytes_that_are_no_utf8_are_replaced() -> None:
    """The stream goes on."""
    (event,) = EventStreamParser().feed(b"data: \xff\xfe!\n\n")
    assert event.data == "\ufffd\ufffd!"
