"""The decision: what makes a run READY, NOT_READY or INCONCLUSIVE, its exit code, its reasons, and what would decide."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from hybridcheck.cases import CORE_PARTS, Case, CoreQuestion, Group, Phase, PlannedCase, Reason, Severity
from hybridcheck.checks.check import Check
from hybridcheck.engine.judging import judge
from hybridcheck.engine.to_decide import DEEDS
from hybridcheck.evidence import CaseError, Evidence, Gap, GapReason, Observation, Record, RunCause, RunFault
from hybridcheck.ledger import from_lines
from hybridcheck.profile.advice import lines_for
from hybridcheck.profile.models import Profile
from hybridcheck.verdict import Finding, Outcome, Ruling, Verdict, undecided
from tests.property.fake_checks import CHECKS, Repeated
from tests.property.ledgers import exchange, lines_of, planned, start

GOOD: list[Record] = [exchange("probe.1", 200)]
BAD: list[Record] = [exchange(f"probe.{i}", 500) for i in (1, 2, 3)]
FLAKY: list[Record] = [exchange("probe.1", 500), exchange("probe.2", 200)]

SIX = tuple(planned("fake.repeated", question.value, core=question) for question in CoreQuestion)


def verdict_of(
    plan: Sequence[PlannedCase],
    records: Mapping[str, Sequence[Record]] | None = None,
    *,
    more: Mapping[str, Sequence[Record]] | None = None,
    cause: RunCause = RunCause.COMPLETED,
    checks: Mapping[str, Check] = CHECKS,
    **first: Any,
) -> Verdict:
    """The verdict of a plan; `records` by subject, a good answer for the others; `more` are other streams."""
    ran = [case for case in plan if case.group in (Group.REQUIRED, Group.ADVISORY)]
    streams = {case.case.id: (records or {}).get(case.case.subject, GOOD) for case in ran}
    lines = lines_of(start(plan, **first), {**streams, **(more or {})}, cause=cause)
    return judge(from_lines(lines), checks, ledger_name="l", tool_version="1")


def codes(verdict: Verdict) -> list[tuple[str, str | None]]:
    """Code and case of the blocking reasons."""
    return [(reason.code, reason.case) for reason in verdict.reasons if reason.blocking]


def waiver(**changes: str) -> dict[str, str]:
    """A waiver of everything that `fake.repeated` promises, valid at the time of the run."""
    return {
        "case": "fake.repeated",
        "reason": "known",
        "owner": "o",
        "ticket": "T-1",
        "expires": "2026-03-10",
        **changes,
    }


def test_six_answered_questions_are_ready() -> None:
    """Every required case passed and every core question has one: READY, 0, with its scope and no reason."""
    verdict = verdict_of([*SIX, planned("fake.repeated", "u", group=Group.UNEXAMINED, needs="x")])
    assert (verdict.verdict, verdict.exit_code) == (Ruling.READY, 0)
    assert verdict.scope.sentence == "READY on 6 required promises · 0 advisory findings · 1 unexamined"
    assert verdict.reasons == ()
    assert verdict.to_decide == ()
    assert all(answer.answered for answer in verdict.core.values())


def test_one_required_fail_is_not_ready() -> None:
    """A proved defect decides, whatever else is undecided or unsealed, and comes first."""
    verdict = verdict_of(SIX, {"load": BAD, "access": FLAKY}, cause=RunCause.INTERRUPTED)
    assert (verdict.verdict, verdict.exit_code) == (Ruling.NOT_READY, 1)
    assert codes(verdict)[0] == ("FAIL", "fake.repeated[load]")
    assert verdict.scope.sentence == "NOT_READY on 6 required promises · 0 advisory findings · 0 unexamined"


def test_an_advisory_fail_decides_nothing() -> None:
    """It is counted in the scope and that is all."""
    verdict = verdict_of([*SIX, planned("fake.repeated", "a", group=Group.ADVISORY)], {"a": BAD})
    assert verdict.verdict is Ruling.READY
    assert verdict.scope.sentence == "READY on 6 required promises · 1 advisory finding · 0 unexamined"


@pytest.mark.parametrize("records", [FLAKY, [], [CaseError(error="E")], [Gap(reason=GapReason.LOST)]])
def test_one_undecided_required_case_is_inconclusive(records: list[Record]) -> None:
    """Flaky, empty, broken or with a gap: exit 3, and something says what would decide."""
    verdict = verdict_of([*SIX, planned("fake.repeated", "more")], {"more": records})
    assert (verdict.verdict, verdict.exit_code) == (Ruling.INCONCLUSIVE, 3)
    assert [case for _, case in codes(verdict)] == ["fake.repeated[more]"]
    assert verdict.to_decide[0].cases == ("fake.repeated[more]",)


@pytest.mark.parametrize("question", list(CoreQuestion))
def test_each_core_question_needs_an_answer(question: CoreQuestion) -> None:
    """Without a required case for it, the run is INCONCLUSIVE and the lines that would bring one in are named."""
    plan = [case for case in SIX if case.core is not question]
    unexamined = planned("fake.repeated", "u", core=question, group=Group.UNEXAMINED, needs="something")
    verdict = verdict_of([*plan, unexamined])
    assert verdict.verdict is Ruling.INCONCLUSIVE
    assert codes(verdict) == [(Reason.CORE_QUESTION_OPEN, None)]
    assert [(d.what, d.kind, d.cases) for d in verdict.to_decide] == [
        ("\n".join(lines_for(question, Profile(version=1))), "profile", ("fake.repeated[u]",))
    ]


@pytest.mark.parametrize("question", list(CoreQuestion))
def test_words_answer_four_of_the_six_questions(question: CoreQuestion) -> None:
    """`not_applicable` with a reason is an answer, but for alive and contract."""
    plan = [case for case in SIX if case.core is not question]
    profile = {"version": 1, "name": "p", "not_applicable": {question.value: "declared so"}}
    verdict = verdict_of(plan, profile=profile)
    no_way_out = question in (CoreQuestion.ALIVE, CoreQuestion.CONTRACT)
    assert verdict.verdict is (Ruling.INCONCLUSIVE if no_way_out else Ruling.READY)
    assert verdict.core[question].not_applicable == (None if no_way_out else "declared so")


def test_an_advisory_case_answers_no_question() -> None:
    """A question whose only case is advisory is open; requiring the check would close it."""
    plan = [*SIX[:-1], SIX[-1].model_copy(update={"group": Group.ADVISORY})]
    verdict = verdict_of(plan)
    assert verdict.verdict is Ruling.INCONCLUSIVE
    assert verdict.to_decide[0].what == "policy: {require: [fake.repeated]}"


LOAD_PARTS = CORE_PARTS[CoreQuestion.LOAD]


@pytest.mark.parametrize("missing", LOAD_PARTS)
@pytest.mark.parametrize("group", [Group.ADVISORY, Group.UNEXAMINED])
def test_one_half_of_a_question_does_not_answer_it(missing: str, group: Group) -> None:
    """Load asks for errors and latency: a limit for one of them alone leaves the question open, and says which."""
    plan = [case for case in SIX if case.core is not CoreQuestion.LOAD]
    plan += [planned(part, "steady", core=CoreQuestion.LOAD) for part in LOAD_PARTS if part != missing]
    plan += [planned(missing, "load", core=CoreQuestion.LOAD, group=group, needs="thresholds: {...}")]
    verdict = verdict_of(plan, checks={**CHECKS, **dict.fromkeys(LOAD_PARTS, CHECKS["fake.repeated"])})
    assert (verdict.verdict, verdict.exit_code) == (Ruling.INCONCLUSIVE, 3)
    assert codes(verdict) == [(Reason.CORE_QUESTION_OPEN, None)]
    assert missing in verdict.reasons[0].message
    assert not verdict.core[CoreQuestion.LOAD].answered
    assert verdict.to_decide


def test_both_halves_answer_a_question_of_two() -> None:
    """With a required and decided case for each half the question is answered; with words for one half, by the other."""
    checks = {**CHECKS, **dict.fromkeys(LOAD_PARTS, CHECKS["fake.repeated"])}
    plan = [case for case in SIX if case.core is not CoreQuestion.LOAD]
    both = [planned(part, "steady", core=CoreQuestion.LOAD) for part in LOAD_PARTS]
    assert verdict_of([*plan, *both], checks=checks).verdict is Ruling.READY
    excused = [both[0], both[1].model_copy(update={"group": Group.NOT_APPLICABLE, "needs": "no errors counted"})]
    assert verdict_of([*plan, *excused], checks=checks).verdict is Ruling.READY


def test_a_flag_that_would_bring_a_case_in_is_called_a_flag() -> None:
    """`--allow load` is no profile line; a flag that is needed beside lines stands by itself."""
    alone = planned("fake.repeated", "u", core=CoreQuestion.LOAD, group=Group.UNEXAMINED, needs="--allow load")
    assert [(d.what, d.kind) for d in verdict_of([*SIX[:4], SIX[5], alone]).to_decide] == [("--allow load", "flag")]
    both = alone.model_copy(update={"needs": "load: {...}; and --environment local"})
    found = verdict_of([*SIX[:4], SIX[5], both]).to_decide
    assert [d.kind for d in found] == ["profile", "flag"]
    assert found[1].what == "--environment local"


def test_a_profile_that_cannot_be_read_again_names_the_open_question() -> None:
    """Where a mask spoils the ledger's profile, the questions are still named."""
    verdict = verdict_of(SIX[1:], profile={"version": "‹secret:000000000000:1›", "name": "p"})
    assert [d.what for d in verdict.to_decide] == ["a required case for 'alive'"]


