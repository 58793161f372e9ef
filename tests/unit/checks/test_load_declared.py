"""Limits per operation, tag and window; means; and what is said where a phase was ended early or broken off."""

from typing import Any

import pytest

from hybridcheck.cases import Reason, Undecided
from hybridcheck.checks.load.answers import AnswersRightUnderLoad
from hybridcheck.checks.load.declared import KeepsDeclaredLimits
from hybridcheck.checks.load.limits import KeepsErrorLimit, KeepsLatencyLimit
from hybridcheck.evidence import Evidence, LoadSecond, Observation, Record
from hybridcheck.verdict import Finding, Outcome
from tests.unit.checks.fake_target import cases_of, unmet_of
from tests.unit.checks.load_records import phase, rows, times

CHECK = KeepsDeclaredLimits()
OPERATIONS = [{"id": "GET /x", "path": "/x", "tags": ["fast"]}, {"id": "GET /y", "path": "/y"}]


def profile(*limits: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A phase of 100 requests per second over two operations, with these limits."""
    spec = {"rate_rps": 100, "duration_s": 60, "warmup_s": 0, "limits": list(limits), **more}
    return {"operations": OPERATIONS, "load": {"steady": spec}, "thresholds": {"max_error_ratio": 0.01}}


def judged(given: dict[str, Any], records: tuple[Record, ...]) -> Finding:
    """The finding of the first case of a profile over the records of its phase."""
    return CHECK.judge(cases_of(CHECK, given)[0], Evidence((), {"load/steady": records}))


def both(second: int, *, slow_x: int = 0, slow_y: int = 0) -> list[LoadSecond]:
    """50 requests to each operation, some of them later than 100 ms."""
    return [
        rows(second, 50, late={"100": slow_x}, operation="GET /x"),
        rows(second, 50, late={"100": slow_y}, operation="GET /y"),
    ]


def test_every_metric_of_every_line_is_a_case_of_its_own() -> None:
    """The subject says what it is about; a share beside `min_rps` is of that; without any, the line is named."""
    given = profile(
        {"operation": "GET /x", "p95_ms": 100, "mean_ms": 50},
        {"tag": "fast", "window_s": [10, 30], "error_ratio": 0.01},
        {"min_rps": 90, "error_ratio": 0.02},
        {"error_ratio": 0.05},
    )
    assert [case.subject for case in cases_of(CHECK, given)] == [
        "steady GET /x p95",
        "steady GET /x mean",
        "steady tag fast 10-30 s errors",
        "steady throughput",
        "steady errors",
    ]
    assert "limits: [" in unmet_of(CHECK, profile())[0].needs


@pytest.mark.parametrize(("slow_x", "slow_y", "outcome"), [(20, 0, Outcome.FAIL), (0, 50, Outcome.PASS)])
def test_a_limit_of_one_operation_looks_at_no_other(slow_x: int, slow_y: int, outcome: Outcome) -> None:
    """A slow neighbour breaks no limit of the fast one, by name or by tag."""
    records = phase([row for n in range(30) for row in both(n, slow_x=slow_x, slow_y=slow_y)])
    assert judged(profile({"operation": "GET /x", "p95_ms": 100}), records).outcome is outcome
    assert judged(profile({"tag": "fast", "p95_ms": 100}), records).outcome is outcome


def test_what_proves_nothing_is_not_judged_in_a_window_either() -> None:
    """All refused from second 20 on, when the token had expired: the window before it passes, the one after is undecided."""
    seconds = [rows(second, 100, late={"100": 0}, failed=100 if second >= 20 else 0) for second in range(40)]
    ended = phase(seconds, proves_until=20, detail="the token of 'ada' expires after 20 s")
    assert judged(profile({"window_s": [5, 25], "error_ratio": 0.01}), ended).outcome is Outcome.PASS
    assert judged(profile({"window_s": [5, 25], "error_ratio": 0.01}), phase(seconds)).outcome is Outcome.FAIL
    with pytest.raises(Undecided, match="no second that counts: the token of 'ada' expires after 20 s"):
        judged(profile({"window_s": [20, 40], "error_ratio": 0.01}), ended)


def test_a_window_is_judged_by_itself_also_where_the_phase_is_not() -> None:
    """Slow from second 20 to 40, in seconds that do not count: only the limit with that window sees it."""
    seconds = [
        row.model_copy(update={"counts": not 20 <= n < 40})
        for n in range(60)
        for row in both(n, slow_x=30 if 20 <= n < 40 else 0)
    ]
    assert judged(profile({"window_s": [20, 40], "p95_ms": 100}), phase(seconds)).outcome is Outcome.FAIL
    assert judged(profile({"p95_ms": 100}), phase(seconds)).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("value_ms", "failed", "outcome"),
    [(30.0, 0, Outcome.PASS), (70.0, 0, Outcome.FAIL), (30.0, 1, Outcome.FAIL)],
)
def test_a_mean_counts_a_failure_with_the_deadline(value_ms: float, failed: int, outcome: Outcome) -> None:
    """One error in fifty at a deadline of 10 s is 200 ms more in the mean: fast errors do not make it better."""
    seconds = [rows(n, 50, failed=failed) for n in range(30)]
    found = [times(n, 50 - failed, value_ms + n % 3) for n in range(30)]
    finding = judged(profile({"operation": "GET /x", "mean_ms": 50}), (*found, *phase(seconds)))
    assert finding.outcome is outcome
    assert finding.unit == "ms"


def test_a_mean_with_a_response_time_missing_is_undecided() -> None:
    """A histogram that is not there, and arrivals whose fate is unknown."""
    seconds = [rows(n, 50) for n in range(30)]
    found = tuple(times(n, 50, 30.0) for n in range(29))
    with pytest.raises(Undecided, match="0 of 50 response times"):
        judged(profile({"operation": "GET /x", "mean_ms": 50}), (*found, *phase(seconds)))


def test_a_fail_of_a_mean_may_be_the_generators() -> None:
    """Start lag that is more than a twentieth of the limit excuses the target."""
    seconds = [rows(n, 50) for n in range(30)]
    records = (*(times(n, 50, 70.0) for n in range(30)), *phase(seconds, lag_ms=20))
    finding = judged(profile({"operation": "GET /x", "mean_ms": 50}), records)
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.GENERATOR_SATURATED)


def ended(bad: int, cause: str, *, stop_early: str = "fail", seconds: int = 15, cut: int = 0) -> Finding:
    """The error limit over a phase that did not go to its end; its last second was cut."""
    given = profile(stop_early=stop_early)
    case = cases_of(KeepsErrorLimit(), given)[0]
    rest = [rows(n, 100, failed=bad) for n in range(seconds)] + [rows(seconds, 100, cut=cut)]
    return KeepsErrorLimit().judge(case, Evidence((), {"load/steady": phase(rest, cause=cause, detail="seen")}))


def test_what_ended_a_phase_early_is_a_fail_and_nothing_else_is_said() -> None:
    """Certain when it was ended: failed, also where its last second was cut; open then: undecided."""
    assert ended(20, "stopped_early", cut=90).outcome is Outcome.FAIL
    with pytest.raises(Undecided) as raised:
        ended(1, "stopped_early")
    assert raised.value.reason is Reason.STOPPED_EARLY


def test_a_pass_before_the_end_is_only_said_where_it_was_asked_for() -> None:
    """9,000 clean answers in 90 s show at most 1 %, once the plan has spent a share of the risk on looking."""
    assert ended(0, "stopped_early", stop_early="pass", seconds=90, cut=30).outcome is Outcome.PASS
    for stop_early, seconds in (("fail", 90), ("pass", 15)):
        with pytest.raises(Undecided):
            ended(0, "stopped_early", stop_early=stop_early, seconds=seconds)


def test_a_safety_abort_decides_nothing() -> None:
    """However bad it looked: the phase was broken off for the target's sake."""
    with pytest.raises(Undecided) as raised:
        ended(100, "safety_abort")
    assert raised.value.reason is Reason.SAFETY_ABORT


def test_a_stop_by_hand_decides_nothing_and_lost_nobody() -> None:
    """However bad it looked: somebody pressed Stop, and no generator was lost."""
    with pytest.raises(Undecided, match="the load phase was seen") as raised:
        ended(100, "aborted")
    assert raised.value.reason is Reason.INTERRUPTED


def test_what_cannot_be_sent_is_no_price() -> None:
    """A load that had sent all it may (or whose rows or token ran out) says so, and asks for no more requests."""
    open_ = ended(1, "completed", seconds=3)
    assert (open_.outcome, open_.reason, open_.price) == (Outcome.INCONCLUSIVE, Reason.TOO_FEW_SAMPLES, None)
    assert open_.observed.endswith("; seen")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"duration_s": 60}, ""),
        ({"duration_s": 8}, ">= 10 judged seconds"),
        ({"rate_rps": 2, "duration_s": 60}, ">= 299 requests"),
    ],
)
def test_what_cannot_be_decided_is_known_before_the_start(more: dict[str, Any], says: str) -> None:
    """Too few requests or seconds even without a single failure; with the length that would do."""
    case = cases_of(KeepsErrorLimit(), profile(**more))[0]
    assert says in str(case.params.get("cannot_decide", ""))
    assert bool(says) is ("cannot_decide" in case.params)
    if says:
        assert "would do" in case.params["cannot_decide"]


