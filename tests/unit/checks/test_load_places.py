"""The places of throughput: fractions, seconds that the phase ends within, users who rest, and what was never offered."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import pytest

from hybridcheck import shapes
from hybridcheck.cases import Budget, Case, Reason, Undecided, Unmet
from hybridcheck.checks.load.declared import KeepsDeclaredLimits
from hybridcheck.checks.load.limits import SustainsThroughput
from hybridcheck.checks.load.phases import COMPLETED, STOPPED_EARLY
from hybridcheck.evidence import Evidence, LoadSecond
from hybridcheck.verdict import Finding, Outcome
from tests.unit.checks.fake_target import scene
from tests.unit.checks.load_records import phase, rows

CHECK = SustainsThroughput()
OPERATIONS = [{"id": "GET /x", "path": "/x"}, {"id": "GET /y", "path": "/y"}]


def profile(wanted: float, allowed: float = 0.01, **phases: dict[str, Any]) -> dict[str, Any]:
    """A profile with these load phases and one throughput for all of them."""
    thresholds = {"min_throughput_rps": wanted, "max_error_ratio": allowed}
    return {"operations": OPERATIONS, "load": phases, "thresholds": thresholds, "limits": {"max_rps": 1000}}


def planned(given: dict[str, Any], budget: Budget = Budget.FULL) -> list[Case | Unmet]:
    """What the check makes of a profile within a budget."""
    seen = scene(given)
    return list(CHECK.cases(type(seen)(seen.profile, seen.base_url, seen.environment, budget=budget)))


def judged(
    given: dict[str, Any],
    seconds: Sequence[LoadSecond],
    *,
    lasted_s: float | None = None,
    cause: str = COMPLETED,
    check: SustainsThroughput | KeepsDeclaredLimits = CHECK,
) -> Finding:
    """The finding of the profile's one case over these seconds."""
    (case,) = check.cases(scene(given))
    assert isinstance(case, Case)
    stream = case.shared[0]
    return check.judge(case, Evidence((), {stream: phase(seconds, cause=cause)}, {stream: lasted_s}))


