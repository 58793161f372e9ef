"""When requests are due: one small class for each load model, with one face; no gevent, the caller brings the time.

All times are nanoseconds since the start of the run. `take` hands out the intended start of the next request, or -1, or
less: then nothing is due for this lane before that moment (with its sign turned).
"""

import itertools
import random
from collections.abc import Iterator

from hybridcheck import shapes
from hybridcheck.generator.orders import Operation, Orders
from hybridcheck.generator.script import Scenario, Script

NOTHING_DUE = -1
NEVER = 1 << 62

_LATE_NS = 20_000_000
"""Longer than this an arrival has waited for somebody, and not for the event loop."""

_BURST_NS = 100_000_000
"""How much of `max_rps` may go out at once, as everywhere in a run (`transport.budgets`)."""

Booked = Operation | Scenario
"""What an arrival is of: an operation, or a scenario that begins with one."""


class OpenPace:
    """Arrivals come when the plan says, whoever is free; those beyond their deadline are unsent."""

    def __init__(self, orders: Orders, turn: Iterator[Booked]) -> None:
        self._turn = turn
        self._patience_ns = orders.deadline_ns
        self._arrivals, self._due_ones = _intended(orders), _intended(orders)
        self.next_due = next(self._arrivals, NEVER)
        self._next_counted = next(self._due_ones, NEVER)
        self.duration_ns = orders.duration_ns
        self._begins_until_ns = NEVER if orders.script is None else orders.duration_ns
        self.taken = self.offered = self.unsent = 0
        self.held = self.behind = 0
        self.ran_out = False

    def take(self, lane: int, now: int) -> int:
        """The intended start of the oldest arrival that is due and can still be in time."""
        due = self.next_due
        if due > now:
            return NOTHING_DUE
        if due + self._patience_ns < now or now > self._begins_until_ns:
            self.expire(now)
            due = self.next_due
            if due > now:
                return NOTHING_DUE
        self.next_due = next(self._arrivals, NEVER)
        self.taken += 1
        return due

    def expire(self, now: int) -> None:
        """Book as unsent what waited longer than a request may take; of scenarios, also what waited for the phase's end."""
        self._give_up(now - (_LATE_NS if now > self._begins_until_ns else self._patience_ns))

    def _give_up(self, before: int) -> None:
        while self.next_due < before:
            book = next(self._turn).book
            cell = book.cell_at(self.next_due)
            cell.planned += 1
            cell.unsent += 1
            self.unsent += 1
            self.next_due = next(self._arrivals, NEVER)

    def tick(self, now: int) -> int:
        """Count what has become due, expire what waited too long; returns 0: the timer wakes lanes, not the tick."""
        while self._next_counted <= now:
            self.offered += 1
            self._next_counted = next(self._due_ones, NEVER)
        self.expire(now)
        return 0

    def turn_at(self, now: int) -> int:
        """Now: the schedule has been held against `max_rps` before."""
        return now

    def goes_on(self, now: int) -> bool:
        """Whether a user may send the next request of its scenario, which is counted."""
        if now >= self.duration_ns:
            return False
        self.taken += 1
        self.offered += 1
        return True

    @property
    def backlog(self) -> int:
        """Arrivals that were due at the last tick and have not begun."""
        return max(self.offered - self.taken - self.unsent, 0)

    def open_before(self, until_ns: int) -> bool:
        """True when arrivals before that time have not been handed out."""
        return self.next_due < until_ns

    def exhausted(self, now: int) -> bool:
        """True when no arrival is left."""
        return self.next_due == NEVER and now >= self.duration_ns

    def run_out(self) -> None:
        """What was taken last cannot be begun, nor anything that would come later: none of it was planned."""
        self.ran_out = True
        self.taken -= 1
        self.offered = self.taken + self.unsent
        self.next_due = self._next_counted = NEVER

    def stop(self, now: int) -> None:
        """No more arrivals: what is due and waits becomes unsent, what would have come later was never planned."""
        self._give_up(now + 1)
        self.tick(now)
        self.next_due = self._next_counted = NEVER