def test_a_limit_of_one_operation_has_its_share_of_the_arrivals_only() -> None:
    """Half of 12 per second for a minute are 360: enough for 1 %, not for 0.1 %."""
    words = {
        ratio: cases_of(CHECK, profile({"operation": "GET /x", "error_ratio": ratio}, rate_rps=12))[0].params
        for ratio in (0.01, 0.001)
    }
    assert "cannot_decide" not in words[0.01]
    assert "2,995" in words[0.001]["cannot_decide"]


def answers(limit: float = 0.01, wrong: int = 0, sampled: int = 20, until: int = 30, **more: Any) -> Finding:
    """The finding over 30 seconds of 100 answers each, of which some were looked into and, `until` then, some of these were wrong."""
    operation = {"id": "GET /x", "path": "/x", "expect": {"schema": {"type": "object"}}}
    load = {"steady": {"rate_rps": 100, "duration_s": 30, "warmup_s": 0, **more}}
    given = {"operations": [operation], "load": load, "thresholds": {"max_error_ratio": limit}}
    (case,) = cases_of(AnswersRightUnderLoad(), given)
    seconds = [
        LoadSecond(
            second=n,
            operation="GET /x",
            planned=100,
            ok=100 - wrong * (n < until),
            failed={"schema": wrong} if wrong and n < until else {},
            sampled=sampled,
        )
        for n in range(30)
    ]
    return AnswersRightUnderLoad().judge(case, Evidence((), {"load/steady": phase(seconds)}))


