"""The watch over a running phase: it ends what is certain, breaks off what melts down, and blames nobody for our own lag."""

from collections.abc import Mapping
from typing import Any

import pytest

from hybridcheck.cases import Budget, Dimension, Group, Phase, PlannedCase, SafetyClass, Severity
from hybridcheck.checks.check import Check, Scene
from hybridcheck.checks.load.declared import KeepsDeclaredLimits
from hybridcheck.checks.load.limits import KeepsErrorLimit, KeepsLatencyLimit, SustainsThroughput
from hybridcheck.checks.load.streams import ListenersServedUnderLoad
from hybridcheck.checks.performance.drift import NoDrift
from hybridcheck.checks.recovery.after_load import AnswersAfterLoad
from hybridcheck.checks.usage.afterwards import NoSilentRestart, ReturnsToBaseline
from hybridcheck.checks.usage.limits import CpuWithinLimit
from hybridcheck.evidence import GeneratorSecond
from hybridcheck.load.watch import Watch
from hybridcheck.plan import Selection, make
from hybridcheck.profile.drives import drive_of
from hybridcheck.profile.models import Environment, Profile
from tests.unit.checks.load_records import rows

CHECKS = (KeepsErrorLimit(), KeepsLatencyLimit())

EVERY: Mapping[str, Check] = {
    check.id: check
    for check in (
        *CHECKS,
        SustainsThroughput(),
        KeepsDeclaredLimits(),
        AnswersAfterLoad(),
        NoSilentRestart(),
        ReturnsToBaseline(),
        CpuWithinLimit(),
        NoDrift(),
        ListenersServedUnderLoad(),
    )
}
METRICS = {"metrics": "/metrics", "cores": 2}
STREAM = {"services": {"feed": {"sse": {"path": "/events"}}}}
LISTENERS = [{"service": "feed", "stream": "sse", "users": 500}]


def watch(group: Group = Group.REQUIRED, **phase: Any) -> Watch:
    """The watch over a phase of 100 requests a second: at most 1 % errors, p95 <= 100 ms."""
    spec = {"rate_rps": 100, "duration_s": 60, "warmup_s": 0, **phase}
    limits = {"max_latency_ms": 100, "max_error_ratio": 0.01}
    profile = Profile.model_validate(
        {"version": 1, "operations": ["GET /x"], "load": {"s": spec}, "thresholds": limits}
    )
    scene = Scene(profile, "http://target.test", Environment.LOCAL, Budget.FULL)
    cases = [
        PlannedCase(
            case=case,  # type: ignore[arg-type]  # nothing is unmet here
            group=group,
            phase=Phase.LOAD,
            safety=SafetyClass.LOAD,
            dimension=Dimension.PERFORMANCE,
            severity=Severity.HIGH,
            fail_alpha=0.005,
        )
        for check in CHECKS
        for case in check.cases(scene)
    ]
    return Watch(drive_of(profile, "s", Budget.FULL), cases, {check.id: check for check in CHECKS})


def healthy(second: int, **more: Any) -> GeneratorSecond:
    """A second of a generator at ease, which does not say how late it was."""
    return GeneratorSecond.model_validate({"second": second, "cpu_ratio": 0.1, "offered": 1, "sent": 1, **more})


def ended(
    found: Watch, seconds: int, *, late: int = 0, failed: int = 0, lag_ms: float | None = 0.1, told: bool = False
) -> tuple[str, int]:
    """The cause of the ending and the second that brought it; ("", seconds) where none came.

    `told`: the generator's health was told before; else it is at ease in each second.
    """
    for second in range(seconds):
        if not told:
            found.take(healthy(second), None)
        row = rows(second, 100, failed=failed, late={"100": late})
        ending = found.take(row, lag_ms)
        if ending is not None:
            return ending.cause, second
    return "", seconds


def test_nothing_is_ended_where_nothing_was_asked_for() -> None:
    """By default a phase goes to its end, whatever its limits."""
    assert ended(watch(), 40, late=100) == ("", 40)


