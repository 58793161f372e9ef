"""Checks of health and dashboards: the defect, its twin, and what proves nothing."""

from email.utils import formatdate
from typing import Any

import pytest

from hybridcheck.cases import Reason, Undecided
from hybridcheck.checks.check import Check
from hybridcheck.checks.dashboards.data import DataFresh, DataPresent, has_value
from hybridcheck.checks.health.body import BodyAgrees
from hybridcheck.checks.health.transactions import ReadinessTrue
from hybridcheck.evidence import Failure
from hybridcheck.verdict import Finding, Outcome
from tests.unit.checks.fake_target import Answer, Answering, FakeTarget, finding_of, unmet_of

NOW = 1_800_000_000


def outcome_of(finding: Finding) -> tuple[Outcome, Reason | None]:
    """Outcome and reason."""
    return finding.outcome, finding.reason


def in_turn(*answers: Answer | Failure) -> Answering:
    """Gives these answers one after the other; the last one for ever."""
    waiting = list(answers)
    return lambda _: waiting.pop(0) if len(waiting) > 1 else waiting[0]


# readiness

READY = {"ready": "/ready", "operations": ["GET /a", "GET /b"], "services": {"x": {"operations": ["GET /x"]}}}


def ready_and(**statuses: int) -> Answering:
    """Ready, and each path with its status."""
    return lambda ask: (statuses.get(ask.path.strip("/"), 200), {}, {})


def test_readiness_beside_working_operations_passes() -> None:
    """Ready, and one operation of each service answers."""
    found = finding_of(ReadinessTrue(), READY, FakeTarget(ready_and()))
    assert (found.outcome, found.n) == (Outcome.PASS, 2)


@pytest.mark.parametrize("broken", [{"x": 503}, {"a": 500, "x": 502}])
def test_readiness_beside_a_failing_operation_fails(broken: dict[str, int]) -> None:
    """Ready three times, while the same operation fails three times."""
    found = finding_of(ReadinessTrue(), READY, FakeTarget(ready_and(**broken)))
    assert found.outcome is Outcome.FAIL
    assert "GET /x" in found.observed


def test_an_operation_without_an_answer_is_broken() -> None:
    """Silence is no answer either."""
    target = FakeTarget(lambda ask: Failure.RESET if ask.path == "/x" else (200, {}, {}))
    assert finding_of(ReadinessTrue(), READY, target).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("statuses", "reason"),
    [({"ready": 503, "x": 503}, Reason.NO_TEST_DATA), ({"a": 401, "x": 401}, Reason.SHALLOW)],
)
def test_half_a_contradiction_is_undecided(statuses: dict[str, int], reason: Reason) -> None:
    """A target that does not say ready tells no lie; one whose operations refuse the tester shows nothing."""
    found = finding_of(ReadinessTrue(), READY, FakeTarget(ready_and(**statuses)))
    assert outcome_of(found) == (Outcome.INCONCLUSIVE, reason)


def test_one_contradiction_is_flaky() -> None:
    """Something that passes by itself is no lie."""
    answers = iter([200, 200, 503])
    target = FakeTarget(lambda _: (next(answers, 200), {}, {}))
    assert outcome_of(finding_of(ReadinessTrue(), READY, target)) == (Outcome.INCONCLUSIVE, Reason.FLAKY)


def test_readiness_needs_both_sides() -> None:
    """Without readiness, or without operations, the missing line is named."""
    assert unmet_of(ReadinessTrue(), {"operations": ["GET /a"]})[0].needs.startswith("ready")
    assert unmet_of(ReadinessTrue(), {"ready": "/ready"})[0].needs.startswith("operations")


HEALTH = {"ready": "/ready"}


@pytest.mark.parametrize("body", [{"status": "ok"}, {"status": "degraded"}, {"up": True}, [], "ready", b""])
def test_a_health_answer_that_does_not_contradict_itself_passes(body: Any) -> None:
    """A good word, a warning, or no word at all."""
    assert finding_of(BodyAgrees(), HEALTH, FakeTarget(lambda _: (200, {}, body))).outcome is Outcome.PASS


