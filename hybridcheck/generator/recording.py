"""The books: per operation and second what became of each arrival, and histograms per window; no clock, no gevent.

Everything is booked under the second of the *intended* start. A second is settled once all its arrivals have an outcome;
then its row goes out and its memory is freed, so the books stay small however long a run is.
"""

from collections import Counter
from typing import Any

NS_PER_S = 1_000_000_000

Buckets = dict[int, int]

FINE_NS = 32_768
GRAIN_NS = 32
"""Times below FINE_NS are recorded to this grain, the width of a bucket from there on: finer ones would say nothing, be a thousand
for each power of two, and cost the second's report more than all requests of a millisecond."""

REST_S = 0.0001
"""Between the slices of work that is nobody's request. A timer, since gevent runs callbacks of `sleep(0)` for up to five
milliseconds before it looks at sockets again."""


class Cell:
    """One operation within one second. `response` and `service` are shared by all cells of a window."""

    __slots__ = (
        "bytes_received",
        "cut",
        "failed",
        "from_ns",
        "late",
        "ok",
        "planned",
        "response",
        "sampled",
        "service",
        "unsent",
        "until_ns",
    )

    def __init__(self, second: int, limits: int, response: Buckets, service: Buckets) -> None:
        self.from_ns = second * NS_PER_S
        self.until_ns = self.from_ns + NS_PER_S
        self.planned = self.ok = self.unsent = self.cut = self.bytes_received = self.sampled = 0
        self.late = [0] * limits
        self.failed: dict[str, int] = {}
        self.response = response
        self.service = service

    @property
    def under_way(self) -> int:
        """Arrivals without an outcome so far."""
        return self.planned - self.ok - self.unsent - self.cut - sum(self.failed.values())


class Window:
    """Histograms of one operation over a stretch of seconds that does not cross the end of the warm-up."""

    __slots__ = ("from_second", "response", "service", "until_second")

    def __init__(self, from_second: int, until_second: int, *, one_time: bool) -> None:
        self.from_second = from_second
        self.until_second = until_second
        self.response: Buckets = {}
        self.service: Buckets = self.response if one_time else {}


class Book:
    """All cells and windows of one operation that have not been reported, and its totals.

    one_time: response time is service time (closed model), and one histogram serves as both.
    """

    def __init__(
        self, name: str, limits_ns: tuple[int, ...], warm_up_s: int, window_s: int, *, one_time: bool = False
    ) -> None:
        self.one_time = one_time
        self.name = name
        self.limits_ns = limits_ns
        self.tightest_ns = min(limits_ns, default=1 << 62)
        self.warm_up_s = warm_up_s
        self.window_s = window_s
        self.cells: dict[int, Cell] = {}
        self.windows: dict[int, Window] = {}
        self.totals: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.examples: set[str] = set()
        self.cell = self._cell_of(0)

    def cell_at(self, since_start_ns: int) -> Cell:
        """The cell of an intended start, which becomes the current one."""
        self.cell = self._cell_of(since_start_ns // NS_PER_S)
        return self.cell

    def _cell_of(self, second: int) -> Cell:
        cell = self.cells.get(second)
        if cell is None:
            window = self._window_of(second)
            cell = self.cells[second] = Cell(second, len(self.limits_ns), window.response, window.service)
        return cell

    def _window_of(self, second: int) -> Window:
        base = self.warm_up_s if second >= self.warm_up_s else 0
        start = base + (second - base) // self.window_s * self.window_s
        if start not in self.windows:
            end = start + self.window_s
            until = min(end, self.warm_up_s) if base == 0 < self.warm_up_s else end
            self.windows[start] = Window(start, until, one_time=self.one_time)
        return self.windows[start]

    def count_late(self, cell: Cell, response_ns: int, count: int = 1) -> None:
        """Count an ok answer for each limit that it broke."""
        for index, limit_ns in enumerate(self.limits_ns):
            if response_ns > limit_ns:
                cell.late[index] += count

    def settled(self, second: int) -> bool:
        """True when no arrival of that second is without an outcome."""
        cell = self.cells.get(second)
        return cell is None or cell.under_way == 0

    def close_second(self, second: int) -> dict[str, Any]:
        """The row of a second; it is booked into the totals and forgotten."""
        cell = self._cell_of(second)
        del self.cells[second]
        for count in ("planned", "ok", "unsent", "cut"):
            self.totals[count] += getattr(cell, count)
        self.failed.update(cell.failed)
        late = {str(limit_ns): count for limit_ns, count in zip(self.limits_ns, cell.late, strict=True)}
        return {
            "kind": "second",
            "second": second,
            "operation": self.name,
            "warmup": second < self.warm_up_s,
            "planned": cell.planned,
            "ok": cell.ok,
            "late": late,
            "failed": cell.failed,
            "unsent": cell.unsent,
            "cut": cell.cut,
            "bytes_received": cell.bytes_received,
            "sampled": cell.sampled,
        }

    def close_windows(self, before_second: int) -> list[Window]:
        """All windows that end at or before a second, oldest first; they are forgotten."""
        ended = sorted(start for start, window in self.windows.items() if window.until_second <= before_second)
        return [self.windows.pop(start) for start in ended]

    def times(self, window: Window) -> dict[str, Any]:
        """The histograms of a window as a report."""
        return {
            "kind": "times",
            "from_second": window.from_second,
            "until_second": window.until_second,
            "operation": self.name,
            "warmup": window.from_second < self.warm_up_s,
            "response": window.response,
            "service": window.service,
        }

    def first_of_its_kind(self, kind: str) -> bool:
        """True once for each kind of failure."""
        if kind in self.examples:
            return False
        self.examples.add(kind)
        return True


def book_answer(book: Book, cell: Cell, response_ns: int, service_ns: int, count: int = 1) -> None:
    """Book an ok answer; the bucket formula of `statistics.histogram` stands here inline, for speed."""
    cell.ok += count
    if response_ns > book.tightest_ns:
        book.count_late(cell, response_ns, count)
    if response_ns < FINE_NS:
        response_ns &= -GRAIN_NS
    shift = response_ns.bit_length() - 11
    bucket = response_ns if shift <= 0 else (shift << 10) + (response_ns >> shift)
    histogram = cell.response
    histogram[bucket] = histogram.get(bucket, 0) + count
    histogram = cell.service
    if histogram is not cell.response:
        if service_ns < FINE_NS:
            service_ns &= -GRAIN_NS
        shift = service_ns.bit_length() - 11
        bucket = service_ns if shift <= 0 else (shift << 10) + (service_ns >> shift)
        histogram[bucket] = histogram.get(bucket, 0) + count


def take_back(book: Book, cell: Cell, response_ns: int, service_ns: int) -> bool:
    """An answer that was booked as ok was not: its row forgets it. False where the row has been reported already."""
    if book.cells.get(cell.from_ns // NS_PER_S) is not cell:
        return False
    book_answer(book, cell, response_ns, service_ns, -1)
    for histogram in (cell.response, cell.service):
        for bucket in [bucket for bucket, count in histogram.items() if not count]:
            del histogram[bucket]
    return True
