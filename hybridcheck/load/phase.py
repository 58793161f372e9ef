"""One load phase of a run: from the planned drive to the generator's plan, and from its reports to ledger records."""

import asyncio
import contextlib
import math
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from hybridcheck.cases import Json
from hybridcheck.checks.load.own_share import EXHAUSTED
from hybridcheck.checks.load.phases import EXPIRES, SWEEP
from hybridcheck.evidence import (
    Gap,
    GapReason,
    GeneratorSecond,
    LoadEnd,
    LoadHistogram,
    LoadSecond,
    Observation,
)
from hybridcheck.ledger import Ledger
from hybridcheck.load import endings, recorded, reports
from hybridcheck.load.child import drive as drive_child
from hybridcheck.load.credentials import Known, credentials, users_of
from hybridcheck.load.listening import Overhear, listening_to
from hybridcheck.load.plan import LoadPlan, Operation, Shape
from hybridcheck.load.script import ScriptUser, keys_of, script_of
from hybridcheck.load.watch import Watch
from hybridcheck.profile.drives import Drive, DriveOperation
from hybridcheck.profile.feeders import FeederError
from hybridcheck.profile.load_phases import connections, judged_seconds, shape_of
from hybridcheck.profile.load_spec import LoadPhaseSpec
from hybridcheck.statistics.histogram import Histogram
from hybridcheck.target import Credential, EvidenceLost

CarryOut = Callable[[LoadPlan, Mapping[str, str], asyncio.Event | None], AsyncGenerator[reports.Report, None]]
"""Carries out a plan with its secrets until it is done or the event is set, and yields what `child.drive` yields."""

_LOST_BY = {
    reports.EndCause.NO_END_MARKER: GapReason.NO_END_MARKER,
    reports.EndCause.SETUP_FAILED: GapReason.SETUP_FAILED,
}
"""Ends of a generator that was not lost by itself, and the gap that each leaves."""

WINDOW_S = 5
"""Seconds per histogram; one where single seconds are judged."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where load goes and within which bounds: address, certificate authority, run's connection and request budget, rate.

    `overhear` opens streams for a phase's listeners; without it there are none, and what is asked of them is undecided.
    `addresses`: where the base URL's name leads in this run; see `LoadPlan`.
    """

    base_url: str
    ca_file: str | None
    seed: int
    max_connections: int
    max_requests: int
    overhear: Overhear | None = None
    addresses: tuple[str, ...] = ()
    max_rps: float | None = None


@dataclass(slots=True)
class _Totals:
    """What the operations' seconds add up to, and the start lag of the judged ones."""

    judged: frozenset[int]
    watch: Watch | None = None
    plan: LoadPlan | None = None
    by_second: dict[int, Histogram] | None = None
    """Response times of each judged second, where the warm-up is looked for in them."""
    planned: int = 0
    ok: int = 0
    unsent: int = 0
    cut: int = 0
    seconds: int = 0
    generator_seconds: int = 0
    completed: bool = False
    failed: Counter[str] = field(default_factory=Counter)
    proves_until: int | None = None
    why_no_longer: str = ""
    rows_of: str | None = None
    lag: Histogram = field(default_factory=Histogram)
    own_lag: Histogram = field(default_factory=Histogram)

    def add(self, second: reports.OperationSecond) -> None:
        self.planned += second.planned
        self.ok += second.ok
        self.unsent += second.unsent
        self.cut += second.cut
        self.seconds = max(self.seconds, second.second + 1)
        self.failed.update({kind.value: count for kind, count in second.failed.items()})

    def proves_only_until(self, second: int, why: str) -> None:
        """From this second on nothing that is seen says anything about the target as it was declared to be used."""
        if self.proves_until is None or second < self.proves_until:
            self.proves_until, self.why_no_longer = second, f"{why}; nothing from second {second} on counts"
            self.judged = frozenset(judged for judged in self.judged if judged < second)

    def look_at(self, record: LoadSecond | GeneratorSecond) -> None:
        """Show a record to the watch, with the generator's own lag so far."""
        if self.watch is not None and (self.proves_until is None or record.second < self.proves_until):
            self.watch.take(
                record, recorded.ms(self.own_lag.quantile(0.99)) if isinstance(record, LoadSecond) else None
            )


def alone(
    plan: LoadPlan, secrets: Mapping[str, str], stop: asyncio.Event | None
) -> AsyncGenerator[reports.Report, None]:
    """One generator process on this machine."""
    return drive_child(plan, secrets, stop=stop)