def test_a_limit_that_is_certainly_broken_ends_the_phase() -> None:
    """Ten seconds at the earliest; the words name the case."""
    found = watch(stop_early="fail")
    assert ended(found, 40, late=30) == ("stopped_early", 9)
    assert found.ending is not None
    assert "load.latency-limit[s]: 300 of 1000" in found.ending.detail
    assert ended(watch(stop_early="fail"), 40, late=5) == ("", 40)


def test_an_advisory_limit_ends_nothing() -> None:
    """Only what decides may cut the evidence of what else decides."""
    assert ended(watch(Group.ADVISORY, stop_early="fail"), 40, late=100) == ("", 40)


@pytest.mark.parametrize(("stop_early", "cause"), [("fail", ""), ("pass", "stopped_early")])
def test_a_pass_ends_the_phase_only_where_that_was_asked_for(stop_early: str, cause: str) -> None:
    """All limits have to be certainly kept."""
    assert ended(watch(stop_early=stop_early), 120)[0] == cause


def of_a_plan(more: dict[str, Any], *, checks: Mapping[str, Check] = EVERY, **phase: Any) -> Watch:
    """The watch over the phase of a profile with all checks that share its stream, each in the group that it has by itself."""
    level = {} if "users" in phase else {"rate_rps": 100}
    spec = {**level, "duration_s": 600, "warmup_s": 0, "stop_early": "pass", **phase}
    limits = {"max_latency_ms": 100, "max_error_ratio": 0.01, **more.get("thresholds", {})}
    given = {"version": 1, "operations": ["GET /x"], "load": {"s": spec}, **more, "thresholds": limits}
    profile = Profile.model_validate(given)
    scene = Scene(profile, "http://target.test", Environment.LOCAL, Budget.FULL)
    made = make(scene, EVERY, Selection(budget=Budget.FULL))
    return Watch(made.drives[0], made.cases, checks)


@pytest.mark.parametrize(
    ("more", "phase", "cause"),
    [
        ({}, {}, "stopped_early"),  # beside the two limits recovery.after-load is required, which asks after the load
        ({"observability": METRICS}, {}, "stopped_early"),  # and what compares before and after
        ({"observability": METRICS, "policy": {"require": ["resources.returns-to-baseline"]}}, {}, "stopped_early"),
        ({"observability": METRICS, "thresholds": {"max_cpu_ratio": 0.8}}, {}, ""),  # its readings would be cut
        ({"policy": {"require": ["performance.no-drift"]}}, {}, ""),
        (STREAM, {"listeners": LISTENERS}, ""),
        ({}, {"limits": [{"mean_ms": 50}]}, ""),
        ({}, {"limits": [{"window_s": [300, 420], "p95_ms": 100}]}, ""),
        ({"policy": {"advise": ["load.*", "recovery.*", "performance.*"]}}, {}, ""),
        ({"policy": {"advise": ["load.*"]}}, {}, ""),
    ],
)
def test_a_pass_ends_the_phase_where_no_required_case_is_cut(
    more: dict[str, Any], phase: dict[str, Any], cause: str
) -> None:
    """What asks only after the end loses nothing; what reads the whole phase would stay undecided; no limit is no pass."""
    assert ended(of_a_plan(more, **phase), 200)[0] == cause


def test_a_check_that_nobody_knows_may_need_the_whole_phase() -> None:
    """A required case of it is neither watched nor known to lose nothing."""
    found = of_a_plan({}, checks={check.id: check for check in CHECKS})
    assert ended(found, 200) == ("", 200)


@pytest.mark.parametrize(("missing", "busy"), [(5, None), (None, 0.99)])
@pytest.mark.parametrize("late", [0, 30])
def test_nothing_is_certain_of_a_generator_that_the_judge_does_not_believe(
    missing: int | None, busy: float | None, late: int
) -> None:
    """A second through which it slept, or no core of its own: neither a pass nor a fail would come of it."""
    found = of_a_plan({})
    for second in range(200):
        if second != missing:
            found.take(healthy(second, cpu_ratio=busy or 0.1), None)
    assert ended(found, 200, late=late, told=True) == ("", 200)


