"""What the load section tells: operations and tags, failures with an example, what is left out, lags apart, seconds."""

from collections.abc import Sequence
from typing import Any

import pytest

from hybridcheck.engine import load_parts
from hybridcheck.engine.load_report import load_phase
from hybridcheck.evidence import LoadEnd, LoadHistogram, LoadSecond, Observation, Record
from hybridcheck.load_document import LoadPhase
from hybridcheck.statistics.histogram import Histogram

STREAM = "load/day"


def pairs(*values_ms: float) -> tuple[tuple[int, int], ...]:
    """The histogram of some durations."""
    histogram = Histogram()
    for value in values_ms:
        histogram.record(round(value * 1e6))
    return tuple(histogram.to_pairs())


def row(second: int, operation: str = "a", ok: int = 10, **counts: Any) -> LoadSecond:
    """A second that balances."""
    failed = counts.get("failed", {})
    planned = ok + sum(failed.values()) + counts.get("unsent", 0) + counts.get("cut", 0)
    return LoadSecond(second=second, operation=operation, planned=planned, ok=ok, **counts)


def times(operation: str, second: int, *values_ms: float, counts: bool = True) -> list[LoadHistogram]:
    """Response times, and service times of half that, of one second."""
    stretch: dict[str, Any] = {"from_second": second, "until_second": second + 1, "counts": counts}
    halves = [value / 2 for value in values_ms]
    return [
        LoadHistogram(operation=operation, measure="response", pairs=pairs(*values_ms), **stretch),
        LoadHistogram(operation=operation, measure="service", pairs=pairs(*halves), **stretch),
    ]


def lags(measure: str, *values_ms: float) -> LoadHistogram:
    """Start lags of a phase."""
    return LoadHistogram(operation="*", measure=measure, pairs=pairs(*values_ms))  # type: ignore[arg-type]


def failure(operation: str, kind: str, second: int, detail: str) -> Observation:
    """The first failure of a kind, as the generator tells it."""
    values = {"operation": operation, "second": second, "detail": detail}
    return Observation(label=f"failure.{kind}", values=values)


def end(cause: str = "completed", seconds: int = 3) -> LoadEnd:
    """The end marker; its totals are not what is tested here."""
    return LoadEnd(cause=cause, seconds=seconds, planned=0, ok=0, failed=0, unsent=0, cut=0, detail="why")


def phase_of(records: Sequence[Record], **more: Any) -> LoadPhase:
    """The phase that these records make."""
    return load_phase(STREAM, tuple(records), **more)


def test_each_operation_has_its_counts_its_times_and_an_example_of_each_kind() -> None:
    """So that "the slowest operation" and "the error kinds" are there to be looked at."""
    records = [
        failure("b", "status", 2, "status 503"),
        failure("b", "status", 1, "status 500"),
        failure("a", "timeout", 0, "no answer within 10 s"),
        row(0, counts=False, ok=9, failed={"timeout": 1}),
        row(1),
        row(1, "b", ok=6, failed={"status": 3}, unsent=1),
        *times("a", 1, *[10.0] * 10),
        *times("b", 1, *[200.0] * 6),
        end(),
    ]
    a, b = phase_of(records).operations
    assert (a.name, a.planned, a.ok, a.failed, b.name, b.planned, b.ok, b.failed, b.unsent) == (
        "a", 10, 10, {}, "b", 10, 6, {"status": 3}, 1
    )  # fmt: skip
    assert b.response_ms["p95"] == pytest.approx(200, rel=2e-3)
    assert b.service_ms["p95"] == pytest.approx(100, rel=2e-3)
    assert (b.examples["status"].detail, b.examples["status"].second) == ("status 500", 1)
    assert a.examples["timeout"].detail == "no answer within 10 s"


def test_a_tag_is_the_sum_of_its_operations_that_were_sent() -> None:
    """Operations with the tag that the phase does not send are no part of it; a tag of none is not told."""
    records = [row(0), row(0, "b", ok=5, failed={"reset": 5}), row(0, "c"), end()]
    [tag] = phase_of(records, tagged={"slow": ["a", "b", "elsewhere"], "other": ["elsewhere"]}).tags
    assert (tag.name, tag.operations, tag.planned, tag.ok, tag.failed) == ("slow", ("a", "b"), 20, 15, {"reset": 5})