def counts(rate_rps: float, duration_s: int, *, seed: int | None = None) -> list[int]:
    """How many arrivals each second of a steady schedule has: evenly, or of a Poisson process."""
    stages = shapes.steady(level=rate_rps, duration_s=duration_s)
    due = shapes.arrivals(stages) if seed is None else shapes.poisson_arrivals(stages, seed)
    found = [0] * duration_s
    for at_ns in due:
        found[at_ns // shapes.NS_PER_S] += 1
    return found


@pytest.mark.parametrize("rate_rps", [1.0, 1.9, 2.5, 7.3, 33.3, 100.0])
@pytest.mark.parametrize("seed", [None, 1, 2, 3, 4, 5, 6, 7])
def test_a_target_that_keeps_exactly_what_is_offered_passes(rate_rps: float, seed: int | None) -> None:
    """Evenly and by a Poisson process; where each second lacks one of two right answers, it fails."""
    spec = {"rate_rps": rate_rps, "duration_s": 600, "poisson": seed is not None}
    offered = counts(rate_rps, 600, seed=seed)
    kept = [rows(second, number) for second, number in enumerate(offered)]
    assert judged(profile(rate_rps, s=spec), kept).outcome is Outcome.PASS
    half = [rows(second, number, failed=math.ceil(number / 2)) for second, number in enumerate(offered)]
    assert judged(profile(rate_rps, s=spec), half).outcome is Outcome.FAIL


def test_a_fraction_of_a_request_is_not_rounded_away() -> None:
    """One right answer in each second is no 1.9 per second: of an open schedule, and of users whom the target holds up."""
    offered = counts(1.9, 400)
    one = [rows(second, number, failed=number - 1) for second, number in enumerate(offered)]
    finding = judged(profile(1.9, s={"rate_rps": 1.9, "duration_s": 400}), one)
    assert (finding.outcome, finding.n) == (Outcome.FAIL, 760)
    slow = [rows(second, 1) for second in range(400)]
    assert judged(profile(1.9, s={"users": 1, "duration_s": 400}), slow).outcome is Outcome.FAIL


@pytest.mark.parametrize("start", [0.0, 0.3, 0.5, 0.9])
def test_users_with_as_many_answers_as_wanted_never_fail_by_a_seconds_edge(start: float) -> None:
    """1.9 per second, wherever the seconds begin: a fraction may lie in either of two seconds."""
    told = [math.floor((second + 1) * 1.9 + start) - math.floor(second * 1.9 + start) for second in range(400)]
    finding = judged(
        profile(1.9, s={"users": 1, "duration_s": 400}), [rows(n, number) for n, number in enumerate(told)]
    )
    assert finding.outcome is not Outcome.FAIL
    enough = [rows(n, 2) for n in range(400)]
    assert judged(profile(1.9, s={"users": 1, "duration_s": 400}), enough).outcome is Outcome.PASS


def closed(answered: int, wanted: float = 100, seconds: int = 20) -> list[LoadSecond]:
    """So many right answers in each second, to users who wait for nothing else."""
    return [rows(second, answered) for second in range(seconds)]


def test_a_second_that_the_plan_ends_within_has_no_places() -> None:
    """20.5 s of 200 per second: 60 in the last half second miss nothing. 40 per second do, in every whole second."""
    given = profile(100, s={"users": 10, "duration_s": 20.5, "warmup_s": 0})
    finding = judged(given, [*closed(200), rows(20, 60)], lasted_s=20.5)
    assert (finding.outcome, finding.n) == (Outcome.PASS, 2000)
    assert finding.observed.startswith("200.0 per second on average; 0 of 2000 missed")
    assert judged(given, [*closed(40), rows(20, 60)], lasted_s=20.5).outcome is Outcome.FAIL
    assert judged(given, [*closed(200), rows(20, 60)], lasted_s=21.0).outcome is Outcome.INCONCLUSIVE


def test_a_declared_limit_knows_no_such_second_either() -> None:
    """The same rule for `min_rps`."""
    given = profile(100, s={"users": 10, "duration_s": 20.5, "warmup_s": 0, "limits": [{"min_rps": 100}]})
    found = judged(given, [*closed(200), rows(20, 60)], lasted_s=20.5, check=KeepsDeclaredLimits())
    assert (found.outcome, found.n) == (Outcome.PASS, 2000)
    found = judged(given, [*closed(40), rows(20, 60)], lasted_s=20.5, check=KeepsDeclaredLimits())
    assert found.outcome is Outcome.FAIL


@pytest.mark.parametrize("after", [[], [rows(31, 0)]])
def test_the_second_in_which_users_had_sent_all_that_they_may_has_no_places(after: list[LoadSecond]) -> None:
    """`limits.max_requests` ended them within second 30, whether or not answers came in a later one."""
    given = profile(100, s={"users": 10, "duration_s": 60, "warmup_s": 0})
    finding = judged(given, [*closed(100, seconds=30), rows(30, 50), *after], lasted_s=60)
    assert (finding.outcome, finding.n) == (Outcome.PASS, 3000)
    assert judged(given, [*closed(60, seconds=30), rows(30, 50), *after], lasted_s=60).outcome is Outcome.FAIL


def test_a_target_that_fell_silent_is_not_spared_where_the_phase_was_ended_for_it() -> None:
    """Seconds without a request are the target's, but for the one within which the phase was ended."""
    given = profile(100, s={"users": 10, "duration_s": 60, "warmup_s": 0, "stop_early": "fail"})
    silent = [*closed(40, seconds=30), *(rows(second, 0) for second in range(30, 40))]
    finding = judged(given, silent, lasted_s=60, cause=STOPPED_EARLY)
    assert (finding.outcome, finding.n) == (Outcome.FAIL, 3900)


def test_without_a_whole_second_there_is_nothing_to_say() -> None:
    """A phase that was ended within its first second."""
    with pytest.raises(Undecided, match="no whole second that counts"):
        judged(profile(100, s={"users": 10, "duration_s": 60}), [rows(0, 5)], cause=STOPPED_EARLY)


@pytest.mark.parametrize(
    ("spec", "offers"),
    [
        ({"users": 10, "think_s": 1, "duration_s": 40}, False),
        ({"users": 40, "think_s": 1, "duration_s": 40}, True),
        ({"users": 80, "pacing_s": 2, "duration_s": 40}, True),
        ({"users": 79, "pacing_s": 2, "duration_s": 40}, False),
        ({"users": 1, "duration_s": 40}, True),
        ({"shape": "steps", "users": 50, "think_s": 1, "duration_s": 60}, False),
        ({"shape": "steps", "users": 50, "think_s": 1, "duration_s": 60, "judge": "hold"}, True),
        ({"shape": "ramp", "users": 50, "think_s": 1, "duration_s": 60, "ramp_s": 20}, False),
        ({"shape": "ramp", "users": 50, "think_s": 1, "duration_s": 60, "ramp_s": 20, "warmup_s": 20}, True),
    ],
)
def test_only_phases_whose_users_can_send_it_are_judged(spec: dict[str, Any], offers: bool) -> None:
    """In each judged second, at the lowest number of users there; an open phase beside it is judged whatever they can."""
    (alone,) = planned(profile(40, s=spec))
    assert isinstance(alone, Case) is offers
    beside = planned(profile(40, s=spec, even={"rate_rps": 50, "duration_s": 40}))
    assert [case.subject for case in beside] == (["s", "even"] if offers else ["even"])


@pytest.mark.parametrize("level", [{"users": 50, "think_s": 1}, {"rate_rps": 50}])
def test_a_climb_that_the_shortened_warm_up_no_longer_covers_is_not_judged(level: dict[str, Any]) -> None:
    """At full length the warm-up hides it; a quick run says that it needs a larger budget."""
    given = profile(40, s={"shape": "ramp", "duration_s": 60, "ramp_s": 20, "warmup_s": 20, **level})
    (quick,), (full,) = planned(given, Budget.QUICK), planned(given, Budget.FULL)
    assert isinstance(full, Case)
    assert isinstance(quick, Unmet)
    assert "--budget full" in quick.needs


def test_a_declared_limit_whose_climb_is_judged_in_a_shorter_run_blames_nobody() -> None:
    """`min_rps` stays undecided there, and says what the load offered."""
    spec = {"shape": "ramp", "users": 50, "think_s": 1, "duration_s": 60, "ramp_s": 20, "warmup_s": 20}
    given = profile(40, s={**spec, "limits": [{"min_rps": 40, "error_ratio": 0.01}]})
    seen = scene(given)
    quick = type(seen)(seen.profile, seen.base_url, seen.environment, budget=Budget.QUICK)
    check = KeepsDeclaredLimits()
    (case,) = check.cases(quick)
    assert isinstance(case, Case)
    few, failing = closed(30), [rows(second, 60, failed=60) for second in range(20)]
    finding = check.judge(case, Evidence((), {"load/s": phase(few)}))
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "the load as it was driven offers 29.2692 per second where it is lowest" in finding.observed
    assert check.judge(case, Evidence((), {"load/s": phase(failing)})).outcome is Outcome.FAIL


def bunched(users: int, every_s: float, seconds: int) -> list[LoadSecond]:
    """All users send together, rest, and send together again."""
    found = [0] * seconds
    for turn in itertools.takewhile(lambda at_s: at_s < seconds, (n * every_s for n in itertools.count())):
        found[int(turn)] += users
    return [rows(second, number) for second, number in enumerate(found)]


@pytest.mark.parametrize("rest", [{"think_s": 2}, {"pacing_s": 2}, {"think_s": [1, 3]}, {"think_s": {"mean_s": 2}}])
def test_users_who_rest_together_are_no_missed_places(rest: dict[str, Any]) -> None:
    """20 in one second and none in the next is what users who rest for two seconds send; half as many is the target's doing."""
    given = profile(10, s={"users": 20, "duration_s": 300, **rest})
    finding = judged(given, bunched(20, 2, 300))
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "users who rest come together" in finding.observed
    assert judged(given, bunched(20, 4, 300)).outcome is Outcome.FAIL
    assert judged(given, [rows(second, 10) for second in range(300)]).outcome is Outcome.PASS
    broken = [row.model_copy(update={"ok": 0, "failed": {"status": row.planned}}) for row in bunched(20, 2, 300)]
    assert judged(given, broken).outcome is Outcome.FAIL


def test_what_a_new_profile_offers_and_the_recorded_load_had_not_is_not_granted() -> None:
    """`judge LEDGER --profile`: 30 per second, all answered, say nothing about 350."""
    given = profile(350, s={"rate_rps": 350, "duration_s": 20})
    finding = judged(given, [rows(second, 30) for second in range(20)])
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.EVIDENCE_INCOMPLETE)
    assert "no request was sent for 6400 places: of 350 per second that the profile offers" in finding.observed
    assert judged(given, [rows(second, 350) for second in range(20)]).outcome is Outcome.PASS


