"""Throughput: the declared number of right answers in every second, but for the declared share of errors."""

from typing import Any

import pytest

from hybridcheck.cases import Case
from hybridcheck.checks.load.limits import SustainsThroughput
from hybridcheck.evidence import Evidence, GeneratorSecond, LoadEnd, LoadSecond, Record
from hybridcheck.verdict import Finding, Outcome
from tests.unit.checks.fake_target import cases_of, unmet_of
from tests.unit.checks.load_records import phase, rows

CHECK = SustainsThroughput()
WANTED = 100


def profile(**thresholds: float) -> dict[str, Any]:
    """A profile with one open phase of 120 requests per second."""
    phase = {"rate_rps": 120, "duration_s": 20, "operations": ["GET /x"]}
    return {"operations": ["GET /x"], "load": {"steady": phase}, "thresholds": thresholds}


def judged(answered: list[int], *, planned: int = 120, cut: int = 0, model: str = "open") -> Finding:
    """The finding where each second has so many right answers; the rest of the arrivals failed or was cut."""
    seconds = [
        LoadSecond(
            second=i, operation="GET /x", planned=planned, ok=ok, cut=cut, failed={"http_5xx": planned - ok - cut}
        )
        for i, ok in enumerate(answered)
    ]
    health = [GeneratorSecond(second=i, cpu_ratio=0.1, offered=planned, sent=planned) for i in range(len(answered))]
    whole, right = planned * len(answered), sum(answered)
    end = LoadEnd(
        cause="completed",
        seconds=len(answered),
        planned=whole,
        ok=right,
        failed=whole - right - cut * len(answered),
        unsent=0,
        cut=cut * len(answered),
    )
    case = cases_of(CHECK, profile(min_throughput_rps=WANTED, max_error_ratio=0.01))[0]
    case = case.model_copy(update={"params": {**case.params, "model": model}})
    records: tuple[Record, ...] = (*seconds, *health, end)
    return CHECK.judge(case, Evidence((), {"load/steady": records}))


@pytest.mark.parametrize(
    ("answered", "outcome"),
    [
        ([120] * 20, Outcome.PASS),
        ([100] * 20, Outcome.PASS),  # every second fills its places; the errors beyond them are the error limit's
        ([110] * 10 + [60] * 10, Outcome.FAIL),  # a good mean of ten seconds does not make up for the other ten
        ([80] * 20, Outcome.FAIL),
        ([99] * 20, Outcome.INCONCLUSIVE),  # at the limit itself nothing is shown
        ([120] * 3, Outcome.INCONCLUSIVE),  # too few seconds
        ([0] * 3, Outcome.INCONCLUSIVE),
    ],
)
def test_every_second_has_places_to_fill(answered: list[int], outcome: Outcome) -> None:
    """Passed and failed by the bounds of the rate of missed places."""
    assert judged(answered).outcome is outcome


def test_fewer_arrivals_than_places_are_not_the_targets_fault_in_an_open_schedule() -> None:
    """Arrivals on the other side of a second's edge are no missed places; with users, the target sets the pace."""
    case = cases_of(CHECK, profile(min_throughput_rps=WANTED, max_error_ratio=0.01))[0]
    for sent, outcome in (((99, 101), Outcome.PASS), ((98, 98), Outcome.INCONCLUSIVE)):
        records = phase([rows(second, sent[second % 2]) for second in range(20)])
        assert CHECK.judge(case, Evidence((), {"load/steady": records})).outcome is outcome
    assert judged([80] * 20, planned=80, model="closed").outcome is Outcome.FAIL


def test_what_was_cut_off_proves_neither() -> None:
    """Arrivals whose fate is unknown keep a pass and a fail from being said."""
    assert judged([70] * 20, cut=50).outcome is Outcome.INCONCLUSIVE


def test_without_an_error_limit_there_is_no_measure_of_how_much_may_be_missed() -> None:
    """No number of our own stands in its place: the line is named."""
    (unmet,) = unmet_of(CHECK, profile(min_throughput_rps=WANTED))
    assert "max_error_ratio" in unmet.needs
    assert [type(case) for case in cases_of(CHECK, profile(min_throughput_rps=WANTED, max_error_ratio=0.01))] == [Case]


def test_what_was_never_offered_is_missing_and_not_granted() -> None:
    """30 per second, all answered, say nothing about 350: neither of the phase nor of a scenario's later steps."""
    records = phase([rows(second, 30) for second in range(20)])
    for params in ({"offered_rps": 30.0}, {}):
        case = Case(check=CHECK.id, subject="steady", statistical=True)
        given = {"stream": "load/steady", "operation": "*", "wanted_rps": 350, "limit_ratio": 0.05, "model": "open"}
        finding = CHECK.judge(
            case.model_copy(update={"params": {**given, **params}}), Evidence((), {"load/steady": records})
        )
        assert finding.outcome is Outcome.INCONCLUSIVE


def test_users_whom_our_own_limit_holds_back_prove_no_lack_of_throughput() -> None:
    """15 of 20 in each second, and `max_rps` held them back: undecided; where it did in the first second alone, a fail."""
    given = {"stream": "load/steady", "operation": "*", "wanted_rps": 20, "limit_ratio": 0.01, "model": "closed"}
    case = Case(check=CHECK.id, subject="steady", statistical=True, params=given)
    whole = phase([rows(second, 15) for second in range(30)])
    for held, outcome in ((30, Outcome.INCONCLUSIVE), (1, Outcome.FAIL)):
        records = tuple(
            record.model_copy(update={"held": 3})
            if isinstance(record, GeneratorSecond) and record.second < held
            else record
            for record in whole
        )
        assert CHECK.judge(case, Evidence((), {"load/steady": records})).outcome is outcome
