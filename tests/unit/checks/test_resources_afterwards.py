"""Return to the baseline, silent restarts, and memory that grows."""

import math
from collections.abc import Callable
from random import Random

import pytest

from hybridcheck.cases import Case, Reason, Undecided
from hybridcheck.checks.check import Check
from hybridcheck.checks.usage.afterwards import NoSilentRestart, ReturnsToBaseline, nothing_more_to_learn
from hybridcheck.checks.usage.growth import MemorySteady
from hybridcheck.evidence import Evidence, LoadEnd, Sample
from hybridcheck.profile.models import Profile
from hybridcheck.verdict import Outcome
from tests.unit.checks.fake_target import cases_of, scene, unmet_of
from tests.unit.checks.sampled import BEGAN_UNIX_S, Phase, Values, delivered, evidence, profile, without

AFTER = 21
"""Readings that cover the recovery time of ten seconds."""

STARTED = BEGAN_UNIX_S - 3600
LATER = BEGAN_UNIX_S + 10


def _baseline_case(metric: str) -> Case:
    found = cases_of(ReturnsToBaseline(), profile())
    return next(case for case in found if case.params["metric"] == metric)


def _outcome(check: Check, case: Case, seen: Evidence) -> Outcome:
    try:
        return check.judge(case, seen).outcome
    except Undecided:
        return Outcome.INCONCLUSIVE


def _after(metric: str, before: float, after: Values) -> Evidence:
    due = {"before": 7, "during": 40, "after": len(after)}
    return evidence(Phase({metric: {"before": [before] * 7, "after": after}}, due))


@pytest.mark.parametrize(
    ("metric", "before", "back", "still_up"),
    [("cpu_ratio", 0.05, 0.1, 0.9), ("open_files", 20.0, 60.0, 500.0), ("backlog", 0.0, 1.0, 150.0)],
)
def test_back_is_a_pass_and_never_back_a_fail(metric: str, before: float, back: float, still_up: float) -> None:
    """Three readings in a row near the level before are a pass with the time it took; none in the whole time a fail."""
    case = _baseline_case(metric)
    recovered = ReturnsToBaseline().judge(case, _after(metric, before, [still_up] * 4 + [back] * 3))
    assert recovered.outcome is Outcome.PASS
    assert recovered.value == pytest.approx(2.0)
    assert _outcome(ReturnsToBaseline(), case, _after(metric, before, [still_up] * AFTER)) is Outcome.FAIL


def test_up_and_down_is_not_back() -> None:
    """Single quiet readings between busy ones are no return."""
    values: Values = [0.9, 0.01, 0.01] * 7
    assert _outcome(ReturnsToBaseline(), _baseline_case("cpu_ratio"), _after("cpu_ratio", 0.01, values)) is Outcome.FAIL


def test_what_was_not_waited_for_is_no_fail() -> None:
    """A few busy seconds after the load decide nothing while the recovery time is not over."""
    seen = _after("cpu_ratio", 0.01, [0.9] * 8)
    assert _outcome(ReturnsToBaseline(), _baseline_case("cpu_ratio"), seen) is Outcome.INCONCLUSIVE


def test_missing_readings_may_have_been_back() -> None:
    """A fail needs readings: three silences in a row might have been the quiet seconds."""
    values: Values = [0.9] * 9 + [None] * 3 + [0.9] * 9
    seen = _after("cpu_ratio", 0.01, values)
    assert _outcome(ReturnsToBaseline(), _baseline_case("cpu_ratio"), seen) is Outcome.INCONCLUSIVE


def test_without_a_level_before_nothing_is_judged() -> None:
    """Too few readings before the load give no baseline."""
    due = {"before": 7, "during": 40, "after": AFTER}
    before: Values = [None] * 5 + [0.1] * 2
    seen = evidence(Phase({"cpu_ratio": {"before": before, "after": [0.9] * AFTER}}, due))
    assert _outcome(ReturnsToBaseline(), _baseline_case("cpu_ratio"), seen) is Outcome.INCONCLUSIVE