def test_wrong_answers_are_a_share_of_those_that_were_looked_into() -> None:
    """Two wrong in twenty are a tenth, not two in a hundred; none looked into decides nothing."""
    assert answers().outcome is Outcome.PASS
    found = answers(wrong=2)
    assert found.outcome is Outcome.FAIL
    assert found.value == pytest.approx(0.1)
    with pytest.raises(Undecided, match="check_every"):
        answers(sampled=0)


@pytest.mark.parametrize(("sampled", "until"), [(10, 1), (20, 2), (100, 24)])
def test_a_price_is_in_requests_also_where_few_are_looked_into(sampled: int, until: int) -> None:
    """Whatever the share of answers that is looked into: each second that is lacking has a hundred requests."""
    price = answers(wrong=1, sampled=sampled, until=until).price
    assert price is not None
    assert price.seconds is not None
    assert price.requests == pytest.approx(100 * price.seconds, rel=0.01)


@pytest.mark.parametrize("more", [{"rate_rps": 5}, {"check_every": 100}, {"check_every": 0}])
def test_a_sample_that_cannot_decide_is_not_planned(more: dict[str, Any]) -> None:
    """The line says what would bring it in."""
    operation = {"id": "GET /x", "path": "/x", "expect": {"schema": {"type": "object"}}}
    load = {"steady": {"rate_rps": 100, "duration_s": 30, **more}}
    given = {"operations": [operation], "load": load, "thresholds": {"max_error_ratio": 0.01}}
    (unmet,) = unmet_of(AnswersRightUnderLoad(), given)
    assert "schema" in unmet.needs


LATE = {"100": 20}


def settled(until: int | None, *, told: bool = True) -> Finding:
    """The latency limit over 40 seconds of which the first ten are slow, with what the rule found recorded."""
    given = profile(find_warmup=True) | {"thresholds": {"max_latency_ms": 100}}
    case = cases_of(KeepsLatencyLimit(), given)[0]
    seconds = [rows(n, 100, late=LATE if n < 10 else {"100": 0}) for n in range(40)]
    found = Observation(label="warm-up", values={"until_second": until})
    records = (*phase(seconds), *([found] if told else []))
    return KeepsLatencyLimit().judge(case, Evidence((), {"load/steady": records}))


def test_a_warm_up_that_was_found_is_left_out() -> None:
    """From there on all is well; a rule that found nothing, or whose word is missing, decides nothing."""
    assert settled(10).outcome is Outcome.PASS
    assert settled(0).outcome is Outcome.INCONCLUSIVE  # one slow stretch of ten seconds: not many observations
    for arguments in ({"until": None}, {"until": 10, "told": False}):
        with pytest.raises(Undecided):
            settled(**arguments)


def test_wrong_answers_while_it_warms_up_are_wrong_answers() -> None:
    """The rule looks at times alone: what fails in the seconds that it leaves out counts all the same."""
    case = cases_of(KeepsErrorLimit(), profile(find_warmup=True))[0]
    seconds = [rows(n, 100, failed=20 if n < 10 else 0) for n in range(40)]
    found = Observation(label="warm-up", values={"until_second": 10})
    records = (*phase(seconds), found)
    assert KeepsErrorLimit().judge(case, Evidence((), {"load/steady": records})).outcome is not Outcome.PASS
