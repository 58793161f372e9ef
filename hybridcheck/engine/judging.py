"""From a ledger that was read back to the verdict: every planned case is judged from sealed records, or says why not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from hybridcheck.cases import Case, Group, Json, Phase, PlannedCase, Undecided
from hybridcheck.checks.check import Check
from hybridcheck.curl import curl_line
from hybridcheck.engine import document
from hybridcheck.engine.findings import error, normalised
from hybridcheck.engine.judged import Judged
from hybridcheck.engine.streams import Streams, gap_code
from hybridcheck.engine.waivers import Waivers, fingerprint
from hybridcheck.evidence import CaseError, Evidence, Exchange, Gap, Record
from hybridcheck.ledger import ReadLedger
from hybridcheck.verdict import CaseVerdict, Finding, Outcome, Verdict, undecided

T = TypeVar("T", bound=Record)

MOST_BODY = 2000
"""Characters of a body in a case's curl line; a longer one is left out."""


@dataclass(frozen=True, slots=True)
class WhatIf:
    """Another profile for an old ledger (`judge --profile`): its resolved data, and the plan that it gives."""

    profile: dict[str, Json]
    plan: tuple[PlannedCase, ...]
    catalogue: int


def judge(
    ledger: ReadLedger,
    checks: Mapping[str, Check],
    *,
    ledger_name: str,
    tool_version: str,
    what_if: WhatIf | None = None,
) -> Verdict:
    """The verdict of a ledger: the same bytes for the same ledger, checks, tool version and options.

    Args:
        ledger: the records as read back.
        checks: every check under its id and its former ids, in the order of the catalogue.
        ledger_name: the ledger's path relative to the verdict's file.
        tool_version: the version that judges.
        what_if: another profile and plan; cases without evidence are then inconclusive, and the verdict says so.
    """
    streams = Streams(ledger)
    start = streams.start
    if what_if is not None:
        changes = {"profile": what_if.profile, "plan": what_if.plan, "catalogue": what_if.catalogue}
        start = start.model_copy(update=changes)
    waivers = Waivers(start.profile, start.started_utc, checks)
    cases = tuple(case_verdict(planned, checks.get(planned.case.check), streams, waivers) for planned in start.plan)
    judged = Judged(
        start=start,
        streams=streams,
        cases=tuple(sorted(cases, key=lambda case: case.id)),
        checks=checks,
        waivers=waivers,
        what_if=what_if is not None,
    )
    return document.assemble(judged, ledger, ledger_name=ledger_name, judged_by=tool_version)


def case_verdict(planned: PlannedCase, check: Check | None, streams: Streams, waivers: Waivers) -> CaseVerdict:
    """One planned case with its finding, its waiver where it failed, and the way to replay it."""
    case = planned.case
    finding = finding_of(planned, check, streams)
    ran = planned.group in (Group.REQUIRED, Group.ADVISORY)
    return CaseVerdict(
        id=case.id,
        check=case.check,
        subject=case.subject,
        fingerprint=fingerprint(case.id),
        group=planned.group,
        phase=planned.phase,
        safety=planned.safety,
        dimension=planned.dimension,
        severity=max(planned.severity, finding.severity or planned.severity, key=lambda severity: severity.rank),
        core=planned.core,
        finding=finding,
        needs=planned.needs,
        waived=waivers.covering(planned) if finding.outcome is Outcome.FAIL else None,
        duration_s=streams.duration_s(case.id) if ran else None,
        replay=f"hybridcheck replay 'verdict.json#{case.id}'" if ran else None,
        replay_curl=_curl_line(finding, streams, planned) if ran else None,
    )


def _curl_line(finding: Finding, streams: Streams, planned: PlannedCase) -> str | None:
    """The line for the exchange that the finding names last, else for the last one of the case; None without one.

    What a case of the load phase asked before the load (is a credential any good?) is not what it is about.
    """
    own = [record for record in streams.sealed_records(planned.case.id) if not _asked_before_load(planned, record)]
    records = (*own, *streams.named(finding.exchanges))
    found = {record.n: record for record in records if isinstance(record, Exchange)}
    shown = next((number for number in reversed(finding.exchanges) if number in found), next(reversed(found), None))
    return curl_line(found[shown].request, most_body=MOST_BODY) if shown is not None else None


def _asked_before_load(planned: PlannedCase, record: Record) -> bool:
    return planned.phase is Phase.LOAD and isinstance(record, Exchange) and record.label.startswith("before")


def finding_of(planned: PlannedCase, check: Check | None, streams: Streams) -> Finding:
    """The finding of a planned case; only sealed, gapless evidence reaches the judge (gaps where it asks for them)."""
    promise = check.title if check is not None else planned.case.check
    if planned.group is Group.UNEXAMINED:
        return Finding(outcome=Outcome.NOT_EVALUATED, expected=promise, observed=f"not examined; needs {planned.needs}")
    if planned.group is Group.NOT_APPLICABLE:
        return Finding(outcome=Outcome.NOT_APPLICABLE, expected=promise, observed=planned.needs)
    if check is None:
        return error(promise, "this version does not know the check; judge with the version and plugins of the run")
    case = planned.case
    for stream in (case.id, *case.shared):
        trouble = streams.trouble(stream)
        if trouble is not None:
            return undecided(streams.unended_code, _promise(check, case), trouble)
    evidence = Evidence(
        own=streams.sealed_records(case.id),
        shared={stream: streams.sealed_records(stream) for stream in case.shared},
        lasted_s={stream: streams.duration_s(stream) for stream in case.shared},
    )
    return judge_evidence(planned, check, evidence)


def judge_evidence(planned: PlannedCase, check: Check, evidence: Evidence) -> Finding:
    """The finding over sealed evidence: our own faults and gaps decide before the judge is asked."""
    promise = _promise(check, planned.case)
    broken = next(_of_kind(evidence, CaseError), None)
    if broken is not None:
        return error(promise, f"{broken.error}: {broken.detail}")
    if not check.judges_gaps:
        gap = gap_code(_of_kind(evidence, Gap))
        if gap is not None:
            return undecided(gap[0], promise, gap[1])
    try:
        return normalised(check.judge(_with_risk(planned), evidence))
    except Undecided as reason:
        return normalised(undecided(reason.reason, promise, reason.why, **reason.figures))
    except Exception as fault:  # noqa: BLE001 - a judge that breaks is our fault, and one case must not take the others
        return error(promise, f"the judge broke: {type(fault).__name__}: {fault}")


def _promise(check: Check, case: Case) -> str:
    """The case's own words; the check's title where its parameters are not those that this version knows."""
    try:
        return check.expects(case)
    except Exception:  # noqa: BLE001 - words only: the judge itself says what is wrong with the parameters
        return check.title


def _of_kind(evidence: Evidence, kind: type[T]) -> Iterator[T]:
    """Own and shared records of a kind, in the order of the streams."""
    for records in (evidence.own, *evidence.shared.values()):
        yield from (record for record in records if isinstance(record, kind))


def _with_risk(planned: PlannedCase) -> Case:
    """The case with the fail risk that the plan gave it, where its own parameters do not name one."""
    case = planned.case
    if planned.fail_alpha is None or "fail_alpha" in case.params:
        return case
    return case.model_copy(update={"params": {**case.params, "fail_alpha": planned.fail_alpha}})
