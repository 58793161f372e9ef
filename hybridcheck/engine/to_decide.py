"""What would end an INCONCLUSIVE: the shortest list of profile lines, flags, requests or deeds, most useful first."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Literal

from hybridcheck.cases import Reason
from hybridcheck.engine.decision import Decision, run_troubles
from hybridcheck.engine.judged import UNDECIDED, Judged, importance
from hybridcheck.engine.load_advice import LoadAdvice
from hybridcheck.engine.subject import profile_of
from hybridcheck.plan import Plan, open_questions
from hybridcheck.profile.advice import first_profile
from hybridcheck.verdict import CaseVerdict, Ruling, ToDecide

Kind = Literal["profile", "flag", "requests", "target", "rerun"]

MOST_WHY = 200
"""Characters of a case's own words in a line."""

DEEDS: Mapping[Reason, tuple[Kind, str]] = {
    Reason.AUTH_NOT_EFFECTIVE: ("profile", "identities that can log in: the control with a valid credential failed"),
    Reason.NO_TEST_DATA: (
        "profile",
        "operations, identities, examples or feeders whose data exists at the target, and is enough",
    ),
    Reason.SHALLOW: ("profile", "an expect with a schema or values, so that an answer can be told from an empty one"),
    Reason.CATCH_ALL: ("target", "a target that answers 404 for paths that do not exist"),
    Reason.TARGET_CHANGED: ("rerun", "a run during which nobody deploys"),
    Reason.GENERATOR_SATURATED: ("rerun", "a run with a lower rate or on a less busy machine"),
    Reason.WORKER_LOST: ("rerun", "a run whose load generator lives to its end"),
    Reason.TOO_FEW_SAMPLES: ("flag", "more samples: a larger --budget"),
    Reason.TOO_FEW_CORES: ("profile", "services: {NAME: {cores: N}} with two free cores beside that of the tester"),
    Reason.TOO_FEW_CONNECTIONS: ("profile", "load: {PHASE: {max_connections: N}} with enough for the declared load"),
    Reason.STOPPED_EARLY: ("rerun", "a run whose load phase goes on to its end (load: stop_early: never)"),
    Reason.SAFETY_ABORT: ("target", "a target that stands the load, a lower rate, or another load: abort_when"),
    Reason.THROTTLED: ("target", "a target that does not throttle the tester, or a lower limits: max_rps"),
    Reason.SETUP_FAILED: ("target", "a target that answers the setup of the load's users as declared (load: setup)"),
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

EMPTY_SELECTION: tuple[Kind, str] = ("flag", "a selection with a required case, or what its unexamined cases need")
OWN_SOURCES = ("metrics.", "resources.")
"""Families of checks that ask a source under `observability`, not an operation."""


def to_decide(judged: Judged, decision: Decision) -> tuple[ToDecide, ...]:
    """The list for an INCONCLUSIVE; empty for every other ruling."""
    if decision.ruling is not Ruling.INCONCLUSIVE:
        return ()
    if judged.start.flags.get("without_profile") and not _silent(judged):
        lines = first_profile(judged.start.base_url, profile_of(judged.start))
        return tuple(ToDecide(what=line, kind="profile") for line in lines)
    undecided = sorted((c for c in judged.required if c.finding.outcome in UNDECIDED), key=importance)
    if _silent(judged):
        return (ToDecide(what=DEEDS[Reason.TARGET_UNREACHABLE][1], kind="target"),)
    advice = LoadAdvice(judged.start, judged.streams)
    return (
        *_open_lines(judged, decision),
        *_prices(undecided, advice),
        *_deeds(judged, undecided, advice),
    )


def _silent(judged: Judged) -> bool:
    """Whether the target gave no HTTP answer at all: then no line of a profile helps."""
    return any(reason is Reason.TARGET_UNREACHABLE for reason, _ in run_troubles(judged))


def _open_lines(judged: Judged, decision: Decision) -> Iterator[ToDecide]:
    """For each open question the lines or flags that let a case answer it, each text once."""
    profile = profile_of(judged.start)
    if profile is None:
        yield from (ToDecide(what=f"a required case for '{question}'", kind="profile") for question in decision.open)
        return
    plan = Plan(cases=judged.start.plan, drives=(), scoped=judged.start.scoped)
    said: set[str] = set()
    flags: dict[str, list[str]] = defaultdict(list)
    for question in open_questions(plan, profile):
        new = [line for line in question.lines if line not in said]
        said.update(new)
        if new:
            yield ToDecide(what="\n".join(new), kind=question.kind, cases=question.cases)
        for planned in judged.start.plan:
            _, _, flag = planned.needs.partition("; and ")
            if planned.case.id in question.cases and flag.startswith("--"):
                flags[flag].append(planned.case.id)
    for flag, cases in flags.items():
        yield ToDecide(what=flag, kind="flag", cases=tuple(cases))


def _prices(undecided: list[CaseVerdict], advice: LoadAdvice) -> Iterator[ToDecide]:
    for case in undecided:
        price = case.finding.price
        if price is not None:
            seconds = f", about {price.seconds:.0f} s" if price.seconds is not None else ""
            line = advice.longer_by(case.id, price.seconds)
            where = f": {line}" if line else ""
            what = f"{price.requests:,} more requests{seconds}{where}"
            yield ToDecide(what=what, kind="requests", cases=(case.id,))


def _deeds(judged: Judged, undecided: list[CaseVerdict], advice: LoadAdvice) -> Iterator[ToDecide]:
    """One deed for all the cases that it helps; why, where all of them say the same."""
    helped: dict[tuple[Kind, str], list[CaseVerdict]] = defaultdict(list)
    for reason, _ in run_troubles(judged):
        empty = reason is Reason.EVIDENCE_INCOMPLETE and not judged.required
        helped[EMPTY_SELECTION if empty else DEEDS[reason]] = []
    for case in undecided:
        if case.finding.price is None:
            helped[_deed(case, advice)].append(case)
    for (kind, what), cases in helped.items():
        said = {case.finding.observed[:MOST_WHY] for case in cases}
        why = f" ({said.pop()})" if len(said) == 1 else ""
        yield ToDecide(what=what + why, kind=kind, cases=tuple(case.id for case in cases))


def _deed(case: CaseVerdict, advice: LoadAdvice) -> tuple[Kind, str]:
    """What to do about an undecided case: where a source stays silent, no line about operations helps."""
    reason = case.finding.reason or Reason.EVIDENCE_INCOMPLETE
    if reason in (Reason.NO_TEST_DATA, Reason.SHALLOW) and case.check.startswith(OWN_SOURCES):
        words = f'a source in observability that says it, or not_applicable: {{{case.check}: "why it cannot be known"}}'
        return "profile", words
    return advice.deed(case) or DEEDS[reason]
