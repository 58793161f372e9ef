"""Throughput limits that a phase does not offer are errors of the profile, also after the command line has changed it."""

from datetime import date
from typing import Any

import pytest

from hybridcheck.cases import Budget
from hybridcheck.errors import ProfileError
from hybridcheck.profile.consistency import contradictions
from hybridcheck.profile.load_override import LoadOverride, overridden
from hybridcheck.profile.load_phases import lowest_rps
from hybridcheck.profile.load_spec import LoadPhaseSpec
from hybridcheck.profile.models import Profile

TODAY = date(2026, 1, 1)
OPERATIONS = [{"id": "a", "path": "/a", "tags": ["x"]}, {"id": "b", "path": "/b"}]
STEPS = {"way": ["a", "b", "b"]}
CLIMB = {"shape": "ramp", "rate_rps": 100, "duration_s": 20}


def profile(phase: dict[str, Any], **more: Any) -> Profile:
    """One phase, sixty percent of which are the operation `a`."""
    sent = {} if "scenarios" in phase else {"operations": {"a": 3, "b": 2}}
    thresholds = {"max_error_ratio": 0.05}
    load = {"day": {"duration_s": 20, **sent, **phase}}
    given = {"version": 1, "operations": OPERATIONS, "load": load, "thresholds": thresholds, **more}
    return Profile.model_validate(given)


@pytest.mark.parametrize(
    ("phase", "limit", "message"),
    [
        ({"rate_rps": 30}, {"min_rps": 30}, ""),
        ({"rate_rps": 30}, {"min_rps": 31}, "31 per second can never be seen: this phase is sent 30 times"),
        ({"rate_rps": 30}, {"min_rps": 18, "operation": "a"}, ""),
        (
            {"rate_rps": 30},
            {"min_rps": 19, "operation": "a"},
            "a is sent 18 times per second at the least in its judged",
        ),
        ({"rate_rps": 30}, {"min_rps": 19, "tag": "x"}, "tag x is sent 18 times per second"),
        (CLIMB, {"min_rps": 50, "window_s": [10, 20]}, ""),
        (
            CLIMB,
            {"min_rps": 51, "window_s": [10, 20]},
            "this phase is sent 50 times per second at the least within this",
        ),
        (CLIMB, {"min_rps": 50}, "this phase is sent 10 times per second"),
        ({"rate_rps": 30, "scenarios": STEPS}, {"min_rps": 60, "operation": "b"}, ""),
        ({"rate_rps": 30, "scenarios": STEPS}, {"min_rps": 91}, "this phase is sent 90 times per second"),
        ({"users": 5}, {"min_rps": 120, "operation": "a"}, ""),
        ({"users": 5}, {"min_rps": 121, "operation": "a"}, "limits.max_rps leaves 120 for it"),
        ({"users": 20, "think_s": [1, 3]}, {"min_rps": 10}, ""),
        ({"users": 20, "think_s": [1, 3]}, {"min_rps": 11}, "11 per second can never be seen: users who rest leave 10"),
        ({"users": 20, "pacing_s": 4}, {"min_rps": 6}, "users who rest leave 5 for it"),
        (
            {"shape": "steps", "users": 50, "think_s": 1, "duration_s": 60},
            {"min_rps": 11},
            "users who rest leave 10 for it at the least in its judged seconds",
        ),
        ({"shape": "steps", "users": 50, "think_s": 1, "duration_s": 60}, {"min_rps": 10}, ""),
        ({"shape": "steps", "users": 50, "think_s": 1, "duration_s": 60}, {"min_rps": 50, "window_s": [48, 60]}, ""),
        (
            {"shape": "ramp", "users": 50, "think_s": 1, "ramp_s": 20, "duration_s": 60},
            {"min_rps": 40},
            "users who rest leave 7.125 for it at the least",
        ),
        (
            {"shape": "ramp", "users": 50, "think_s": 1, "ramp_s": 20, "duration_s": 60, "judge": "hold"},
            {"min_rps": 40},
            "",
        ),
        ({"users": 20, "think_s": 1, "duration_s": 20.5}, {"min_rps": 20}, ""),
        (
            {"stages": [{"duration_s": 10, "users": 5}, {"duration_s": 0, "users": 0}, {"duration_s": 10, "users": 0}]},
            {"min_rps": 5},
            "seconds without a user leave 0 for it",
        ),
        ({"rate_rps": 30}, {"min_rps": 0.5}, "0.5 per second: seconds are judged, and have whole requests"),
    ],
)
def test_a_throughput_that_is_not_offered_is_an_error(
    phase: dict[str, Any], limit: dict[str, Any], message: str
) -> None:
    """Of the phase, an operation, a tag, a window, of scenarios, and of users whom the tester's own limit holds back."""
    found = [one for one in contradictions(profile({**phase, "limits": [limit]}), TODAY) if one.path[-1] == "min_rps"]
    assert [message in one.message for one in found] == [True] * bool(message)