@pytest.mark.parametrize(
    ("cause", "code", "number"),
    [
        (RunCause.UNREACHABLE, Reason.TARGET_UNREACHABLE, 4),
        (RunCause.INTERRUPTED, Reason.INTERRUPTED, 3),
        (RunCause.TIMED_OUT, Reason.INTERRUPTED, 3),
        (RunCause.FAILED_FAST, Reason.INTERRUPTED, 3),
        (RunCause.SAFETY_ABORT, Reason.INTERRUPTED, 3),
        (RunCause.TOOL_ERROR, Reason.TOOL_ERROR, 5),
    ],
)
def test_a_run_that_did_not_complete_is_never_ready(cause: RunCause, code: Reason, number: int) -> None:
    """Each cause has its code and its exit code, even where every case passed."""
    verdict = verdict_of(SIX, cause=cause)
    assert (verdict.verdict, verdict.exit_code) == (Ruling.INCONCLUSIVE, number)
    assert codes(verdict) == [(code, None)]
    assert verdict.to_decide


@pytest.mark.parametrize("reason", [Reason.TOOL_ERROR, Reason.SECRET_IN_ARTEFACT])
def test_a_fault_of_ours_that_the_run_wrote_down_is_never_ready(reason: Reason) -> None:
    """A full disk or a secret in an artefact: INCONCLUSIVE, exit 5, named; a proved defect stays NOT_READY."""
    fault = {"run": [RunFault(reason=reason, detail="words")]}
    verdict = verdict_of(SIX, more=fault)
    assert (verdict.verdict, verdict.exit_code, codes(verdict)) == (Ruling.INCONCLUSIVE, 5, [(reason, None)])
    assert [line.message for line in verdict.reasons] == ["words"]
    assert verdict_of(SIX, {"load": BAD}, more=fault).exit_code == 1


