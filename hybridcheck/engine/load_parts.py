"""A load phase looked at more closely: per operation and tag, what is left out of the verdict, second by second."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
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


def merged(records: Iterable[Record], measure: Measure) -> Histogram:
    """All histograms of a measure that count in one: bit-identical to one that had recorded everything."""
    total = Histogram()
    for record in records:
        if isinstance(record, LoadHistogram) and record.measure == measure and record.counts:
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


@dataclass(frozen=True, slots=True)
class Share:
    """One operation's part of some records: its rows, and its histograms of a measure in one."""

    rows: list[LoadSecond] = field(default_factory=list)
    times: dict[Measure, Histogram] = field(default_factory=dict)


def shares(records: Iterable[Record]) -> dict[str, Share]:
    """Rows and times by operation; each histogram is read once, since a long phase has many."""
    found: dict[str, Share] = {}
    for record in records:
        if isinstance(record, LoadSecond):
            found.setdefault(record.operation, Share()).rows.append(record)
        elif isinstance(record, LoadHistogram):
            own = found.setdefault(record.operation, Share()).times.setdefault(record.measure, Histogram())
            own.merge(Histogram.from_pairs(record.pairs))
    return found


def together(parts: Iterable[Share], measure: Measure) -> Histogram:
    """The histograms of a measure in one: bit-identical to one that had recorded everything."""
    total = Histogram()
    for part in parts:
        if measure in part.times:
            total.merge(part.times[measure])
    return total


def operations(judged: Mapping[str, Share], everything: Iterable[Record]) -> tuple[LoadPart, ...]:
    """Each operation that has a row, by its name."""
    examples = _examples(everything)
    names = sorted(name for name, share in judged.items() if share.rows)
    return tuple(_part(name, {name: judged[name]}, examples.get(name, {})) for name in names)


def tags(judged: Mapping[str, Share], tagged: Mapping[str, Collection[str]]) -> tuple[LoadPart, ...]:
    """Each tag with the operations of the phase that have it; their examples stand with themselves."""
    chosen = {
        tag: {name: judged[name] for name in sorted(names) if name in judged and judged[name].rows}
        for tag, names in tagged.items()
    }
    return tuple(_part(tag, chosen[tag], {}) for tag in sorted(chosen) if chosen[tag])


def _part(name: str, chosen: Mapping[str, Share], examples: Mapping[str, FailureExample]) -> LoadPart:
    counts = counted(row for share in chosen.values() for row in share.rows)
    return LoadPart(
        name=name,
        operations=tuple(chosen),
        planned=counts.planned,
        ok=counts.ok,
        failed=counts.failed,
        unsent=counts.unsent,
        cut=counts.cut,
        response_ms=quantiles_ms(together(chosen.values(), "response")),
        service_ms=quantiles_ms(together(chosen.values(), "service")),
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


def left_out(parts: Mapping[str, Share]) -> LeftOut | None:
    """What is in no figure of the phase; None where that is nothing."""
    rows = [row for part in parts.values() for row in part.rows]
    if not rows:
        return None
    counts, histogram = counted(rows), together(parts.values(), "response")
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
