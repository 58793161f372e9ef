"""Limits of a load phase that could never decide or break off anything are errors, each at its own line."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from hybridcheck.checks.load.power import shortfall
from hybridcheck.profile.consistency import contradictions
from hybridcheck.profile.load_spec import LoadPhaseSpec
from hybridcheck.profile.models import Profile


def complaints(phase: dict[str, Any]) -> list[str]:
    """What is wrong with a phase of 20 seconds."""
    load = {"day": {"rate_rps": 50, "duration_s": 20, **phase}}
    profile = Profile.model_validate({"version": 1, "operations": ["GET /a"], "load": load})
    return [f"{one.path[-1]}: {one.message}" for one in contradictions(profile, date(2026, 1, 1))]


@pytest.mark.parametrize(
    ("phase", "message"),
    [
        ({"abort_when": {"window_s": 20}}, ""),
        ({"abort_when": {"window_s": 21}}, "window_s: 21 s never pass within the phase, which lasts 20 s"),
        ({"abort_when": {"bad_ratio": 0.5}, "duration_s": 12}, ""),  # the window of 15 s was not asked for
        ({"limits": [{"window_s": [10, 20], "error_ratio": 0.1}]}, ""),
        ({"limits": [{"window_s": [10, 30], "error_ratio": 0.1}]}, "window_s: the window ends at second 30, after the phase"),
        ({"limits": [{"window_s": [10.2, 10.9], "error_ratio": 0.1}]}, "window_s: the window holds no whole second"),
    ],
)  # fmt: skip
def test_windows_lie_within_their_phase(phase: dict[str, Any], message: str) -> None:
    """A safety abort that never looks back so far, and limits of seconds that there are none of."""
    found = complaints(phase)
    assert [text.startswith(message) for text in found] == [True] * bool(message), found


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ({"p95_ms": 1000}, ""),
        ({"p95_ms": 1001}, "p95_ms: 1001 ms can never be exceeded: a request ends at deadline_s, 1 s"),
        ({"mean_ms": 999}, ""),
        ({"mean_ms": 1000}, "mean_ms: 1000 ms can never be exceeded"),  # a failure counts with the deadline
    ],
)
def test_a_latency_beyond_the_deadline_limits_nothing(limit: dict[str, Any], message: str) -> None:
    """Such a mean would pass whatever happens."""
    found = complaints({"deadline_s": 1, "limits": [limit]})
    assert [text.startswith(message) for text in found] == [True] * bool(message), found


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        ({"p95_ms": 400}, {"p95_ms": 100}, "p95_ms is limited twice: 400 in load.day.limits[0], 100 here"),
        ({"error_ratio": 0.1}, {"error_ratio": 0.01}, "error_ratio is limited twice: 0.1 in load.day.limits[0], 0.01 here"),
        (
            {"operation": "GET /a", "mean_ms": 50},
            {"operation": "GET /a", "mean_ms": 5},
            "mean_ms of GET /a is limited twice: 50 in load.day.limits[0], 5 here",
        ),
        (
            {"min_rps": 9, "error_ratio": 0.01},
            {"min_rps": 8, "error_ratio": 0.02},
            "min_rps is limited twice: 9 in load.day.limits[0], 8 here",
        ),
        (
            {"window_s": [5, 10], "p99_ms": 9, "p50_ms": 5},
            {"window_s": [5, 10], "p99_ms": 9},
            "p99_ms of 5-10 s is limited twice: 9 in load.day.limits[0], 9 here",
        ),
        ({"p95_ms": 400}, {"p99_ms": 900}, ""),
        ({"p95_ms": 400}, {"p95_ms": 100, "operation": "GET /a"}, ""),
        ({"p95_ms": 400}, {"p95_ms": 100, "window_s": [5, 10]}, ""),
        ({"p95_ms": 400, "window_s": [5, 11]}, {"p95_ms": 100, "window_s": [5, 10]}, ""),
        ({"min_rps": 9, "error_ratio": 0.02}, {"error_ratio": 0.01}, ""),  # beside min_rps it is of that
    ],
)  # fmt: skip
def test_two_limits_of_one_thing_are_one_too_many(one: dict[str, Any], other: dict[str, Any], message: str) -> None:
    """Only one of them could be judged, and the other would pass whatever happens."""
    expected = [f"{message.partition(' ')[0]}: {message}"] if message else []
    assert complaints({"limits": [one, other]}) == expected


@pytest.mark.parametrize("where", ["limits", "objectives", "thresholds"])
def test_a_share_of_all_is_no_limit(where: str) -> None:
    """Everything may fail: whoever writes that means something else."""
    one = {"error_ratio": 1}
    load = {"rate_rps": 5, "limits": [one]} if where == "limits" else {"rate_rps": 5, "objectives": {"GET /a": one}}
    given = {"thresholds": {"max_error_ratio": 1}} if where == "thresholds" else {"load": load}
    with pytest.raises(ValidationError, match="less than 1"):
        Profile.model_validate({"version": 1, **given})


def test_of_users_only_the_seconds_are_known_before() -> None:
    """The unit is said: nobody knows how many requests they will send."""
    spec = LoadPhaseSpec.model_validate({"users": 2, "duration_s": 4, "warmup_s": 0})
    assert "the plan has 4 seconds; duration_s" in shortfall(spec, 0.05)
