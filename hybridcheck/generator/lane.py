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
from hybridcheck.generator.answer import Beginning, HeadReader, LookingReader, Reader
from hybridcheck.generator.connection import CHUNK_BYTES, Address, Connection, open_connection
from hybridcheck.generator.failures import Failed
from hybridcheck.generator.orders import Operation, Orders
from hybridcheck.generator.pace import NOTHING_DUE, Pace
from hybridcheck.generator.recording import FINE_NS, GRAIN_NS, Cell, book_answer, take_back

READABLE, WRITABLE, WAKE, EXPIRED = "readable", "writable", "wake", "expired"
_GIVEN_UP = (b"HTTP/1.1 408 ", b"HTTP/1.0 408 ")
"""An answer that needs no request: the target waited long enough for one, and closes (RFC 9110, section 15.5.9)."""
_BROKEN_OFF = frozenset({failures.EARLY_CLOSE, failures.RESET})
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
    wary: bool
    """The target has closed a connection that it had kept, or sent what nobody asked for: each lane looks before it sends.

    Without that, only lanes that were idle know what waits for them: a look costs a tenth of what a request does."""

    def wake_next(self, lane: "Lane") -> None:
        """Let an idle lane have the next request."""

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
        self.greenlet = gevent.Greenlet(self._live_and_let_go)
        self._run = run
        self._patience_ns = run.orders.deadline_ns
        self._connection: Connection | None = None
        self._watcher: Any = None
        self._refused = False
        self._woken = True  # to whom nothing has come yet, nobody has been in the way
        self._response_ns = self._service_ns = -1
        """The times of the last answer, -1 where it was not ok: it may have to be taken back."""
        self._owed = ""
        """What was wrong with an answer that could not be taken back: the next request fails by it."""
        self._reader: Reader
        self._send: Callable[[Any], int]
        self._receive: Callable[[int], bytes]
        self._wait: Callable[[], object] = partial(greenlet.switch, run.hub)

    def _live_and_let_go(self) -> None:
        """Whatever ends this lane, its connection goes with it: the next run of this process has its own."""
        try:
            self._live()
        finally:
            self._close()

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
        """Wait to be woken; meanwhile the target may close the connection, or send what nobody asked for."""
        while self._wait() is not WAKE:
            self._look()

    def _look(self) -> bool:
        """Take what waits on the connection while no answer is due; False when it is not fit for another request.

        That is the target's goodbye, or bytes that nobody asked for. Empty lines are let pass (RFC 9112, section 9.2), as are TLS session tickets and the like.
        """
        try:
            data = self._receive(CHUNK_BYTES)
        except BlockingIOError:
            return True
        except OSError:
            data = b""
        if data and not data.strip(b"\r\n"):
            return True
        if data and not data.startswith(_GIVEN_UP):
            self._spoiled(f"{len(data)} bytes that nobody asked for: {data[:40]!r}")
        self._close()
        return False

    def _spoiled(self, detail: str) -> None:
        """Bytes without a request: the answer before them was not right, whatever it looked like.

        Where there was none on this connection, or its row is out, the next request fails in its place.
        """
        reader, run, cell = self._reader, self._run, self.cell
        run.wary = True
        if self.deadline_ns or cell is None or not reader.keep_alive:
            self._owed = detail
        elif self._response_ns >= 0:
            if take_back(reader.operation.book, cell, self._response_ns, self._service_ns):
                reader.detail = detail
                self._book_failure(reader.operation, cell, cell.from_ns, failures.FRAMING)
            else:
                self._owed = detail
        if self._owed and self in run.idle:  # the next request is this lane's
            run.wake_next(self)

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
        try:
            if self._connection is None or self._run.wary:
                self._make_ready()
            reader = self._reader
            reader.expect(operation)
            feed = reader.feed if not operation.head else HeadReader(reader).parser.feed_data
            if self._send_all(operation.request, feed):
                if self._wait() is not READABLE:
                    raise Failed(failures.TIMEOUT, "no answer within the deadline")
                try:
                    data = self._receive(CHUNK_BYTES)
                except BlockingIOError:
                    data = self._next_bytes()
                cell.bytes_received += len(data)
                feed(data)
                if not reader.complete:
                    self._read_on(data, feed)
            if not reader.keep_alive:
                self._close()
            problem = reader.problem
        except Exception as error:  # noqa: BLE001  whatever it is, it is the outcome of this request and gets its name
            problem = self._failed(operation, intended, error)
        ended = _clock() - self._run.origin_ns
        self.deadline_ns = 0
        if problem is None and ended <= deadline:
            self._response_ns = response_ns = ended - intended
            self._service_ns = service_ns = ended - started
            book_answer(book, cell, response_ns, service_ns)
        else:
            self._book_failure(operation, cell, intended, problem)
        return ended

    def _failed(self, operation: Operation, intended: int, error: Exception) -> str:
        """Name a failure that broke the exchange off; its connection is not used again."""
        kind, detail = failures.named(error)
        if self._connection is not None and kind in _BROKEN_OFF:
            if self._reader.keep_alive:
                self._run.wary = True
            else:
                self._refused = True
        self._close()
        self._run.example(operation, intended, kind, detail)
        return kind

    def _book_failure(self, operation: Operation, cell: Cell, intended: int, problem: str | None) -> None:
        """A failure of its kind; an answer that came after the deadline and before the sweeper is a timeout."""
        kind = failures.TIMEOUT if problem is None else problem
        self._response_ns = -1
        cell.failed[kind] = cell.failed.get(kind, 0) + 1
        if kind not in operation.book.examples:  # what broke the exchange off has been told by `_failed`
            detail = "the answer came after the deadline" if problem is None else self._reader.detail
            self._run.example(operation, intended, kind, detail)

    def _send_all(self, request: bytes, feed: Callable[[bytes], None]) -> bool:
        """Send a request; False when the answer came before all of it was sent, and has been read."""
        try:
            sent = self._send(request)
        except BlockingIOError:
            sent = 0
        return sent == len(request) or self._send_on(memoryview(request)[sent:], feed)

    def _send_on(self, rest: memoryview, feed: Callable[[bytes], None]) -> bool:
        """What the socket did not take at once, reading what comes meanwhile: a refusal need not wait for the whole."""
        assert self._connection is not None
        reader, beginning = self._reader, Beginning()
        watcher = self._run.hub.loop.io(self._connection.fileno(), _WRITE)
        watcher.start(self.greenlet.switch, WRITABLE)
        broken: OSError | None = None
        try:
            while rest and not broken and not reader.complete:
                ready = self._wait()
                if ready not in {READABLE, WRITABLE}:
                    raise Failed(failures.TIMEOUT, "the deadline passed while sending")
                try:
                    if ready is WRITABLE:
                        rest = rest[self._send(rest) :]
                    else:
                        self._take_in(self._receive(CHUNK_BYTES), feed, beginning)
                except BlockingIOError:
                    continue
                except ConnectionError as error:
                    broken = error
        finally:
            watcher.stop()
            watcher.close()
        if not (rest or beginning.size or reader.complete):
            return True
        self._hear_out(feed, beginning, broken)
        reader.keep_alive = reader.keep_alive and not rest
        return False

    def _hear_out(self, feed: Callable[[bytes], None], beginning: Beginning, broken: OSError | None) -> None:
        """The rest of an answer that began early; where nothing comes after a broken sending, that is what happened."""
        try:
            while not self._reader.complete:
                self._take_in(self._next_bytes(), feed, beginning)
        except (Failed, OSError):
            if broken is not None and not beginning.size:
                raise broken from None
            raise

    def _next_bytes(self) -> bytes:
        """Whatever comes next, b"" at the end of the stream."""
        while True:
            if self._wait() is not READABLE:
                raise Failed(failures.TIMEOUT, "no complete answer within the deadline")
            try:
                return self._receive(CHUNK_BYTES)
            except BlockingIOError:
                continue

    def _read_on(self, data: bytes, feed: Callable[[bytes], None]) -> None:
        """The rest of an answer that did not come in one piece."""
        beginning = Beginning()
        self._go_on(data, beginning)
        while not self._reader.complete:
            self._take_in(self._next_bytes(), feed, beginning)

    def _take_in(self, data: bytes, feed: Callable[[bytes], None], beginning: Beginning) -> None:
        assert self.cell is not None
        self.cell.bytes_received += len(data)
        feed(data)
        self._go_on(data, beginning)

    def _go_on(self, data: bytes, beginning: Beginning) -> None:
        """A piece has been read; the end of the stream ends an answer that has no other end, or breaks it off."""
        if self._reader.complete:
            return
        if data:
            beginning.add(data)
        elif beginning.until_close:
            self._reader.on_message_complete()
        else:
            raise Failed(failures.EARLY_CLOSE, f"the connection was closed after {beginning.size} bytes of the answer")

    def _wait_for(self, descriptor: int, *, writable: bool) -> None:
        """Wait for a file descriptor that is not a connection yet: connecting, handshakes."""
        watcher = self._run.hub.loop.io(descriptor, _WRITE if writable else _READ)
        watcher.start(self.greenlet.switch, READABLE)
        try:
            if self._wait() is not READABLE:
                raise Failed(failures.CONNECT_TIMEOUT, "the deadline passed while connecting")
        finally:
            watcher.stop()
            watcher.close()

    def _make_ready(self) -> None:
        """Open a connection, or look whether the kept one is still fit for a request."""
        if self._connection is None or not self._look():
            self._connect()

    def _connect(self) -> None:
        run = self._run
        owed, self._owed = self._owed, ""
        if owed:
            raise Failed(failures.FRAMING, owed)
        self._refused = True
        connection = open_connection(run.orders, run.addresses(), run.tls_context, self._wait_for)
        run.connections_opened += 1
        self._connection = connection
        self._send, self._receive = connection.send, connection.receive
        self._reader = self._new_reader()
        self._watcher = run.hub.loop.io(connection.fileno(), _READ)
        self._watcher.start(self.greenlet.switch, READABLE)
        if not self._look():
            owed, self._owed = self._owed, ""
            kind = failures.FRAMING if owed else failures.EARLY_CLOSE
            raise Failed(kind, owed or "the connection was closed before a request was sent")
        self._refused = False

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
