"""How a case is judged: only sealed and gapless evidence reaches the judge, and whatever breaks says so."""

import json
import math
from collections.abc import Sequence

import pytest

from hybridcheck.cases import Case, Group, Phase, Reason, Severity, Undecided
from hybridcheck.engine.findings import MOST_TEXT, normalised
from hybridcheck.engine.judging import WhatIf, judge
from hybridcheck.evidence import (
    CaseEnd,
    CaseError,
    Evidence,
    Gap,
    GapReason,
    Observation,
    Record,
    RunCause,
    RunStart,
)
from hybridcheck.ledger import from_lines
from hybridcheck.verdict import CaseVerdict, Finding, Outcome, Price, Ruling, Verdict, failed, passed, undecided
from tests.property.fake_checks import CHECKS, FakeCheck
from tests.property.ledgers import exchange, lines_of, planned, start

GOOD = [exchange("probe.1", 200)]


class Says(FakeCheck):
    """Says what the test tells it to."""

    id = "fake.says"
    finding: Finding | Exception

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """As told."""
        self.asked = case
        if isinstance(self.finding, Exception):
            raise self.finding
        return self.finding


def verdict_of(lines: Sequence[bytes], **changes: object) -> Verdict:
    """The verdict of these lines with the fake checks."""
    return judge(from_lines(lines), CHECKS, ledger_name="l", tool_version="2", **changes)  # type: ignore[arg-type]


def only(verdict: Verdict) -> CaseVerdict:
    """The one case of a verdict."""
    return verdict.checks[0].cases[0]


def said(finding: Finding | Exception) -> Finding:
    """What stands in the verdict when a judge says this, or raises it."""
    check = Says()
    check.finding = finding
    case = planned("fake.says")
    lines = lines_of(start([case]), {case.case.id: []})
    return only(judge(from_lines(lines), {check.id: check}, ledger_name="l", tool_version="1")).finding


def one_case(records: Sequence[Record], **changes: object) -> CaseVerdict:
    """The verdict of one repeated case with these records."""
    case = planned("fake.repeated")
    return only(verdict_of(lines_of(start([case]), {case.case.id: records}, **changes)))  # type: ignore[arg-type]


def test_a_sealed_case_is_judged_on_its_own_records() -> None:
    """A pass names its records, its duration and how to replay it."""
    case = one_case(GOOD)
    assert case.finding.outcome is Outcome.PASS
    assert case.finding.exchanges == (1,)
    assert case.duration_s == 0.25
    assert case.replay == "hybridcheck replay 'verdict.json#fake.repeated[x]'"
    assert case.replay_curl == "curl -sS -i -X GET http://127.0.0.1:1/x"


@pytest.mark.parametrize(
    ("found", "planned_as", "told"),
    [
        (None, Severity.CRITICAL, Severity.CRITICAL),
        (Severity.HIGH, Severity.CRITICAL, Severity.HIGH),
        (Severity.CRITICAL, Severity.MEDIUM, Severity.MEDIUM),
    ],
)
def test_what_was_found_may_be_less_severe_than_planned_never_more(
    found: Severity | None, planned_as: Severity, told: Severity
) -> None:
    """The case tells it, and its group stays as planned; the document has it once."""
    check = Says()
    check.finding = failed("it holds", "it does not").model_copy(update={"severity": found})
    case = planned("fake.says").model_copy(update={"severity": planned_as})
    lines = lines_of(start([case]), {case.case.id: []})
    shown = only(judge(from_lines(lines), {check.id: check}, ledger_name="l", tool_version="1"))
    assert (shown.severity, shown.group) == (told, Group.REQUIRED)
    assert "severity" not in shown.finding.model_dump()


