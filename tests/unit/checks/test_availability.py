"""A service that is stopped, restarted or slow: no check of values takes its broken answers for wrong values."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from hybridcheck.cases import Reason
from hybridcheck.checks.boundary.twins import TwinsAgree
from hybridcheck.checks.check import Check
from hybridcheck.checks.json.types import TypesAgree
from hybridcheck.checks.numeric.integers import Int64Edges
from hybridcheck.evidence import Failure
from hybridcheck.target import Ask
from hybridcheck.verdict import Outcome
from tests.unit.checks.fake_target import Answer, FakeTarget, finding_of

PROFILE: dict[str, Any] = {
    "operations": [
        {
            "id": "own",
            "request": "POST /own",
            "safe": True,
            "twin": "other",
            "body": {"value": 1},
            "examples": [{"name": "seven", "body": {"value": 7}, "expect": {"$.value": 7}}],
        },
        {"id": "other", "request": "POST /other", "safe": True, "body": {"value": 1}},
    ],
    "probes": {"roundtrip": {"operation": "own", "in": "$.value", "out": "$.value", "types": ["int"]}},
    "contract": {"integers": "arbitrary"},
}

BROKEN: list[Answer | Failure] = [
    *((status, {}, {}) for status in (401, 500, 502, 503, 504)),
    Failure.READ_TIMEOUT,
]
"""A service that is away, and one that takes nobody's credential any more."""


def echoing(breaks: Callable[[int, Ask], Answer | Failure | None]) -> FakeTarget:
    """Echoes `value` where it is an integer; `breaks` may answer in its place, by the number of asks to that path."""
    asked: dict[str, int] = {}

    def answer(ask: Ask) -> Answer | Failure:
        asked[ask.path] = asked.get(ask.path, 0) + 1
        broken = breaks(asked[ask.path], ask)
        if broken is not None:
            return broken
        value = json.loads(ask.body or b"{}").get("value")
        return (200, {}, {"value": value}) if type(value) is int else (422, {}, {})

    return FakeTarget(answer)


@pytest.mark.parametrize("check", [TwinsAgree(), TypesAgree(), Int64Edges()], ids=lambda check: check.id)
@pytest.mark.parametrize("broken", BROKEN, ids=str)
@pytest.mark.parametrize("first", [1, 2, 3, 6])
@pytest.mark.parametrize("how_long", [1, 2, 4, 1000])
def test_an_outage_is_no_wrong_value(check: Check, broken: Answer | Failure, first: int, how_long: int) -> None:
    """Whenever the service goes away, and for however many answers, nothing fails: it is undecided or passes."""
    target = echoing(lambda count, ask: broken if ask.path == "/own" and first <= count < first + how_long else None)
    found = finding_of(check, PROFILE, target)
    assert found.outcome is not Outcome.FAIL
    if how_long == 1000 and first == 1:
        assert found.outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("check", "value"), [(TwinsAgree(), 7), (Int64Edges(), 2**63)], ids=lambda part: str(part)[:30]
)
def test_a_question_that_breaks_the_service_each_time_fails(check: Check, value: int) -> None:
    """Where the service answers everything else right after it, the question is to blame."""
    said = json.dumps(value)
    target = echoing(
        lambda _, ask: (502, {}, {}) if ask.path == "/own" and said in (ask.body or b"").decode() else None
    )
    found = finding_of(check, PROFILE, target)
    assert found.outcome is Outcome.FAIL
    assert "502" in found.observed


def test_the_finding_says_what_was_missing() -> None:
    """A parity check names the answer that it did not get, and the reason is no disagreement."""
    found = finding_of(TwinsAgree(), PROFILE, echoing(lambda _, ask: (503, {}, {}) if ask.path == "/own" else None))
    assert found.reason is Reason.NO_TEST_DATA
    assert "503" in found.observed
    assert "no disagreement" in found.observed


@pytest.mark.parametrize("status", [502, 503])
@pytest.mark.parametrize("check", [TwinsAgree(), TypesAgree(), Int64Edges()], ids=lambda check: check.id)
def test_a_service_that_comes_back_after_each_refusal_gives_no_wrong_value(check: Check, status: int) -> None:
    """Restarts in step with the pauses of a check, back with the first look: each refusal is an outage's, not the question's."""
    away_at = -1.0

    def restarted(_: int, ask: Ask) -> Answer | None:
        nonlocal away_at
        if ask.path != "/own" or target.now_s() == away_at:
            return None
        away_at = target.now_s()
        return (status, {}, {})

    target = echoing(restarted)
    assert finding_of(check, PROFILE, target).outcome is not Outcome.FAIL


@pytest.mark.parametrize("check", [TwinsAgree(), TypesAgree(), Int64Edges()], ids=lambda check: check.id)
def test_a_service_that_says_itself_that_it_is_away_gives_no_wrong_value(check: Check) -> None:
    """503 to the same question each time, while the look after it is answered, perhaps since it waits for the service."""
    target = echoing(lambda _, ask: (503, {}, {}) if ask.path == "/own" and b"7" in (ask.body or b"") else None)
    assert finding_of(check, PROFILE, target).outcome is not Outcome.FAIL