def test_what_is_left_out_is_reported_with_its_times() -> None:
    """Declared warm-up and the one that the rule found alike; None where nothing is left out."""
    found = Observation(label="warm-up", values={"until_second": 2})
    records = [
        row(0, ok=4, failed={"status": 6}, counts=False),
        *times("a", 0, 900.0, counts=False),
        row(1),
        *times("a", 1, 900.0),
        row(2),
        *times("a", 2, 10.0),
        found,
        end(),
    ]
    phase = phase_of(records)
    assert phase.left_out is not None
    assert (phase.left_out.seconds, phase.left_out.planned, phase.left_out.failed) == (2, 20, {"status": 6})
    assert phase.left_out.response_ms["p50"] == pytest.approx(900, rel=2e-3)
    assert phase.response_ms["max"] == pytest.approx(10, rel=2e-3)
    assert phase_of([row(0), end()]).left_out is None


@pytest.mark.parametrize(
    ("cause", "duration_s", "whole"),
    [
        ("completed", 3.0, 3),
        ("completed", 2.5, 2),
        ("completed", 9.0, 2),  # the users had sent all that limits.max_requests allows
        ("stopped_early", 9.0, 2),
        ("safety_abort", 9.0, 2),
    ],
)
def test_a_second_within_which_a_phase_ended_is_no_whole_second(cause: str, duration_s: float, whole: int) -> None:
    """A last second with one arrival does not make 100 per second into 67."""
    phase = phase_of([row(0, ok=100), row(1, ok=100), row(2, ok=1), end(cause)], duration_s=duration_s)
    assert (phase.seconds, phase.whole_seconds, phase.ok) == (3, whole, 201)
    assert phase.achieved_rps == phase.planned_rps == pytest.approx(201 / 3 if whole == 3 else 100)


def test_a_phase_that_ended_within_its_first_second_has_no_rate() -> None:
    """What was not measured is not told."""
    phase = phase_of([row(0, ok=3), end("stopped_early")])
    assert (phase.whole_seconds, phase.achieved_rps, phase.planned_rps) == (0, None, None)


def test_waiting_for_a_connection_is_told_apart_from_the_generators_own_lag() -> None:
    """All lags without its own, bucket by bucket."""
    phase = phase_of([row(0), lags("lag", 1, 1, 2, 1670), lags("own_lag", 1, 2), end()])
    assert phase.generator_lag_ms["p99"] == pytest.approx(2, rel=2e-3)
    assert phase.connection_waits == 2
    assert phase.connection_wait_ms["p99"] == pytest.approx(1670, rel=2e-3)


def test_lags_that_do_not_belong_together_tell_of_no_waiting() -> None:
    """One of the two records is gone: nothing is made up from the other."""
    assert phase_of([row(0), lags("own_lag", 1, 2), end()]).connection_waits is None
    assert phase_of([row(0), lags("lag", 5), lags("own_lag", 1, 2), end()]).connection_wait_ms["p99"] is None


def test_the_series_has_every_second_and_says_which_are_not_recorded() -> None:
    """A missing second is None, not zero."""
    phase = phase_of([row(0, ok=4, counts=False), row(2, ok=9, failed={"status": 1}, unsent=2), end()])
    assert phase.series is not None
    assert (phase.series.step_s, phase.series.until_second) == (1, 3)
    assert (phase.series.planned, phase.series.ok, phase.series.failed) == ((4, None, 12), (4, None, 9), (0, None, 1))
    assert (phase.series.unsent, phase.series.judged) == ((0, None, 2), (0, 0, 1))


def test_a_long_phase_has_as_few_points_as_a_short_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums over stretches; the last one may be shorter, and none of the arrivals is lost."""
    monkeypatch.setattr(load_parts, "MOST_POINTS", 4)
    series = phase_of([*(row(second) for second in range(10)), end()]).series
    assert series is not None
    assert (series.step_s, series.planned, series.judged) == (3, (30, 30, 30, 10), (3, 3, 3, 1))