def test_every_reason_has_a_deed() -> None:
    """Whatever leaves a case or a run undecided, the list says what would decide it."""
    assert set(Reason) - set(DEEDS) == {Reason.CORE_QUESTION_OPEN}


def observations(*pairs: tuple[str, str]) -> list[Record]:
    """Build observations by label."""
    return [Observation(label=label, values={"build": build}) for label, build in pairs]


@pytest.mark.parametrize(
    ("records", "ruling"),
    [
        (observations(("before", "b1"), ("after", "b1")), Ruling.READY),
        (observations(("before", "b1"), ("after", "b2")), Ruling.INCONCLUSIVE),
        (observations(("before", "b1")), Ruling.INCONCLUSIVE),
        ([Gap(reason=GapReason.LOST), Gap(reason=GapReason.LOST)], Ruling.INCONCLUSIVE),
        ([], Ruling.READY),
    ],
)
def test_the_build_has_to_stay_the_same(records: list[Record], ruling: Ruling) -> None:
    """A target that was deployed in mid-run, or whose build is known on one side only, is not READY."""
    assert verdict_of(SIX, more={"build": records}).verdict is ruling


def test_another_run_at_the_target_is_noticed() -> None:
    """A foreign run makes INCONCLUSIVE what would be READY."""
    verdict = verdict_of(SIX, more={"run": [Observation(label="foreign_run", values={"run_id": "other"})]})
    assert codes(verdict) == [(Reason.FOREIGN_RUN, None)]


