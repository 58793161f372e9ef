"""Does the target keep its limits under the declared load: latency as a rate, errors, throughput.

All judge the shared stream of a load phase. They do so only where the generator's own health is recorded for every
second and good: a saturated generator proves nothing about the target.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from hybridcheck.cases import Case, CoreQuestion, Dimension, Json, Reason, Severity, Undecided, Unmet
from hybridcheck.checks.check import LoadCheck, Scene
from hybridcheck.checks.load.several_processes import require_one_schedule
from hybridcheck.checks.operations import ask_for, operation_in, params_of
from hybridcheck.evidence import Evidence, GeneratorSecond, LoadEnd, LoadHistogram, LoadSecond
from hybridcheck.profile.load_phases import lowest_judged_rps, weights
from hybridcheck.profile.load_spec import LoadPhaseSpec, Objective
from hybridcheck.statistics.histogram import Histogram
from hybridcheck.statistics.rates import Batch, RateDecision, judge_rate
from hybridcheck.target import LoadTarget
from hybridcheck.verdict import Finding, Outcome, Price, failed, passed, undecided

CPU_LIMIT_RATIO = 0.9
"""Above this CPU share the generator's process cannot be trusted to keep its schedule."""

LAG_SHARE = 0.05
"""Of a latency limit: where the generator's own start lag (p99) is more, a fail may be the generator's.

A pass stands all the same: response time runs from the intended start, so the generator's lag counts against the target.
"""

SATURATED_SHARE = 0.1
"""More than this share of seconds with a saturated generator makes a phase undecided."""

STARVED_WAIT_RATIO, STARVED_WANT_RATIO = 0.1, 0.5
"""A second in which the generator waited for a CPU for more than the first share, and ran or waited for more than the second.

Answers wait in its sockets then, its connections are busy with waiting, and arrivals pile up: none of it is the
target's fault. A generator with little to do is woken late by such neighbours, and does not fall behind.
"""

OWN_FAULTS = frozenset({"timeout", "connect_timeout"})
"""Failures that a generator without its core can cause; a status, a reset or a refusal is the target's whoever asks."""

NS_PER_MS = 1_000_000

ALL = "*"
"""The subject of limits that hold for all operations of a phase together."""


@dataclass(frozen=True, slots=True)
class Phase:
    """The judged part of a load phase: its seconds that count, per second over the wanted operations."""

    seconds: Mapping[int, tuple[LoadSecond, ...]]
    end: LoadEnd
    starved: str = ""
    """In words, where the generator was kept from its CPU: what came late or not at all may be its own fault."""
    refused: str = ""
    """In words, where a credential of the phase was refused before the load began: its 401s are no news."""

    def total(self, field: str) -> int:
        """Sum of a counter over all judged seconds."""
        return sum(getattr(record, field) for records in self.seconds.values() for record in records)


def read_phase(evidence: Evidence, stream: str, operation: str) -> Phase:
    """The judged part of a phase.

    Raises:
        Undecided: where the phase has no complete end, its seconds do not add up, or the generator was not healthy.
    """
    end = next(iter(evidence.all(LoadEnd, stream=stream)), None)
    if end is None or end.cause != "completed":
        raise Undecided(Reason.WORKER_LOST, f"the load phase did not end: {end.cause if end else 'no end marker'}")
    records = evidence.all(LoadSecond, stream=stream)
    if sum(record.planned for record in records) != end.planned:
        raise Undecided(Reason.EVIDENCE_INCOMPLETE, "the seconds of the load phase do not add up to its end marker")
    starved = _require_health(evidence, stream, {record.second for record in records})
    judged: dict[int, tuple[LoadSecond, ...]] = {}
    for record in records:
        if record.counts and operation in (ALL, record.operation):
            judged[record.second] = (*judged.get(record.second, ()), record)
    if not judged:
        raise Undecided(Reason.TOO_FEW_SAMPLES, "no second that counts: all are warm-up, or not at the declared level")
    return Phase(dict(sorted(judged.items())), end, starved)


