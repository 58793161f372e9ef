"""One load run inside Locust's process: lanes, the alarm that wakes them, the sweeper, and the second hand that reports.

Everything happens in one gevent hub. The alarm and the 20-ms tick run as callbacks *in* the hub, so that switching to a
lane returns here when the lane waits. Reports go out from a greenlet of their own, in slices, so that a second with many
operations does not hold up arrivals.
"""

import gc
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from socket import gethostname
from typing import Any

import gevent
from gevent.event import Event

from hybridcheck.errors import ToolError
from hybridcheck.generator import health
from hybridcheck.generator.alarm import alarm
from hybridcheck.generator.connection import Address, resolve, tls_context
from hybridcheck.generator.failures import named, writable
from hybridcheck.generator.lane import EXPIRED, WAKE, Lane
from hybridcheck.generator.orders import Operation, Orders
from hybridcheck.generator.pace import NEVER, pace_of, scenario_turns, turns
from hybridcheck.generator.recording import NS_PER_S, REST_S, Buckets, Window
from hybridcheck.generator.report_pipe import Reports
from hybridcheck.generator.user_lane import UserLane, set_up, tear_down

_TICK_S = 0.02
_SWEEP_SLICES = 5  # each lane's deadline is looked at every 100 ms
_FLUSH_PATIENCE_S = 5.0
_LEAVING_PATIENCE_S = 4.0
"""More than a teardown takes, less than the time after which the parent ends a child that lingers."""
_GRAIN_NS = 100_000
"""Arrivals closer together than this share an alarm: one for each would cost more than sending the request does."""
_STRETCH_NS = 100_000
"""Reporting rests after so much work: after each line it would take a second for two hundred operations."""
_LAST_PATIENCE_NS = 5 * NS_PER_S
_clock = time.perf_counter_ns

Fold = Callable[[Operation, dict[str, Any]], None]
"""Called with every row and every window that was reported, to keep Locust's own statistics true."""


