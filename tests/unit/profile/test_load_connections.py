"""How many connections an open phase needs so that a target which keeps its promise is never waited for."""

from typing import Any

import pytest

from hybridcheck.profile.load_phases import connections_needed, promised_answer_s, thinking_s
from hybridcheck.profile.models import Profile

OPERATIONS = [{"id": "a", "path": "/a", "tags": ["quick"]}, {"id": "b", "path": "/b"}]


def profile(spec: dict[str, Any], **thresholds: float) -> Profile:
    """A profile with one load phase."""
    given = {"version": 1, "operations": OPERATIONS, "load": {"day": spec}, "thresholds": thresholds}
    return Profile.model_validate(given)


@pytest.mark.parametrize(
    ("spec", "answer_s", "needed"),
    [
        ({"rate_rps": 60}, 0.2, 12),
        ({"rate_rps": 60}, 0.01, 1),
        ({"rate_rps": 20, "shape": "spike", "peak_rps": 100}, 0.2, 20),
        ({"rate_rps": 10, "scenarios": {"x": [{"operation": "a", "think_s": 2}, "b"]}}, 0.2, 24),
        ({"rate_rps": 10, "scenarios": {"x": ["a", {"operation": "b", "think_s": 9}]}}, 0.2, 4),
        ({"users": 7, "think_s": 1, "max_connections": 3}, 0.2, 7),
    ],
)
def test_what_the_promise_needs(spec: dict[str, Any], answer_s: float, needed: int) -> None:
    """Rate times what an arrival holds a connection for, thinking between its steps included; users have one each."""
    assert connections_needed(profile(spec).load["day"], answer_s) == needed


def test_users_think_by_the_weights_of_their_scenarios() -> None:
    """Two of three go the way with four seconds of thinking on average."""
    ways = {"slow": {"weight": 2, "steps": [{"operation": "a", "think_s": [2, 6]}, "b"]}, "quick": ["a"]}
    assert thinking_s(profile({"rate_rps": 1, "scenarios": ways}).load["day"]) == pytest.approx(8 / 3)


@pytest.mark.parametrize(
    ("spec", "thresholds", "promised_s"),
    [
        ({}, {}, 10.0),
        ({"deadline_s": 3}, {"max_error_ratio": 0.01}, 3.0),
        ({}, {"max_latency_ms": 200}, 0.2),
        ({"limits": [{"operation": "b", "p95_ms": 100}]}, {"max_latency_ms": 200}, 0.15),
        ({"limits": [{"p50_ms": 10}]}, {"max_latency_ms": 200}, 0.2),
        ({"limits": [{"tag": "quick", "mean_ms": 20}]}, {"max_latency_ms": 200}, 0.11),
        ({"objectives": {"*": {"p99_ms": 400}}}, {"max_latency_ms": 200}, 0.2),
        ({"objectives": {"*": {"p95_ms": 400}}}, {"max_latency_ms": 200}, 0.4),
        ({"objectives": {"*": {"error_ratio": 0.1}}}, {"max_latency_ms": 200}, 0.2),
    ],
)
def test_what_is_promised_of_an_answer(spec: dict[str, Any], thresholds: dict[str, float], promised_s: float) -> None:
    """The tightest limit of each operation, by their weights; a median promises nothing of the slower half."""
    given = profile({"rate_rps": 10, **spec}, **thresholds)
    assert promised_answer_s(given, given.load["day"]) == pytest.approx(promised_s)
