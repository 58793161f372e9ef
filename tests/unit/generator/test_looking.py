"""A lane that looks before it sends: what waits on a kept connection decides whether the next request goes over it."""

import subprocess
import sys

import pytest

LANE = """
import time
from types import SimpleNamespace
import gevent
from hybridcheck.generator.lane import READABLE, Lane
from hybridcheck.generator.operation import Operation
from hybridcheck.generator.recording import Book

ANSWER = b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok"
orders = SimpleNamespace(open_model=False, deadline_ns=10**12, think_s=0, looks_into_answers=False)
run = SimpleNamespace(origin_ns=time.perf_counter_ns(), hub=gevent.get_hub(), orders=orders, idle=[], wary=False, example=lambda *told: None)
ordered = dict(name="a", method="GET", expected_statuses=[200], content_type=None, body_contains=None)
book = Book("a", (), 0, 5)
operation = Operation(ordered, b"GET", book)
opened, waits, sent = [], [], []

class Plugged(Lane):
    def _connect(self):
        opened.append(1)
        owed, self._owed = self._owed, ""
        if owed:
            raise ValueError(owed)
        self._connection, self._reader = SimpleNamespace(close=lambda: None), self._new_reader()

def receive(limit):
    if not waits:
        raise BlockingIOError
    found = waits.pop(0)
    if isinstance(found, Exception):
        raise found
    return found

def send(request):
    sent.append(request)
    waits.append(ANSWER)
    return len(request)

lane = Plugged(run, 0)
lane._wait, lane._send, lane._receive = lambda: READABLE, send, receive
def exchange():
    lane._exchange(operation, 0, 0)
    return book.cell.ok, sum(book.cell.failed.values()), len(opened), len(sent)
"""


@pytest.mark.parametrize(
    "story,told",
    [
        ("exchange(); run.wary = True; print(exchange())", (2, 0, 1, 2)),
        ("exchange(); run.wary = True; waits.append(b''); print(exchange())", (2, 0, 2, 2)),
        ("exchange(); run.wary = True; waits.append(ConnectionResetError()); print(exchange())", (2, 0, 2, 2)),
        ("exchange(); run.wary = True; waits.append(b'\\r\\n'); print(exchange())", (2, 0, 1, 2)),
        ("exchange(); run.wary = True; waits.append(b'HTTP/1.1 408 T'); print(exchange())", (2, 0, 2, 2)),
        ("exchange(); run.wary = True; waits.append(ANSWER); print(exchange())", (1, 1, 2, 1)),
        ("exchange(); waits.append(ANSWER); lane._look(); print(exchange())", (1, 1, 2, 2)),
        ("exchange(); book.cells.clear(); waits.append(b'x'); lane._look(); print(exchange())", (1, 1, 2, 1)),
        ("operation.expected = {500}; exchange(); waits.append(b'x'); lane._look(); print(exchange())", (0, 2, 2, 2)),
        ("exchange(); waits.append(b''); exchange(); print(run.wary, *exchange())", (True, 2, 1, 2, 3)),
    ],
    ids=[
        "nothing waits",
        "goodbye",
        "reset",
        "empty line",
        "given up",
        "an answer, as the next request is at hand",
        "an answer, while idle",
        "the row is out",
        "that answer was a failure already",
        "sent into a close",
    ],
)
def test_what_waits_before_a_request(story: str, told: tuple[object, ...]) -> None:
    """Ok answers, failures, connections and requests sent, in a process of its own: gevent is not imported here."""
    told_here = subprocess.run([sys.executable, "-c", LANE + story], capture_output=True, text=True, check=True).stdout
    assert told_here.strip().strip("()").replace(",", "").split() == [str(figure) for figure in told]
