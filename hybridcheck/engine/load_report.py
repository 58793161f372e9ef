"""What the load phases and the samplers recorded, summed up for the document; nothing here judges."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from hybridcheck.cases import Json
from hybridcheck.checks.load.phases import SWEEP, USED, WARM_UP, whole_seconds
from hybridcheck.engine import load_parts
from hybridcheck.engine.findings import MOST_TEXT, rounded
from hybridcheck.engine.load_parts import Counts, connection_waits, counted, quantiles_ms, together
from hybridcheck.engine.streams import Streams
from hybridcheck.engine.subject import profile_of
from hybridcheck.evidence import GeneratorSecond, LoadEnd, LoadHistogram, LoadSecond, Observation, Record, Sample
from hybridcheck.load_document import LoadPhase, LoadProcess
from hybridcheck.verdict import ResourceSeries


def load_phases(streams: Streams) -> tuple[LoadPhase, ...]:
    """Every load phase of the run, by the name of its stream; seconds that do not count are left out of its figures."""
    names = {r.stream for r in streams.records if isinstance(r, LoadSecond | LoadEnd | LoadHistogram)}
    return tuple(
        load_phase(name, streams.sealed_records(name), streams.duration_s(name), _tagged(streams))
        for name in sorted(names)
    )


def _tagged(streams: Streams) -> dict[str, list[str]]:
    """The declared tags, each with the operations that have it."""
    profile = profile_of(streams.start)
    found: dict[str, list[str]] = {}
    for _, _, operation in profile.all_operations() if profile is not None else ():
        for tag in operation.tags:
            found.setdefault(tag, []).append(operation.id)
    return found


def load_phase(
    stream: str,
    everything: tuple[Record, ...],
    duration_s: float | None = None,
    tagged: Mapping[str, Collection[str]] | None = None,
) -> LoadPhase:
    """One load phase; seconds of a warm-up that was found by its rule are left out like those that do not count."""
    warm_up_s, items = _told(everything, WARM_UP, "until_second"), _told(everything, SWEEP, "items")
    records, others = _parted(everything, warm_up_s or 0)
    end = next((record for record in everything if isinstance(record, LoadEnd)), None)
    rows = [record for record in records if isinstance(record, LoadSecond)]
    counts, seconds = counted(rows), {row.second for row in rows}
    in_time, whole_s = _in_whole_seconds(rows, everything, duration_s)
    parts = load_parts.shares(records)
    return LoadPhase(
        stream=stream,
        planned=counts.planned,
        ok=counts.ok,
        failed=counts.failed,
        unsent=counts.unsent,
        cut=counts.cut,
        seconds=len(seconds),
        whole_seconds=whole_s,
        planned_rps=rounded(in_time.planned / whole_s) if whole_s else None,
        achieved_rps=rounded(in_time.ok / whole_s) if whole_s else None,
        response_ms=quantiles_ms(together(parts.values(), "response")),
        service_ms=quantiles_ms(together(parts.values(), "service")),
        cause=end.cause if end else None,
        cause_detail=end.detail[:MOST_TEXT] if end else "",
        warm_up_s=warm_up_s,
        left_out=load_parts.left_out(load_parts.shares(others)),
        items=items,
        items_per_s=rounded(in_time.ok * items / whole_s) if whole_s and items is not None else None,
        used=next((r.values["used"] for r in everything if isinstance(r, Observation) and r.label == USED), {}),
        operations=load_parts.operations(parts, everything),
        tags=load_parts.tags(parts, tagged or {}),
        series=load_parts.series([record for record in everything if isinstance(record, LoadSecond)], seconds),
        **_of_generator(records, parts.values()),
    )


def _of_generator(records: tuple[Record, ...], parts: Collection[load_parts.Share]) -> dict[str, Any]:
    """How late and how busy the generator was, what waited for a connection, whom it held back, and its processes."""
    all_lag, own_lag = together(parts, "lag"), together(parts, "own_lag")
    waits = connection_waits(all_lag, own_lag)
    seconds = [record for record in records if isinstance(record, GeneratorSecond) and record.counts]
    busy = [record.cpu_ratio for record in seconds if record.cpu_ratio is not None]
    return {
        "lag_ms": quantiles_ms(all_lag),
        "generator_lag_ms": quantiles_ms(own_lag),
        "connection_wait_ms": quantiles_ms(waits),
        "connection_waits": waits.count if all_lag.count else None,
        "generator_cpu_max_ratio": rounded(max(busy, default=None)),
        "held": sum(record.held for record in seconds),
        "behind": sum(record.behind for record in seconds),
        "processes": load_processes(records),
    }


def _parted(records: Iterable[Record], warm_up_s: int) -> tuple[tuple[Record, ...], tuple[Record, ...]]:
    """The records of judged seconds with those of no second; and the rows and times of what is left out."""
    judged, others = list[Record](), list[Record]()
    for record in records:
        left = isinstance(record, LoadHistogram | LoadSecond) and (not record.counts or _warming_up(record, warm_up_s))
        (others if left else judged).append(record)
    return tuple(judged), tuple(others)


def achieved_rps(streams: Streams) -> list[float]:
    """Right answers per whole judged second of each phase that has one."""
    found = []
    for name in {record.stream for record in streams.records if isinstance(record, LoadSecond)}:
        everything = streams.sealed_records(name)
        records, _ = _parted(everything, _told(everything, WARM_UP, "until_second") or 0)
        rows = [record for record in records if isinstance(record, LoadSecond)]
        counts, whole_s = _in_whole_seconds(rows, everything, streams.duration_s(name))
        if whole_s:
            found.append(counts.ok / whole_s)
    return found


def _in_whole_seconds(
    rows: Iterable[LoadSecond], everything: Iterable[Record], duration_s: float | None
) -> tuple[Counts, int]:
    """What became of the judged arrivals of seconds that the phase's end did not cut short, and how many those are."""
    end = next((record for record in everything if isinstance(record, LoadEnd)), None)
    seconds = whole_seconds([record for record in everything if isinstance(record, LoadSecond)], end, duration_s)
    whole = [row for row in rows if row.second in seconds]
    return counted(whole), len({row.second for row in whole})


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
