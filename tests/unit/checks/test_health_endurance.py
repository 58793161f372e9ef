"""Is the target still ready at the end: the check catches a death in mid-run, and waits as long as recovery may take."""

from collections.abc import Callable, Iterator
from itertools import chain, repeat
from typing import Any

import pytest

from hybridcheck.cases import Reason
from hybridcheck.checks.health.endurance import ReadyToTheEnd
from hybridcheck.evidence import Failure
from hybridcheck.target import Ask
from hybridcheck.verdict import Outcome
from tests.unit.checks.fake_target import Answer, FakeTarget, finding_of

GOOD: Answer = (200, {}, {"ready": True})
BAD: Answer = (503, {}, {})
PROFILE: dict[str, Any] = {"ready": "/ready"}
LOADED: dict[str, Any] = {
    **PROFILE,
    "operations": [{"id": "items", "path": "/items"}],
    "load": {"rate_rps": 10, "duration_s": 5, "operations": ["items"]},
    "thresholds": {"max_recovery_s": 4},
}


def in_turn(answers: Iterator[Answer | Failure]) -> Callable[[Ask], Answer | Failure]:
    """Gives the answers one after the other."""
    return lambda _: next(answers)


def test_a_target_that_still_answers_passes() -> None:
    """One good answer is enough."""
    finding = finding_of(ReadyToTheEnd(), PROFILE, FakeTarget(lambda _: GOOD))
    assert (finding.outcome, finding.n) == (Outcome.PASS, 1)


@pytest.mark.parametrize("end", [Failure.REFUSED, Failure.RESET, BAD])
def test_a_target_that_died_fails(end: Answer | Failure) -> None:
    """Three of three."""
    finding = finding_of(ReadyToTheEnd(), PROFILE, FakeTarget(lambda _: end))
    assert (finding.outcome, finding.n) == (Outcome.FAIL, 3)


def test_one_bad_answer_among_good_ones_is_no_death() -> None:
    """A hiccup is not what this check is about."""
    finding = finding_of(ReadyToTheEnd(), PROFILE, FakeTarget(in_turn(iter([BAD, GOOD]))))
    assert (finding.outcome, finding.n) == (Outcome.PASS, 2)


def test_after_load_the_recovery_time_is_waited_for() -> None:
    """Good within it is a pass, bad all through it is a fail."""
    late = FakeTarget(in_turn(chain(repeat(BAD, 10), repeat(GOOD))))
    assert finding_of(ReadyToTheEnd(), LOADED, late).outcome is Outcome.PASS
    finding = finding_of(ReadyToTheEnd(), LOADED, FakeTarget(lambda _: BAD))
    assert finding.outcome is Outcome.FAIL
    assert (finding.n or 0) > 10


def test_a_throttled_tester_knows_nothing() -> None:
    """429 says nothing about the target's health."""
    finding = finding_of(ReadyToTheEnd(), PROFILE, FakeTarget(lambda _: (429, {}, {})))
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.THROTTLED)