def _require_health(evidence: Evidence, stream: str, seconds: set[int]) -> str:
    """Why a fail may be the generator's fault; empty where it had its CPU whenever it was ready to run."""
    health = {record.second: record for record in evidence.all(GeneratorSecond, stream=stream)}
    if not seconds <= health.keys():
        raise Undecided(Reason.EVIDENCE_INCOMPLETE, "the generator's health is not recorded for every second")
    require_one_schedule(evidence, stream, health.values())
    busy = sum((health[second].cpu_ratio or 0) > CPU_LIMIT_RATIO for second in seconds)
    if busy > SATURATED_SHARE * len(seconds):
        text = f"the generator used more than {CPU_LIMIT_RATIO:.0%} of its core in {busy} of {len(seconds)} seconds"
        raise Undecided(Reason.GENERATOR_SATURATED, text)
    starved = sum(_is_starved(health[second]) for second in seconds)
    if starved > SATURATED_SHARE * len(seconds):
        return f"the generator's core was not its own in {starved} of {len(seconds)} seconds"
    return ""


def _is_starved(record: GeneratorSecond) -> bool:
    """Whether others kept the generator from its core in a second in which it had much to do."""
    waited, ran = record.runqueue_ratio or 0.0, record.cpu_ratio or 0.0
    return waited > STARVED_WAIT_RATIO and waited + ran > STARVED_WANT_RATIO


def own_lag_p99_ms(evidence: Evidence, stream: str) -> float:
    """The generator's own start lag (p99) over the judged seconds, in milliseconds.

    Raises:
        Undecided: where it is not recorded.
    """
    lag = Histogram()
    for record in evidence.all(LoadHistogram, stream=stream):
        if record.measure == "own_lag":
            lag.merge(Histogram.from_pairs(record.pairs))
    found_ns = lag.quantile(0.99)
    if found_ns is None:
        raise Undecided(Reason.EVIDENCE_INCOMPLETE, "the generator's start lag is not recorded")
    return found_ns / NS_PER_MS


def objectives(scene: Scene) -> Iterator[tuple[str, LoadPhaseSpec, str, Objective]]:
    """Every (phase, spec, operation or `*`, limits) that the profile declares."""
    limits = scene.profile.thresholds
    overall = Objective(p95_ms=limits.max_latency_ms, error_ratio=limits.max_error_ratio)
    for name, spec in scene.profile.load.items():
        declared = {ALL: overall, **spec.objectives}
        for operation, objective in declared.items():
            yield name, spec, operation, objective


def subject(phase: str, operation: str) -> str:
    """The subject of a load case."""
    return phase if operation == ALL else f"{phase} {operation}"


class LoadPhaseCheck(LoadCheck):
    """The base of checks that judge a load phase which the executor drives."""

    dimension = Dimension.PERFORMANCE
    severity = Severity.HIGH
    suite = "api"

    async def before_load(self, case: Case, target: LoadTarget) -> None:
        """Ask once for each operation of the phase that needs a credential: is the credential any good?"""
        for index, params in enumerate(case.params.get("with_credential", ()), 1):
            await target.read(f"before.{index}", ask_for(operation_in(params)))

    async def probe(self, case: Case, target: LoadTarget) -> None:
        """Nothing of its own: the phase is the shared stream."""

    def case(self, scene: Scene, phase: str, operation: str, params: dict[str, Json]) -> Case:
        """A statistical case over the stream of a phase."""
        stream, ids = f"load/{phase}", weights(scene.profile, scene.profile.load[phase])
        sent = [op for _, _, op in scene.profile.all_operations() if op.id in ids and op.reads and op.identity]
        controls = [params_of(op, self.suite) for op in sent if op.auth != "none" and operation in (ALL, op.id)]
        extra = {"stream": stream, "operation": operation, "with_credential": controls, **params}
        what = subject(phase, operation)
        quantile = params.get("quantile")
        name = f"{what} p{quantile}" if quantile not in (None, 95) else what
        return Case(check=self.id, subject=name, params=extra, shared=(stream,), statistical=True)


