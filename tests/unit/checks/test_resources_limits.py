"""Limits of CPU, memory, open files and waiting work under load."""

import pytest

from hybridcheck.cases import Reason, Undecided
from hybridcheck.checks.check import Check
from hybridcheck.checks.usage.limits import (
    BacklogWithinLimit,
    CpuWithinLimit,
    KeepsGauge,
    MemoryWithinLimit,
    OpenFilesWithinLimit,
)
from hybridcheck.evidence import Evidence, Observation, Sample
from hybridcheck.verdict import Finding, Outcome
from tests.unit.checks.fake_target import cases_of, unmet_of
from tests.unit.checks.sampled import Phase, Values, delivered, evidence, profile, without

LIMITS: tuple[tuple[type[KeepsGauge], float, float], ...] = (
    (CpuWithinLimit, 0.3, 0.95),
    (MemoryWithinLimit, 400.0, 700.0),
    (OpenFilesWithinLimit, 50.0, 500.0),
    (BacklogWithinLimit, 3.0, 50.0),
)
"""Each check with a healthy value and one above the limit of `profile()`."""


def _judged(check: Check, seen: Evidence) -> Finding:
    try:
        return check.judge(cases_of(check, profile())[0], seen)
    except Undecided as reason:
        return Finding(outcome=Outcome.INCONCLUSIVE, expected="", observed=reason.why, reason=reason.reason)


def _during(check: type[KeepsGauge], values: Values) -> Evidence:
    return evidence(Phase({check.metric: {"during": values}}))


@pytest.mark.parametrize(("check", "well", "high"), LIMITS)
def test_within_its_limit_passes_and_above_fails(check: type[KeepsGauge], well: float, high: float) -> None:
    """Readings below the limit are a pass, readings above it a fail, with the highest one as the value."""
    assert _judged(check(), _during(check, [well] * 40)).outcome is Outcome.PASS
    failed = _judged(check(), _during(check, [well] * 20 + [high] * 20))
    assert failed.outcome is Outcome.FAIL
    assert failed.value == high
    assert failed.n == 40
    assert failed.expected == check().expects(cases_of(check(), profile())[0])


@pytest.mark.parametrize(("check", "well", "high"), LIMITS)
def test_one_reading_in_twenty_may_be_above(check: type[KeepsGauge], well: float, high: float) -> None:
    """Two of forty pass, three are too few to call it a fail, ten are one."""
    found = [_judged(check(), _during(check, [high] * k + [well] * (40 - k))).outcome for k in (2, 3, 10)]
    assert found == [Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.FAIL]


def test_a_long_run_above_fails_whatever_the_share() -> None:
    """More than thirty seconds in a row above the limit are a fail in a phase of half an hour."""
    due = {"before": 0, "during": 3600, "after": 0}
    values = [0.95] * 62 + [0.1] * (3600 - 62)
    finding = _judged(CpuWithinLimit(), evidence(Phase({"cpu_ratio": {"during": values}}, due)))
    assert finding.outcome is Outcome.FAIL
    assert "without a pause" in finding.observed


def test_a_missed_reading_counts_against_a_pass_and_against_a_fail() -> None:
    """Two above pass with none missed; with one missed there might be three, and with it nothing is proved."""
    high_and_missed: Values = [0.95, 0.95, None] + [0.1] * 37
    assert _judged(CpuWithinLimit(), _during(CpuWithinLimit, high_and_missed)).outcome is Outcome.INCONCLUSIVE
    assert _judged(CpuWithinLimit(), _during(CpuWithinLimit, [None] + [0.1] * 39)).outcome is Outcome.PASS


def test_too_many_silences_decide_nothing() -> None:
    """More than 5 % missed, or three in a row, is incomplete evidence."""
    scattered: Values = ([None] + [0.1] * 9) * 4
    together: Values = [0.1] * 97 + [None] * 3
    due = {"before": 0, "during": 100, "after": 0}
    for seen in (
        _during(CpuWithinLimit, scattered),
        evidence(Phase({"cpu_ratio": {"during": together}}, due)),
    ):
        finding = _judged(CpuWithinLimit(), seen)
        assert finding.outcome is Outcome.INCONCLUSIVE
        assert finding.reason in {Reason.EVIDENCE_INCOMPLETE, Reason.TOO_FEW_SAMPLES}


def test_a_source_that_never_knew_the_metric_has_no_data() -> None:
    """Silence from beginning to end is no pass, and the reason says what is missing."""
    finding = _judged(
        CpuWithinLimit(), evidence(Phase({"cpu_ratio": {p: [None] * 40 for p in ("before", "during", "after")}}))
    )
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.NO_TEST_DATA)


