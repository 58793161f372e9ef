"""What would end an INCONCLUSIVE: the shortest list of profile lines, flags, requests or deeds, most useful first."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Literal

from hybridcheck.cases import CoreQuestion, Group, Reason
from hybridcheck.engine.decision import NO_WAY_OUT, Decision, run_troubles
from hybridcheck.engine.judged import UNDECIDED, Judged, importance
from hybridcheck.verdict import CaseVerdict, Ruling, ToDecide

Kind = Literal["profile", "flag", "requests", "target", "rerun"]

DEEDS: Mapping[Reason, tuple[Kind, str]] = {
    Reason.AUTH_NOT_EFFECTIVE: ("profile", "identities that can log in: the control with a valid credential failed"),
    Reason.NO_TEST_DATA: ("profile", "operations, identities or examples whose data exists at the target"),
    Reason.SHALLOW: ("profile", "an expect with a schema or values, so that an answer can be told from an empty one"),
    Reason.CATCH_ALL: ("target", "a target that answers 404 for paths that do not exist"),
    Reason.TARGET_CHANGED: ("rerun", "a run during which nobody deploys"),
    Reason.GENERATOR_SATURATED: ("rerun", "a run with a lower rate or on a less busy machine"),
    Reason.WORKER_LOST: ("rerun", "a run whose load generator lives to its end"),
    Reason.TOO_FEW_SAMPLES: ("rerun", "a longer load phase (load: duration_s) or a larger --budget"),
    Reason.THROTTLED: ("target", "a target that does not throttle the tester, or a lower limits: max_rps"),
    Reason.FAULT_NOT_DELIVERED: ("profile", "a fault hook that takes effect"),
    Reason.EVIDENCE_INCOMPLETE: ("rerun", "a run whose evidence is complete"),
    Reason.SUSPECTED: ("target", "a look at the exchanges of the case: half of the proof is there"),
    Reason.FLAKY: ("target", "a target that answers the same request the same way each time"),
    Reason.TARGET_UNREACHABLE: ("target", "a target that answers at the base URL"),
    Reason.INTERRUPTED: ("rerun", "a run that is not ended early"),
    Reason.TOOL_ERROR: ("rerun", "a run without a fault of this tool; please report this one"),
    Reason.RUN_NOT_SEALED: ("rerun", "a run that reaches its end, with its whole ledger"),
    Reason.FOREIGN_RUN: ("rerun", "a run that has the target to itself"),
    Reason.SECRET_IN_ARTEFACT: ("rerun", "a run whose artefacts hold no secret; please report this one"),
}
"""What to do about each reason that a case or a run can be undecided for."""


def to_decide(judged: Judged, decision: Decision) -> tuple[ToDecide, ...]:
    """The list for an INCONCLUSIVE; empty for every other ruling."""
    if decision.ruling is not Ruling.INCONCLUSIVE:
        return ()
    undecided = sorted((c for c in judged.required if c.finding.outcome in UNDECIDED), key=importance)
    return (
        *(_line_for(question, judged) for question in decision.open),
        *_prices(undecided),
        *_deeds(judged, undecided),
    )


def _line_for(question: CoreQuestion, judged: Judged) -> ToDecide:
    """The profile line or flag that lets a case answer the question, else the words that may stand for an answer."""
    candidates = sorted((c for c in judged.cases if c.core is question), key=importance)
    unexamined = [case for case in candidates if case.group is Group.UNEXAMINED and case.needs]
    if unexamined:
        needs = unexamined[0].needs
        kind: Kind = "flag" if needs.startswith("--") else "profile"
        same = tuple(case.id for case in unexamined if case.needs == needs)
        return ToDecide(what=needs, kind=kind, cases=same)
    advisory = [case for case in candidates if case.group is Group.ADVISORY]
    if advisory:
        checks = ", ".join(sorted({case.check for case in advisory}))
        same = tuple(case.id for case in advisory)
        return ToDecide(what=f"policy: {{require: [{checks}]}}", kind="profile", cases=same)
    if question in NO_WAY_OUT:
        return ToDecide(what="operations: [GET /path]", kind="profile")
    return ToDecide(what=f'not_applicable: {{{question}: "the reason in words"}}', kind="profile")


def _prices(undecided: list[CaseVerdict]) -> Iterator[ToDecide]:
    for case in undecided:
        price = case.finding.price
        if price is not None:
            seconds = f", about {price.seconds:.0f} s" if price.seconds is not None else ""
            yield ToDecide(what=f"{price.requests:,} more requests{seconds}", kind="requests", cases=(case.id,))


def _deeds(judged: Judged, undecided: list[CaseVerdict]) -> Iterator[ToDecide]:
    cases_of: dict[Reason, list[str]] = defaultdict(list)
    for reason, _ in run_troubles(judged):
        cases_of[reason] = []
    for case in undecided:
        if case.finding.price is None:
            cases_of[case.finding.reason or Reason.EVIDENCE_INCOMPLETE].append(case.id)
    for reason, cases in cases_of.items():
        kind, what = DEEDS[reason]
        yield ToDecide(what=what, kind=kind, cases=tuple(cases))
