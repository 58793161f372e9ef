"""Replicas: shares by the header that they name themselves in."""

from collections.abc import Callable
from typing import Any

import pytest

from hybridcheck.cases import Reason
from hybridcheck.checks.scaling.replicas import ReplicasShare
from hybridcheck.target import Ask
from hybridcheck.verdict import Finding, Outcome
from tests.unit.checks.fake_target import Answer, FakeTarget, finding_of, unmet_of

PROFILE: dict[str, Any] = {"operations": ["GET /"], "observability": {"instance_header": "X-Instance", "instances": 2}}


def shared(instance: Callable[[int], str], status: int = 200) -> Finding:
    """The finding where request n is answered by this instance."""
    count = [0]

    def answer(_: Ask) -> Answer:
        count[0] += 1
        name = instance(count[0])
        return status, {"X-Instance": name} if name else {}, {}

    return finding_of(ReplicasShare(), PROFILE, FakeTarget(answer))


@pytest.mark.parametrize("instance", [lambda n: "ab"[n % 2], lambda n: "aaab"[n % 4] if n < 40 else "ab"[n % 2]])
def test_shares_that_are_about_equal_pass(instance: Callable[[int], str]) -> None:
    """In turn, and with a run of chance."""
    finding = shared(instance)
    assert finding.outcome is Outcome.PASS
    assert finding.value is not None


def test_a_replica_that_never_answers_fails() -> None:
    """Hundreds of connections do not miss it by chance."""
    finding = shared(lambda _: "a")
    assert finding.outcome is Outcome.FAIL
    assert "1 of 2 ever answered" in finding.observed


def test_unequal_shares_fail() -> None:
    """Three of four is no share."""
    finding = shared(lambda n: "aaab"[n % 4])
    assert finding.outcome is Outcome.FAIL


def test_what_cannot_be_counted_is_undecided() -> None:
    """No header, more instances than declared, errors."""
    assert shared(lambda _: "").reason is Reason.NO_TEST_DATA
    assert shared(lambda n: "abc"[n % 3]).reason is Reason.TARGET_CHANGED
    assert shared(lambda _: "a", 503).reason is Reason.EVIDENCE_INCOMPLETE
    assert shared(lambda _: "a", 429).reason is Reason.THROTTLED


def test_without_instances_the_profile_is_asked_for_them() -> None:
    """What is not declared is named."""
    assert "instance_header" in unmet_of(ReplicasShare(), {"operations": ["GET /"]})[0].needs
