"""A warm-up that the rule finds is left out of latency and throughput, and of nothing else."""

from typing import Any

import pytest

from hybridcheck.cases import Undecided
from hybridcheck.checks.load.answers import AnswersRightUnderLoad
from hybridcheck.checks.load.declared import KeepsDeclaredLimits
from hybridcheck.checks.load.limits import KeepsErrorLimit, KeepsLatencyLimit, RateCheck, SustainsThroughput
from hybridcheck.evidence import Evidence, LoadSecond, Observation
from hybridcheck.verdict import Finding, Outcome
from tests.unit.checks.fake_target import cases_of
from tests.unit.checks.load_records import phase, rows, times

SECONDS, RATE, WARM = 60, 100, 25
THRESHOLDS = {"max_error_ratio": 0.01, "max_latency_ms": 100, "min_throughput_rps": 90}


def profile(*limits: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A phase of 100 requests per second whose warm-up is looked for."""
    operation = {"id": "GET /x", "path": "/x", "expect": {"schema": {"type": "object"}}}
    spec = {"rate_rps": RATE, "duration_s": SECONDS, "warmup_s": 0, "find_warmup": True, "limits": list(limits), **more}
    return {"operations": [operation], "load": {"steady": spec}, "thresholds": THRESHOLDS}


def judged(check: RateCheck, seconds: list[LoadSecond], *limits: dict[str, Any], until: int | None = WARM) -> Finding:
    """The finding of the check's first case over these seconds, of which the rule found so many to be warm-up."""
    found = Observation(label="warm-up", values={"until_second": until})
    told = tuple(times(row.second, row.ok, 5.0 + row.second % 3) for row in seconds)
    shared = {"load/steady": (*phase(seconds), *told, found)}
    return check.judge(cases_of(check, profile(*limits))[0], Evidence((), shared))


@pytest.mark.parametrize(("wrong", "outcome"), [(10, Outcome.FAIL), (0, Outcome.PASS)])
def test_errors_while_it_warms_up_break_a_limit_of_errors_wherever_it_is_declared(wrong: int, outcome: Outcome) -> None:
    """250 of 6,000 are more than 1 %, by the thresholds and by a line of the phase alike."""
    seconds = [rows(n, RATE, late={"100": 0}, failed=wrong if n < WARM else 0) for n in range(SECONDS)]
    assert judged(KeepsErrorLimit(), seconds).outcome is outcome
    assert judged(KeepsDeclaredLimits(), seconds, {"error_ratio": 0.01}).outcome is outcome


@pytest.mark.parametrize(("wrong", "outcome"), [(20, Outcome.FAIL), (0, Outcome.PASS)])
def test_wrong_bodies_while_it_warms_up_are_wrong_bodies(wrong: int, outcome: Outcome) -> None:
    """Every body that was looked into is wrong for twenty seconds."""
    seconds = [
        rows(n, RATE).model_copy(
            update={"sampled": 20, **({"ok": RATE - wrong, "failed": {"schema": wrong}} if wrong and n < 20 else {})}
        )
        for n in range(SECONDS)
    ]
    assert judged(AnswersRightUnderLoad(), seconds).outcome is outcome


@pytest.mark.parametrize(
    "limit", [{"p95_ms": 100}, {"error_ratio": 0.01}, {"min_rps": 90}, {"mean_ms": 50}], ids=lambda limit: str([*limit])
)
@pytest.mark.parametrize("until", [None, 45])
def test_a_window_is_judged_as_it_stands(limit: dict[str, float], until: int | None) -> None:
    """Whether or not a warm-up was found, and wherever it ended; what is wrong in the window fails."""
    line = {"window_s": [30, 50], **limit}
    well = [rows(n, RATE, late={"100": 0}) for n in range(SECONDS)]
    bad = [rows(n, RATE, late={"100": 0}, failed=20 if 30 <= n < 50 else 0) for n in range(SECONDS)]
    assert judged(KeepsDeclaredLimits(), well, line, until=until).outcome is Outcome.PASS
    assert judged(KeepsDeclaredLimits(), bad, line, until=until).outcome is Outcome.FAIL


@pytest.mark.parametrize("limit", [{"p95_ms": 100}, {"min_rps": 90}, {"mean_ms": 50}], ids=lambda limit: str([*limit]))
def test_times_and_throughput_of_the_whole_phase_are_without_the_warm_up(limit: dict[str, float]) -> None:
    """What fails in it is no matter of theirs; where none was found nothing is said."""
    seconds = [rows(n, RATE, late={"100": 0}, failed=20 if n < WARM else 0) for n in range(SECONDS)]
    assert judged(KeepsDeclaredLimits(), seconds, limit).outcome is Outcome.PASS
    with pytest.raises(Undecided, match="never settled"):
        judged(KeepsDeclaredLimits(), seconds, limit, until=None)


@pytest.mark.parametrize(
    ("check", "limit", "says"),
    [
        (KeepsLatencyLimit(), {}, True),
        (SustainsThroughput(), {}, True),
        (KeepsErrorLimit(), {}, False),
        (KeepsDeclaredLimits(), {"p95_ms": 100}, True),
        (KeepsDeclaredLimits(), {"mean_ms": 100}, True),
        (KeepsDeclaredLimits(), {"error_ratio": 0.01}, False),
        (KeepsDeclaredLimits(), {"window_s": [2, 14], "p95_ms": 100}, False),
    ],
)
def test_a_phase_too_short_to_settle_is_told_of_what_is_judged_without_its_warm_up(
    check: RateCheck, limit: dict[str, Any], says: bool
) -> None:
    """17 seconds cannot show where a warm-up ends; errors and windows are decided all the same."""
    case = cases_of(check, profile(*([limit] if limit else []), duration_s=17))[0]
    assert ("to find the warm-up" in str(case.params.get("cannot_decide", ""))) is says
    assert "cannot_decide" not in cases_of(check, profile(*([limit] if limit else []), duration_s=20))[0].params
