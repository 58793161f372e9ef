"""Response times over a long phase: a trend is found with its interval, waves and short phases are not."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from hybridcheck.cases import Budget, Case, Reason, Undecided, Unmet
from hybridcheck.checks.check import Scene
from hybridcheck.checks.performance.drift import NoDrift
from hybridcheck.evidence import Evidence, GeneratorSecond, LoadEnd, LoadHistogram, LoadSecond, Record
from hybridcheck.profile.models import Environment, Profile
from hybridcheck.statistics.histogram import Histogram
from hybridcheck.verdict import Finding, Outcome

SECONDS = 120
CASE = Case(check=NoDrift.id, subject="soak", params={"stream": "load/soak"}, shared=("load/soak",))


def phase(median_ms: Callable[[float], float], *, seconds: int = SECONDS, pause_ms: float = 0.0) -> tuple[Record, ...]:
    """A steady phase whose response times follow a function of the second, ten requests in each."""
    rows: list[Record] = []
    for second in range(seconds):
        rows.append(LoadSecond(second=second, operation="list", planned=10, ok=10))
        rows.append(GeneratorSecond(second=second, cpu_ratio=0.1, offered=10, sent=10))
    for first in range(0, seconds, 5):
        times = Histogram()
        for index in range(50):
            times.record(int(1e6 * median_ms(first) * (1 + 0.02 * math.sin(7 * first + index))))
        if pause_ms and first % 20 == 0:
            times.record(int(1e6 * pause_ms))
        pairs = tuple(times.to_pairs())
        rows.append(
            LoadHistogram(operation="list", measure="response", pairs=pairs, from_second=first, until_second=first + 5)
        )
    count = 10 * seconds
    end = LoadEnd(cause="completed", seconds=seconds, planned=count, ok=count, failed=0, unsent=0, cut=0)
    return (*rows, end)


def judged(rows: tuple[Record, ...]) -> Finding:
    """The finding on a phase."""
    return NoDrift().judge(CASE, Evidence((), {"load/soak": rows}))


def test_a_target_that_keeps_getting_slower_fails() -> None:
    """From 10 ms to 30 ms over two minutes."""
    finding = judged(phase(lambda second: 10 + second / 6))
    assert finding.outcome is Outcome.FAIL
    assert (finding.lower or 0) > 0.25


def test_flat_times_pass_and_pauses_are_counted() -> None:
    """A pause in every fourth stretch decides nothing, and is said."""
    finding = judged(phase(lambda _: 10.0, pause_ms=400))
    assert finding.outcome is Outcome.PASS
    assert finding.figures["with_a_pause"] == 4
    assert float(finding.figures["longest_pause_ms"] or 0) == pytest.approx(400, rel=0.01)


def test_a_wave_is_no_drift() -> None:
    """Response times that rise and fall with a neighbour's load are not a fail."""
    assert judged(phase(lambda second: 12 + 4 * math.sin(second / 8))).outcome is not Outcome.FAIL


def test_a_short_or_broken_phase_shows_nothing() -> None:
    """Too few stretches; no end marker."""
    with pytest.raises(Undecided) as caught:
        judged(phase(lambda _: 10.0, seconds=60))
    assert caught.value.reason is Reason.TOO_FEW_SAMPLES
    with pytest.raises(Undecided) as caught:
        judged(phase(lambda _: 10.0)[:-1])
    assert caught.value.reason is Reason.WORKER_LOST


def found(budget: Budget, duration_s: float) -> list[Case | Unmet]:
    """The cases of a profile with one steady phase."""
    data: dict[str, Any] = {
        "version": 1,
        "targets": {"test": {"url": "http://target.test", "environment": "local"}},
        "operations": [{"id": "list", "path": "/list"}],
        "load": {"soak": {"rate_rps": 50, "duration_s": duration_s, "operations": ["list"]}},
    }
    return list(NoDrift().cases(Scene(Profile.model_validate(data), "http://target.test", Environment.LOCAL, budget)))


def test_only_a_phase_that_is_driven_long_enough_is_judged() -> None:
    """Quick shortens every phase: unexamined there, as with a phase of twenty seconds."""
    assert isinstance(found(Budget.STANDARD, 300)[0], Case)
    assert isinstance(found(Budget.QUICK, 300)[0], Unmet)
    assert isinstance(found(Budget.FULL, 20)[0], Unmet)
