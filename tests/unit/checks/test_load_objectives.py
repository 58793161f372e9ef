"""Objectives of a phase stand over the thresholds key by key: what they do not name is judged by the thresholds."""

from typing import Any

import pytest

from hybridcheck.checks.load.limits import KeepsErrorLimit, KeepsLatencyLimit
from tests.unit.checks.fake_target import cases_of

THRESHOLDS = {"max_latency_ms": 200, "max_error_ratio": 0.01}


def promised(objectives: dict[str, Any]) -> dict[str, float]:
    """Subject → limit of every latency and error case of one phase with these objectives."""
    load = {"b": {"rate_rps": 100, "duration_s": 20, "objectives": objectives}}
    given = {"operations": ["GET /x"], "load": load, "thresholds": THRESHOLDS}
    latency = {case.subject: case.params["limit_ms"] for case in cases_of(KeepsLatencyLimit(), given)}
    errors = {f"{case.subject} errors": case.params["limit_ratio"] for case in cases_of(KeepsErrorLimit(), given)}
    return latency | errors


@pytest.mark.parametrize(
    ("objectives", "expected"),
    [
        ({}, {"b": 200, "b errors": 0.01}),
        ({"*": {}}, {"b": 200, "b errors": 0.01}),
        ({"*": {"p95_ms": 300}}, {"b": 300, "b errors": 0.01}),
        ({"*": {"p99_ms": 400}}, {"b": 200, "b p99": 400, "b errors": 0.01}),
        ({"*": {"error_ratio": 0.05}}, {"b": 200, "b errors": 0.05}),
        ({"GET /x": {"p95_ms": 100}}, {"b": 200, "b GET /x": 100, "b errors": 0.01}),
        (
            {"GET /x": {"error_ratio": 0.02}, "*": {"p95_ms": 300}},
            {"b": 300, "b errors": 0.01, "b GET /x errors": 0.02},
        ),
    ],
)
def test_an_objective_of_all_together_takes_nothing_away(
    objectives: dict[str, Any], expected: dict[str, float]
) -> None:
    """Another p95 leaves the error limit where it is; a p99 leaves both."""
    assert promised(objectives) == expected
