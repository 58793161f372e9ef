"""The document `verdict.json`, put together from the judged cases: no wall time, no path, no order of chance."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable

from hybridcheck.cases import Group
from hybridcheck.checks.check import Check
from hybridcheck.engine.boundary_catalogue import boundary_catalogue
from hybridcheck.engine.decision import Decision, decide, exit_zero
from hybridcheck.engine.judged import Judged
from hybridcheck.engine.load_report import load_phases, resource_series
from hybridcheck.engine.scores import dimension_scores
from hybridcheck.engine.subject import subject_of
from hybridcheck.engine.to_decide import to_decide
from hybridcheck.engine.trees import integration_tree, production_tree
from hybridcheck.ledger import ReadLedger
from hybridcheck.verdict import (
    CaseVerdict,
    CheckVerdict,
    EvidenceRef,
    Outcome,
    PlanCounts,
    Policy,
    Ruling,
    RunInfo,
    Scope,
    Verdict,
    WaiverCounts,
)

WORST_FIRST = (
    Outcome.FAIL,
    Outcome.ERROR,
    Outcome.INCONCLUSIVE,
    Outcome.PASS,
    Outcome.NOT_EVALUATED,
    Outcome.NOT_APPLICABLE,
)
"""A check's outcome is that of its worst case."""


def assemble(judged: Judged, ledger: ReadLedger, *, ledger_name: str, judged_by: str) -> Verdict:
    """Decide and put the document together."""
    decision = decide(judged)
    sealed = judged.streams.end is not None
    return Verdict(
        verdict=decision.ruling,
        exit_code=decision.exit_code,
        scope=_scope(judged.cases, decision.ruling),
        reasons=decision.reasons,
        to_decide=to_decide(judged, decision),
        core=decision.core,
        subject=subject_of(judged.start, judged.streams),
        policy=_policy(judged),
        evidence=EvidenceRef(path=ledger_name, digest=ledger.digest, records=len(ledger.records), sealed=sealed),
        run=_run(judged, judged_by),
        plan=_counts(judged.cases),
        dimensions=dimension_scores(judged.cases),
        checks=tuple(_checks(judged)),
        load=load_phases(judged.streams),
        resources=resource_series(judged.streams),
        waivers=_waivers(judged, decision),
        integration=integration_tree(judged, decision),
        production=production_tree(judged, decision),
        boundary_catalogue=boundary_catalogue(judged),
    )


def _scope(cases: tuple[CaseVerdict, ...], ruling: Ruling) -> Scope:
    groups = Counter(case.group for case in cases)
    findings = sum(case.group is Group.ADVISORY and case.finding.outcome is Outcome.FAIL for case in cases)
    required, unexamined = groups[Group.REQUIRED], groups[Group.UNEXAMINED]
    sentence = (
        f"{ruling} on {_counted(required, 'required promise')} · {_counted(findings, 'advisory finding')} · "
        f"{unexamined} unexamined"
    )
    return Scope(
        required=required,
        advisory=groups[Group.ADVISORY],
        unexamined=unexamined,
        not_applicable=groups[Group.NOT_APPLICABLE],
        advisory_findings=findings,
        sentence=sentence,
    )


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _policy(judged: Judged) -> Policy:
    profile = judged.start.profile
    canonical = json.dumps(profile, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return Policy(
        profile_name=str(profile.get("name") or "unnamed"),
        digest=f"sha256:{hashlib.sha256(canonical.encode('utf-8', 'replace')).hexdigest()}",
        catalogue=int(profile.get("catalogue") or judged.start.catalogue),
        what_if=judged.what_if,
        exit_zero=exit_zero(judged),
    )


def _run(judged: Judged, judged_by: str) -> RunInfo:
    start, end = judged.start, judged.streams.end
    return RunInfo(
        run_id=start.run_id,
        started_utc=start.started_utc,
        ended_utc=end.ended_utc or None if end else None,
        cause=end.cause if end else None,
        seed=start.seed,
        budget=start.budget,
        tool_version=start.tool_version,
        judged_by=judged_by,
        catalogue=start.catalogue,
        plugins=start.plugins,
        host=start.host,
        flags=start.flags,
        overrides=start.overrides,
    )


def _counts(cases: Iterable[CaseVerdict]) -> PlanCounts:
    outcomes = Counter(case.finding.outcome for case in cases)
    ended = (Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.ERROR)
    return PlanCounts(
        planned=sum(outcomes[outcome] for outcome in ended),
        passed=outcomes[Outcome.PASS],
        failed=outcomes[Outcome.FAIL],
        inconclusive=outcomes[Outcome.INCONCLUSIVE],
        errors=outcomes[Outcome.ERROR],
        unexamined=outcomes[Outcome.NOT_EVALUATED],
        not_applicable=outcomes[Outcome.NOT_APPLICABLE],
    )


def _checks(judged: Judged) -> Iterable[CheckVerdict]:
    """Every check that has a case, in the order of the catalogue; unknown ones last, by id."""
    order = {name: number for number, name in enumerate(judged.checks)}
    by_check: dict[str, list[CaseVerdict]] = {}
    for case in judged.cases:
        check = judged.checks.get(case.check)
        by_check.setdefault(check.id if check is not None else case.check, []).append(case)
    for check_id in sorted(by_check, key=lambda name: (order.get(name, len(order)), name)):
        yield _check(check_id, judged.checks.get(check_id), tuple(by_check[check_id]))


def _check(check_id: str, check: Check | None, cases: tuple[CaseVerdict, ...]) -> CheckVerdict:
    outcomes = {case.finding.outcome for case in cases}
    return CheckVerdict(
        id=check_id,
        title=check.title if check is not None else check_id,
        dimension=cases[0].dimension,
        severity=check.severity if check is not None else cases[0].severity,
        since=check.since if check is not None else 1,
        refs=check.refs if check is not None else (),
        remedy=check.remedy if check is not None else "",
        outcome=next(outcome for outcome in WORST_FIRST if outcome in outcomes),
        cases=cases,
    )


def _waivers(judged: Judged, decision: Decision) -> WaiverCounts:
    waived = {case.id for case in judged.cases if case.waived is not None}
    plan = judged.start.plan
    return WaiverCounts(
        ruling_without=decision.ruling_without_waivers,
        applied=judged.waivers.applied(planned for planned in plan if planned.case.id in waived),
        expired=judged.waivers.expired(),
        unmatched=judged.waivers.unmatched(plan),
    )