def test_without_load_nothing_came_back() -> None:
    """Where no request reached the target there was no load to come back from."""
    end = LoadEnd(cause="killed", seconds=1, planned=9, ok=0, failed=9, not_sent=9, unsent=0, cut=0)
    seen = Evidence((), {**_after("cpu_ratio", 0.01, [0.01] * 7).shared, "load/steady": (end,)})
    assert _outcome(ReturnsToBaseline(), _baseline_case("cpu_ratio"), seen) is Outcome.INCONCLUSIVE


def test_less_evidence_of_a_return_never_turns_it_around() -> None:
    """Whichever record is taken away, the outcome stays or becomes inconclusive."""
    case = _baseline_case("backlog")
    for values in ([5.0] * 4 + [0.0] * 3, [5.0] * AFTER):
        whole = _after("backlog", 0.0, values)
        outcome = _outcome(ReturnsToBaseline(), case, whole)
        for stream, records in whole.shared.items():
            for index in range(len(records)):
                less = Evidence((), {**whole.shared, stream: records[:index] + records[index + 1 :]})
                assert _outcome(ReturnsToBaseline(), case, less) in {outcome, Outcome.INCONCLUSIVE}


def test_sampling_may_end_when_all_is_back() -> None:
    """The sampler goes on while one of the watched metrics is still up."""
    settled = nothing_more_to_learn(Profile.model_validate({"version": 1, **profile()}), "steady")

    def samples(backlog_after: float) -> list[Sample]:
        series = {
            "cpu_ratio": {"before": [0.0] * 7, "after": [0.0] * 7},
            "open_files": {"before": [9.0] * 7, "after": [9.0] * 7},
            "backlog": {"before": [0.0] * 7, "after": [backlog_after] * 7},
        }
        return [record for record in Phase(series).records() if isinstance(record, Sample)]

    assert settled(samples(0.0))
    assert not settled(samples(99.0))


def _starts(before: Values, during: Values, after: Values) -> Evidence:
    due = {"before": len(before), "during": len(during), "after": len(after)}
    return evidence(Phase({"start_time_unix_s": {"before": before, "during": during, "after": after}}, due))


def _restarted(seen: Evidence) -> Outcome:
    return _outcome(NoSilentRestart(), cases_of(NoSilentRestart(), profile())[0], seen)


def test_one_start_time_is_a_pass_and_a_later_one_a_fail() -> None:
    """A start time that goes up in the run and stays up is another process."""
    same = [STARTED] * 7
    assert _restarted(_starts(same, [STARTED] * 40, same)) is Outcome.PASS
    assert _restarted(_starts(same, [STARTED] * 10 + [None] + [LATER] * 29, [LATER] * 7)) is Outcome.FAIL


def test_a_clock_that_is_set_is_no_restart() -> None:
    """Start times that differ by a rounded second are one."""
    assert _restarted(_starts([STARTED] * 7, [STARTED + 1] * 40, [STARTED] * 7)) is Outcome.PASS


@pytest.mark.parametrize(
    ("during", "after"),
    [
        ([LATER, STARTED] * 20, LATER),
        ([STARTED + 600] * 40, STARTED + 600),
        ([STARTED - 600] * 40, STARTED - 600),
        ([STARTED] * 40, None),
    ],
)
def test_what_may_be_another_replica_is_undecided(during: Values, after: float | None) -> None:
    """Alternating, older, and long-lived start times belong to replicas; an end without a reading proves nothing."""
    assert _restarted(_starts([STARTED] * 7, during, [after] * 7)) is Outcome.INCONCLUSIVE


def _memory(values: Values) -> tuple[Outcome, Reason | None]:
    data = profile(load={"steady": {"rate_rps": 50, "duration_s": 120, "operations": ["list"]}})
    due = {"before": 7, "during": len(values), "after": 7}
    seen = evidence(Phase({"rss_bytes": {"during": values}}, due), load=delivered())
    try:
        finding = MemorySteady().judge(cases_of(MemorySteady(), data)[0], seen)
    except Undecided as reason:
        return Outcome.INCONCLUSIVE, reason.reason
    return finding.outcome, finding.reason