class LoadRun:
    """Carries out one plan and reports it; `done` is set when the end marker is out."""

    def __init__(self, orders: Orders, pipe: Reports, fold: Fold) -> None:
        self.orders = orders
        self.hub = gevent.get_hub()
        self.turn: Iterator[Operation] = turns(orders)
        self.scenario_turn = scenario_turns(orders, orders.script) if orders.script is not None else None
        self.pace = pace_of(orders, self.turn if self.scenario_turn is None else self.scenario_turn)
        self.idle: deque[Lane] = deque()
        self.own_lag: Buckets = {}
        self.pool_lag: Buckets = {}
        self.all_busy_ns = 0
        self.connections_opened = 0
        self.wary = False
        self.done = Event()
        self.origin_ns = 0
        self.tls_context: Any = None
        self._addresses: tuple[Address, ...] = ()
        self._no_address: OSError | None = None
        self._rotates = orders.script is not None
        self._pipe = pipe
        self._fold = fold
        self._lanes: list[Lane] = []
        self._timers: list[Any] = []
        self._settled = self._next_health = 0
        self._seen: Counter[str] = Counter()
        self._lost_lanes: Counter[str] = Counter()
        self._loop_lag_ns = self._ticks = 0
        self._expected_tick_ns = 0
        self._ended = False
        self._seconds_over = self._rested_ns = 0
        self._second_over = Event()
        self._reporter: gevent.Greenlet | None = None
        self._outgoing: deque[tuple[Operation, dict[str, Any] | Window]] = deque()

    def addresses(self) -> tuple[Address, ...]:
        """The target's addresses, resolved once at the start.

        Raises:
            OSError: the resolver found none; every request fails by it.
        """
        if self._no_address is not None:
            raise self._no_address.with_traceback(None)  # each request's would be hung onto those before it
        return self._addresses

    def prepare(self, *, needs_address: bool = False) -> tuple[Address, ...]:
        """Resolve the target and read the CA file, before the clock starts.

        needs_address: where others carry out the plan as well, one who does not find the target says nothing of it.

        Raises:
            OSError: the CA file cannot be read.
            ToolError: the target's name leads where nothing is ever sent, or nowhere where an address is needed.
            SetupFailed: the setup of a user failed.
        """
        self.tls_context = tls_context(self.orders) if self.orders.tls else None
        try:
            self._addresses = resolve(self.orders.host, self.orders.port, self.orders.addresses)
        except OSError as error:
            self._no_address = error
        if needs_address and not self._addresses:
            raise self._not_found()
        if self.orders.script is not None and self.orders.script.setup:
            self._lanes = [self._new_lane(index) for index in range(self.orders.connections)]
            set_up(self._lanes, self.orders.deadline_ns)
        return self._addresses

    def _not_found(self) -> ToolError:
        name, machine = self.orders.host, gethostname()
        hint = f"make {name} known to {machine}: in its DNS, or in its /etc/hosts"
        return ToolError(
            f"{machine} finds no address of {name}, so it would send nothing: {self._no_address}", hint=hint
        )

    def start(self, at_ns: int | None = None) -> None:
        """Start the clock, the lanes and the reports; the clock at an agreed instant where several processes share a plan.

        Coming late to it shows as start lag.
        """
        gc.unfreeze()  # what is left of a run before this one
        gc.collect()
        gc.freeze()
        if at_ns is not None:
            gevent.sleep(max(at_ns - _clock(), 0) / NS_PER_S)
        self._reading = health.read_counters()
        self._first_reading = self._reading
        self.origin_ns = at_ns or _clock()
        self._alarm = alarm(self.hub.loop, self._wake)
        self.pace.tick(0)
        self._lanes = self._lanes or [self._new_lane(index) for index in range(self.orders.connections)]
        for lane in self._lanes if self._rotates else reversed(self._lanes):
            lane.begin()
        tick = self.hub.loop.timer(_TICK_S, repeat=_TICK_S)
        self._expected_tick_ns = _clock() + round(_TICK_S * NS_PER_S)
        tick.start(self._tick)
        self._timers.append(tick)
        gevent.spawn(self._second_hand)
        self._reporter = gevent.spawn(self._report_seconds)

    def add_lanes(self, count: int) -> None:
        """Have at least so many lanes."""
        while len(self._lanes) < count:
            lane = self._new_lane(len(self._lanes))
            self._lanes.append(lane)
            lane.begin()

    def _new_lane(self, index: int) -> Lane:
        lane = Lane(self, index) if self.orders.script is None else UserLane(self, self.orders.script, index)
        lane.greenlet.link_exception(self._lane_died)
        return lane

    def _lane_died(self, greenlet: Any) -> None:
        """A fault of ours that nobody foresaw: what goes on would be less than the plan says, so that nothing does."""
        self._lost_lanes[writable(named(greenlet.exception)[1])] += 1

    def elapsed_ns(self) -> int:
        """Time since the start of the run."""
        return _clock() - self.origin_ns

    def under_way(self) -> int:
        """Requests without an outcome."""
        return sum(lane.deadline_ns > 0 for lane in self._lanes)

    def parked(self) -> None:
        """A lane has become idle: the next arrival has somebody who waits for it."""
        if len(self.idle) == 1 and self.pace.next_due != NEVER:
            self._alarm.at(self.origin_ns + self.pace.next_due)

    def wake_next(self, lane: Lane) -> None:
        """Let an idle lane have the next request."""
        self.idle.remove(lane)
        (self.idle.appendleft if self._rotates else self.idle.append)(lane)

    def _wake(self) -> None:
        """Switch to an idle lane for each arrival that is due; set the alarm for the next one.

        Users differ, so that whoever has rested longest comes next; of lanes that are all alike the last one has the
        warmest connection.
        """
        pace, idle, origin = self.pace, self.idle, self.origin_ns
        while idle and pace.next_due <= (now := _clock() - origin):
            lane = idle.popleft() if self._rotates else idle.pop()
            if not idle:
                self.all_busy_ns = now  # somebody was free for whatever became due before
            lane.greenlet.switch(WAKE)
        if idle and pace.next_due != NEVER:
            self._alarm.at(max(origin + pace.next_due, _clock() + _GRAIN_NS))

    def _tick(self) -> None:
        """Every 20 ms: how late is the loop, who is beyond a deadline, which users are new, what does the pipe take."""
        now = _clock()
        self._loop_lag_ns = max(self._loop_lag_ns, now - self._expected_tick_ns)
        self._expected_tick_ns = now + round(_TICK_S * NS_PER_S)
        users = self.pace.tick(now - self.origin_ns)
        if users:
            for lane in [lane for lane in self.idle if lane.index < users]:
                self.idle.remove(lane)
                lane.greenlet.switch(WAKE)
        self._ticks += 1
        since_start = now - self.origin_ns
        for lane in self._lanes[self._ticks % _SWEEP_SLICES :: _SWEEP_SLICES]:
            if 0 < lane.deadline_ns < since_start:
                lane.greenlet.switch(EXPIRED)
        self._pipe.push()

    def _second_hand(self) -> None:
        """Say of each second, when it is over, how the generator was, and end the run when nothing is left to do.

        It waits for nobody's reports: a second without its health cannot be judged, however many operations it had.
        """
        second = 0
        while not self._over():
            second = max(second, (_clock() - self.origin_ns) // NS_PER_S) + 1  # seconds slept through stay missing
            while (left_ns := self.origin_ns + second * NS_PER_S - _clock()) > 0:
                gevent.sleep(min(left_ns / NS_PER_S, 0.1))
                if self._lost_lanes:
                    self.finish("interrupted")
                if self._nothing_left():
                    self.finish("completed")
                if self._over():
                    return
            self._report_health(second - 1)
            self._seconds_over = second
            self._second_over.set()

    def _report_seconds(self) -> None:
        """Report what became of each second that is over, with rests: behind the second hand where there is much of it."""
        while not self._over():
            self._second_over.wait()
            self._second_over.clear()
            if not self._over():
                self._settle(self._seconds_over)
                self._send_reports(pause=True)

    def _over(self) -> bool:
        return self._ended

    def _nothing_left(self) -> bool:
        """True when no arrival is left and none under way, or when the last one cannot have a deadline any more.

        Users without rows have come to the end of their ways when all of them are idle.
        """
        now = _clock() - self.origin_ns
        if now > self.orders.duration_ns + 2 * self.orders.deadline_ns + _LAST_PATIENCE_NS:
            return True  # a lane is lost through a fault of ours; what it had under way is cut
        if self.pace.ran_out and len(self.idle) == len(self._lanes):
            return True
        return self.pace.exhausted(now) and not any(lane.deadline_ns for lane in self._lanes)

    def _settle(self, before_second: int) -> None:
        """Queue all seconds, in order, whose arrivals all have an outcome; then the windows that are complete."""
        books = [(operation, operation.book) for operation in self.orders.operations]
        while self._settled < before_second and not self.pace.open_before((self._settled + 1) * NS_PER_S):
            if not all(book.settled(self._settled) for _, book in books):
                break
            self._outgoing.extend((operation, book.close_second(self._settled)) for operation, book in books)
            self._settled += 1
        for operation, book in books:
            self._outgoing.extend((operation, window) for window in book.close_windows(self._settled))

    def _send_reports(self, *, pause: bool) -> None:
        """Write what is queued and fold it into Locust's statistics; `finish` may take over in any pause."""
        while self._outgoing:
            operation, item = self._outgoing[0]
            report = operation.book.times(item) if isinstance(item, Window) else item
            if not self._pipe.write(report, self._rest if pause else None):
                return  # `finish` has written it
            self._outgoing.popleft()
            self._fold(operation, report)
            if pause and not self._rest():
                return

    def _rest(self) -> bool:
        """Let others go on where there was work enough since the last rest, which takes a millisecond; False: the run has ended."""
        if _clock() - self._rested_ns > _STRETCH_NS:
            gevent.sleep(REST_S)
            self._rested_ns = _clock()
        return not self._ended

    def _report_health(self, second: int) -> None:
        self._next_health = second + 1
        before, self._reading = self._reading, health.read_counters()
        self.pace.tick(_clock() - self.origin_ns)
        own, pool = self.own_lag, self.pool_lag
        self.own_lag, self.pool_lag = {}, {}
        counts = {
            "offered": self.pace.offered,
            "sent": self.pace.taken,
            "connections_opened": self.connections_opened,
            "held": self.pace.held,
            "behind": self.pace.behind,
        }
        self._pipe.write(
            {
                "kind": "generator",
                "second": second,
                "warmup": second < self.orders.warm_up_s,
                **health.between(before, self._reading),
                **{name: count - self._seen[name] for name, count in counts.items()},
                "own_lag": own,
                "pool_lag": pool,
                "loop_lag_max_ns": self._loop_lag_ns,
                "in_flight": self.under_way(),
                "backlog": self.pace.backlog,
                "rss_bytes": health.resident_bytes(),
            }
        )
        self._seen.update({name: count - self._seen[name] for name, count in counts.items()})
        self._loop_lag_ns = 0

    def example(self, operation: Operation, intended_ns: int, kind: str, detail: str) -> None:
        """Report the first failure of its kind at an operation."""
        if operation.book.first_of_its_kind(kind):
            second = intended_ns // NS_PER_S
            row = {"second": second, "operation": operation.name, "failure": kind, "detail": writable(detail)}
            self._pipe.write({"kind": "failure_example", **row})

    def out_of_rows(self, now: int, feeder: str) -> None:
        """A user found no row of a feeder that has not been used: this process begins nothing any more, and nobody missed anything."""
        self.pace.run_out()
        self._pipe.write({"kind": "out_of_rows", "second": now // NS_PER_S, "feeder": feeder})

    def finish(self, cause: str) -> None:
        """End the run, however it ends: what is under way is cut, everything is reported, the end marker goes out last.

        Before the clock has started there is nothing to report; users that were set up are torn down.
        """
        if not self.origin_ns:
            tear_down(self._lanes)
        if self._ended or not self.origin_ns:
            return
        self._ended = True
        now = _clock() - self.origin_ns
        self.pace.tick(now)
        self._alarm.close()
        for timer in self._timers:
            timer.stop()
            timer.close()
        for lane in self._lanes:
            if lane.deadline_ns and lane.cell is not None:
                lane.cell.cut += 1
            lane.end()
        self.pace.stop(now)
        seconds = -(-min(now, self.orders.duration_ns) // NS_PER_S)
        self._report_health(self._next_health)
        self._settle(seconds)
        for operation in self.orders.operations:
            book = operation.book
            self._outgoing.extend((operation, window) for window in book.close_windows(seconds + book.window_s))
        self._send_reports(pause=False)
        self._pipe.write(self._end_marker(cause, seconds))
        self._pipe.flush(_FLUSH_PATIENCE_S)
        self._second_over.set()
        gevent.joinall([self._reporter], timeout=_FLUSH_PATIENCE_S)  # who may be in the middle of folding a window
        if self.orders.script is not None and self.orders.script.teardown:
            tear_down(self._lanes)
        self.done.set()

    def leave(self) -> None:
        """End the run before its process ends; where it is ending already, let it: reports and teardown take their time."""
        self.finish("interrupted")
        if self.origin_ns:
            self.done.wait(_LEAVING_PATIENCE_S)

    def _end_marker(self, cause: str, seconds: int) -> dict[str, Any]:
        totals: Counter[str] = Counter()
        failed: Counter[str] = Counter()
        for operation in self.orders.operations:
            totals.update(operation.book.totals)
            failed.update(operation.book.failed)
        spent = health.read_counters()
        feeders = self.orders.script.feeders if self.orders.script is not None else ()
        return {
            "kind": "end",
            "cause": cause,
            "lines": self._pipe.lines,
            "seconds": seconds,
            **{name: totals[name] for name in ("planned", "ok", "unsent", "cut")},
            "failed": dict(failed),
            "connections_opened": self.connections_opened,
            "users": sum(isinstance(lane, UserLane) and lane.user.iterations > 0 for lane in self._lanes),
            "lost_lanes": dict(self._lost_lanes),
            "rows_used": {feeder.name: feeder.used for feeder in feeders},
            "cpu_s": spent.cpu_ns / NS_PER_S,
            "wall_s": (spent.wall_ns - self._first_reading.wall_ns) / NS_PER_S,
        }