@pytest.mark.parametrize(
    ("phases", "wanted", "told"),
    [
        ({"s": {"users": 10, "think_s": 1, "duration_s": 40}}, 40, "the highest offers 10 at the least in its judged seconds"),
        ({"s": {"users": 10, "think_s": 1, "duration_s": 40}}, 10, ""),
        ({"s": {"users": 10, "duration_s": 40}}, 40, ""),
        ({"s": {"users": 10, "think_s": 1}, "t": {"rate_rps": 30}}, 40, "the highest offers 30"),
        ({"s": {"users": 10, "think_s": 1}, "t": {"rate_rps": 40}}, 40, ""),
        ({"s": CLIMB}, 40, "the highest offers 10"),
        ({"s": {**CLIMB, "ramp_s": 10, "judge": "hold"}}, 100, ""),
        ({"s": {"rate_rps": 30}}, 0.5, "0.5 per second: seconds are judged, and have whole requests"),
        ({"s": {"rate_rps": 1.5}}, 1.5, ""),
    ],
)  # fmt: skip
def test_a_threshold_that_no_phase_can_show_is_an_error(phases: dict[str, Any], wanted: float, told: str) -> None:
    """Of either model, each by the second in which it sends the least; a second of less than one request tells nothing."""
    load = {name: {"operations": ["a"], **phase} for name, phase in phases.items()}
    thresholds = {"max_error_ratio": 0.05, "min_throughput_rps": wanted}
    given = Profile.model_validate({"version": 1, "operations": OPERATIONS, "load": load, "thresholds": thresholds})
    found = [one for one in contradictions(given, TODAY) if one.path == ("thresholds", "min_throughput_rps")]
    assert [told in one.message for one in found] == [True] * bool(told)


@pytest.mark.parametrize(
    ("phase", "hint"),
    [
        ({**CLIMB, "ramp_s": 10}, "judge: hold, which leaves climbs out, or a lower threshold"),
        ({"users": 10, "think_s": 1, "duration_s": 40}, "more users, or less rest, or a lower threshold"),
        ({"rate_rps": 30}, "a higher rate_rps, or a lower threshold"),
    ],
)
def test_the_line_that_would_do_is_named(phase: dict[str, Any], hint: str) -> None:
    """For a climb, for users, and for a rate."""
    thresholds = {"max_error_ratio": 0.05, "min_throughput_rps": 60}
    found = [one for one in contradictions(profile(phase, thresholds=thresholds), TODAY) if one.path[0] == "thresholds"]
    assert [one.hint for one in found] == [hint]


@pytest.mark.parametrize(
    ("phase", "hint"),
    [
        ({"users": 20, "think_s": 2}, "min_rps: at most 10, or a load that may be more"),
        ({"users": 20, "think_s": 40}, "a load that may be more"),
        ({**CLIMB, "warmup_s": 0}, "a higher rate"),
    ],
)
def test_no_line_is_named_that_would_be_refused_as_well(phase: dict[str, Any], hint: str) -> None:
    """`min_rps: at most 0` is no line."""
    found = list(contradictions(profile({**phase, "limits": [{"min_rps": 50}]}), TODAY))
    assert [one.hint for one in found] == [hint]


def test_a_rate_of_the_command_line_is_held_to_it_too() -> None:
    """`load --rate 30` cannot show what the profile asks for at 400."""
    declared = profile({"rate_rps": 400, "limits": [{"min_rps": 350}]}, limits={"max_rps": 400})
    assert not list(contradictions(declared, TODAY))
    with pytest.raises(ProfileError, match="350 per second can never be seen"):
        overridden(declared, LoadOverride(rate_rps=30), Budget.STANDARD, TODAY)


@pytest.mark.parametrize(
    ("given", "seconds", "lowest"),
    [
        (CLIMB, range(5, 8), 25),
        (CLIMB, [12, 4, 9], 20),
        ({"shape": "spike", "rate_rps": 10, "peak_rps": 90, "peak_s": 4, "duration_s": 20}, range(8, 12), 90),
        ({"shape": "spike", "rate_rps": 10, "peak_rps": 90, "peak_s": 4, "duration_s": 20}, range(8, 13), 10),
        ({"stages": [{"duration_s": 5, "rate_rps": 9}, {"duration_s": 0, "rate_rps": 3}, {"duration_s": 5, "rate_rps": 7}]}, [5], 3),
        ({"rate_rps": 9}, [], None),
        ({"users": 9}, [3], None),
    ],
)  # fmt: skip
def test_the_lowest_rate_within_some_seconds(given: dict[str, Any], seconds: Any, lowest: float | None) -> None:
    """Also where the seconds lie in a climb, are no neighbours, or begin at a jump."""
    assert lowest_rps(LoadPhaseSpec.model_validate(given), seconds) == pytest.approx(lowest)
