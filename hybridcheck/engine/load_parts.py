"""A load phase looked at more closely: per operation and tag, what is left out of the verdict, second by second."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from hybridcheck.engine.findings import MOST_TEXT, rounded
from hybridcheck.evidence import LoadHistogram, LoadSecond, Observation, Record
from hybridcheck.load_document import FailureExample, LeftOut, LoadPart, LoadSeries
from hybridcheck.statistics.histogram import Histogram, value_ns

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999, "max": 1.0}
NS_PER_MS = 1e6

MOST_POINTS = 600
"""Of a series: a longer phase is summed over stretches of so many seconds that it has no more."""

FAILURE = "failure."
"""What the labels of observations begin with that tell the first failure of a kind."""

Measure = Literal["response", "service", "lag", "own_lag"]


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of some arrivals: planned = ok + failed + unsent + cut."""

    planned: int
    ok: int
    failed: dict[str, int]
    unsent: int
    cut: int


def counted(rows: Iterable[LoadSecond]) -> Counts:
    """The sums of some rows."""
    sums, failed = Counter[str](), Counter[str]()
    for row in rows:
        sums.update(planned=row.planned, ok=row.ok, unsent=row.unsent, cut=row.cut)
        failed.update(row.failed)
    return Counts(sums["planned"], sums["ok"], dict(sorted(failed.items())), sums["unsent"], sums["cut"])


def merged(records: Iterable[Record], measure: Measure, *, judged: bool = True) -> Histogram:
    """All histograms of a measure in one, of what is `judged` alone: bit-identical to one that had recorded everything."""
    total = Histogram()
    for record in records:
        if isinstance(record, LoadHistogram) and record.measure == measure and (record.counts or not judged):
            total.merge(Histogram.from_pairs(record.pairs))
    return total


def quantiles_ms(histogram: Histogram) -> dict[str, float | None]:
    """Mean and quantiles in milliseconds; None where nothing was recorded."""
    found: dict[str, float | None] = {"mean": mean_ms(histogram)}
    for name, share in QUANTILES.items():
        value = histogram.quantile(share)
        found[name] = None if value is None else rounded(value / NS_PER_MS)
    return found


def mean_ms(histogram: Histogram) -> float | None:
    """The mean of the buckets' middles in milliseconds; None where nothing was recorded."""
    count = histogram.count
    if not count:
        return None
    return rounded(sum(value_ns(bucket) * number for bucket, number in histogram.to_pairs()) / count / NS_PER_MS)


def connection_waits(lag: Histogram, own_lag: Histogram) -> Histogram:
    """Start lag of the arrivals that found no free connection: all of it without the generator's own, bucket by bucket.

    Empty where the two do not belong together, since one of them is not recorded.
    """
    left = Counter(dict(lag.to_pairs()))
    left.subtract(dict(own_lag.to_pairs()))
    return Histogram() if min(left.values(), default=0) < 0 else Histogram.from_pairs((+left).items())


def operations(judged: Iterable[Record], everything: Iterable[Record]) -> tuple[LoadPart, ...]:
    """Each operation that has a row, by its name."""
    examples = _examples(everything)
    parts = _by_operation(judged)
    return tuple(_part(name, {name: parts[name]}, examples.get(name, {})) for name in sorted(parts))


def tags(judged: Iterable[Record], tagged: Mapping[str, Collection[str]]) -> tuple[LoadPart, ...]:
    """Each tag with the operations of the phase that have it; their examples stand with themselves."""
    parts = _by_operation(judged)
    chosen = {tag: {name: parts[name] for name in sorted(names) if name in parts} for tag, names in tagged.items()}
    return tuple(_part(tag, chosen[tag], {}) for tag in sorted(chosen) if chosen[tag])


def _by_operation(judged: Iterable[Record]) -> dict[str, list[Record]]:
    """Rows and times of each operation that has a row."""
    found: dict[str, list[Record]] = {}
    rows = set[str]()
    for record in judged:
        if isinstance(record, LoadSecond | LoadHistogram):
            found.setdefault(record.operation, []).append(record)
            if isinstance(record, LoadSecond):
                rows.add(record.operation)
    return {name: records for name, records in found.items() if name in rows}


def _part(name: str, chosen: Mapping[str, list[Record]], examples: Mapping[str, FailureExample]) -> LoadPart:
    own = [record for records in chosen.values() for record in records]
    counts = counted(row for row in own if isinstance(row, LoadSecond))
    return LoadPart(
        name=name,
        operations=tuple(chosen),
        planned=counts.planned,
        ok=counts.ok,
        failed=counts.failed,
        unsent=counts.unsent,
        cut=counts.cut,
        response_ms=quantiles_ms(merged(own, "response")),
        service_ms=quantiles_ms(merged(own, "service")),
        examples=dict(sorted(examples.items())),
    )


def _examples(records: Iterable[Record]) -> dict[str, dict[str, FailureExample]]:
    """Operation → kind → its first failure; of several processes each tells one, and the earliest is kept."""
    found: dict[str, dict[str, FailureExample]] = {}
    for record in records:
        if isinstance(record, Observation) and record.label.startswith(FAILURE):
            second, values = record.values.get("second"), record.values
            example = FailureExample(
                second=second if isinstance(second, int) else None, detail=str(values.get("detail", ""))[:MOST_TEXT]
            )
            of_operation = found.setdefault(str(values.get("operation")), {})
            kind = record.label.removeprefix(FAILURE)
            of_operation[kind] = min(of_operation.get(kind, example), example, key=lambda one: one.second or 0)
    return found


def left_out(rows: Iterable[LoadSecond], times: Iterable[Record]) -> LeftOut | None:
    """What is in no figure of the phase; None where that is nothing."""
    rows = list(rows)
    if not rows:
        return None
    counts, histogram = counted(rows), merged(times, "response", judged=False)
    return LeftOut(
        seconds=len({row.second for row in rows}),
        planned=counts.planned,
        ok=counts.ok,
        failed=counts.failed,
        unsent=counts.unsent,
        cut=counts.cut,
        response_ms=quantiles_ms(histogram),
    )


def series(rows: Collection[LoadSecond], judged: Collection[int]) -> LoadSeries | None:
    """The phase second by second; None where it has no second."""
    if not rows:
        return None
    by_second: dict[int, list[LoadSecond]] = {}
    for row in rows:
        by_second.setdefault(row.second, []).append(row)
    until = max(by_second) + 1
    step_s = -(-until // MOST_POINTS)
    stretches = [range(begin, min(begin + step_s, until)) for begin in range(0, until, step_s)]
    sums = [_sums(by_second, stretch) for stretch in stretches]

    def column(name: str) -> tuple[int | None, ...]:
        return tuple(None if one is None else sum(_value(one, name)) for one in sums)

    return LoadSeries(
        step_s=step_s,
        until_second=until,
        planned=column("planned"),
        ok=column("ok"),
        failed=column("failed"),
        unsent=column("unsent"),
        cut=column("cut"),
        judged=tuple(len(set(stretch).intersection(judged)) for stretch in stretches),
    )


def _sums(by_second: Mapping[int, list[LoadSecond]], stretch: range) -> Counts | None:
    """None where a second of the stretch is missing: what became of its arrivals nobody knows."""
    if any(second not in by_second for second in stretch):
        return None
    return counted(row for second in stretch for row in by_second[second])


def _value(counts: Counts, name: str) -> Iterator[int]:
    value = getattr(counts, name)
    yield from value.values() if isinstance(value, dict) else (value,)