@pytest.mark.parametrize("word", ["down", "DOWN", "fail", "Unhealthy"])
def test_a_good_status_with_a_bad_word_fails(word: str) -> None:
    """Whoever reads the status sends users to a service that is down."""
    found = finding_of(BodyAgrees(), HEALTH, FakeTarget(lambda _: (200, {}, {"status": word})))
    assert (found.outcome, found.n) == (Outcome.FAIL, 3)


def test_a_bad_word_once_is_flaky() -> None:
    """A service that comes up may say so."""
    target = FakeTarget(in_turn((200, {}, {"status": "down"}), (200, {}, {"status": "up"})))
    assert outcome_of(finding_of(BodyAgrees(), HEALTH, target)) == (Outcome.INCONCLUSIVE, Reason.FLAKY)


def test_a_health_path_with_another_status_is_for_another_check() -> None:
    """A 503 that says down agrees with itself."""
    with pytest.raises(Undecided, match="another answer"):
        finding_of(BodyAgrees(), HEALTH, FakeTarget(lambda _: (503, {}, {"status": "down"})))


# dashboards

DASHBOARD = {
    "operations": [{"id": "board", "path": "/board", "data": {"points": "$.p", "at": "$.at", "max_age_s": 30}}],
}


def board(points: Any, age_s: float = 1, *, date: bool = True) -> FakeTarget:
    """A dashboard with these points, so old by its own clock."""
    headers = {"Date": formatdate(NOW, usegmt=True)} if date else {}
    return FakeTarget(lambda _: (200, headers, {"p": points, "at": NOW - age_s}))


POINTS = [{"at": "2026-01-01T00:00:00Z", "value": 1.5}]


@pytest.mark.parametrize("check", [DataPresent(), DataFresh()])
def test_a_dashboard_with_data_of_now_passes(check: Check) -> None:
    """One point with a value, a second old."""
    assert finding_of(check, DASHBOARD, board(POINTS)).outcome is Outcome.PASS


@pytest.mark.parametrize("points", [[], None, {}, [{"at": "2026-01-01T00:00:00Z", "value": None}], [[1, None]], ["x"]])
def test_a_dashboard_without_data_fails(points: Any) -> None:
    """No list, an empty list, or points without a value."""
    assert finding_of(DataPresent(), DASHBOARD, board(points)).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("point", "there"),
    [(1, True), ([1700000000, "0.5"], True), ([None, 1700000000], False), ([1, "NaN"], False), (True, False)],
)
def test_points_of_many_kinds(point: Any, there: bool) -> None:
    """Numbers, pairs as Prometheus and Graphite write them, and what is no value."""
    assert has_value(point) is there


@pytest.mark.parametrize("age_s", [31, 86_400, -86_400])
def test_old_data_fail(age_s: float) -> None:
    """Older than declared, or from tomorrow."""
    assert finding_of(DataFresh(), DASHBOARD, board(POINTS, age_s)).outcome is Outcome.FAIL


def test_a_target_with_another_clock_can_be_fresh() -> None:
    """Both stamps are the target's own: the tester's clock does not matter."""
    headers = {"Date": "Thu, 01 Jan 2015 00:00:10 GMT"}
    target = FakeTarget(lambda _: (200, headers, {"p": POINTS, "at": "2015-01-01T00:00:05+00:00"}))
    assert finding_of(DataFresh(), DASHBOARD, target).outcome is Outcome.PASS


def test_what_a_cache_answers_is_as_old_as_it_says() -> None:
    """Date is when the answer was made: Age says how long ago that was."""
    headers = {"Date": formatdate(NOW, usegmt=True), "Age": "60"}
    target = FakeTarget(lambda _: (200, headers, {"p": POINTS, "at": NOW - 1}))
    found = finding_of(DataFresh(), DASHBOARD, target)
    assert found.outcome is Outcome.FAIL
    assert "61 s old" in found.observed


def test_without_a_date_header_no_age_is_known() -> None:
    """The tester's clock may be another one."""
    with pytest.raises(Undecided, match="no Date"):
        finding_of(DataFresh(), DASHBOARD, board(POINTS, 86_400, date=False))


@pytest.mark.parametrize("check", [DataPresent(), DataFresh()])
def test_a_dashboard_that_does_not_answer_shows_no_data(check: Check) -> None:
    """That is the contract's finding, not this one's."""
    with pytest.raises(Undecided, match="did not answer as declared"):
        finding_of(check, DASHBOARD, FakeTarget(lambda _: (500, {}, {})))