def test_a_judge_sees_how_long_a_shared_stream_lasted() -> None:
    """What its seal says: a load phase may have ended within its last second."""

    class Asks(FakeCheck):
        """Says what it was given."""

        id = "fake.asks"

        def judge(self, case: Case, evidence: Evidence) -> Finding:
            """As told."""
            return passed("", f"{evidence.lasted_s}", n=1)

    case = planned("fake.asks", shared=("load/day",))
    lines = lines_of(start([case]), {case.case.id: [], "load/day": []})
    shown = only(judge(from_lines(lines), {"fake.asks": Asks()}, ledger_name="l", tool_version="1"))
    assert shown.finding.observed == "{'load/day': 0.25}"


def test_a_case_without_its_end_is_not_judged() -> None:
    """The judge is not asked: EVIDENCE_INCOMPLETE."""
    case = one_case(GOOD, unsealed=["fake.repeated[x]"])
    assert (case.finding.outcome, case.finding.reason) == (Outcome.INCONCLUSIVE, Reason.EVIDENCE_INCOMPLETE)
    assert case.finding.observed == "the record of 'fake.repeated[x]' breaks off"


def test_records_after_the_end_unseal_a_case() -> None:
    """Two ends, or records after the end, are no seal."""
    assert "goes on after its end" in one_case([*GOOD, CaseEnd(records=1), *GOOD]).finding.observed


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (RunCause.INTERRUPTED, Reason.INTERRUPTED),
        (RunCause.UNREACHABLE, Reason.TARGET_UNREACHABLE),
        (RunCause.TOOL_ERROR, Reason.TOOL_ERROR),
        (RunCause.COMPLETED, Reason.EVIDENCE_INCOMPLETE),
    ],
)
def test_a_case_that_the_end_of_the_run_cut_off_says_why(cause: RunCause, reason: Reason) -> None:
    """The reason of an unsealed case is that of the run's end where there is one."""
    assert one_case(GOOD, unsealed=["fake.repeated[x]"], cause=cause).finding.reason is reason


def test_a_shared_stream_has_to_be_sealed_too() -> None:
    """A case that reads another stream is undecided where that stream has no end."""
    case = planned("fake.repeated", shared=["load/steady"])
    lines = lines_of(start([case]), {case.case.id: GOOD})
    assert only(verdict_of(lines)).finding.observed == "the record of 'load/steady' breaks off"


def test_everything_needs_a_run_without_a_hole() -> None:
    """A passive case over a ledger with a lost line elsewhere is undecided."""
    passive, other = planned("fake.passive", shared=["*"]), planned("fake.repeated")
    lines = lines_of(start([passive, other]), {passive.case.id: [], other.case.id: GOOD})
    whole, holed = verdict_of(lines), verdict_of([*lines[:2], *lines[3:]])
    found = [
        [c.finding.outcome for check in v.checks for c in check.cases if "passive" in c.id] for v in (whole, holed)
    ]
    assert found == [[Outcome.PASS], [Outcome.INCONCLUSIVE]]


@pytest.mark.parametrize(
    ("gap", "reason"),
    [
        (GapReason.LOGIN_FAILED, Reason.AUTH_NOT_EFFECTIVE),
        (GapReason.GENERATOR_SATURATED, Reason.GENERATOR_SATURATED),
        (GapReason.NO_END_MARKER, Reason.WORKER_LOST),
        (GapReason.TARGET_UNREACHABLE, Reason.TARGET_UNREACHABLE),
        (GapReason.BUDGET_SPENT, Reason.EVIDENCE_INCOMPLETE),
    ],
)
def test_a_gap_decides_before_the_judge_is_asked(gap: GapReason, reason: Reason) -> None:
    """Each reason of a gap gives its code, even where the rest would be a pass."""
    finding = one_case([*GOOD, Gap(reason=gap, detail="why")]).finding
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, reason)
    assert "why" in finding.observed


def test_a_case_that_broke_is_our_error() -> None:
    """A CaseError among the records is an error, whatever else is there."""
    finding = one_case([*GOOD, CaseError(error="KeyError", detail="'x'")]).finding
    assert (finding.outcome, finding.observed) == (Outcome.ERROR, "KeyError: 'x'")


def test_a_judge_that_raises_is_our_error() -> None:
    """One broken judge takes no other case with it and is named."""
    finding = said(ZeroDivisionError("oops"))
    assert (finding.outcome, finding.observed) == (Outcome.ERROR, "the judge broke: ZeroDivisionError: oops")