def _series(kind: str, count: int = 240) -> list[float]:
    random = Random(7)
    noise = [random.gauss(0, 0.5) for _ in range(count)]
    shapes: dict[str, Callable[[int], float]] = {
        "flat": lambda i: 100.0 + 0 * i,
        "leak": lambda i: 100.0 + 20 * i / count,
        "sawtooth": lambda i: 100.0 + 8 * (i % 24) / 24,
        "warm-up": lambda i: 100.0 + 12 * (1 - math.exp(-12 * i / count)),
    }
    return [(shapes[kind](i) + noise[i]) * 1e6 for i in range(count)]


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [("flat", Outcome.PASS), ("sawtooth", Outcome.PASS), ("warm-up", Outcome.PASS), ("leak", Outcome.FAIL)],
)
def test_memory_that_keeps_growing_is_no_steady_memory(kind: str, outcome: Outcome) -> None:
    """A fifth more over two minutes is retained; noise, collected garbage and caches that fill at first are no growth."""
    assert _memory(_series(kind))[0] is outcome


def test_a_short_phase_does_not_say_whether_memory_grows() -> None:
    """With fewer readings than a trend needs nothing is decided, and silences count as missing."""
    assert _memory(_series("leak", 60)) == (Outcome.INCONCLUSIVE, Reason.TOO_FEW_SAMPLES)
    assert _memory([*_series("flat", 200), *[None] * 40]) == (Outcome.INCONCLUSIVE, Reason.EVIDENCE_INCOMPLETE)


def test_a_phase_too_short_for_a_trend_is_unexamined() -> None:
    """The plan knows how long a phase will be, and says what it would take."""
    assert cases_of(MemorySteady(), profile()) == []
    (unmet,) = unmet_of(MemorySteady(), profile())
    assert "duration_s: 120" in unmet.needs
    ramp = {"shape": "ramp", "rate_rps": 50, "duration_s": 120, "operations": ["list"]}
    assert cases_of(MemorySteady(), profile(load={"steady": ramp})) == []


@pytest.mark.parametrize("check", [ReturnsToBaseline(), NoSilentRestart(), MemorySteady()])
def test_without_a_source_one_case_is_unexamined(check: Check) -> None:
    """Nothing is looked at where nothing is declared."""
    data = without(profile(), "observability", "metrics")
    assert cases_of(check, data) == []
    (unmet,) = unmet_of(check, data)
    assert "observability" in unmet.needs


def test_less_evidence_of_restarts_and_growth_never_turns_them_around() -> None:
    """Whichever record of the samples is taken away, the outcome stays or becomes inconclusive."""
    long = profile(load={"steady": {"rate_rps": 50, "duration_s": 120, "operations": ["list"]}})
    due = {"before": 7, "during": 240, "after": 7}
    growing = Phase({"rss_bytes": {"during": _series("leak")}}, due)
    looked_at: list[tuple[Check, Evidence]] = [
        (NoSilentRestart(), _starts([STARTED] * 7, [STARTED] * 10 + [LATER] * 30, [LATER] * 7)),
        (NoSilentRestart(), _starts([STARTED] * 7, [STARTED] * 40, [STARTED] * 7)),
        (MemorySteady(), evidence(growing)),
    ]
    for check, whole in looked_at:
        case = cases_of(check, long)[0]
        outcome = _outcome(check, case, whole)
        assert outcome is not Outcome.INCONCLUSIVE
        records = whole.shared["resources/steady"]
        for index in range(0, len(records), 3):
            less = Evidence((), {**whole.shared, "resources/steady": records[:index] + records[index + 1 :]})
            assert _outcome(check, case, less) in {outcome, Outcome.INCONCLUSIVE}


def test_a_restart_is_looked_for_over_all_phases() -> None:
    """One case per source reads the samples of every load phase."""
    spec = {"rate_rps": 5, "operations": ["list"]}
    (case,) = NoSilentRestart().cases(scene(profile(load={"steady": spec, "late": spec})))
    assert isinstance(case, Case)
    assert set(case.shared) == {"load/steady", "load/late", "resources/steady", "resources/late"}