class KeepsLatencyLimit(LoadPhaseCheck):
    """Under the declared load, the declared share of requests is answered rightly and in time.

    `p95 <= 200 ms` says that at most 5 % of the arrivals that were planned are answered later than 200 ms after their
    intended start, wrongly, or not at all. That share is judged by Clopper-Pearson bounds on effective numbers (see
    docs/figures.md): pass where the upper bound meets it, fail where the lower bound breaks it.
    """

    id = "load.latency-limit"
    core = CoreQuestion.LOAD
    remedy = (
        "Look at the slowest operation in the load section and at what it waits for (CPU, database, another service)."
    )

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per phase and limit; the core question also asks for the error limit."""
        made = False
        for phase, _, operation, limits in objectives(scene):
            for quantile, limit in ((95, limits.p95_ms), (99, limits.p99_ms)):
                if limit is not None:
                    made = True
                    yield self.case(scene, phase, operation, {"limit_ms": limit, "quantile": quantile})
        if not made:
            needs = "load: {rate_rps: 50, duration_s: 20, operations: [ID]} and thresholds: {max_latency_ms: 200}"
            yield Unmet(subject="load", needs=needs)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Judge the share of late, wrong and unanswered arrivals."""
        stream, limit_ms = str(case.params["stream"]), float(case.params["limit_ms"])
        quantile = float(case.params["quantile"])
        allowed = 1 - quantile / 100
        expected = f"p{quantile:g} of response time <= {limit_ms:g} ms: at most {allowed:.2%} late, wrong or unanswered"
        phase = phase_of(case, evidence)
        lag_ms = own_lag_p99_ms(evidence, stream)
        batches = [_batch(records, f"{limit_ms:g}") for records in phase.seconds.values()]
        finding = _rate_finding(case, phase, batches, allowed, expected, "late, wrong or unanswered")
        if finding.outcome is Outcome.FAIL and lag_ms > LAG_SHARE * limit_ms:
            text = f"{finding.observed}, but the generator itself was late (p99 {lag_ms:.1f} ms)"
            return undecided(Reason.GENERATOR_SATURATED, expected, text)
        return finding


class KeepsErrorLimit(LoadPhaseCheck):
    """Under the declared load, at most the declared share of requests is answered wrongly or not at all.

    Judged like the latency limit, without the lateness.
    """

    id = "load.error-limit"
    dimension = Dimension.RELIABILITY
    core = CoreQuestion.LOAD
    remedy = "Look at the error kinds in the load section; a status is the target's answer, a reset or timeout is not."

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per phase and declared error ratio."""
        made = False
        for phase, _, operation, limits in objectives(scene):
            if limits.error_ratio is not None:
                made = True
                yield self.case(scene, phase, operation, {"limit_ratio": limits.error_ratio})
        if not made:
            yield Unmet(subject="load", needs="load: {...} and thresholds: {max_error_ratio: 0.01}")

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Judge the share of wrong and unanswered arrivals."""
        limit = float(case.params["limit_ratio"])
        phase = phase_of(case, evidence)
        batches = [_batch(records, None) for records in phase.seconds.values()]
        expected = f"at most {limit:.2%} of arrivals answered wrongly or not at all"
        return _rate_finding(case, phase, batches, limit, expected, "wrong or unanswered")


class SustainsThroughput(LoadPhaseCheck):
    """The target answers at least the declared number of requests per second rightly.

    Every judged second has the declared number of places to fill (an open schedule with fewer arrivals in it: so many);
    a place without a right answer is missed. The share of missed places is judged like the error limit, and by its
    number: `max_error_ratio` says how much of what is promised may go wrong.
    """

    id = "load.throughput"
    remedy = "Find what saturates first (CPU, connections, locks) with the samples of the resources section."

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per phase that offers the declared throughput in each of its judged seconds."""
        limits = scene.profile.thresholds
        wanted, allowed = limits.min_throughput_rps, limits.max_error_ratio
        made = False
        for name, spec in scene.profile.load.items():
            offers = wanted is not None and (spec.model == "closed" or (lowest_judged_rps(spec) or 0) >= wanted)
            if offers and allowed is not None:
                made = True
                params: dict[str, Json] = {"wanted_rps": wanted, "limit_ratio": allowed, "model": spec.model}
                yield self.case(scene, name, ALL, params)
        if not made:
            limit = "" if allowed is not None else ", max_error_ratio: 0.01"
            needs = (
                f"thresholds: {{min_throughput_rps: N{limit}}} and a load phase that offers N in every judged second"
            )
            yield Unmet(subject="load", needs=needs)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Judge the share of places that no right answer filled."""
        wanted, limit = float(case.params["wanted_rps"]), float(case.params["limit_ratio"])
        phase = phase_of(case, evidence)
        is_open = case.params["model"] == "open"
        batches = [_places(records, math.floor(wanted), is_open=is_open) for records in phase.seconds.values()]
        expected = f"at least {wanted:g} requests per second answered rightly, all but {limit:.2%} of them"
        finding = _rate_finding(case, phase, batches, limit, expected, "missed")
        mean_rps = phase.total("ok") / len(phase.seconds)
        return finding.model_copy(update={"observed": f"{mean_rps:.1f} per second on average; {finding.observed}"})