async def run_phase(
    drive: Drive,
    site: Site,
    ledger: Ledger,
    credential: Callable[[str], Awaitable[Credential]],
    *,
    stop: asyncio.Event | None = None,
    on_start: Callable[[], None] | None = None,
    carry_out: CarryOut = alone,
    watch: Watch | None = None,
) -> None:
    """Drive a phase, record what the generator reports under the drive's stream, and seal it.

    A login that fails, and a generator that does not carry out its plan, leave a `Gap`; the stream is sealed all the
    same. Cancelling ends the generator and leaves the stream unsealed. `on_start` is called when it begins to send,
    `carry_out` says who generates: one process, several, or several machines. `watch` may end it early: then what it has
    seen is recorded, without a gap, under a cause of its own.
    """
    try:
        known = await credentials(drive, credential)
        plan = plan_of(drive, site, known.headers)
        plan = plan.model_copy(update={"holds_secrets": holds_secrets(plan, ledger.has_secret)})
    except EvidenceLost as lost:
        ledger.append(drive.stream, Gap(label="credential", reason=lost.reason, detail=lost.detail))
        ledger.seal(drive.stream)
        return
    except FeederError as changed:
        detail = f"the data of the load is not what it was when the profile was read: {changed}"
        ledger.append(drive.stream, Gap(label="feeder", reason=GapReason.TOOL_FAULT, detail=detail))
        ledger.seal(drive.stream)
        return
    if drive.items is not None:
        ledger.append(drive.stream, Observation(label=SWEEP, values={"items": drive.items}))
    totals = _Totals(judged_seconds(drive.spec), watch)
    totals.plan = plan
    totals.by_second = {} if drive.spec.find_warmup else None
    ending = stop or asyncio.Event()
    async with listening_to(drive, site.overhear, ledger) as listening:
        async with contextlib.aclosing(carry_out(plan, known.secrets, ending)) as driven:
            async for report in driven:
                if isinstance(report, reports.Started):
                    _note_expiry(known, plan.duration_s, drive.stream, ledger, totals)
                    listening.begin()
                    if on_start is not None:
                        on_start()
                _record(report, drive.stream, ledger, totals)
                if watch is not None and watch.ending is not None:
                    ending.set()
        ledger.seal(drive.stream, plan.duration_s)
        await listening.end(totals.seconds, in_order=totals.completed)


def plan_of(drive: Drive, site: Site, secret_headers: dict[str, tuple[tuple[str, str], ...]]) -> LoadPlan:
    """The generator's plan of a drive; `secret_headers` gives each identity's headers as (header, secret's name)."""
    spec = drive.spec
    users = [ScriptUser(name=name, secret_headers=secret_headers.get(name, ())) for name in users_of(drive)]
    return LoadPlan(
        base_url=site.base_url,
        addresses=site.addresses,
        operations=tuple(_operation(operation, secret_headers) for operation in drive.operations),
        model=spec.model,
        spacing="poisson" if spec.poisson else "even",
        shape=_shape(spec),
        connections=min(site.max_connections, connections(spec)),
        deadline_s=spec.deadline_s,
        think_s=spec.thinks_s,
        think_mean_s=spec.think_mean_s,
        pacing_s=spec.pacing_s,
        max_rps=site.max_rps if spec.model == "closed" else None,
        ca_file=site.ca_file,
        seed=site.seed,
        warm_up_s=round(spec.warmup_s),
        window_s=1 if _needs_single_seconds(spec) else WINDOW_S,
        max_requests=site.max_requests,
        script=script_of(drive, users),
        beside=tuple(_operation(operation, secret_headers) for operation in drive.beside),
    )


def holds_secrets(plan: LoadPlan, has_secret: Callable[[bytes], bool]) -> bool:
    """Whether a header, body or row of data of the plan itself is secret: a reference may stand in each of them."""
    bodies = b"\n".join(operation.body for operation in (*plan.operations, *plan.beside))  # as base64 in the JSON
    return has_secret(plan.model_dump_json().encode()) or has_secret(bodies)


def _needs_single_seconds(spec: LoadPhaseSpec) -> bool:
    return spec.judge == "hold" or spec.find_warmup or any(limit.mean_ms for limit in spec.limits)


def _operation(operation: DriveOperation, secret_headers: Mapping[str, tuple[tuple[str, str], ...]]) -> Operation:
    return Operation(
        name=operation.id,
        method=operation.method,
        path=operation.path,
        weight=operation.weight,
        headers=operation.headers,
        secret_headers=secret_headers.get(operation.identity or "", ()),
        body=(operation.body or "").encode(),
        expected_statuses=operation.expected_statuses,
        content_type=operation.content_type,
        expected_headers=operation.expected_headers,
        body_contains=operation.contains,
        json_schema=operation.json_schema,
        values=tuple((keys_of(path), value) for path, value in operation.values.items()),
        tolerance=operation.tolerance,
        sample_every=operation.sample_every,
        limits_ns=tuple(round(limit * recorded.NS_PER_MS) for limit in operation.limits_ms),
    )


def _shape(spec: LoadPhaseSpec) -> Shape:
    name, parameters = shape_of(spec)
    return Shape.model_validate({"name": name, "parameters": parameters})