@pytest.mark.parametrize("poisson", [False, True])
def test_enough_in_all_is_not_enough_where_a_long_stretch_had_less(poisson: bool) -> None:
    """A recorded climb from 0 to twice what is wanted: no edge and no dice explain its first half."""
    given = profile(100, s={"rate_rps": 100, "duration_s": 60, "poisson": poisson})
    climb = [rows(second, round(200 * (second + 0.5) / 60)) for second in range(60)]
    assert judged(given, climb).outcome is Outcome.INCONCLUSIVE


def test_the_turns_of_operations_are_no_gap() -> None:
    """A limit of one operation of two: 60 and 40 of 100 in turns are 50 per second; 30 in each second are not."""
    spec = {"rate_rps": 100, "duration_s": 40, "limits": [{"operation": "GET /x", "min_rps": 50}]}
    check = KeepsDeclaredLimits()
    for x, outcome in (([60, 40], Outcome.PASS), ([30, 30], Outcome.INCONCLUSIVE)):
        seconds = [
            row
            for second in range(40)
            for row in (
                rows(second, x[second % 2]),
                rows(second, 100 - x[second % 2], operation="GET /y"),
            )
        ]
        assert judged(profile(50, s=spec), seconds, check=check).outcome is outcome


@pytest.mark.parametrize(
    "spec", [{"rate_rps": 1.9}, {"rate_rps": 1.9, "poisson": True}, {"users": 2}, {"users": 4, "think_s": 2}]
)
@pytest.mark.parametrize("answered", [[2], [1], [2, 1, 3, 2], [4, 0]])
def test_cutting_answers_off_changes_no_verdict_into_another(spec: dict[str, Any], answered: list[int]) -> None:
    """Also where the planned requests are too few."""
    given = profile(1.9, s={"duration_s": 300, "warmup_s": 0, **spec})
    numbers = [answered[second % len(answered)] for second in range(300)]
    whole = judged(given, [rows(second, number) for second, number in enumerate(numbers)]).outcome
    for every in (1, 2, 7, 50):
        cut = [rows(n, number, cut=number if n % every == 0 else 0) for n, number in enumerate(numbers)]
        assert judged(given, cut).outcome in {whole, Outcome.INCONCLUSIVE}
