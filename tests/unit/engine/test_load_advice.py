"""What would decide a case of a load phase: its own phase and length, the flag, or that no longer phase would."""

from typing import Any

import pytest

from hybridcheck.cases import Case, Group, Reason
from hybridcheck.checks.check import Check
from hybridcheck.evidence import Evidence, LoadEnd, LoadSecond, Record
from hybridcheck.verdict import Finding, Price, Verdict, undecided
from tests.property.fake_checks import CHECKS, Repeated
from tests.property.ledgers import planned
from tests.unit.engine.test_decision import SIX, verdict_of

PROFILE: dict[str, Any] = {
    "version": 1,
    "name": "p",
    "operations": ["GET /a"],
    "load": {"day": {"rate_rps": 50, "duration_s": 12, "operations": ["GET /a"]}},
}


class Undecided(Repeated):
    """Undecided as the test wants it."""

    id = "load.undecided"
    says: Finding

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """As told."""
        return self.says


def told(finding: Finding, params: dict[str, Any] | None = None, **changes: Any) -> list[str]:
    """What would decide a case over `load/day` with this finding, in a standard run."""
    check = Undecided()
    check.says = finding
    case = planned(check.id, "day", params=params or {}, shared=["load/day"])
    return [way.what for way in run([case], {check.id: check}, **changes).to_decide]


def run(
    cases: list[Any], checks: dict[str, Check], proves_until: int | None = None, unsent: int = 0, **changes: Any
) -> Verdict:
    """A run with a load phase of three seconds."""
    rows: list[Record] = [
        LoadSecond(second=second, operation="GET /a", planned=1 + unsent, ok=1, unsent=unsent) for second in range(3)
    ]
    end = LoadEnd(
        cause="completed", seconds=3, planned=3, ok=3, failed=0, unsent=0, cut=0, detail="rows ran out",
        proves_until=proves_until,
    )  # fmt: skip
    first = {"profile": PROFILE, "budget": "standard", **changes}
    return verdict_of([*SIX, *cases], checks={**CHECKS, **checks}, more={"load/day": [*rows, end]}, **first)


def few(**details: Any) -> Finding:
    """Too few samples."""
    return undecided(Reason.TOO_FEW_SAMPLES, "a limit", "seen", **details)


def test_a_price_is_a_line_that_pays_it() -> None:
    """So many seconds more than the phase had."""
    price = Price(requests=1049, seconds=34.97)
    assert told(few(price=price)) == ["1,049 more requests, about 35 s: load: {day: {duration_s: 47}}"]


def test_a_length_that_the_budget_does_not_drive_comes_with_one_that_does() -> None:
    """A quick run drives thirteen seconds, a standard one two minutes."""
    price = Price(requests=1000, seconds=20.0)
    assert told(few(price=price), budget="quick")[0].endswith("load: {day: {duration_s: 32}} with --budget standard")
    price = Price(requests=10000, seconds=200.0)
    assert told(few(price=price))[0].endswith("load: {day: {duration_s: 212}} with --budget full")


def test_no_phase_lasts_for_days() -> None:
    """What a profile cannot say is not advised."""
    [way] = told(few(price=Price(requests=10**8, seconds=2e6)))
    assert "at a higher rate" in way


def test_a_limit_of_a_window_needs_a_longer_window() -> None:
    """A longer phase would not help."""
    [way] = told(few(price=Price(requests=500, seconds=10.0)), {"window": [4, 8]})
    assert way.endswith("a limit of load: {day: ...} whose window_s is about 14 s long")


def of(**phase: Any) -> dict[str, Any]:
    """The profile with another phase."""
    return {**PROFILE, "load": {"day": {"rate_rps": 50, "operations": ["GET /a"], **phase}}}


@pytest.mark.parametrize(
    ("declared_s", "seconds", "line"),
    [
        (60, 20.0, "duration_s: 60}} with --budget standard"),  # of which a quick run drove thirteen seconds
        (310, 20.0, "duration_s: 310}} with --budget standard"),  # two minutes of it are enough
        (310, 200.0, "duration_s: 310}} with --budget full"),
        (60, 70.0, "duration_s: 83}} with --budget standard"),
        (13, 20.0, "duration_s: 33}} with --budget standard"),
    ],
)
def test_no_phase_that_the_budget_shortened_is_to_be_shorter_than_declared(
    declared_s: float, seconds: float, line: str
) -> None:
    """What a quick run lacks may be in the profile already."""
    [way] = told(few(price=Price(requests=999, seconds=seconds)), profile=of(duration_s=declared_s), budget="quick")
    assert way.endswith(f"load: {{day: {{{line}")


