"""What is known of a load before its start: users who think beyond all connections, and pools that limits may fill."""

from datetime import date
from typing import Any

import pytest

from hybridcheck.profile.consistency import contradictions
from hybridcheck.profile.load_foresight import few_connections, thinking_at_once
from hybridcheck.profile.models import Profile

THINK = {"way": [{"operation": "GET /a", "think_s": 5}, "GET /a"]}


def profile(phase: dict[str, Any], **thresholds: float) -> Profile:
    """A profile with one load phase."""
    load = {"day": {"duration_s": 30, **phase}}
    return Profile.model_validate({"version": 1, "operations": ["GET /a"], "load": load, "thresholds": thresholds})


@pytest.mark.parametrize(
    ("phase", "users"),
    [
        ({"rate_rps": 10}, 50),
        ({"rate_rps": 10, "duration_s": 3}, 30),  # no more than there are
        ({"rate_rps": 2, "shape": "spike", "peak_rps": 20, "peak_s": 2}, 46),  # the peak is shorter than the thinking
        ({"rate_rps": 10, "shape": "ramp"}, 45),
    ],
)
def test_how_many_users_think_at_once(phase: dict[str, Any], users: int) -> None:
    """As many as began within the time that one thinks; a phase that lacks them by one connection is an error."""
    given = {**phase, "scenarios": THINK}
    assert thinking_at_once(profile(given).load["day"]) == users
    for there, wrong in ((users, False), (users - 1, True)):
        found = list(contradictions(profile({**given, "max_connections": there}), date(2026, 1, 1)))
        assert [f"{users} users think at once" in one.message for one in found] == [True] * wrong


@pytest.mark.parametrize(
    ("phase", "thresholds", "words"),
    [
        ({"rate_rps": 50, "max_connections": 8}, {"max_latency_ms": 200}, ["50 per second take 10 connections"]),
        ({"rate_rps": 50, "max_connections": 10}, {"max_latency_ms": 200}, []),
        ({"rate_rps": 50, "max_connections": 8}, {"max_error_ratio": 0.01}, []),  # nobody said how long one may take
        ({"rate_rps": 50, "max_connections": 8, "deadline_s": 0.1}, {"max_latency_ms": 900}, []),
        ({"users": 50, "max_connections": 8}, {"max_latency_ms": 200}, []),
    ],
)
def test_connections_that_answers_within_their_limits_would_fill(
    phase: dict[str, Any], thresholds: dict[str, float], words: list[str]
) -> None:
    """A warning with the number, and no error: the target may be quicker than it has to be."""
    found = [text for _, text in few_connections(profile(phase, **thresholds))]
    assert [text.startswith(word) for text, word in zip(found, words, strict=True)] == [True] * len(words)