def test_a_selection_passes_fails_or_is_undecided_and_is_never_ready() -> None:
    """No core question is asked of it; a selection of nothing decides nothing."""
    one = [planned("fake.repeated")]
    assert (verdict_of(one, scoped=True).verdict, verdict_of(one, scoped=True).exit_code) == (Ruling.PASSED, 0)
    failing = verdict_of(one, {"x": BAD}, scoped=True)
    assert (failing.verdict, failing.exit_code) == (Ruling.FAILED, 1)
    assert verdict_of(one, {"x": FLAKY}, scoped=True).verdict is Ruling.INCONCLUSIVE
    advisory = [planned("fake.repeated", group=Group.ADVISORY)]
    assert verdict_of(advisory, scoped=True).verdict is Ruling.INCONCLUSIVE
    assert verdict_of([], scoped=True).verdict is Ruling.INCONCLUSIVE


def test_exit_zero_reports_without_blocking() -> None:
    """NOT_READY and INCONCLUSIVE leave with 0 and say so; our own faults do not."""
    asked: dict[str, Any] = {"flags": {"exit_zero": True}}
    for records in ({"load": BAD}, {"load": FLAKY}):
        verdict = verdict_of(SIX, records, **asked)
        assert verdict.exit_code == 0
        assert verdict.policy.exit_zero
        assert verdict.verdict is not Ruling.READY
    assert verdict_of(SIX, more={"run": [RunFault(reason=Reason.TOOL_ERROR)]}, **asked).exit_code == 5


def test_blocking_reasons_are_in_order_of_importance() -> None:
    """Core question first, then severity, then the earliest phase, then the id."""
    plan = [
        planned("fake.repeated", "d"),
        planned("fake.repeated", "c", phase=Phase.PREFLIGHT),
        planned("fake.repeated", "b", severity=Severity.CRITICAL, phase=Phase.AFTER),
        planned("fake.repeated", "a", core=CoreQuestion.LOAD),
        planned("fake.repeated", "e", core=CoreQuestion.ALIVE),
        planned("fake.repeated", "f"),
    ]
    verdict = verdict_of(plan, dict.fromkeys("abcdef", BAD))
    assert [case for _, case in codes(verdict)][:6] == [f"fake.repeated[{name}]" for name in "eabcdf"]


def test_a_valid_waiver_lets_a_fail_through_and_shows_it() -> None:
    """The case stays a fail, marked as waived; the ruling without waivers stands beside."""
    verdict = verdict_of(SIX, {"load": BAD}, profile={"name": "p", "waivers": [waiver()]})
    assert verdict.verdict is Ruling.READY
    assert verdict.waivers.ruling_without is Ruling.NOT_READY
    assert verdict.waivers.applied == ("fake.repeated",)
    case = next(case for check in verdict.checks for case in check.cases if case.subject == "load")
    assert case.finding.outcome is Outcome.FAIL
    assert case.waived is not None
    assert case.waived.ticket == "T-1"
    assert verdict.plan.failed == 1
    assert [(reason.code, reason.blocking) for reason in verdict.reasons] == [("WAIVED", False)]


def test_a_waiver_never_covers_the_undecided() -> None:
    """A flaky case stays undecided under a waiver."""
    verdict = verdict_of(SIX, {"load": FLAKY}, profile={"name": "p", "waivers": [waiver()]})
    assert verdict.verdict is Ruling.INCONCLUSIVE
    assert verdict.waivers.applied == ()


@pytest.mark.parametrize("name", ["fake.repeated", "fake.repeated[load]", "fingerprint"])
def test_a_waiver_names_a_check_a_case_or_a_fingerprint(name: str) -> None:
    """All three ways cover the case; another case's name does not."""
    failing = verdict_of(SIX, {"load": BAD})
    case = next(case for check in failing.checks for case in check.cases if case.subject == "load")
    covers = case.fingerprint if name == "fingerprint" else name
    waivers = [waiver(case=covers)]
    assert verdict_of(SIX, {"load": BAD}, profile={"name": "p", "waivers": waivers}).verdict is Ruling.READY
    waivers = [waiver(case="fake.repeated[alive]")]
    assert verdict_of(SIX, {"load": BAD}, profile={"name": "p", "waivers": waivers}).verdict is Ruling.NOT_READY