@pytest.mark.parametrize(
    ("window", "driven", "line"),
    [
        ([60, 90], [7, 9], "load: {day: ...} with --budget standard, which drives more of the window"),
        ([60, 70], [7, 7], "a limit of load: {day: ...} whose window_s is about 10 s long with --budget standard"),
    ],
)
def test_a_window_that_the_budget_shortened_is_told_in_seconds_of_the_profile(
    window: list[float], driven: list[int], line: str
) -> None:
    """Of thirty seconds a quick run drives two; of ten none, and all of them would be one too few."""
    limits = [{"window_s": window, "error_ratio": 0.01}]
    price = Price(requests=500, seconds=8.0 if window[1] == 90 else 10.4)
    changes = {"profile": of(duration_s=120, limits=limits), "budget": "quick"}
    [way] = told(few(price=price), {"window": driven}, **changes)
    assert way.endswith(line)


@pytest.mark.parametrize(
    ("finding", "params", "words"),
    [
        (few(), {}, "load: {day: {duration_s: more than 12}} (seen)"),
        (few(), {"find_warmup": True}, "or warmup_s there instead"),
        (few(), {"cannot_decide": "needs >= 299 requests"}, "that can decide the limit, which needs >= 299 requests"),
        (few(value=0.0528, unit="ratio"), {}, "no longer phase is known to decide"),
        (undecided(Reason.STOPPED_EARLY, "", "seen"), {}, "hybridcheck load --stop-early never"),
        (undecided(Reason.SAFETY_ABORT, "", "seen"), {}, "abort_when under load: {day: ...}"),
    ],
)
def test_what_helps_depends_on_the_case(finding: Finding, params: dict[str, Any], words: str) -> None:
    """A longer phase is advised only where it is what is lacking."""
    [way] = told(finding, params)
    assert words in way


def test_seconds_that_prove_nothing_are_not_cured_by_more_of_them() -> None:
    """Rows that are used once ran out: more seconds would be like them."""
    [way] = told(few(), proves_until=2)
    assert way == "load: {day: ...} of which more seconds count (seen)"


def test_arrivals_that_were_never_sent_need_connections() -> None:
    """A longer phase would leave more of them behind."""
    [way] = told(few(value=0.035, unit="ratio"), unsent=2)
    assert way.startswith("load: {day: {max_connections: more than 64}}, or a target that answers sooner")
    bounded = {**PROFILE, "limits": {"max_connections": 8}}
    [way] = told(few(value=0.035, unit="ratio"), unsent=2, profile=bounded)
    assert way.startswith("limits: {max_connections: more than 8}, ")


def test_a_phase_that_the_budget_shortened_is_to_be_driven_as_declared() -> None:
    """The profile is long enough; the flag is what is lacking."""
    long = {**PROFILE, "load": {"day": {**PROFILE["load"]["day"], "duration_s": 60}}}
    [way] = told(few(), profile=long, budget="quick")
    assert way == "load: {day: {duration_s: 60}} with --budget standard (this run drove 13 s of it) (seen)"


def test_words_of_one_case_are_not_told_of_another() -> None:
    """One line for both cases, each named; in brackets only what both say."""
    first, second = Undecided(), Undecided()
    first.says, second.says = few(), undecided(Reason.TOO_FEW_SAMPLES, "", "something else")
    cases = [planned(name, "day", shared=["load/day"]) for name in ("load.one", "load.two")]
    [way] = run(cases, {"load.one": first, "load.two": second}).to_decide
    assert way.what == "load: {day: {duration_s: more than 12}}"
    assert way.cases == ("load.one[day]", "load.two[day]")


def test_what_is_of_no_phase_is_not_advised_a_longer_one() -> None:
    """More samples come with a larger budget."""
    check = Undecided()
    check.says = few()
    [way] = run([planned(check.id, "x", group=Group.REQUIRED)], {check.id: check}).to_decide
    assert way.what == "more samples: a larger --budget (seen)"
