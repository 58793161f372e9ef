"""Declared load phases: each shape with its own parameters, its length and level as declared, and what is judged."""

import math
from datetime import date

import pytest
from pydantic import ValidationError

from hybridcheck import shapes
from hybridcheck.cases import Budget
from hybridcheck.profile.consistency import contradictions
from hybridcheck.profile.drives import scaled
from hybridcheck.profile.load_phases import (
    judged_seconds,
    lowest_rps,
    peak_level,
    planned_requests,
    stages,
)
from hybridcheck.profile.load_spec import LoadPhaseSpec
from hybridcheck.profile.models import Profile

SHAPES: dict[str, dict[str, object]] = {
    "steady": {"rate_rps": 50},
    "ramp": {"rate_rps": 50, "ramp_s": 4},
    "steps": {"rate_rps": 50, "steps": 4},
    "stress": {"rate_rps": 50, "peak_rps": 150},
    "spike": {"rate_rps": 50, "peak_rps": 150, "peak_s": 3},
    "soak": {"rate_rps": 50, "ramp_s": 5},
    "breakpoint": {"rate_rps": 50, "from_rps": 10},
    "stages": {"stages": [{"duration_s": 5, "rate_rps": 50}, {"duration_s": 0, "rate_rps": 10}, {"duration_s": 15, "rate_rps": 10}]},
}  # fmt: skip


def spec(**given: object) -> LoadPhaseSpec:
    """A phase as a profile would declare it."""
    return LoadPhaseSpec.model_validate(given)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_lasts_as_long_as_declared_and_survives_json(shape: str) -> None:
    """`duration_s` is that of the whole shape; a phase that is read back from a ledger is the same."""
    phase = spec(shape=shape, **SHAPES[shape])
    assert phase.duration_s == 20
    assert shapes.duration_s(stages(phase)) == pytest.approx(20)
    assert LoadPhaseSpec.model_validate_json(phase.model_dump_json()) == phase


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shorter_budget_keeps_levels_and_proportions(shape: str) -> None:
    """Half of the time is half of the requests, at the same peak."""
    phase = spec(shape=shape, warmup_s=0, **SHAPES[shape])
    short = scaled(phase, Budget.QUICK)
    assert short.duration_s == 13
    assert peak_level(short) == peak_level(phase)
    assert planned_requests(short) == pytest.approx((planned_requests(phase) or math.nan) * 13 / 20)
    assert LoadPhaseSpec.model_validate_json(short.model_dump_json()) == short


@pytest.mark.parametrize(
    "shape,levels",
    [
        ("ramp", {0: 0, 2: 25, 4: 50, 19: 50}),
        ("steps", {0: 12.5, 4: 12.5, 5: 25, 19: 50}),
        ("stress", {0: 50, 4: 50, 6: 100, 8: 150, 11: 150, 14: 100, 17: 50}),
        ("spike", {0: 50, 8: 50, 9: 150, 11: 150, 12: 50, 19: 50}),
        ("soak", {0: 0, 5: 50, 19: 50}),
        ("breakpoint", {0: 10, 10: 30}),
        ("stages", {0: 0, 4: 40, 5: 10, 19: 10}),
    ],
)
def test_the_level_at_a_second(shape: str, levels: dict[int, float]) -> None:
    """The picture of each shape, in numbers."""
    parts = stages(spec(shape=shape, **SHAPES[shape]))
    assert {second: shapes.level_at(parts, second) for second in levels} == pytest.approx(levels)


def test_users_climb_from_one() -> None:
    """A closed ramp begins with one user unless it says otherwise."""
    assert shapes.level_at(stages(spec(shape="ramp", users=10)), 0) == 1
    assert shapes.level_at(stages(spec(shape="ramp", users=10, from_users=4)), 0) == 4
    closed = spec(stages=[{"duration_s": 5, "users": 10}])
    assert (closed.shape, closed.model, closed.duration_s) == ("stages", "closed", 5)
    assert planned_requests(closed) is None