def _note_expiry(known: Known, duration_s: float, stream: str, ledger: Ledger, totals: _Totals) -> None:
    """The clock has started: what a token is refused for after it has expired says nothing about the target."""
    expires_unix_s, identity = known.expires or (math.inf, "")
    left_s = max(expires_unix_s - time.time(), 0.0)
    if left_s < duration_s:
        why = f"the token of '{identity}' expires after {left_s:.0f} s, the phase takes {duration_s:g} s"
        totals.proves_only_until(int(left_s), why)
        ledger.append(stream, Observation(label=EXPIRES, values={"left_s": left_s, "detail": totals.why_no_longer}))


def _record(report: reports.Report, stream: str, ledger: Ledger, totals: _Totals) -> None:
    match report:
        case reports.OperationSecond():
            totals.add(report)
            second = recorded.second(report, counts=report.second in totals.judged)
            ledger.append(stream, second)
            totals.look_at(second)
        case reports.GeneratorSecond():
            totals.generator_seconds += 1
            counts = report.second in totals.judged
            if counts:
                totals.lag.merge(report.lag)
                totals.own_lag.merge(Histogram.from_pairs(report.own_lag))
            health = recorded.health(report, counts=counts)
            ledger.append(stream, health)
            totals.look_at(health)
        case reports.OperationTimes():
            counts = report.from_second in totals.judged
            if counts and totals.by_second is not None:
                totals.by_second.setdefault(report.from_second, Histogram()).merge(
                    Histogram.from_pairs(report.response)
                )
            for histogram in recorded.times(report, counts=counts):
                ledger.append(stream, histogram)
        case reports.EndMarker() if totals.plan is not None and totals.plan.script is not None:
            ledger.append(stream, recorded.used(report, totals.plan))
        case reports.OutOfRows():
            totals.rows_of = report.feeder
            totals.proves_only_until(
                report.second, f"the rows of '{report.feeder}' were used up in second {report.second}"
            )
        case reports.ChildEnd():
            _record_end(report, stream, ledger, totals)
        case _:
            _note(report, stream, ledger)


def _note(report: reports.Report, stream: str, ledger: Ledger) -> None:
    """What is worth knowing beside the numbers."""
    match report:
        case reports.Started():
            addresses = list(report.addresses)
            values: dict[str, Json] = {
                "versions": report.versions,
                "start_up_s": report.start_up_s,
                "addresses": addresses,
            }
            if report.processes:
                values["processes"] = [process.model_dump() for process in report.processes]
            ledger.append(stream, Observation(label="generator", values=values))
        case reports.Clocks():
            clocks = {name: clock.model_dump() for name, clock in report.clocks.items()}
            ledger.append(stream, Observation(label="clocks", values={"clocks": clocks}))
        case reports.LateWorker():
            values = {"name": report.name, "detail": report.detail}
            ledger.append(stream, Observation(label="late worker", values=values))
        case reports.FailureExample():
            values = {"operation": report.operation, "second": report.second, "detail": report.detail}
            ledger.append(stream, Observation(label=f"failure.{report.failure.value}", values=values))
        case _:
            pass


def _record_end(end: reports.ChildEnd, stream: str, ledger: Ledger, totals: _Totals) -> None:
    totals.completed = end.cause is reports.EndCause.COMPLETED
    if totals.by_second is not None:
        ledger.append(stream, recorded.warm_up(totals.by_second))
    detail = "; ".join(part for part in (end.detail, *end.stderr_tail[-3:]) if part)[:2000]
    if totals.completed:
        spent = endings.spent(totals.plan, totals.planned, totals.seconds) if totals.plan else ""
        detail = totals.why_no_longer or spent
    ending = totals.watch.ending if totals.watch is not None and end.cause is reports.EndCause.ABORTED else None
    if ending is not None:
        detail = ending.detail
    elif end.cause is reports.EndCause.ABORTED:  # nothing is lost, and whoever stopped it asked for no verdict
        detail = endings.by_hand(totals.seconds)
    elif end.cause is not reports.EndCause.COMPLETED:
        reason = _LOST_BY.get(end.cause, GapReason.GENERATOR_LOST)
        told = detail if reason is GapReason.SETUP_FAILED else f"{end.cause}: {detail}"
        ledger.append(stream, Gap(label="generator", reason=reason, detail=told))
    ledger.append(stream, LoadHistogram(operation="*", measure="lag", pairs=tuple(totals.lag.to_pairs())))
    ledger.append(stream, LoadHistogram(operation="*", measure="own_lag", pairs=tuple(totals.own_lag.to_pairs())))
    ledger.append(
        stream,
        LoadEnd(
            cause=ending.cause if ending is not None else end.cause.value,
            seconds=totals.seconds,
            planned=totals.planned,
            ok=totals.ok,
            failed=sum(totals.failed.values()),
            unsent=totals.unsent,
            cut=totals.cut,
            detail=detail,
            proves_until=totals.proves_until,
            generator_seconds=totals.generator_seconds,
            rows_of=totals.rows_of,
            not_sent=totals.failed.get(EXHAUSTED, 0),
        ),
    )
