"""Load limits and the generator's own health: what it may have caused itself is never the target's failure."""

import pytest

from hybridcheck.cases import Case, Reason, Undecided
from hybridcheck.checks.load.limits import KeepsErrorLimit
from hybridcheck.evidence import Evidence, GeneratorSecond, LoadEnd, LoadSecond, Record
from hybridcheck.verdict import Finding, Outcome

STREAM = "load/steady"
SECONDS = 20
CASE = Case(
    check=KeepsErrorLimit.id,
    subject="steady",
    params={"stream": STREAM, "operation": "*", "limit_ratio": 0.01},
    shared=(STREAM,),
    statistical=True,
)


def judged(unsent: int, cpu: float | None, runqueue: float | None, seconds: int = SECONDS) -> Finding:
    """The finding over a phase in which that many of 100 arrivals a second were never sent.

    `seconds` of its 20 have the given health; the others are at ease.
    """
    records: list[Record] = []
    for second in range(SECONDS):
        records.append(LoadSecond(second=second, operation="x", planned=100, ok=100 - unsent, unsent=unsent))
        busy, waiting = (cpu, runqueue) if second < seconds else (0.2, 0.0)
        records.append(
            GeneratorSecond(second=second, cpu_ratio=busy, runqueue_ratio=waiting, offered=100, sent=100 - unsent)
        )
    total = 100 * SECONDS
    missed = unsent * SECONDS
    end = LoadEnd(cause="completed", seconds=SECONDS, planned=total, ok=total - missed, failed=0, unsent=missed, cut=0)
    return KeepsErrorLimit().judge(CASE, Evidence(own=(), shared={STREAM: (*records, end)}))


@pytest.mark.parametrize("cpu,runqueue", [(0.2, 0.0), (0.5, 0.3), (0.85, None), (None, None)])
def test_a_generator_at_ease_leaves_the_fault_with_the_target(cpu: float | None, runqueue: float | None) -> None:
    """Arrivals that no connection could take are the target's failure."""
    assert judged(20, cpu, runqueue).outcome is Outcome.FAIL


def test_a_generator_without_its_core_proves_no_failure() -> None:
    """It ran for half of the time and waited for the other half, because a neighbour had the core."""
    finding = judged(20, 0.5, 0.5)
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.GENERATOR_SATURATED)
    assert "core was not its own" in finding.observed


def test_a_pass_stands_whoever_had_the_core() -> None:
    """What was answered rightly in spite of it was answered rightly."""
    assert judged(0, 0.5, 0.5).outcome is Outcome.PASS


def test_a_moment_without_the_core_is_no_excuse() -> None:
    """Two of twenty seconds are not the whole phase."""
    assert judged(20, 0.5, 0.5, seconds=2).outcome is Outcome.FAIL
    assert judged(20, 0.5, 0.5, seconds=3).outcome is Outcome.INCONCLUSIVE


def test_a_generator_that_uses_its_whole_core_proves_nothing() -> None:
    """Neither failure nor success."""
    for unsent in (0, 20):
        with pytest.raises(Undecided, match="more than 90% of its core"):
            judged(unsent, 0.97, 0.0)