@pytest.mark.parametrize(
    ("severity", "expires", "valid"),
    [
        (Severity.HIGH, "2026-03-03", False),
        (Severity.HIGH, "2026-03-04", True),
        (Severity.HIGH, "2026-06-02", True),
        (Severity.HIGH, "2026-06-03", False),
        (Severity.CRITICAL, "2026-03-18", True),
        (Severity.CRITICAL, "2026-03-19", False),
    ],
)
def test_a_waiver_is_held_to_the_day_of_the_run(severity: Severity, expires: str, valid: bool) -> None:
    """It is valid through its last day, and never reaches further than 14 days for critical, 90 for others."""
    plan = [*SIX[1:], planned("fake.repeated", "alive", core=CoreQuestion.ALIVE, severity=severity)]
    waivers = [waiver(case="fake.repeated[alive]", expires=expires)]
    verdict = verdict_of(plan, {"alive": BAD}, profile={"name": "p", "waivers": waivers})
    assert verdict.verdict is (Ruling.READY if valid else Ruling.NOT_READY)
    assert verdict.waivers.expired == (("fake.repeated[alive]",) if expires < "2026-03-04" else ())
    named = [reason.code for reason in verdict.reasons if not reason.blocking]
    assert valid == (named == ["WAIVED"])
    assert valid or named in (["WAIVER_EXPIRED"], ["WAIVER_TOO_LONG"])


def test_a_waiver_of_nothing_is_named() -> None:
    """A waiver that no case of the plan matches shows up as unmatched."""
    verdict = verdict_of(SIX, profile={"name": "p", "waivers": [waiver(case="no.such")]})
    assert verdict.waivers.unmatched == ("no.such",)
    assert verdict.verdict is Ruling.READY


def test_the_counts_balance() -> None:
    """Planned = passed + failed + inconclusive + errors, beside what was not planned."""
    plan = [
        *SIX,
        planned("fake.repeated", "e"),
        planned("fake.repeated", "u", group=Group.UNEXAMINED, needs="x"),
        planned("fake.repeated", "n", group=Group.NOT_APPLICABLE, needs="x"),
    ]
    counts = verdict_of(plan, {"load": BAD, "alive": FLAKY, "e": [CaseError(error="E")]}).plan
    assert (counts.planned, counts.passed, counts.failed, counts.inconclusive, counts.errors) == (7, 4, 1, 1, 1)
    assert (counts.unexamined, counts.not_applicable) == (1, 1)


def test_a_run_without_a_profile_prints_a_first_profile() -> None:
    """Nothing declared: the list is the few lines of a first profile for this very address."""
    verdict = verdict_of([], flags={"without_profile": True}, base_url="http://127.0.0.1:7")
    assert verdict.to_decide[0].what == "version: 1"
    assert "http://127.0.0.1:7" in verdict.to_decide[1].what
    assert {item.kind for item in verdict.to_decide} == {"profile"}


def test_a_silent_target_needs_no_profile_line() -> None:
    """Where nothing answered at all, the one thing that would decide is a target that answers."""
    verdict = verdict_of([], flags={"without_profile": True}, cause=RunCause.UNREACHABLE)
    assert [item.kind for item in verdict.to_decide] == ["target"]


@pytest.mark.parametrize(
    "check,words", [("metrics.any", "observability"), ("fake.repeated", "answers the same request")]
)
def test_a_silent_source_is_not_cured_by_operations(check: str, words: str) -> None:
    """Where a source of measurements says nothing, the line is about the source, or says in words why it cannot."""

    class Silent(Repeated):
        """Nothing can be read."""

        def judge(self, case: Case, evidence: Evidence) -> Finding:
            """Without data where it is a source; else in doubt."""
            reason = Reason.NO_TEST_DATA if case.check.startswith("metrics.") else Reason.FLAKY
            return undecided(reason, "a figure", "nothing")

    verdict = verdict_of([*SIX[:-1], planned(check, "silent")], checks={**CHECKS, check: Silent()})
    [way] = [way for way in verdict.to_decide if f"{check}[silent]" in way.cases]
    assert words in way.what
    assert ("not_applicable: {metrics.any: " in way.what) is check.startswith("metrics.")


def test_an_empty_selection_is_told_what_would_fill_it() -> None:
    """A selection of unexamined cases is not whole evidence to gather again, but too narrow."""
    verdict = verdict_of([planned("fake.repeated", "u", group=Group.UNEXAMINED, needs="something")], scoped=True)
    assert verdict.verdict is Ruling.INCONCLUSIVE
    assert [way.what for way in verdict.to_decide] == [
        "a selection with a required case, or what its unexamined cases need"
    ]