def test_too_few_readings_decide_nothing() -> None:
    """Below twenty readings one above the limit would be more than the share."""
    due = {"before": 3, "during": 19, "after": 3}
    finding = _judged(CpuWithinLimit(), evidence(Phase({"cpu_ratio": {"during": [0.1] * 19}}, due)))
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.TOO_FEW_SAMPLES)


@pytest.mark.parametrize("load", [(), delivered(cause="killed"), delivered(busy=0.99)])
def test_a_pass_needs_the_declared_load(load: tuple[Sample, ...]) -> None:
    """Without a whole load phase from a healthy generator low readings prove nothing; high ones do."""
    low = evidence(Phase({"cpu_ratio": {"during": [0.1] * 40}}), load=load)
    high = evidence(Phase({"cpu_ratio": {"during": [0.95] * 40}}), load=load)
    assert _judged(CpuWithinLimit(), low).outcome is Outcome.INCONCLUSIVE
    assert _judged(CpuWithinLimit(), high).outcome is Outcome.FAIL


@pytest.mark.parametrize("high", [2, 3, 10])
def test_less_evidence_never_turns_a_finding_around(high: int) -> None:
    """Whichever record is taken away, the outcome stays or becomes inconclusive."""
    whole = _during(CpuWithinLimit, [0.95] * high + [0.1] * (40 - high))
    outcome = _judged(CpuWithinLimit(), whole).outcome
    for stream, records in whole.shared.items():
        for index in range(len(records)):
            less = Evidence((), {**whole.shared, stream: records[:index] + records[index + 1 :]})
            assert _judged(CpuWithinLimit(), less).outcome in {outcome, Outcome.INCONCLUSIVE}


def test_open_files_are_judged_by_the_process_limit_where_none_is_declared() -> None:
    """Nine tenths of what the process may open; where the source does not say it, undecided."""
    case = cases_of(OpenFilesWithinLimit(), without(profile(), "thresholds", "max_open_files"))[0]

    def judged(files: float, most: float) -> Outcome:
        series = {"open_files": {"during": [files] * 40}, "max_open_files": {"during": [most] * 40}}
        return OpenFilesWithinLimit().judge(case, evidence(Phase(series))).outcome

    assert judged(800, 1024) is Outcome.PASS
    assert judged(1000, 1024) is Outcome.FAIL
    with pytest.raises(Undecided, match="max_open_files"):
        OpenFilesWithinLimit().judge(case, _during(OpenFilesWithinLimit, [5.0] * 40))


def test_the_lower_of_two_memory_limits_holds() -> None:
    """Bytes and share of the declared memory may both be declared."""
    both = profile(thresholds={"max_rss_bytes": 300})
    assert cases_of(MemoryWithinLimit(), both)[0].params["limit"] == 300
    assert cases_of(MemoryWithinLimit(), profile())[0].params["limit"] == 500


@pytest.mark.parametrize(
    ("check", "part", "names"),
    [
        (CpuWithinLimit(), "observability", ("cores",)),
        (CpuWithinLimit(), "thresholds", ("max_cpu_ratio",)),
        (CpuWithinLimit(), "observability", ("metrics",)),
        (MemoryWithinLimit(), "observability", ("memory_limit_bytes",)),
        (BacklogWithinLimit(), "observability", ("backlog",)),
        (BacklogWithinLimit(), "thresholds", ("max_backlog",)),
        (OpenFilesWithinLimit(), "observability", ("metrics",)),
    ],
)
def test_what_is_not_declared_stays_unexamined(check: Check, part: str, names: tuple[str, ...]) -> None:
    """Without a source, a limit, or what a share is of, there is one unmet case that names the lines."""
    data = without(profile(), part, *names)
    assert cases_of(check, data) == []
    (unmet,) = unmet_of(check, data)
    assert "observability" in unmet.needs


def test_a_process_id_has_no_backlog() -> None:
    """With both sources declared the backlog is judged at the metrics only, CPU at both."""
    data = profile(observability={"pid": 4711})
    assert [case.subject for case in cases_of(BacklogWithinLimit(), data)] == ["steady metrics"]
    assert [case.subject for case in cases_of(CpuWithinLimit(), data)] == ["steady metrics", "steady pid"]


def test_every_case_reads_the_load_and_the_samples() -> None:
    """Both streams are shared, so the phase is driven and gaps in either count."""
    for check, _, _ in LIMITS:
        assert cases_of(check(), profile())[0].shared == ("load/steady", "resources/steady")


def test_the_samplers_end_is_needed() -> None:
    """Without the record that says how many readings were due nothing is judged."""
    whole = _during(CpuWithinLimit, [0.1] * 40)
    records = tuple(r for r in whole.shared["resources/steady"] if not isinstance(r, Observation))
    finding = _judged(CpuWithinLimit(), Evidence((), {**whole.shared, "resources/steady": records}))
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.EVIDENCE_INCOMPLETE)