@pytest.mark.parametrize(
    "given,part",
    [
        ({"rate_rps": 5, "peak_rps": 9}, "peak_rps means nothing to the shape steady"),
        ({"rate_rps": 5, "shape": "spike"}, "the shape spike needs peak_rps"),
        ({"users": 5, "shape": "stress"}, "the shape stress needs peak_users"),
        ({"users": 5, "shape": "spike", "peak_rps": 9}, "peak_rps is of the other model: this one is closed"),
        ({"rate_rps": 5, "users": 5}, "users is of the other model"),
        ({"rate_rps": 5, "think_s": 1}, "think_s is of the other model"),
        ({"rate_rps": 5, "think_s": [1, 2]}, "think_s is of the other model"),
        ({"rate_rps": 5, "pacing_s": 1}, "pacing_s is of the other model"),
        ({"users": 5, "pacing_s": 1, "think_s": {"mean_s": 2}}, "users think for think_s, or begin every pacing_s"),
        ({"users": 5, "think_s": [2, 1]}, r"think_s is \[least, most\]"),
        ({"users": 5, "think_s": {"mean_s": 0}}, "greater than 0"),
        ({"rate_rps": 5, "shape": "stages"}, "the shape stages needs stages"),
        ({"rate_rps": 5, "stages": [{"duration_s": 9, "rate_rps": 9}]}, "the levels of stages are in the stages"),
        ({"duration_s": 3, "stages": [{"duration_s": 9, "rate_rps": 9}]}, "duration_s is not what the stages add up to"),
        ({"stages": [{"duration_s": 9, "rate_rps": 9}, {"duration_s": 9, "users": 9}]}, "each stage has rate_rps"),
        ({"stages": [{"duration_s": 9, "rate_rps": 0}]}, "all stages are at level 0"),
        ({"rate_rps": 5, "shape": "spike", "peak_rps": 9, "peak_s": 20}, "leaves no time at the level"),
        ({"rate_rps": 5, "shape": "stress", "peak_rps": 9, "ramp_s": 10}, "leaves no time at the level"),
        ({"rate_rps": 5, "shape": "spiky"}, "Input should be 'steady'"),
    ],
)  # fmt: skip
def test_what_a_shape_does_not_know_is_refused(given: dict[str, object], part: str) -> None:
    """Nothing that is declared is ignored, and nothing that is needed is guessed."""
    with pytest.raises(ValidationError, match=part):
        LoadPhaseSpec.model_validate(given)


@pytest.mark.parametrize(
    "shape,judged",
    [
        ("steady", range(2, 20)),
        ("ramp", range(4, 20)),
        ("steps", range(15, 20)),
        ("stress", [2, 3, 16, 17, 18, 19]),
        ("spike", [2, 3, 4, 5, 6, 7, 12, 13, 14, 15, 16, 17, 18, 19]),
        ("soak", range(5, 20)),
        ("breakpoint", []),
        ("stages", []),
    ],
)
def test_hold_judges_whole_seconds_at_the_level(shape: str, judged: object) -> None:
    """No climb, no peak, no second that is only partly at the level; `all` is everything after the warm-up."""
    held = spec(shape=shape, judge="hold", **SHAPES[shape])
    assert sorted(judged_seconds(held)) == list(judged)  # type: ignore[call-overload]
    assert judged_seconds(spec(shape=shape, **SHAPES[shape])) == set(range(2, 20))


@pytest.mark.parametrize(
    "given,lowest",
    [
        ({"rate_rps": 50}, 50),
        ({"rate_rps": 50, "shape": "ramp"}, 5),
        ({"rate_rps": 50, "shape": "ramp", "ramp_s": 10, "judge": "hold"}, 50),
        ({"rate_rps": 50, "shape": "spike", "peak_rps": 90}, 50),
        ({"stages": [{"duration_s": 5, "rate_rps": 40}, {"duration_s": 5, "rate_rps": 20}]}, 16),
        ({"stages": [{"duration_s": 5, "rate_rps": 40}, {"duration_s": 5, "rate_rps": 4}]}, 4),
        ({"users": 5}, None),
    ],
)
def test_the_lowest_rate_that_is_judged(given: dict[str, object], lowest: float | None) -> None:
    """What a throughput limit may count on."""
    assert (
        lowest_rps(LoadPhaseSpec.model_validate(given), judged_seconds(LoadPhaseSpec.model_validate(given))) == lowest
    )


@pytest.mark.parametrize(
    "given,part",
    [
        ({"rate_rps": 50, "shape": "breakpoint", "judge": "hold"}, "load.steady.judge: no second is judged"),
        ({"rate_rps": 50, "shape": "spike", "peak_rps": 900}, "load.steady.peak_rps: 900 requests per second are more"),
        ({"stages": [{"duration_s": 9, "rate_rps": 900}]}, "load.steady.stages: 900 requests per second are more"),
        ({"users": 5, "shape": "spike", "peak_users": 500}, "load.steady.peak_users: 500 users are more than"),
        ({"rate_rps": 200, "shape": "soak", "duration_s": 3600}, "load: the load phases need 720,000 requests"),
        ({"rate_rps": 200, "shape": "breakpoint", "duration_s": 1800}, ""),
    ],
)
def test_shapes_are_held_against_the_limits(given: dict[str, object], part: str) -> None:
    """The highest level and the area under the shape count, whatever it is called."""
    profile = Profile.model_validate({"version": 1, "operations": ["GET /a"], "load": given})
    found = [f"{'.'.join(map(str, one.path))}: {one.message}" for one in contradictions(profile, date(2026, 1, 1))]
    assert [text.startswith(part) for text in found] == [True] * bool(part), found
