"""Load from the command line: what it makes of a declared phase, of a profile without one, and what it complains about."""

from datetime import date
from typing import Any

import pytest

from hybridcheck.cases import Budget
from hybridcheck.errors import ProfileError
from hybridcheck.profile.load_override import LoadOverride, overridden
from hybridcheck.profile.load_phases import with_load_operations
from hybridcheck.profile.models import Profile

TODAY = date(2026, 11, 20)
LIMITS = {"max_latency_ms": 200}


def profile(**more: object) -> Profile:
    """A profile with one operation, a limit, and what is given."""
    return Profile.model_validate({"version": 1, "operations": ["GET /a"], "thresholds": LIMITS, **more})


def asked(declared: Profile, budget: Budget = Budget.STANDARD, **given: object) -> Profile:
    """The profile as the command line asks for it."""
    return overridden(declared, LoadOverride(**given), budget, TODAY)  # type: ignore[arg-type]


def complaints(declared: Profile, budget: Budget = Budget.STANDARD, **given: object) -> list[str]:
    """Where the complaints are."""
    with pytest.raises(ProfileError) as raised:
        asked(declared, budget, **given)
    return [complaint.where for complaint in raised.value.complaints]


def test_nothing_asked_for_changes_nothing() -> None:
    """Without options the profile is the declared one."""
    declared = profile(load={"rate_rps": 5})
    assert asked(declared) is declared


def test_a_profile_without_a_load_section_can_be_loaded() -> None:
    """The phase is named after its shape and sends every operation that reads."""
    (found,) = asked(profile(), shape="ramp", rate_rps=30, duration_s=20).load.items()
    name, phase = found
    assert (name, phase.shape, phase.rate_rps, phase.duration_s) == ("ramp", "ramp", 30, 20)
    assert phase.operations == {"GET /a": 1}


def test_one_phase_of_several_is_chosen_and_stays_as_it_is_declared() -> None:
    """`--phase` alone changes nothing of the phase; the others are left out."""
    declared = profile(load={"calm": {"rate_rps": 5}, "rush": {"rate_rps": 50, "think_s": 0}})
    found = asked(declared, phase="rush")
    assert list(found.load) == ["rush"]
    assert found.load["rush"].rate_rps == 50


def test_another_shape_keeps_nothing_of_the_old_one() -> None:
    """A spike's peak means nothing to a ramp; objectives, weights and deadline stay."""
    old = {"shape": "spike", "rate_rps": 20, "peak_rps": 90, "deadline_s": 3, "objectives": {"*": {"p99_ms": 400}}}
    phase = asked(profile(load=old), shape="steady").load["steady"]
    assert (phase.shape, phase.peak_rps, phase.rate_rps, phase.deadline_s) == ("steady", None, 20, 3)
    assert phase.objectives["*"].p99_ms == 400


def test_users_make_the_model_closed_and_a_rate_makes_it_open() -> None:
    """What belongs to the other model is dropped."""
    open_phase = profile(load={"rate_rps": 20, "from_rps": 5, "shape": "ramp"})
    closed = asked(open_phase, users=7).load["steady"]
    assert (closed.model, closed.users, closed.rate_rps, closed.from_rps) == ("closed", 7, None, None)
    again = asked(profile(load={"users": 3, "think_s": 1}), rate_rps=9).load["steady"]
    assert (again.model, again.rate_rps, again.users, again.think_s) == ("open", 9, None, 0)


def test_another_duration_keeps_the_shape_in_proportion() -> None:
    """A climb of a quarter stays a quarter; stages keep their levels."""
    ramp = asked(profile(load={"shape": "ramp", "rate_rps": 20, "ramp_s": 5, "duration_s": 20}), duration_s=40)
    assert ramp.load["steady"].ramp_s == 10
    listed = profile(load={"stages": [{"duration_s": 10, "rate_rps": 5}, {"duration_s": 30, "rate_rps": 9}]})
    assert [stage.duration_s for stage in asked(listed, duration_s=20).load["steady"].stages] == [5, 15]


