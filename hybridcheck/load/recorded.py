"""What the generator reports, as records of the ledger; nothing here decides."""

from collections.abc import Iterator, Mapping
from typing import Literal

from hybridcheck.checks.load.phases import USED, WARM_UP
from hybridcheck.evidence import GeneratorProcess, GeneratorSecond, LoadHistogram, LoadSecond, Observation
from hybridcheck.load import reports
from hybridcheck.load.plan import LoadPlan
from hybridcheck.statistics.histogram import Histogram
from hybridcheck.statistics.warm_up import mser5

NS_PER_MS = 1_000_000


def times(report: reports.OperationTimes, *, counts: bool) -> Iterator[LoadHistogram]:
    """A window's response times and service times."""
    measures: tuple[tuple[Literal["response", "service"], reports.Pairs], ...]
    measures = (("response", report.response), ("service", report.service))
    for measure, pairs in measures:
        yield LoadHistogram(
            operation=report.operation,
            measure=measure,
            pairs=pairs,
            from_second=report.from_second,
            until_second=report.until_second,
            counts=counts,
        )


def second(report: reports.OperationSecond, *, counts: bool) -> LoadSecond:
    """What became of an operation's arrivals of one second."""
    return LoadSecond(
        second=report.second,
        operation=report.operation,
        planned=report.planned,
        ok=report.ok,
        failed={kind.value: count for kind, count in report.failed.items() if count},
        late={f"{int(limit) / NS_PER_MS:g}": count for limit, count in report.late.items()},
        unsent=report.unsent,
        cut=report.cut,
        bytes_received=report.bytes_received,
        sampled=report.sampled,
        counts=counts,
    )


def health(report: reports.GeneratorSecond, *, counts: bool) -> GeneratorSecond:
    """The generator's own health in one second."""
    return GeneratorSecond(
        second=report.second,
        cpu_ratio=report.cpu_ratio,
        runqueue_ratio=report.runqueue_ratio,
        own_lag_p99_ms=ms(report.own_lag_p99_ns),
        lag_p99_ms=ms(report.lag.quantile(0.99)),
        loop_lag_max_ms=ms(report.loop_lag_max_ns),
        offered=report.offered,
        sent=report.sent,
        pool_waits=report.pool_waits,
        backlog=report.backlog,
        connections_opened=report.connections_opened,
        held=report.held,
        behind=report.behind,
        rss_bytes=report.rss_bytes,
        processes=tuple(
            GeneratorProcess(
                name=process.name,
                cpu_ratio=process.cpu_ratio,
                own_lag_p99_ms=ms(process.own_lag_p99_ns),
                offered=process.offered,
                sent=process.sent,
            )
            for process in report.processes
        ),
        counts=counts,
    )


def warm_up(by_second: Mapping[int, Histogram]) -> Observation:
    """Until which second the phase was warming up, by the rule; None where the rule does not say."""
    medians = {second: by_second[second].quantile(0.5) for second in sorted(by_second)}
    known = {second: float(median) for second, median in medians.items() if median is not None}
    cut = mser5(list(known.values()))
    until = None if cut is None else [*known][cut]
    return Observation(label=WARM_UP, values={"until_second": until, "rule": "MSER-5 on the medians of seconds"})


def used(end: reports.EndMarker, plan: LoadPlan) -> Observation:
    """How many of the users began a scenario, and how many rows of each feeder one took: [used, there are]."""
    rows = {f.name: len(f.rows) for f in plan.script.feeders if f.order != "own"} if plan.script is not None else {}
    found = {f"rows of {name}": [min(end.rows_used.get(name, 0), of), of] for name, of in rows.items()}
    return Observation(label=USED, values={"used": {"users": [end.users, plan.connections], **found}})


def ms(value_ns: int | None) -> float | None:
    """Nanoseconds as milliseconds."""
    return None if value_ns is None else value_ns / NS_PER_MS
