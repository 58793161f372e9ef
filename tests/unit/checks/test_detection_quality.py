"""Quality of detection: figures of labels that only the tester knows, bounds, limits, and sets that are too small."""

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybridcheck.cases import Reason, Undecided
from hybridcheck.checks.workflows.datasets import INSIDE, make
from hybridcheck.checks.workflows.quality import DetectionQuality, Figure, ReadingDetectionQuality, figures
from hybridcheck.evidence import Evidence, Exchange, Observation, Record
from hybridcheck.profile.workflows import DataSet, Detects
from hybridcheck.verdict import Finding, Outcome
from tests.unit.checks.fake_target import FakeTarget, cases_of, finding_of, unmet_of
from tests.unit.checks.journey_service import STEPS, Service, profile

LIMITS = Detects(data="rows", min_accuracy=0.7, min_precision=0.6, min_recall=0.6)


def found(fault: str = "", **changes: Any) -> Finding:
    """The finding about a service with a fault."""
    return finding_of(DetectionQuality(), profile(**changes), Service(fault))


def test_a_service_that_finds_them_passes() -> None:
    """All figures with their bounds; the one nearest to its limit is shown."""
    finding = found()
    assert finding.outcome is Outcome.PASS
    assert finding.figures == {"accuracy": 1.0, "precision": 1.0, "recall": 1.0}
    assert finding.lower is not None
    assert finding.lower > 0.7
    assert finding.n == 300


def test_missed_anomalies_fail_by_recall_and_alarms_by_precision() -> None:
    """The figure that is below its limit is the finding's value."""
    missed = found("misses")
    assert missed.outcome is Outcome.FAIL
    assert missed.value is not None
    assert missed.value < 0.5
    assert missed.upper is not None
    assert missed.upper < 0.6
    assert "recall 0." in missed.observed
    alarmed = found("alarms")
    assert alarmed.outcome is Outcome.FAIL
    assert alarmed.value == pytest.approx(0.1)


def test_few_rows_decide_nothing() -> None:
    """Three anomalies of three found do not show a recall of 0.6."""
    finding = found(data={"rows": {"kind": "anomalies", "rows": 30}})
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.TOO_FEW_SAMPLES)
    assert "recall 1.000 (3 of 3" in finding.observed
    assert "more rows than 30" in finding.observed


def test_a_journey_that_does_not_arrive_says_nothing_of_quality() -> None:
    """Neither pass nor fail."""
    with pytest.raises(Undecided) as raised:
        found("fails")
    assert raised.value.reason is Reason.NO_TEST_DATA
    with pytest.raises(Undecided):
        found("throttles")


def test_labels_that_are_not_there_or_too_few_are_only_suspected() -> None:
    """The place is wrong, or rows are missing."""
    elsewhere = [
        {**step, "detects": {**step["detects"], "labels": "$.nowhere"}} if "detects" in step else step for step in STEPS
    ]
    with pytest.raises(Undecided) as raised:
        found(steps=elsewhere)
    assert raised.value.reason is Reason.SUSPECTED
    unseen = [step for step in STEPS if step["operation"] != "show"]
    assert found("truncates", steps=unseen).reason is Reason.SUSPECTED


def test_labels_may_stand_in_objects_of_an_operation_that_only_reads() -> None:
    """`label` is a place in each entry."""
    step = {
        "operation": "score",
        "body": {"values": "{rows.values}"},
        "detects": {"data": "rows", "min_recall": 0.6, "labels": "$.labels"},
    }
    data = profile(steps=[step])
    assert finding_of(ReadingDetectionQuality(), data, Service()).outcome is Outcome.PASS
    blind = FakeTarget(lambda _: (200, {}, {"labels": ["normal"] * 300}))
    assert finding_of(ReadingDetectionQuality(), data, blind).outcome is Outcome.FAIL
    assert len(unmet_of(DetectionQuality(), data)) == len(unmet_of(ReadingDetectionQuality(), {})) == 1


def test_less_evidence_never_decides_otherwise() -> None:
    """Each single record taken away leaves the outcome or makes it undecided."""
    check, service = DetectionQuality(), Service("misses")
    case = cases_of(check, profile())[0]
    assert finding_of(check, profile(), service).outcome is Outcome.FAIL
    for record in service.records:
        less: tuple[Record, ...] = tuple(other for other in service.records if other is not record)
        if isinstance(record, Exchange | Observation):
            with pytest.raises(Undecided):
                check.judge(case, Evidence(less, {}))


def test_figures_count_as_they_are_defined() -> None:
    """Ten rows, three anomalies: two found, one false alarm."""
    told = [True, True, False, True, *[False] * 6]
    counted = figures(told, frozenset({0, 1, 2}), LIMITS)
    assert [(f.name, f.right, f.of) for f in counted] == [("accuracy", 8, 10), ("precision", 2, 3), ("recall", 2, 3)]
    assert Figure("precision", 0, 0, 0.6).share is None
    assert (Figure("precision", 0, 0, 0.6).lower, Figure("precision", 0, 0, 0.6).upper(0.01)) == (0.0, 1.0)


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.sets(st.integers(0, 59)), st.floats(0.0001, 0.05))
def test_bounds_hold_what_was_seen(told: Sequence[bool], marked: set[int], alpha: float) -> None:
    """The share lies between its bounds, whatever was told and true."""
    truth = frozenset(index for index in marked if index < len(told))
    for figure in figures(told, truth, LIMITS):
        if figure.share is not None:
            assert figure.lower <= figure.share <= figure.upper(alpha)


@given(st.sampled_from(["normal", "anomalies", "series"]), st.integers(1, 200), st.integers(1, 3), st.integers(0, 99))
def test_data_sets_are_as_declared_and_come_again(kind: str, rows: int, columns: int, seed: int) -> None:
    """Rows, columns, the share of anomalies; anomalies lie apart; the same seed gives the same rows."""
    spec = DataSet.model_validate({"kind": kind, "rows": rows, "columns": columns, "center": 5, "spread": 2})
    made = make(spec, Random(seed))
    assert make(spec, Random(seed)) == made
    assert len(made.values) == len(made.times) == rows
    assert len(made.anomalies) == (max(1, round(rows / 10)) if kind == "anomalies" else 0)
    if kind != "series":
        for index, row in enumerate(made.values):
            away = max(abs(value - 5) / 2 for value in (row if columns > 1 else [row]))
            assert (away > INSIDE + 1e-6) is (index in made.anomalies)
    assert "anomalies" not in made.variables()
    assert ("mean" in made.variables()) is (columns == 1)
