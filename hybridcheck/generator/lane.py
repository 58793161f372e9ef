"""A lane: one greenlet with at most one connection, which sends a request, waits for the answer, books it, and goes on.

It waits for readability first and reads then, with a watcher that stays armed as long as the connection lives. The same
code serves both load models: a lane for which nothing is due parks itself, and whoever has work switches to it.
The hot path is `_exchange` and `_book`; everything that is not every request's fate is outside of them.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol

import gevent
from greenlet import greenlet

from hybridcheck.generator import failures
from hybridcheck.generator.answer import LONGEST_HEAD_BYTES, HeadReader, LookingReader, Reader
from hybridcheck.generator.connection import CHUNK_BYTES, Address, Connection, open_connection
from hybridcheck.generator.failures import Failed
from hybridcheck.generator.orders import Operation, Orders
from hybridcheck.generator.pace import NOTHING_DUE, Pace
from hybridcheck.generator.recording import FINE_NS, GRAIN_NS, Cell, book_answer

READABLE, WAKE, EXPIRED = "readable", "wake", "expired"
_HEAD_END = b"\r\n\r\n"
_READ, _WRITE = 1, 2
_AFTER_NO_CONNECTION_S = 0.1
"""In the closed model a user without a connection tries again after this time: at once would be a flood of attempts."""
_clock = time.perf_counter_ns


class Run(Protocol):
    """What a lane needs of the run that it belongs to."""

    origin_ns: int
    orders: Orders
    pace: Pace
    turn: Iterator[Operation]
    hub: Any
    tls_context: Any
    idle: deque["Lane"]
    own_lag: dict[int, int]
    pool_lag: dict[int, int]
    all_busy_ns: int
    connections_opened: int

    def addresses(self) -> tuple[Address, ...]:
        """The target's addresses; raises the resolver's error."""

    def parked(self) -> None:
        """A lane has become idle."""

    def example(self, operation: Operation, intended_ns: int, kind: str, detail: str) -> None:
        """A request failed; the first of its kind is reported."""


class Lane:
    """One greenlet, one connection at a time. `deadline_ns` is 0 while no request is under way."""

    def __init__(self, run: Run, index: int) -> None:
        self.index = index
        self.deadline_ns = 0
        self.cell: Cell | None = None
        self.greenlet = gevent.Greenlet(self._live)
        self._run = run
        self._patience_ns = run.orders.deadline_ns
        self._connection: Connection | None = None
        self._watcher: Any = None
        self._refused = False
        self._woken = True  # to whom nothing has come yet, nobody has been in the way
        self._reader: Reader
        self._send: Callable[[Any], int]
        self._receive: Callable[[int], bytes]
        self._wait: Callable[[], object] = partial(greenlet.switch, run.hub)

    def _live(self) -> None:
        """Take what is due, carry it out, again and again; park when nothing is due."""
        run, index, open_model, origin = self._run, self.index, self._run.orders.open_model, self._run.origin_ns
        take, turn, rests = run.pace.take, run.turn, not open_model
        now = _clock() - origin
        while True:
            intended = take(index, now)
            if intended < 0:
                now = self._stand_by(intended)
                continue
            operation = next(turn)
            if open_model:
                self._book_lag(intended, now)
            now = self._exchange(operation, intended, now)
            if rests and self._refused:
                self._pause(_AFTER_NO_CONNECTION_S)
                now = _clock() - origin

    def _stand_by(self, until: int) -> int:
        """Wait for what `take` told: to be woken, or for a moment (with its sign turned); gives the time after it."""
        if until == NOTHING_DUE:
            self._park()
        else:
            self._pause_until(-until)
        return _clock() - self._run.origin_ns

    def _pause_until(self, moment_ns: int) -> None:
        self._pause(max(moment_ns - (_clock() - self._run.origin_ns), 0) / 1e9)

    def _park(self) -> None:
        """Be idle until the scheduler wakes this lane."""
        self._run.idle.append(self)
        self._run.parked()
        self._rest()
        self._woken = True

    def _pause(self, pause_s: float) -> None:
        """Do nothing for a while, as a user who thinks."""
        timer = self._run.hub.loop.timer(pause_s)
        timer.start(self.greenlet.switch, WAKE)
        try:
            self._rest()
        finally:
            timer.stop()
            timer.close()

    def _rest(self) -> None:
        """Wait to be woken; meanwhile the target may close the connection."""
        while self._wait() is not WAKE:
            try:
                self._receive(CHUNK_BYTES)
            except BlockingIOError:
                continue  # TLS session tickets and the like
            except OSError:
                pass
            self._close()  # closed by the target, or bytes that nobody asked for: not fit for another request

    def _book_lag(self, intended: int, now: int) -> None:
        """Lag is the generator's own unless all lanes were busy when this arrival became due."""
        run, lag_ns = self._run, now - intended
        lags = run.own_lag if self._woken or run.idle or intended < run.all_busy_ns else run.pool_lag
        self._woken = False
        if lag_ns < FINE_NS:
            lag_ns &= -GRAIN_NS
        shift = lag_ns.bit_length() - 11
        bucket = lag_ns if shift <= 0 else (shift << 10) + (lag_ns >> shift)
        lags[bucket] = lags.get(bucket, 0) + 1

    def _exchange(self, operation: Operation, intended: int, started: int) -> int:
        """Send one request, await its answer and book it; returns when that was."""
        book = operation.book
        cell = book.cell
        if not cell.from_ns <= intended < cell.until_ns:
            cell = book.cell_at(intended)
        cell.planned += 1
        self.cell = cell
        self.deadline_ns = deadline = started + self._patience_ns
        size = 0
        try:
            if self._connection is None:
                self._connect()
            reader = self._reader
            reader.expect(operation)
            feed = reader.feed if not operation.head else HeadReader(reader).parser.feed_data
            self._send_all(operation.request)
            if self._wait() is not READABLE:
                raise Failed(failures.TIMEOUT, "no answer within the deadline")
            try:
                data = self._receive(CHUNK_BYTES)
            except BlockingIOError:
                data = self._next_bytes()
            feed(data)
            size = len(data)
            if reader.complete != 1:
                size = self._read_on(data, feed)
            if not reader.keep_alive:
                self._close()
            problem = reader.problem
        except Exception as error:  # noqa: BLE001  whatever it is, it is the outcome of this request and gets its name
            problem = self._failed(operation, intended, error)
        ended = _clock() - self._run.origin_ns
        self.deadline_ns = 0
        cell.bytes_received += size
        if problem is None and ended <= deadline:
            book_answer(book, cell, ended - intended, ended - started)
        else:
            self._book_failure(operation, cell, intended, problem)
        return ended

    def _failed(self, operation: Operation, intended: int, error: Exception) -> str:
        """Name a failure that broke the exchange off; its connection is not used again."""
        kind, detail = failures.named(error)
        self._close()
        self._run.example(operation, intended, kind, detail)
        return kind

    def _book_failure(self, operation: Operation, cell: Cell, intended: int, problem: str | None) -> None:
        """A failure of its kind; an answer that came after the deadline and before the sweeper is a timeout."""
        kind = failures.TIMEOUT if problem is None else problem
        cell.failed[kind] = cell.failed.get(kind, 0) + 1
        if kind not in operation.book.examples:  # what broke the exchange off has been told by `_failed`
            detail = "the answer came after the deadline" if problem is None else self._reader.detail
            self._run.example(operation, intended, kind, detail)

    def _send_all(self, request: bytes) -> None:
        try:
            sent = self._send(request)
        except BlockingIOError:
            sent = 0
        while sent < len(request):
            assert self._connection is not None
            self._wait_for(self._connection.fileno(), writable=True)
            try:
                sent += self._send(memoryview(request)[sent:])
            except BlockingIOError:
                continue

    def _next_bytes(self) -> bytes:
        """Whatever comes next, b"" at the end of the stream."""
        while True:
            if self._wait() is not READABLE:
                raise Failed(failures.TIMEOUT, "no complete answer within the deadline")
            try:
                return self._receive(CHUNK_BYTES)
            except BlockingIOError:
                continue

    def _read_on(self, data: bytes, feed: Callable[[bytes], None]) -> int:
        """The rest of an answer that did not come in one piece; returns its size so far on the wire."""
        reader, head, size = self._reader, data, len(data)
        while not reader.complete:
            if not data:
                if reader.ends_with_connection(head):
                    break
                raise Failed(failures.EARLY_CLOSE, f"the connection was closed after {size} bytes of the answer")
            data = self._next_bytes()
            size += len(data)
            if _HEAD_END not in head:
                head += data
                if len(head) > LONGEST_HEAD_BYTES and _HEAD_END not in head:
                    raise Failed(failures.FRAMING, f"no end of the header after {size} bytes")
            feed(data)
        if reader.complete > 1:
            raise Failed(failures.FRAMING, "more than one answer came to one request")
        return size

    def _wait_for(self, descriptor: int, *, writable: bool) -> None:
        """Wait for a file descriptor outside of the usual turn: connecting, handshakes, requests that fill the buffer."""
        if self._watcher is not None:
            self._watcher.stop()
        watcher = self._run.hub.loop.io(descriptor, _WRITE if writable else _READ)
        watcher.start(self.greenlet.switch, READABLE)
        try:
            if self._wait() is not READABLE:
                kind = failures.CONNECT_TIMEOUT if self._connection is None else failures.TIMEOUT
                raise Failed(kind, "the deadline passed while " + ("sending" if self._connection else "connecting"))
        finally:
            watcher.stop()
            watcher.close()
            if self._watcher is not None:
                self._watcher.start(self.greenlet.switch, READABLE)

    def _connect(self) -> None:
        run = self._run
        self._refused = True
        connection = open_connection(run.orders, run.addresses(), run.tls_context, self._wait_for)
        self._refused = False
        run.connections_opened += 1
        self._connection = connection
        self._send, self._receive = connection.send, connection.receive
        self._reader = self._new_reader()
        self._watcher = run.hub.loop.io(connection.fileno(), _READ)
        self._watcher.start(self.greenlet.switch, READABLE)

    def _new_reader(self) -> Reader:
        return LookingReader(self._looked_into) if self._run.orders.looks_into_answers else Reader()

    def begin(self) -> None:
        """Start taking what is due."""
        self.greenlet.start()

    def end(self) -> None:
        """Do nothing more: an answer whose arrival the loop has noticed already is not booked after the books are closed."""
        if self._watcher is not None:
            self._watcher.stop()
        self.greenlet.kill(block=False)

    def _looked_into(self) -> None:
        if self.cell is not None:
            self.cell.sampled += 1

    def _close(self) -> None:
        """Let go of the connection; the next request opens another."""
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            self._watcher = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None
