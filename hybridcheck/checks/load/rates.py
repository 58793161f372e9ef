"""A limit of a load phase as a rate: which arrivals are bad, how many may be, and the finding that follows.

The same rate is judged after the phase, watched while it runs, and asked before the start whether it can be decided.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from hybridcheck.cases import Case, Reason, Undecided
from hybridcheck.checks.load.own_share import (
    OwnShare,
    Rows,
    Seen,
    busy_words,
    kept_batches,
    own_share,
    too_few_connections,
)
from hybridcheck.checks.load.phases import Phase, chosen_by, phase_until_its_end, settled_case
from hybridcheck.checks.operations import operation_in
from hybridcheck.evidence import Evidence, LoadSecond
from hybridcheck.statistics.rates import RateDecision, judge_rate
from hybridcheck.statistics.sequential import MIN_BATCHES, certain
from hybridcheck.statistics.spread import Batch
from hybridcheck.verdict import Finding, Price, failed, passed, undecided

LOOKS_SHARE = 0.1
"""Of a case's risk: what judging while the phase runs may cost. The bounds at its end have the rest."""

LOOKS_BACK = 30
"""Seconds: the moment at which a phase was ended lies within, since what was under way then had at most its deadline."""

PASS_ALPHA = 0.05
"""The risk of a wrong pass (docs/verdict.md)."""


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `limit` of the arrivals may be bad.

    `batch` counts one second. `expected` says it in words, `what` names the bad ones. `limit_ms` is the latency that it is
    about, if any. `per_second` is how many places a second has where these are not its arrivals.
    """

    limit: float
    batch: Callable[[tuple[LoadSecond, ...]], Batch]
    expected: str
    what: str
    limit_ms: float | None = None
    per_second: float | None = None


def wrong_or_late(limit: float, limit_ms: float | None, expected: str, what: str) -> Rate:
    """Bad is what failed, stayed unsent, or (with a latency) was late; missing is what was cut off at the end."""
    key = None if limit_ms is None else f"{limit_ms:g}"
    return Rate(limit, lambda records: batch_of(records, key), expected, what, limit_ms)


def latency_rate(quantile: float, limit_ms: float) -> Rate:
    """`p95 <= 200 ms`: at most 5 % of the arrivals are answered later, wrongly or not at all."""
    allowed = round(1 - quantile / 100, 9)
    expected = f"p{quantile:g} of response time <= {limit_ms:g} ms: at most {allowed:.2%} late, wrong or unanswered"
    return wrong_or_late(allowed, limit_ms, expected, "late, wrong or unanswered")


def error_rate(limit: float) -> Rate:
    """At most so many arrivals are answered wrongly or not at all."""
    expected = f"at most {limit:.2%} of arrivals answered wrongly or not at all"
    return wrong_or_late(limit, None, expected, "wrong or unanswered")


def batch_of(records: tuple[LoadSecond, ...], limit_key: str | None) -> Batch:
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
    """The judged part of a case's phase, with what is known of its credentials; see `phase_until_its_end`."""
    case = settled_case(case, evidence)
    phase = phase_until_its_end(evidence, str(case.params["stream"]), chosen_by(case))
    return replace(phase, refused=refused_credential(case, evidence))


def refused_credential(case: Case, evidence: Evidence) -> str:
    """In words, where a credential was refused before the load began: its 401s say nothing about the target.

    An operation that declares to be refused so shows no more than that its credential has no right to it, which is meant.

    Raises:
        Undecided: where an answer from before the load is missing.
    """
    asked = {f"before.{index}": params for index, params in enumerate(case.params.get("with_credential", ()), 1)}
    before = {exchange.label: exchange for exchange in evidence.exchanges("before")}
    if before.keys() != asked.keys():
        text = f"of {len(asked)} answers before the load {len(before.keys() & asked.keys())} are recorded"
        raise Undecided(Reason.EVIDENCE_INCOMPLETE, text)
    for label, params in asked.items():
        found, meant = before[label], operation_in(params).expect.status
        if found.status in (401, 403) and found.status not in meant:
            return f"{found.operation} answered {found.status} before the load already"
    return ""


def rate_finding(case: Case, phase: Phase, rate: Rate) -> Finding:
    """Judge a rate over the seconds of a phase.

    Raises:
        Undecided: the phase was ended early, and this rate was not certain by then; or a fail may be the generator's own
            doing, and how late it was is not recorded.
    """
    batches = [rate.batch(records) for records in phase.seconds.values()]
    decision, outcome = _decided(case, phase, rate, batches)
    observed = f"{decision.k} of {decision.n} {rate.what} ({decision.k / max(decision.n, 1):.3%})"
    observed += _never_sent(case, phase)
    details = _details(decision, rate.limit, phase)
    if outcome == "pass":
        return passed(rate.expected, observed, **details)
    if outcome == "fail" and phase.refused:
        return undecided(Reason.AUTH_NOT_EFFECTIVE, rate.expected, f"{observed}, but {phase.refused}", **details)
    own = own_share_of(case, phase.seen, rate)
    if outcome == "fail":
        if own.unknown:
            raise Undecided(Reason.EVIDENCE_INCOMPLETE, "the generator's start lag is not recorded")
        kept = kept_of(own, phase.seconds, batches, rate)
        if kept == batches or _decided(case, phase, rate, kept)[1] == "fail":
            return failed(rate.expected, observed, **details)
        return undecided(own.reason, rate.expected, own.beside(observed), **details)
    if phase.stopped_early:
        text = f"{observed} when the load phase was ended early: {phase.end.detail}"
        raise Undecided(Reason.STOPPED_EARLY, text, **details)
    if own.excuses and _passes_without(case, phase, rate, kept_of(own, phase.seconds, batches, rate)):
        return undecided(own.reason, rate.expected, own.beside(observed), **details)
    return _open_finding(case, phase, rate, decision, observed)


