"""What the load phases and the samplers recorded, summed up for the document; nothing here judges."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from hybridcheck.cases import Json
from hybridcheck.checks.load.phases import SWEEP, USED, WARM_UP
from hybridcheck.engine.findings import rounded
from hybridcheck.engine.streams import Streams
from hybridcheck.evidence import GeneratorSecond, LoadEnd, LoadHistogram, LoadSecond, Observation, Record, Sample
from hybridcheck.statistics.histogram import Histogram, value_ns
from hybridcheck.verdict import LoadPhase, LoadProcess, ResourceSeries

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999, "max": 1.0}
NS_PER_MS = 1e6

Measure = Literal["response", "service", "lag"]


def load_phases(streams: Streams) -> tuple[LoadPhase, ...]:
    """Every load phase of the run, by the name of its stream; seconds that do not count are left out of all numbers."""
    names = {r.stream for r in streams.records if isinstance(r, LoadSecond | LoadEnd | LoadHistogram)}
    return tuple(load_phase(name, streams.sealed_records(name)) for name in sorted(names))


def load_phase(stream: str, records: tuple[Record, ...]) -> LoadPhase:
    """One load phase; seconds of a warm-up that was found by its rule are left out like those that do not count."""
    warm_up_s, items = _told(records, WARM_UP, "until_second"), _told(records, SWEEP, "items")
    records = tuple(record for record in records if not _warming_up(record, warm_up_s or 0))
    judged = [record for record in records if isinstance(record, LoadSecond) and record.counts]
    seconds = len({record.second for record in judged})
    ok = sum(record.ok for record in judged)
    failed: Counter[str] = Counter()
    for record in judged:
        failed.update(record.failed)
    own = [record for record in records if isinstance(record, GeneratorSecond) and record.counts]
    cpu = [record.cpu_ratio for record in own if record.cpu_ratio is not None]
    end = next((record for record in records if isinstance(record, LoadEnd)), None)
    return LoadPhase(
        stream=stream,
        planned=sum(record.planned for record in judged),
        ok=ok,
        failed=dict(sorted(failed.items())),
        unsent=sum(record.unsent for record in judged),
        cut=sum(record.cut for record in judged),
        seconds=seconds,
        achieved_rps=rounded(ok / seconds) if seconds else None,
        response_ms=quantiles_ms(merged(records, "response")),
        service_ms=quantiles_ms(merged(records, "service")),
        lag_ms=quantiles_ms(merged(records, "lag")),
        generator_cpu_max_ratio=rounded(max(cpu, default=None)),
        cause=end.cause if end else None,
        warm_up_s=warm_up_s,
        items=items,
        items_per_s=rounded(ok * items / seconds) if seconds and items is not None else None,
        held=sum(record.held for record in own),
        behind=sum(record.behind for record in own),
        processes=load_processes(records),
        used=next((r.values.get("used", {}) for r in records if isinstance(r, Observation) and r.label == USED), {}),
    )


def load_processes(records: tuple[Record, ...]) -> tuple[LoadProcess, ...]:
    """The processes that shared the phase, as far as they said who they are; none where there was one."""
    told = next(
        (r.values.get("processes") for r in records if isinstance(r, Observation) and r.label == "generator"), None
    )
    seconds = [record for record in records if isinstance(record, GeneratorSecond) and record.counts]
    return tuple(_process(about, seconds) for about in told or ())


def _process(about: Mapping[str, Json], seconds: list[GeneratorSecond]) -> LoadProcess:
    own = [process for second in seconds for process in second.processes if process.name == about["name"]]
    lags = [process.own_lag_p99_ms for process in own if process.own_lag_p99_ms is not None]
    return LoadProcess(
        name=str(about["name"]),
        host=str(about["host"]),
        offered=sum(process.offered for process in own),
        sent=sum(process.sent for process in own),
        cpu_max_ratio=rounded(max((process.cpu_ratio for process in own), default=None)),
        own_lag_p99_max_ms=rounded(max(lags, default=None)),
        clock_offset_ms=rounded(about["clock_offset_ms"]),
        clock_error_ms=rounded(about["clock_error_ms"]),
    )


def _told(records: Iterable[Record], label: str, value: str) -> int | None:
    """A whole number that an observation tells; None where there is no such observation, or it does not know."""
    for record in records:
        if isinstance(record, Observation) and record.label == label:
            found = record.values.get(value)
            return found if isinstance(found, int) else None
    return None


def _warming_up(record: Record, until_second: int) -> bool:
    if isinstance(record, LoadSecond):
        return record.second < until_second
    return isinstance(record, LoadHistogram) and record.from_second is not None and record.from_second < until_second


def merged(records: Iterable[Record], measure: Measure) -> Histogram:
    """All histograms of a measure in one: bit-identical to one that had recorded everything."""
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


def resource_series(streams: Streams) -> tuple[ResourceSeries, ...]:
    """Every sampled series over the whole run: source (with its instance), metric, unit."""
    by_key: dict[tuple[str, str, str], list[float | None]] = {}
    for record in streams.records:
        if isinstance(record, Sample):
            source = f"{record.source} {record.instance}" if record.instance else record.source
            by_key.setdefault((source, record.metric, record.unit), []).append(record.value)
    return tuple(_series(by_key))


def _series(by_key: dict[tuple[str, str, str], list[float | None]]) -> Iterator[ResourceSeries]:
    for (source, metric, unit), values in sorted(by_key.items()):
        read = [value for value in values if value is not None]
        yield ResourceSeries(
            source=source,
            metric=metric,
            unit=unit,
            n=len(read),
            missing=len(values) - len(read),
            minimum=rounded(min(read, default=None)),
            mean=rounded(sum(read) / len(read)) if read else None,
            maximum=rounded(max(read, default=None)),
        )
