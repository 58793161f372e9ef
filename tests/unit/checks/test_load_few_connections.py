"""How many connections a load needs is read from the seconds that a case judges, at their slowest."""

import pytest

from hybridcheck.checks.load.declared import KeepsDeclaredLimits
from hybridcheck.checks.load.limits import KeepsErrorLimit
from hybridcheck.evidence import Record
from hybridcheck.verdict import Outcome
from tests.unit.checks.test_load_own_share import (
    BUSY,
    FAILED,
    LIMIT_MS,
    SECONDS,
    TOO_FEW,
    Undone,
    health,
    judged,
    second,
    times,
    undone,
    whole,
)

PEAK = range(4, 16)


def with_a_peak(slow_ms: float, stretch: int = 1, *, counts: bool = False) -> list[Record]:
    """Of the arrivals in the peak many are never sent; answers take 5 ms, and longer in it. Its seconds count or do not."""
    seconds = [
        second(n, unsent=40 if n in PEAK else 0).model_copy(update={"counts": counts or n not in PEAK})
        for n in range(SECONDS)
    ]
    told = []
    for begin in range(0, SECONDS, stretch):
        of = [(seconds[n].ok, slow_ms if n in PEAK else 5.0) for n in range(begin, begin + stretch)]
        own = times("service", begin, *of, stretch=stretch)
        told.append(own.model_copy(update={"counts": all(seconds[n].counts for n in range(begin, begin + stretch))}))
    busy = health(PEAK, **BUSY)
    return whole(seconds, *told, *health([n for n in range(SECONDS) if n not in PEAK]), *busy)


@pytest.mark.parametrize(("slow_ms", "expected"), [(150.0, TOO_FEW), (5.0, FAILED)])
@pytest.mark.parametrize("counts", [True, False])
@pytest.mark.parametrize("stretch", [1, 5])
def test_what_answers_take_is_that_of_the_seconds_that_are_judged(
    slow_ms: float, expected: Undone, counts: bool, stretch: int
) -> None:
    """In a peak that keeps the promise, and needs more connections than the quick seconds around it; whatever its stretches."""
    lines = {"limits": [{"window_s": [PEAK.start, PEAK.stop], "p95_ms": LIMIT_MS}], "max_connections": 10}
    records = with_a_peak(slow_ms, stretch, counts=counts)
    assert undone(judged(KeepsDeclaredLimits(), records, **lines)) == expected


@pytest.mark.parametrize(("slow_ms", "expected"), [(150.0, TOO_FEW), (5.0, FAILED)])
def test_of_a_phase_with_a_slow_part_that_part_needs_the_most(slow_ms: float, expected: Undone) -> None:
    """On average over the whole of it ten connections are plenty."""
    records = with_a_peak(slow_ms, counts=True)
    assert undone(judged(KeepsErrorLimit(), records, max_connections=10)) == expected


def test_slow_seconds_beside_the_judged_ones_excuse_nothing() -> None:
    """Where only the quick seconds are judged, the slow ones of a peak say nothing about how many they need."""
    seconds = [second(n, unsent=0 if n >= 12 else 40).model_copy(update={"counts": n < 12}) for n in range(SECONDS)]
    told = [times("service", n, (row.ok, 150.0 if n >= 12 else 5.0)) for n, row in enumerate(seconds)]
    records = whole(seconds, *told, *health(range(SECONDS), **BUSY))
    assert undone(judged(KeepsErrorLimit(), records, max_connections=10)) == FAILED
    window = {"limits": [{"window_s": [0, 12], "error_ratio": 0.05}], "max_connections": 10}
    assert undone(judged(KeepsDeclaredLimits(), records, **window)) == FAILED


@pytest.mark.parametrize("gone", range(0, SECONDS, 5))
def test_times_that_are_not_recorded_fail_nobody(gone: int) -> None:
    """Without what the answers of some seconds took, the promise says how many are needed; seconds beside the window say nothing."""
    lines = {"limits": [{"window_s": [5, 15], "p95_ms": LIMIT_MS}], "max_connections": 10}
    records = with_a_peak(5.0, 5)
    less = [record for record in records if getattr(record, "from_second", None) != gone]
    expected = TOO_FEW if gone in (5, 10) else FAILED
    assert judged(KeepsDeclaredLimits(), records, **lines).outcome is Outcome.FAIL
    assert undone(judged(KeepsDeclaredLimits(), less, **lines)) == expected