def _open_finding(case: Case, phase: Phase, rate: Rate, decision: RateDecision, observed: str) -> Finding:
    """Neither shown to be kept nor to be broken: more requests would tell, where they could.

    Fewer than ten seconds of them say nothing about how seconds differ, so that no less is asked for.
    """
    price = None
    if decision.needed_requests is not None and not phase.end.detail:  # else more of the same cannot be sent
        per_second = decision.n / len(phase.seconds)
        requests = max(decision.needed_requests, math.ceil(MIN_BATCHES * per_second))
        price = Price(requests=requests, seconds=requests / per_second)
    short = str(case.params.get("cannot_decide", ""))
    text = f"{observed}; as said before the start, it {short}" if short else observed
    text += f"; {phase.end.detail}" if phase.end.detail else ""
    details = _details(decision, rate.limit, phase)
    if phase.end.rows_of is not None:  # more time brings nothing
        return undecided(Reason.NO_TEST_DATA, rate.expected, text, **details)
    return undecided(Reason.TOO_FEW_SAMPLES, rate.expected, text, price=price, **details)


def _never_sent(case: Case, phase: Phase) -> str:
    unsent, busy = phase.total("unsent"), busy_words(case, phase.seen)
    if not unsent:
        return ""
    why = "" if not busy or too_few_connections(case, phase.seen) else f": {busy}"
    return f"; {unsent} arrivals were never sent{why}"


def own_share_of(case: Case, seen: Seen, rate: Rate) -> OwnShare:
    """What the generator may have done to the arrivals that a rate counts."""
    return own_share(case, seen, rate.limit_ms, by_places=rate.per_second is not None)


def kept_of(own: OwnShare, seconds: Rows, batches: list[Batch], rate: Rate) -> list[Batch]:
    """The batches with all that the generator may have caused among what nobody knows."""
    return kept_batches(own, seconds, batches, None if rate.limit_ms is None else f"{rate.limit_ms:g}")


def risks(fail_alpha: float, *, may_pass_early: bool) -> tuple[float, float, float, float | None]:
    """(fail at the end, pass at the end, fail early, pass early): the looks while it runs have their share of each risk."""
    kept = 1 - LOOKS_SHARE
    early = LOOKS_SHARE * PASS_ALPHA if may_pass_early else None
    return kept * fail_alpha, PASS_ALPHA - (early or 0.0), LOOKS_SHARE * fail_alpha, early


def _decided(case: Case, phase: Phase, rate: Rate, batches: list[Batch]) -> tuple[RateDecision, str]:
    """The bounds, and what is decided: by them at the end of a phase, by the e-process where it was ended early."""
    may_pass = case.params.get("stop_early") == "pass"
    fail, pass_, early_fail, early_pass = risks(float(case.params.get("fail_alpha", 0.01)), may_pass_early=may_pass)
    decision = judge_rate(batches, rate.limit, fail_alpha=fail, pass_confidence=1 - pass_)
    if phase.stopped_early:
        sure = certain(batches, rate.limit, fail_alpha=early_fail, pass_alpha=early_pass, looks=LOOKS_BACK)
        return decision, sure
    return decision, decision.outcome


def _passes_without(case: Case, phase: Phase, rate: Rate, kept: list[Batch]) -> bool:
    """Whether only what the generator may have caused keeps the limit from being shown to be kept."""
    good = [Batch(bad=batch.bad, total=batch.total) for batch in kept]
    return _decided(case, phase, rate, good)[1] == "pass"


def _details(decision: RateDecision, limit: float, phase: Phase) -> dict[str, object]:
    bounds = "Clopper-Pearson on effective numbers (Korn-Graubard)"
    early = f"{bounds} for the bounds; Robbins' e-process decides, since the phase was ended early"
    method, effective_n = early if phase.stopped_early else bounds, decision.effective_n
    if decision.n and effective_n < 1:
        method, effective_n = f"{method}; its seconds hang together so much that all are worth one observation", 1.0
    return {
        "n": decision.n,
        "value": decision.k / decision.n if decision.n else None,
        "lower": decision.lower,
        "upper": decision.upper,
        "limit": limit,
        "unit": "ratio",
        "effective_n": effective_n,
        "method": method,
    }
