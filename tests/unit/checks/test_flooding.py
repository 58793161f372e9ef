"""Names that collide: slower by the square is a fail, alike a pass, anything between undecided."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from hybridcheck.cases import Phase, Reason, SafetyClass
from hybridcheck.checks.json.flooding import PAIRS, SIZES, FloodingResisted, colliding
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.reference.native.edges import java_hash
from hybridcheck.target import Ask
from hybridcheck.verdict import Finding, Outcome
from tests.unit.checks.fake_target import FakeTarget, cases_of, finding_of, unmet_of

PROFILE: dict[str, Any] = {
    "operations": [{"id": "echo", "method": "POST", "path": "/echo", "safe": True, "body": {}}],
    "probes": {"roundtrip": {"operation": "echo", "types": ["json"]}},
}

Times = Callable[[str, int, int], float]
"""Milliseconds of an answer, by kind, size and round."""


def recorded(times: Times, status: int = 200) -> list[Any]:
    """The records of a case on a target that takes that long."""

    def answering(ask: Ask) -> Any:
        return status, {}, {}

    target = FakeTarget(answering)
    asyncio.run(FloodingResisted().probe(cases_of(FloodingResisted(), PROFILE)[0], target))
    found: list[Any] = []
    for record in target.records:
        assert isinstance(record, Exchange)
        kind, size, round_ = record.label.split(".")
        found.append(record.model_copy(update={"total_ms": times(kind, int(size), int(round_))}))
    return found


def judged(records: list[Any]) -> Finding:
    """The finding over these records."""
    return FloodingResisted().judge(cases_of(FloodingResisted(), PROFILE)[0], Evidence(tuple(records), {}))


def flooded(kind: str, size: int, round_: int) -> float:
    """A table that compares all with all."""
    return 2.0 + round_ / 10 + (size**2 / 1e5 if kind == "colliding" else 0)


def alike(kind: str, size: int, round_: int) -> float:
    """As long for both, with noise."""
    return 2.0 + round_ / 10 + size / 1000 + (0.1 if kind == "colliding" else 0)


def linear(kind: str, size: int, round_: int) -> float:
    """Longer, but in proportion: longer names, not collisions."""
    return 2.0 + round_ / 10 + (size / 100 if kind == "colliding" else 0)


def noisy(kind: str, size: int, round_: int) -> float:
    """Slower at the largest size, and at the middle one in half of the rounds: nothing is proved."""
    lucky = round_ % 2 == 0 and size == SIZES[1]
    return flooded(kind, size, round_) if not lucky else 2.0


@pytest.mark.parametrize(
    ("times", "outcome", "reason"),
    [
        (flooded, Outcome.FAIL, None),
        (alike, Outcome.PASS, None),
        (linear, Outcome.INCONCLUSIVE, Reason.TOO_FEW_SAMPLES),
        (noisy, Outcome.INCONCLUSIVE, Reason.TOO_FEW_SAMPLES),
    ],
)
def test_times_decide_only_where_noise_cannot(times: Times, outcome: Outcome, reason: Reason | None) -> None:
    """A fail needs a clear ratio, no overlap, and growth with the square."""
    found = judged(recorded(times))
    assert (found.outcome, found.reason) == (outcome, reason), found.observed


def test_a_target_that_refuses_says_nothing() -> None:
    """413 to the larger ones."""
    assert judged(recorded(alike, 413)).reason is Reason.NO_TEST_DATA


@pytest.mark.parametrize("times", [flooded, alike])
def test_less_evidence_never_turns_a_finding_around(times: Times) -> None:
    """Without any one record a verdict stays, or becomes undecided."""
    records = recorded(times)
    whole = judged(records)
    for left_out in records:
        assert judged([r for r in records if r is not left_out]).outcome in {whole.outcome, Outcome.INCONCLUSIVE}


def test_the_dose_ends_where_it_hurts() -> None:
    """One answer that takes more than a second is the last: what is suspected need not be driven home."""
    target = FakeTarget(lambda _: (200, {}, {}))
    target.takes_ms = lambda ask: 1500.0 if b"AaAaAa" in (ask.body or b"") else 2.0
    found = finding_of(FloodingResisted(), PROFILE, target)
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, Reason.SUSPECTED)
    assert "256 colliding names took 1500 ms" in found.observed
    assert len(target.records) <= 2


def test_the_dose_ends_after_so_long_in_all() -> None:
    """Where nothing is clear, and every answer takes long."""
    target = FakeTarget(lambda _: (200, {}, {}))
    target.takes_ms = lambda ask: 900.0 if b"AaAaAa" in (ask.body or b"") else 500.0
    found = finding_of(FloodingResisted(), PROFILE, target)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert sum(record.total_ms or 0 for record in target.records if isinstance(record, Exchange)) < 30_000


def test_the_names_collide_and_are_all_different() -> None:
    """All of one length and one hash."""
    names = colliding(SIZES[-1])
    assert len(set(names)) == SIZES[-1]
    assert {len(name) for name in names} == {2 * PAIRS}
    assert len({java_hash(name) for name in names}) == 1


def test_it_runs_alone_and_needs_a_round_trip_of_json() -> None:
    """Nobody else's traffic is in the times; and it is asked for, since it may hurt."""
    assert (FloodingResisted.safety, FloodingResisted.phase) == (SafetyClass.ABUSE, Phase.ABUSE)
    assert len(unmet_of(FloodingResisted(), {"operations": PROFILE["operations"]})) == 1