def _places(records: tuple[LoadSecond, ...], wanted: int, *, is_open: bool) -> Batch:
    """One second's places: missing are those that cut arrivals could have filled."""
    planned = sum(record.planned for record in records)
    places = min(wanted, planned) if is_open else wanted
    unfilled = places - min(places, sum(record.ok for record in records))
    missing = min(unfilled, sum(record.cut for record in records))
    return Batch(bad=unfilled - missing, total=places, missing=missing)


def _batch(records: tuple[LoadSecond, ...], limit_key: str | None) -> Batch:
    """One second: bad is what failed, stayed unsent, or was late; missing is what was cut off at the end."""
    planned = sum(record.planned for record in records)
    bad = sum(sum(record.failed.values()) + record.unsent for record in records)
    if limit_key is not None:
        bad += sum(_late(record, limit_key) for record in records)
    return Batch(bad=bad, total=planned, missing=sum(record.cut for record in records))


def _late(record: LoadSecond, limit_key: str) -> int:
    if limit_key not in record.late:
        raise Undecided(Reason.EVIDENCE_INCOMPLETE, f"lateness beyond {limit_key} ms was not counted")
    return record.late[limit_key]


def phase_of(case: Case, evidence: Evidence) -> Phase:
    """The judged part of a case's phase, with what is known of its credentials; see `read_phase`."""
    phase = read_phase(evidence, str(case.params["stream"]), str(case.params["operation"]))
    return replace(phase, refused=refused_credential(case, evidence))


def refused_credential(case: Case, evidence: Evidence) -> str:
    """In words, where a credential was refused before the load began: its 401s say nothing about the target.

    Raises:
        Undecided: where an answer from before the load is missing.
    """
    wanted, before = len(case.params.get("with_credential", ())), evidence.exchanges("before")
    if len(before) != wanted:
        raise Undecided(Reason.EVIDENCE_INCOMPLETE, f"of {wanted} answers before the load {len(before)} are recorded")
    found = next((exchange for exchange in before if exchange.status in (401, 403)), None)
    return f"{found.operation} answered {found.status} before the load already" if found else ""


def _rate_finding(case: Case, phase: Phase, batches: list[Batch], limit: float, expected: str, what: str) -> Finding:
    decision = judge_rate(batches, limit, fail_alpha=float(case.params.get("fail_alpha", 0.01)))
    observed = f"{decision.k} of {decision.n} {what} ({decision.k / max(decision.n, 1):.3%})"
    details = _details(decision, limit)
    if decision.outcome == "pass":
        return passed(expected, observed, **details)
    if decision.outcome == "fail" and phase.refused:
        return undecided(Reason.AUTH_NOT_EFFECTIVE, expected, f"{observed}, but {phase.refused}", **details)
    if decision.outcome == "fail" and phase.starved and not _fails_without(phase, decision, batches, case):
        return undecided(Reason.GENERATOR_SATURATED, expected, f"{observed}, but {phase.starved}", **details)
    if decision.outcome == "fail":
        return failed(expected, observed, **details)
    price = None
    if decision.needed_requests is not None:
        per_second = decision.n / len(phase.seconds)
        price = Price(requests=decision.needed_requests, seconds=decision.needed_requests / per_second)
    return undecided(Reason.TOO_FEW_SAMPLES, expected, observed, price=price, **details)


def _fails_without(phase: Phase, decision: RateDecision, batches: list[Batch], case: Case) -> bool:
    """Whether the limit is broken by what a starved generator cannot have caused; a pass stands as it is.

    What it may have caused (late, unsent, timed out) is missing then: nobody knows how it would have gone.
    """
    certain = [sum(_certain(record) for record in records) for records in phase.seconds.values()]
    kept = [
        Batch(bad=min(sure, batch.bad), total=batch.total, missing=batch.missing + batch.bad - min(sure, batch.bad))
        for sure, batch in zip(certain, batches, strict=True)
    ]
    return judge_rate(kept, decision.limit, fail_alpha=float(case.params.get("fail_alpha", 0.01))).outcome == "fail"


def _certain(record: LoadSecond) -> int:
    return sum(count for kind, count in record.failed.items() if kind not in OWN_FAULTS)


def _details(decision: RateDecision, limit: float) -> dict[str, object]:
    return {
        "n": decision.n,
        "value": decision.k / decision.n if decision.n else None,
        "lower": decision.lower,
        "upper": decision.upper,
        "limit": limit,
        "unit": "ratio",
        "effective_n": decision.effective_n,
        "method": "Clopper-Pearson on effective numbers (Korn-Graubard)",
    }