class ClosedPace:
    """As many users as the shape says; each sends when its last answer is there, and its rest is over.

    What all of them send together stays below `max_rps`: `held` counts requests that waited for it. `behind` counts turns
    that began later than `pacing_s` after the user's last one, since that took longer.
    """

    next_due = NEVER

    def __init__(self, orders: Orders) -> None:
        self._stages = orders.stages
        self.duration_ns = orders.duration_ns
        self._share = orders.share
        self._left = orders.share.part(orders.max_requests)
        self._users = 0
        self.taken = self.held = self.behind = 0
        self.backlog = 0
        self.ran_out = False
        self._rest, self._pacing_ns = orders.rest, round(orders.pacing_s * shapes.NS_PER_S)
        self._gap_ns = 0 if orders.max_rps is None else round(shapes.NS_PER_S * orders.share.of / orders.max_rps)
        self._is_paced = bool(self._gap_ns or self._pacing_ns or self._rest)
        self._dice = random.Random(f"{orders.seed}/think/{orders.share.index}")
        self._next_turn = -_BURST_NS
        self._begun: dict[int, int] = {}
        self._rests_until: dict[int, int] = {}
        self._turns: dict[int, int] = {}

    @property
    def offered(self) -> int:
        """In the closed model what is offered is what is sent."""
        return self.taken

    def take(self, lane: int, now: int) -> int:
        """The present moment for a lane that is one of the users of this moment."""
        if self.ran_out or lane >= self._users or now >= self.duration_ns or self._left <= 0:
            return NOTHING_DUE
        if self._is_paced and (due := self._due(lane, now)) > now:
            return -due
        self._left -= 1
        self.taken += 1
        return now

    def _due(self, lane: int, now: int) -> int:
        """When a lane may begin: after its user's rest, and then in its turn; a turn that was not used in time is lost."""
        due = self._rested(lane, now)
        if due > now:
            return due
        if self._gap_ns:
            due = self._turns.get(lane, -_BURST_NS)
            if due <= now - _BURST_NS:
                due = self._turns[lane] = self.turn_at(now)
            if due > now:
                return due
        self._turns.pop(lane, None)
        self._rests_until.pop(lane, None)
        self._begun[lane] = now
        return now

    def _rested(self, lane: int, now: int) -> int:
        """When a lane's user has rested, asked for the first time when its last answer is there."""
        begun = self._begun.pop(lane, None)
        if begun is not None and self._pacing_ns:
            self._rests_until[lane] = begun + self._pacing_ns
            self.behind += begun + self._pacing_ns < now
        elif begun is not None and self._rest is not None:
            self._rests_until[lane] = now + round(self._rest(self._dice) * shapes.NS_PER_S)
        return self._rests_until.get(lane, 0)

    def turn_at(self, now: int) -> int:
        """When `max_rps` lets the next request go; nobody else has that turn."""
        if not self._gap_ns:
            return now
        turn = max(self._next_turn, now - max(_BURST_NS - self._gap_ns, 0))
        self._next_turn = turn + self._gap_ns
        self.held += turn > now
        return max(turn, now)

    def goes_on(self, now: int) -> bool:
        """Whether a user may send the next request of its scenario, which is counted."""
        if self.exhausted(now):
            return False
        self._left -= 1
        self.taken += 1
        return True

    def tick(self, now: int) -> int:
        """How many users there are now: lanes below that number are to be woken."""
        over = self.ran_out or self._left <= 0
        everyone = 0 if over else round(shapes.level_at(self._stages, now / shapes.NS_PER_S))
        self._users = self._share.part(everyone)
        return self._users

    def open_before(self, until_ns: int) -> bool:
        """False: nothing is due before a lane takes it."""
        return False

    def exhausted(self, now: int) -> bool:
        """True after the end of the shape, and when the request budget is spent."""
        return now >= self.duration_ns or self._left <= 0

    def run_out(self) -> None:
        """What was taken last cannot be begun, nor anything later; who is under way goes on."""
        self.ran_out = True
        self.taken -= 1

    def stop(self, now: int) -> None:
        """No more requests."""
        self._left = 0


Pace = OpenPace | ClosedPace


def _intended(orders: Orders) -> Iterator[int]:
    """This process's arrivals; those of a Poisson process are drawn by all in the same way, and each takes its own."""
    index, of = orders.share.index, orders.share.of
    if orders.poisson:
        drawn = itertools.islice(shapes.poisson_arrivals(orders.stages, orders.seed), orders.max_requests)
        return itertools.islice(drawn, index, None, of)
    own = shapes.arrivals(orders.stages, skip=index, step=of)
    return itertools.islice(own, orders.share.part(orders.max_requests))


def pace_of(orders: Orders, turn: Iterator[Booked]) -> Pace:
    """The pace that the plan's load model asks for."""
    return OpenPace(orders, turn) if orders.open_model else ClosedPace(orders)


def turns(orders: Orders) -> Iterator[Operation]:
    """The endless order in which the operations take their turns: that of this process's arrivals."""
    everyones = itertools.cycle([orders.operations[index] for index in orders.turn])
    return itertools.islice(everyones, orders.share.index, None, orders.share.of)


def scenario_turns(orders: Orders, script: Script) -> Iterator[Scenario]:
    """The endless order in which scenarios are begun: that of this process's arrivals."""
    everyones = itertools.cycle([script.scenarios[index] for index in script.turn])
    return itertools.islice(everyones, orders.share.index, None, orders.share.of)
