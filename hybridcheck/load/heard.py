"""What the listeners of one stream heard, second by second: delays, order, loss, connects, and who heard nothing."""

import asyncio
import math
import operator
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field

from hybridcheck.checks.clocks import DATE_LAG_S
from hybridcheck.checks.streams.listening import OPENED, Tick, opening_complaint, ticks
from hybridcheck.evidence import ListenSecond, StreamRecord
from hybridcheck.profile.drives import DriveListeners
from hybridcheck.statistics.histogram import Histogram

NS_PER_S, NS_PER_MS = 1_000_000_000, 1_000_000


@dataclass(slots=True)
class _Second:
    """The counts of one second."""

    delay: Histogram = field(default_factory=Histogram)
    connect: Histogram = field(default_factory=Histogram)
    refused: Counter[str] = field(default_factory=Counter)
    least_delay_s: float = math.inf
    events: int = 0
    lost: int = 0
    disordered: int = 0
    cut: int = 0
    ended: int = 0
    left: int = 0


@dataclass(slots=True)
class Heard:
    """Books each listen when it has ended; times are seconds since `began_unix_s`, by the tester's clock."""

    listeners: DriveListeners
    began_unix_s: float = 0.0
    examples: dict[str, str] = field(default_factory=dict)
    """The first failure to open of each kind, in words."""
    _seconds: dict[int, _Second] = field(default_factory=dict)
    _open: dict[int, list[tuple[float, float]]] = field(default_factory=dict)
    _lively: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    """By listener from which second on, and until before which, an event serves it; one stretch while they come in time."""

    def add(self, number: int, record: StreamRecord) -> None:
        """Book what the listener of that number heard in one listen."""
        began_s = (record.started_unix_s or self.began_unix_s) - self.began_unix_s
        ended_s = began_s + (record.total_ms or 0.0) / 1000
        if record.response is None or record.response.status != OPENED[record.protocol] or opening_complaint(record):
            kind = str(record.failure) if record.response is None else f"status {record.response.status}"
            self.examples.setdefault(kind, record.failure_detail or opening_complaint(record) or kind)
            self._at(ended_s).refused[kind] += 1
            return
        opened_ms = record.opened_ms or 0.0
        self._at(began_s + opened_ms / 1000).connect.record(round(opened_ms * NS_PER_MS))
        self._open.setdefault(number, []).append((began_s + opened_ms / 1000, ended_s))
        self._end(record, ended_s)
        found = ticks(record, self.listeners.spec)
        for second in dict.fromkeys(math.floor(began_s + tick.at_ms / 1000) for tick in found):
            self._serve(number, second)
        self._book(found, began_s)

    def _serve(self, number: int, second: int) -> None:
        """An event serves its listener from its second on, for as long as the stream promises the next one."""
        stretches, until = self._lively.setdefault(number, []), second + math.ceil(self.listeners.spec.within_s)
        first, last = stretches[-1] if stretches else (second, second)
        if stretches and first <= second <= last:
            stretches[-1] = (first, max(last, until))
        else:
            stretches.append((second, until))

    def _end(self, record: StreamRecord, ended_s: float) -> None:
        second = self._at(ended_s)
        match record.ended:
            case "abnormal":
                second.cut += 1
            case "by_target":
                second.ended += 1
            case _:
                second.left += 1

    def _book(self, found: list[Tick], began_s: float) -> None:
        last: int | None = None
        for tick in found:
            at_s = began_s + tick.at_ms / 1000
            second = self._at(at_s)
            second.events += 1
            if tick.sequence is not None:
                if last is not None and tick.sequence <= last:
                    second.disordered += 1
                elif last is not None:
                    second.lost += tick.sequence - last - 1
                last = tick.sequence if last is None else max(last, tick.sequence)
            # a history from before the listen that is replayed has no delay
            if tick.sent_at is not None and tick.sent_at >= self.began_unix_s + began_s - DATE_LAG_S:
                delay_s = self.began_unix_s + at_s - tick.sent_at
                second.least_delay_s = min(second.least_delay_s, delay_s)
                second.delay.record(max(0, round(delay_s * NS_PER_S)))

    def _at(self, at_s: float) -> _Second:
        return self._seconds.setdefault(math.floor(at_s), _Second())

    async def seconds(self, count: int, lag_ms: Mapping[int, float]) -> AsyncGenerator[ListenSecond, None]:
        """The record of each of so many seconds, also of those in which nothing was heard.

        Between listeners and between seconds others go on: a long phase has many of both.
        """
        served = [0] * count
        for user in range(self.listeners.users):
            served = list(map(operator.add, served, self._served(user, count)))
            await asyncio.sleep(0)
        for number in range(count):
            await asyncio.sleep(0)
            second = self._seconds.get(number, _Second())
            yield ListenSecond(
                second=number,
                listeners=self.listeners.name,
                users=self.listeners.users,
                events=second.events,
                lost=second.lost,
                disordered=second.disordered,
                delay=tuple(second.delay.to_pairs()),
                least_delay_ms=None if second.least_delay_s == math.inf else second.least_delay_s * 1000,
                connect=tuple(second.connect.to_pairs()),
                refused=dict(second.refused),
                cut=second.cut,
                ended=second.ended,
                left=second.left,
                unserved=self.listeners.users - served[number],
                loop_lag_max_ms=lag_ms.get(number),
            )

    def _served(self, user: int, count: int) -> bytes:
        """Of each second 1 where a listener had an open stream, and an event within the time that the stream promises."""
        is_open, is_lively = bytearray(count), bytearray(count)
        for opened, ended in self._open.get(user, ()):
            _mark(is_open, math.floor(opened), math.ceil(ended))
        _mark(is_lively, 0, math.ceil(self.listeners.spec.within_s) - 1)  # the first one is not due yet
        for first, until in self._lively.get(user, ()):
            _mark(is_lively, first, until)
        return bytes(map(operator.and_, is_open, is_lively))


def _mark(seconds: bytearray, first: int, until: int) -> None:
    """Mark those from `first` on, before `until`, which may lie outside of what is recorded."""
    first, until = max(first, 0), min(until, len(seconds))
    if first < until:
        seconds[first:until] = bytes([1]) * (until - first)
