"""Whether the books of a child balance: sums over its rows against its end marker, and which seconds are missing."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from hybridcheck.load.reports import EndMarker, OperationSecond, OperationTimes
from hybridcheck.statistics.histogram import Histogram


class Books:
    """Adds up rows as they come; nothing is kept but sums and the seconds seen."""

    def __init__(self, operations: Collection[str]) -> None:
        self._operations = frozenset(operations)
        self._seen: dict[int, set[str]] = {}
        self._sums: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._faults: list[str] = []

    def add(self, row: OperationSecond) -> None:
        """Book one row."""
        if not row.balances:
            self._faults.append(f"second {row.second} of {row.operation!r} does not balance")
        seen = self._seen.setdefault(row.second, set())
        if row.operation in seen or row.operation not in self._operations:
            self._faults.append(f"second {row.second} of {row.operation!r} came twice or is of no planned operation")
        seen.add(row.operation)
        self._sums.update(planned=row.planned, ok=row.ok, unsent=row.unsent, cut=row.cut)
        self._failed.update({kind.value: count for kind, count in row.failed.items()})

    def missing_seconds(self, seconds: int) -> tuple[int, ...]:
        """Seconds below `seconds` of which the row of at least one operation has not come."""
        return tuple(second for second in range(seconds) if self._seen.get(second, set()) != self._operations)

    def faults_against(self, end: EndMarker, lines: int) -> tuple[str, ...]:
        """What does not agree with the end marker, or is told by it as wrong; `lines` is how many lines came before it."""
        faults = list(self._faults)
        if lines != end.lines:
            faults.append(f"{end.lines} lines were written and {lines} came")
        told: Mapping[str, int] = {"planned": end.planned, "ok": end.ok, "unsent": end.unsent, "cut": end.cut}
        for name, count in told.items():
            if self._sums[name] != count:
                faults.append(f"{name}: the rows sum up to {self._sums[name]}, the end marker says {count}")
        if {kind.value: count for kind, count in end.failed.items() if count} != dict(+self._failed):
            faults.append("the failures in the rows are not those of the end marker")
        for words, count in end.lost_lanes.items():
            faults.append(f"hybridcheck is at fault: {count} of the generator's connections came to an end by {words}")
        return tuple(faults)


def merged_times(windows: Iterable[OperationTimes], *, warmup: bool = False) -> dict[str, tuple[Histogram, Histogram]]:
    """Operation → (response, service) over all windows of the judged part, or of the warm-up; merging is exact."""
    totals: dict[str, tuple[Histogram, Histogram]] = {}
    for window in windows:
        if window.warmup is warmup:
            response, service = totals.setdefault(window.operation, (Histogram(), Histogram()))
            response.merge(Histogram.from_pairs(window.response))
            service.merge(Histogram.from_pairs(window.service))
    return totals