@pytest.mark.parametrize(
    ("load", "given", "where"),
    [
        ({}, {"shape": "spik", "rate_rps": 5}, ["--shape"]),
        ({}, {"shape": "steady"}, ["--rate"]),
        ({}, {"rate_rps": 5, "users": 5}, ["--users"]),
        ({}, {"rate_rps": 900, "duration_s": 20}, ["--rate"]),
        ({}, {"rate_rps": -1}, ["--rate"]),
        ({}, {"rate_rps": 5, "duration_s": 2}, ["--duration"]),
        ({}, {"rate_rps": 5, "duration_s": 500}, ["--duration"]),
        ({}, {"shape": "spike", "rate_rps": 5}, ["--shape"]),
        ({}, {"phase": "rush", "rate_rps": 5}, ["--phase"]),
        ({"a": {"rate_rps": 5}, "b": {"rate_rps": 5}}, {"rate_rps": 9}, ["--phase"]),
        ({"a": {"rate_rps": 5, "duration_s": 300}}, {"duration_s": 130}, ["--duration"]),
    ],
)
def test_what_cannot_be_done_is_said_at_its_option(
    load: dict[str, object], given: dict[str, Any], where: list[str]
) -> None:
    """Every complaint names the option to change."""
    assert complaints(profile(load=load), **given) == where


def test_a_length_within_a_wider_budget_names_that_budget() -> None:
    """The hint is the smallest budget with room for it."""
    with pytest.raises(ProfileError, match="--budget standard"):
        asked(profile(), Budget.QUICK, rate_rps=5, duration_s=60)
    with pytest.raises(ProfileError, match="--budget full"):
        asked(profile(), Budget.STANDARD, rate_rps=5, duration_s=600)


def test_phases_share_the_time_of_a_budget() -> None:
    """Of four phases of a sweep each has a quarter of six minutes; asked for more, it is not shortened in silence."""
    body = {"operations": [{"id": "sum", "method": "POST", "path": "/s", "safe": True, "body": {"v": [1]}}]}
    sweep = {"operation": "sum", "field": "$.v", "sizes": [1, 10, 20, 30]}
    given = {"version": 1, **body, "thresholds": LIMITS, "load": {"batch": {"rate_rps": 5, "sweep": sweep}}}
    declared = with_load_operations(Profile.model_validate(given))
    assert asked(declared, Budget.STANDARD, phase="batch", duration_s=90).load["batch-10"].duration_s == 90
    with pytest.raises(ProfileError, match=r"one of 4 load phases of budget standard has \(90 s\)"):
        asked(declared, Budget.STANDARD, phase="batch", duration_s=100)
    assert asked(declared, Budget.STANDARD, phase="batch-10", duration_s=100).load["batch-10"].duration_s == 100


def test_a_load_without_any_limit_is_refused() -> None:
    """Nothing would be judged, so nothing would be driven."""
    bare = Profile.model_validate({"version": 1, "operations": ["GET /a"]})
    assert complaints(bare, rate_rps=5) == ["thresholds"]


def test_a_sweep_is_chosen_by_the_name_that_it_was_declared_by() -> None:
    """With all of its phases, as declared or changed; each is known by its own name too."""
    body = {
        "version": 1,
        "operations": [{"id": "sum", "method": "POST", "path": "/s", "safe": True, "body": {"v": [1]}}],
    }
    sweep = {"operation": "sum", "field": "$.v", "sizes": [1, 10]}
    load = {"batch": {"rate_rps": 5, "sweep": sweep}, "calm": {"rate_rps": 5}}
    declared = with_load_operations(Profile.model_validate({**body, "thresholds": LIMITS, "load": load}))
    assert list(asked(declared, phase="batch").load) == ["batch-1", "batch-10"]
    assert [phase.rate_rps for phase in asked(declared, phase="batch", rate_rps=9).load.values()] == [9, 9]
    assert list(asked(declared, phase="batch-10").load) == ["batch-10"]
    with pytest.raises(ProfileError, match="there is no load phase 'badge'") as raised:
        asked(declared, phase="badge")
    assert "known here: batch, " in raised.value.complaints[0].hint
