"""Readiness while a needed service is down: that it says so, in time, and that it can be ready at all."""

from collections.abc import Callable
from typing import Any

import pytest

from hybridcheck.cases import Reason, Undecided
from hybridcheck.checks.health.outages import ReadinessTellsOutage
from hybridcheck.evidence import Evidence, Failure
from hybridcheck.target import Ask
from hybridcheck.verdict import Outcome
from tests.unit.checks.context_system import HOOK
from tests.unit.checks.fake_target import Answer, FakeTarget, cases_of, finding_of, unmet_of

PROFILE: dict[str, Any] = {
    "ready": {"path": "/ready", "needs": ["inner"]},
    "services": {"inner": {"operations": ["GET /x"]}},
    "hooks": {"stop": HOOK},
    "thresholds": {"max_recovery_s": 2},
}

Ready = Callable[[FakeTarget], int | Failure]


def target_that(ready: Ready) -> FakeTarget:
    """A target with this readiness."""

    def answering(_: Ask) -> Answer | Failure:
        found = ready(target)
        return found if isinstance(found, Failure) else (found, {}, {})

    target = FakeTarget(answering)
    return target


def late(target: FakeTarget) -> int:
    """A readiness that is looked after once in a second."""
    return 503 if target.hooks and target.now_s() > 1 else 200


@pytest.mark.parametrize(
    ("ready", "expected"),
    [
        (lambda target: 503 if target.hooks else 200, (Outcome.PASS, None)),
        (late, (Outcome.PASS, None)),
        (lambda _: 200, (Outcome.FAIL, None)),
        (lambda _: 503, (Outcome.INCONCLUSIVE, Reason.NO_TEST_DATA)),
        (lambda target: Failure.REFUSED if target.hooks else 200, (Outcome.INCONCLUSIVE, Reason.SUSPECTED)),
        (lambda target: 200 if len(target.records) < 2 else 503, (Outcome.INCONCLUSIVE, Reason.SUSPECTED)),
    ],
    ids=["at once", "in time", "never", "not ready at all", "gone itself", "not again"],
)
def test_readiness_while_a_needed_service_is_down(ready: Ready, expected: tuple[Outcome, Reason | None]) -> None:
    """It says so within the declared time, and was and is ready else; a target that is gone has said nothing."""
    finding = finding_of(ReadinessTellsOutage(), PROFILE, target_that(ready))
    assert (finding.outcome, finding.reason) == expected, finding.observed


@pytest.mark.parametrize("ready", [lambda target: 503 if target.hooks else 200, lambda _: 200])
def test_less_evidence_never_turns_a_finding_around(ready: Ready) -> None:
    """Without any one record a verdict stays, or becomes undecided."""
    target, check = target_that(ready), ReadinessTellsOutage()
    whole, case = finding_of(check, PROFILE, target), cases_of(check, PROFILE)[0]
    for left_out in target.records:
        try:
            found = check.judge(case, Evidence(tuple(r for r in target.records if r is not left_out), {})).outcome
        except Undecided:
            continue
        assert found in {whole.outcome, Outcome.INCONCLUSIVE}


def test_what_it_needs_is_said() -> None:
    """The services that readiness depends on, and a hook that takes one away."""
    assert unmet_of(ReadinessTellsOutage(), {**PROFILE, "ready": "/ready"})[0].needs.startswith("ready: {path: ")
    (unmet,) = unmet_of(ReadinessTellsOutage(), {**PROFILE, "hooks": {}})
    assert "breaks: [inner], does: down" in unmet.needs