def test_an_unknown_check_is_our_error() -> None:
    """A ledger whose check this version does not know is judged, and that case is an error."""
    case = planned("plugin.gone")
    finding = only(verdict_of(lines_of(start([case]), {case.case.id: GOOD}))).finding
    assert finding.outcome is Outcome.ERROR
    assert "does not know" in finding.observed


def test_unplanned_groups_are_never_judged() -> None:
    """Unexamined cases name what they need, not applicable ones the operator's words."""
    plan = [
        planned("fake.repeated", "a", group=Group.UNEXAMINED, needs="identities: {bob: ...}"),
        planned("fake.repeated", "b", group=Group.NOT_APPLICABLE, needs="no such thing here"),
    ]
    cases = verdict_of(lines_of(start(plan), {})).checks[0].cases
    assert [case.finding.outcome for case in cases] == [Outcome.NOT_EVALUATED, Outcome.NOT_APPLICABLE]
    assert "identities: {bob: ...}" in cases[0].finding.observed
    assert cases[1].finding.observed == "no such thing here"
    assert cases[0].replay is None


def test_the_plans_risk_reaches_the_judge() -> None:
    """`fail_alpha` of the plan is among the parameters that the judge sees."""
    check = Says()
    check.finding = passed("x", "y", n=1)
    case = planned("fake.says", fail_alpha=0.002)
    judge(from_lines(lines_of(start([case]), {case.case.id: []})), {check.id: check}, ledger_name="l", tool_version="1")
    assert check.asked.params["fail_alpha"] == 0.002


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", ["value", "lower", "upper", "limit", "effective_n"])
def test_a_figure_that_is_no_number_is_an_error(place: str, value: float) -> None:
    """NaN and infinity never reach a verdict, wherever they stand."""
    assert normalised(passed("x", "y", n=1, **{place: value})).outcome is Outcome.ERROR


def test_nested_figures_are_checked_and_rounded() -> None:
    """Figures and prices have nine significant digits, or are errors."""
    found = normalised(
        undecided(
            Reason.TOO_FEW_SAMPLES, "x", "y", value=1 / 3, figures={"a": 2 / 3, "b": 7, "c": True, "d": "t"},
            price=Price(requests=3, seconds=1e-9 / 3),
        )
    )  # fmt: skip
    assert found.value == 0.333333333
    assert found.figures == {"a": 0.666666667, "b": 7, "c": True, "d": "t"}
    assert found.price == Price(requests=3, seconds=3.33333333e-10)
    assert normalised(passed("x", "y", n=1, figures={"a": math.inf})).outcome is Outcome.ERROR


def test_what_a_judge_may_not_say_is_an_error() -> None:
    """A pass that rests on nothing, and outcomes that are the engine's own, are our fault."""
    assert normalised(passed("x", "y")).outcome is Outcome.ERROR
    assert normalised(passed("x", "y", n=0)).outcome is Outcome.ERROR
    assert said(Finding(outcome=Outcome.NOT_APPLICABLE, expected="x", observed="y")).outcome is Outcome.ERROR
    without_reason = Finding(outcome=Outcome.INCONCLUSIVE, expected="x", observed="y")
    assert said(without_reason).reason is Reason.EVIDENCE_INCOMPLETE


def test_long_texts_are_cut() -> None:
    """A target cannot blow up the verdict by what it answers."""
    assert len(normalised(failed("x", "y" * 10 * MOST_TEXT)).observed) == MOST_TEXT


def test_judging_twice_gives_the_same_bytes_and_another_version_is_named() -> None:
    """Same ledger, checks and version: same bytes; the judging version stands beside the running one."""
    case = planned("fake.repeated")
    lines = lines_of(start([case]), {case.case.id: GOOD})
    first, second = (verdict_of(lines).model_dump_json() for _ in range(2))
    assert first == second
    document = json.loads(first)
    assert (document["run"]["tool_version"], document["run"]["judged_by"]) == ("1", "2")
    assert "NaN" not in first
    assert "Infinity" not in first


