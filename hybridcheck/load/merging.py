"""Several generators' reports of one plan become the reports of one: what each second had in all of them, exactly.

Nothing here knows where the reports come from. A row, a window or a health second goes out once every generator has
given its own; what a generator that is lost still owes goes out without it when `rest` is asked for.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, assert_never

from pydantic import BaseModel

from hybridcheck.load.reports import (
    ChildReport,
    EndMarker,
    FailureExample,
    FailureKind,
    GeneratorSecond,
    OperationSecond,
    OperationTimes,
    OutOfRows,
    ProcessSecond,
    SetupFailed,
    Started,
)
from hybridcheck.statistics.histogram import Histogram

Pairs = tuple[tuple[int, int], ...]
Partial = OperationSecond | OperationTimes | GeneratorSecond
T = TypeVar("T", OperationSecond, OperationTimes, GeneratorSecond)
Key = tuple[Any, ...]


class Merger:
    """Puts the reports of the named generators together; the order of the names is that of the processes."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)
        self._waiting: dict[Key, dict[str, Partial]] = {}
        self._examples: set[tuple[str, FailureKind]] = set()
        self._markers: dict[str, EndMarker] = {}
        self._last_health: dict[str, int] = {}

    def take(self, name: str, report: ChildReport) -> Iterator[ChildReport]:
        """What one generator reported; yields what is complete with it."""
        match report:
            case FailureExample():
                if (report.operation, report.failure) not in self._examples:
                    self._examples.add((report.operation, report.failure))
                    yield report
            case OutOfRows() | SetupFailed():
                yield report
            case EndMarker():
                self._markers[name] = report
                for key in [key for key, parts in self._waiting.items() if self._complete(parts)]:
                    yield _together(self._waiting.pop(key))
            case OperationSecond() | OperationTimes() | GeneratorSecond():
                if isinstance(report, GeneratorSecond):
                    self._last_health[name] = report.second
                found = self._waiting.setdefault(_key(report), {})
                found[name] = report
                if self._complete(found):
                    yield _together(self._waiting.pop(_key(report)))
            case Started():
                pass  # who they are together is told by whoever started them
            case _:
                assert_never(report)

    def _complete(self, parts: Mapping[str, Partial]) -> bool:
        """Whether everybody has given theirs who has not ended: of those who have nothing more will come."""
        all_told = all(name in parts or name in self._markers for name in self._names)
        return all_told and not self._slept_through(parts)

    def rest(self) -> Iterator[ChildReport]:
        """What some generators reported and others did not, and the end marker where all have given theirs.

        A second of health through which one of them slept stays missing, as where there is only that one.
        """
        for key in sorted(self._waiting):
            if not self._slept_through(self._waiting[key]):
                yield _together(self._waiting[key])
        self._waiting.clear()
        if self._names and len(self._markers) == len(self._names):
            yield _one_marker([self._markers[name] for name in self._names])

    def _slept_through(self, parts: Mapping[str, Partial]) -> bool:
        first = next(iter(parts.values()))
        silent = set(self._names) - parts.keys()
        return isinstance(first, GeneratorSecond) and any(
            self._last_health.get(name, -1) > first.second for name in silent
        )


def _key(report: Partial) -> Key:
    match report:
        case OperationSecond():
            return "second", report.second, report.operation
        case OperationTimes():
            return "times", report.from_second, report.operation
        case _:
            return "generator", report.second, ""


def _together(parts: Mapping[str, Partial]) -> ChildReport:
    first = next(iter(parts.values()))
    if isinstance(first, OperationSecond):
        return _one_row(_of(parts.values(), OperationSecond))
    if isinstance(first, OperationTimes):
        return _one_window(_of(parts.values(), OperationTimes))
    named = {name: part for name, part in sorted(parts.items()) if isinstance(part, GeneratorSecond)}
    return _one_health(named)


def _of(parts: Iterable[Partial], kind: type[T]) -> list[T]:
    return [part for part in parts if isinstance(part, kind)]


def _one_row(rows: list[OperationSecond]) -> OperationSecond:
    return rows[0].model_copy(update=_summed(rows, kept=frozenset({"kind", "second", "operation", "warmup"})))


def _summed(parts: Sequence[BaseModel], *, kept: frozenset[str]) -> dict[str, Any]:
    """The sum of every field that is a count or counts by name, but for those that are kept as they are."""
    sums: dict[str, Any] = {}
    for name in type(parts[0]).model_fields.keys() - kept:
        values = [getattr(part, name) for part in parts]
        if isinstance(values[0], Mapping):
            counts: Counter[Any] = Counter(dict.fromkeys((key for value in values for key in value), 0))
            for value in values:
                counts.update(value)
            sums[name] = dict(counts)
        else:
            sums[name] = sum(values)
    return sums


def _one_window(windows: list[OperationTimes]) -> OperationTimes:
    merged = {"response": _pairs(w.response for w in windows), "service": _pairs(w.service for w in windows)}
    return windows[0].model_copy(update=merged)


def _one_health(parts: Mapping[str, GeneratorSecond]) -> GeneratorSecond:
    """Sums of what is counted, the worst of what is a share or a delay; who was how busy is kept by name."""
    seconds = list(parts.values())
    counts = {name: sum(getattr(second, name) for second in seconds) for name in _HEALTH_COUNTS}
    worst = {
        name: max(getattr(second, name) for second in seconds) for name in ("wall_ns", "cpu_ratio", "loop_lag_max_ns")
    }
    return seconds[0].model_copy(
        update={
            **counts,
            **worst,
            "runqueue_ratio": _known(max, (second.runqueue_ratio for second in seconds)),
            "rss_bytes": _known(sum, (second.rss_bytes for second in seconds)),
            "own_lag": _pairs(second.own_lag for second in seconds),
            "pool_lag": _pairs(second.pool_lag for second in seconds),
            "processes": tuple(_process(name, second) for name, second in parts.items()),
        }
    )


_HEALTH_COUNTS = ("offered", "sent", "in_flight", "backlog", "connections_opened", "held", "behind", "gc_collections")


def _process(name: str, second: GeneratorSecond) -> ProcessSecond:
    return ProcessSecond(
        name=name,
        cpu_ratio=second.cpu_ratio,
        own_lag_p99_ns=second.own_lag_p99_ns,
        offered=second.offered,
        sent=second.sent,
    )


def _known(combine: Callable[[list[Any]], Any], values: Iterable[float | None]) -> float | None:
    """The combination of values; None where one of them is not known."""
    listed = list(values)
    return None if any(value is None for value in listed) else combine(listed)


def _pairs(histograms: Iterable[Pairs]) -> Pairs:
    total = Histogram()
    for pairs in histograms:
        total.merge(Histogram.from_pairs(pairs))
    return tuple(total.to_pairs())


def _one_marker(markers: list[EndMarker]) -> EndMarker:
    complete = all(marker.cause == "completed" for marker in markers)
    return markers[0].model_copy(
        update={
            **_summed(markers, kept=frozenset({"kind", "cause", "seconds", "wall_s"})),
            "cause": "completed" if complete else "interrupted",
            "seconds": max(marker.seconds for marker in markers),
            "wall_s": max(marker.wall_s for marker in markers),
        }
    )