@pytest.mark.parametrize(("held", "cause"), [(0, "stopped_early"), (9, "")])
def test_users_whom_our_own_limit_holds_back_break_no_throughput(held: int, cause: str) -> None:
    """The judge says GENERATOR_SATURATED to that."""
    found = of_a_plan({"thresholds": {"min_throughput_rps": 150}}, users=50, stop_early="fail")
    for second in range(40):
        found.take(healthy(second, held=held), None)
    assert ended(found, 40, told=True)[0] == cause


def test_the_generators_own_lag_and_a_lost_core_end_nothing() -> None:
    """Late requests may be our own; unknown lag counts as too much."""
    for lag_ms in (20.0, None):
        assert ended(watch(stop_early="fail"), 40, late=30, lag_ms=lag_ms) == ("", 40)
    found = watch(stop_early="fail")
    for second in range(20):
        found.take(GeneratorSecond(second=second, cpu_ratio=0.5, runqueue_ratio=0.5, offered=1, sent=1), None)
    assert ended(found, 20, failed=50, told=True) == ("", 20)


def test_a_target_that_melts_down_is_spared() -> None:
    """91 % of fifteen seconds wrong; where that is proof of a broken limit, that is said instead."""
    abort = {"bad_ratio": 0.9, "window_s": 15}
    proved = watch(abort_when=abort)
    assert ended(proved, 40, failed=95) == ("stopped_early", 14)
    suspected = watch(abort_when={**abort, "window_s": 3})
    assert ended(suspected, 40, failed=95) == ("safety_abort", 2)
    assert suspected.ending is not None
    assert "285 of 300 arrivals of the last 3 s" in suspected.ending.detail
    assert ended(watch(abort_when="never"), 40, failed=100) == ("", 40)
    assert ended(watch(abort_when=abort), 40, failed=85) == ("", 40)


def test_a_latency_beyond_bearing_is_a_melt_down_too() -> None:
    """Answers that are right and come much too late."""
    found = watch(abort_when={"latency_ms": 100, "window_s": 3, "bad_ratio": 0.5})
    assert ended(found, 40, late=60) == ("safety_abort", 2)


@pytest.mark.parametrize(
    ("own_ms", "loop_ms", "ending"),
    [(None, 4.0, "stopped_early"), (None, 40.0, ""), (30.0, 4.0, ""), (1.0, 4.0, "stopped_early")],
)
def test_lag_that_came_of_busy_connections_is_no_excuse(own_ms: float | None, loop_ms: float, ending: str) -> None:
    """All arrivals of an overloaded target wait for a connection: then none of the lag is the generator's own."""
    found = watch(stop_early="fail")
    told = {"cpu_ratio": 0.1, "offered": 100, "sent": 60, "lag_p99_ms": 9000.0, "pool_waits": 60}
    for second in range(30):
        record = {"second": second, "own_lag_p99_ms": own_ms, "loop_lag_max_ms": loop_ms, **told}
        found.take(GeneratorSecond.model_validate(record), None)
    assert ended(found, 30, late=100, lag_ms=None, told=True)[0] == ending


@pytest.mark.parametrize(("connections", "ending"), [(2, ""), (64, "stopped_early")])
def test_arrivals_that_were_never_sent_end_nothing_where_connections_were_too_few(
    connections: int, ending: str
) -> None:
    """100 per second within 100 ms need ten."""
    found = watch(stop_early="fail", max_connections=connections)
    told = {"cpu_ratio": 0.1, "offered": 100, "sent": 60, "loop_lag_max_ms": 1.0, "pool_waits": 60}
    for second in range(30):
        found.take(GeneratorSecond.model_validate({"second": second, **told}), None)
        row = found.take(rows(second, 100, unsent=40, late={"100": 0}), None)
        if row is not None:
            break
    assert (found.ending.cause if found.ending else "") == ending