def test_a_what_if_uses_the_other_profile_and_says_so() -> None:
    """Cases without evidence are inconclusive, the profile's name and waivers are the new ones."""
    case, new = planned("fake.repeated"), planned("fake.control")
    first: RunStart = start([case])
    lines = lines_of(first, {case.case.id: GOOD})
    other = WhatIf(profile={"version": 1, "name": "other"}, plan=(case, new), catalogue=1)
    verdict = verdict_of(lines, what_if=other)
    assert verdict.policy.what_if
    assert verdict.policy.profile_name == "other"
    assert {c.id: c.finding.outcome for k in verdict.checks for c in k.cases} == {
        "fake.repeated[x]": Outcome.PASS,
        "fake.control[x]": Outcome.INCONCLUSIVE,
    }


def test_a_hole_anywhere_makes_the_run_unsealed() -> None:
    """A run with a lost line in a stream that nobody reads is not READY all the same."""
    case = planned("fake.repeated")
    lines = lines_of(start([case], scoped=True), {case.case.id: GOOD, "nobody": [Observation(label="o", values={})]})
    assert verdict_of(lines).verdict is Ruling.PASSED
    holed = verdict_of([*lines[:3], *lines[4:]])
    assert holed.verdict is Ruling.INCONCLUSIVE
    assert holed.reasons[0].code == Reason.RUN_NOT_SEALED
    assert not holed.evidence.sealed


def test_the_curl_line_is_for_what_the_finding_rests_on() -> None:
    """The last exchange that the finding names; without a name, the last one of the case."""
    check, case = Says(), planned("fake.says")
    records = [exchange(str(number), 200) for number in range(2)]
    paths = ("/named", "/last")
    sent = [
        record.model_copy(update={"request": record.request.model_copy(update={"url": f"http://h{path}"})})
        for record, path in zip(records, paths, strict=True)
    ]
    lines = lines_of(start([case]), {case.case.id: sent})
    for finding, path in ((passed("e", "o", exchanges=(1,)), "/named"), (passed("e", "o", n=1), "/last")):
        check.finding = finding
        found = only(judge(from_lines(lines), {check.id: check}, ledger_name="l", tool_version="1"))
        assert found.replay_curl == f"curl -sS -i -X GET http://h{path}"


def test_the_trial_of_a_credential_before_the_load_is_not_how_to_see_a_load_case_by_hand() -> None:
    """It has nothing to do with what the case is about; what was asked after the load has."""
    before, after = exchange("before.1", 200, operation="me"), exchange("after.1", 503, operation="a")
    case = planned("fake.says", phase=Phase.LOAD)
    check = Says()
    check.finding = undecided(Reason.TOO_FEW_SAMPLES, "a limit", "seen")
    for records, shown in (([before], False), ([before, after], True)):
        lines = lines_of(start([case]), {case.case.id: records})
        verdict = judge(from_lines(lines), {check.id: check}, ledger_name="l", tool_version="1")
        assert (only(verdict).replay_curl is not None) is shown


def test_where_a_judge_finds_nothing_to_judge_the_cases_own_limit_is_told() -> None:
    """Not the title of its check; and what was measured all the same stands beside."""

    class Limited(Says):
        """Some share of the answers is right."""

        def expects(self, case: Case) -> str:
            """The limit."""
            return f"at most {case.params['limit']:.0%}"

    check = Limited()
    check.finding = Undecided(Reason.STOPPED_EARLY, "3 of 40", n=40, value=0.075)
    for params, expected in (({"limit": 0.05}, "at most 5%"), ({}, "Some share of the answers is right.")):
        case = planned("fake.says", params=params)
        lines = lines_of(start([case]), {case.case.id: []})
        finding = only(judge(from_lines(lines), {check.id: check}, ledger_name="l", tool_version="1")).finding
        assert (finding.expected, finding.observed, finding.n, finding.value) == (expected, "3 of 40", 40, 0.075)
