"""Judging what listeners heard under load: late, lost, out of order, unserved; and what proves nothing."""

import asyncio
from email.utils import formatdate
from typing import Any

import pytest

from hybridcheck.cases import Reason, Undecided
from hybridcheck.checks.load.streams import (
    BEGAN,
    EventsInOrderUnderLoad,
    EventsInTimeUnderLoad,
    ListenCheck,
    ListenersServedUnderLoad,
)
from hybridcheck.checks.streams.delay import CLOCK_READS
from hybridcheck.evidence import Evidence, Exchange, ListenSecond, Observation, ReceivedResponse, Record, SentRequest
from hybridcheck.statistics.histogram import bucket_of
from hybridcheck.verdict import Finding, Outcome
from tests.unit.checks.fake_target import FakeTarget, cases_of, unmet_of
from tests.unit.checks.load_records import MS, phase, rows

BEGAN_UNIX_S = 1_800_000_000.0
EVENTS = 100


def profile(*without: str, **listeners: Any) -> dict[str, Any]:
    """A phase with ten listeners of a stream that declares all but these keys."""
    stream: dict[str, Any] = {"path": "/events", "sequence": "$.n", "sent_at": "$.at", "max_delay_ms": 500}
    return {
        "operations": [{"id": "GET /x", "path": "/x"}],
        "services": {"events": {"sse": {key: value for key, value in stream.items() if key not in without}}},
        "thresholds": {} if "max_error_ratio" in without else {"max_error_ratio": 0.01},
        "load": {"steady": {"rate_rps": 50, "listeners": [{"service": "events", "users": 10, **listeners}]}},
    }


def second(number: int, delay_ms: float = 20.0, late: int = 0, **given: Any) -> ListenSecond:
    """A hundred events of one second, some of them a second late."""
    delay = tuple(
        (bucket_of(round(value * MS)), count) for value, count in ((delay_ms, EVENTS - late), (1000, late)) if count
    )
    values: dict[str, Any] = {"events": EVENTS, "lost": 0, "disordered": 0, "cut": 0, "ended": 0, "left": 1}
    values |= {"unserved": 0, "refused": {}, "connect": ((bucket_of(MS), 1),), "loop_lag_max_ms": 1.0}
    values |= {"users": 10, "listeners": "events/sse", "delay": delay, "least_delay_ms": delay_ms}
    return ListenSecond(second=number, **{**values, **given})


def clock(date_behind_s: float = 0.0, reads: int = CLOCK_READS) -> tuple[Record, ...]:
    """Reads of a target's clock that is so far behind the tester's; one falls right after its tick."""
    found: list[Record] = [Observation(label=BEGAN, values={"unix_s": BEGAN_UNIX_S})]
    for number in range(1, reads + 1):
        at_s = number * 0.2
        headers = (("Date", formatdate(int(BEGAN_UNIX_S + at_s - date_behind_s), usegmt=True)),)
        found.append(
            Exchange(
                label=f"clock.{number}",
                request=SentRequest(method="GET", url="http://x/"),
                response=ReceivedResponse(status=200, headers=headers),
                at_s=at_s,
                total_ms=1.0,
            )
        )
    return tuple(found)


def judged(
    check: ListenCheck,
    heard: list[ListenSecond],
    own: tuple[Record, ...] | None = None,
    load: tuple[Record, ...] | None = None,
) -> Finding:
    """The finding over twenty seconds of load and what was heard beside it."""
    load = phase([rows(n, 50) for n in range(20)]) if load is None else load
    shared: dict[str, tuple[Record, ...]] = {"load/steady": load, "listen/steady": tuple(heard)}
    return check.judge(cases_of(check, profile())[0], Evidence(clock() if own is None else own, shared))


@pytest.mark.parametrize(("late", "outcome"), [(0, Outcome.PASS), (30, Outcome.FAIL)])
def test_events_that_are_late_under_load_fail(late: int, outcome: Outcome) -> None:
    """Thirty in a hundred a second late, five allowed; and none."""
    finding = judged(EventsInTimeUnderLoad(), [second(n, late=late) for n in range(20)])
    assert finding.outcome is outcome
    assert "10 listeners, 2000 events" in finding.observed


@pytest.mark.parametrize("check", [EventsInTimeUnderLoad(), EventsInOrderUnderLoad(), ListenersServedUnderLoad()])
def test_what_is_expected_is_told_without_evidence_too(check: ListenCheck) -> None:
    """With its number, as where it is judged."""
    case = cases_of(check, profile())[0]
    told = check.expects(case)
    assert "at most" in told
    assert judged(check, [second(n) for n in range(20)]).expected == told


def test_an_event_that_never_came_is_late() -> None:
    """A leap in the numbers counts against the delay as well."""
    finding = judged(EventsInTimeUnderLoad(), [second(n, lost=30) for n in range(20)])
    assert finding.outcome is Outcome.FAIL


def test_what_this_process_may_have_held_up_itself_is_no_certain_lateness() -> None:
    """Its own clock ticked 600 ms late in each second: what came a second late may have been in time."""
    heard = [second(n, late=30, loop_lag_max_ms=600.0) for n in range(20)]
    finding = judged(EventsInTimeUnderLoad(), heard)
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.SUSPECTED)
    unknown = [second(n, late=30, loop_lag_max_ms=None) for n in range(20)]
    assert judged(EventsInTimeUnderLoad(), unknown).outcome is Outcome.INCONCLUSIVE


def test_clocks_that_differ_make_no_pass() -> None:
    """The target's clock is thirty seconds ahead: no delay can be told."""
    heard = [second(n, 0.001, least_delay_ms=-29_980.0) for n in range(20)]
    finding = judged(EventsInTimeUnderLoad(), heard, clock(date_behind_s=-30))
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.SUSPECTED)


def test_late_by_clocks_that_differ_alone_is_no_fail() -> None:
    """Everything seems thirty seconds late, and the Date header says that the clocks are as far apart."""
    heard = [second(n, 30_020.0) for n in range(20)]
    assert judged(EventsInTimeUnderLoad(), heard, clock(date_behind_s=30)).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("field", ["lost", "disordered"])
def test_lost_and_disordered_events_fail(field: str) -> None:
    """One in twenty, one in a hundred allowed; and none passes."""
    check = EventsInOrderUnderLoad()
    assert judged(check, [second(n, **{field: 5}) for n in range(20)]).outcome is Outcome.FAIL
    assert judged(check, [second(n) for n in range(20)]).outcome is Outcome.PASS


def test_listeners_that_are_not_let_in_fail_and_the_kinds_are_told() -> None:
    """Three of ten are refused all the time."""
    check = ListenersServedUnderLoad()
    finding = judged(check, [second(n, unserved=3, refused={"status 503": 2}) for n in range(60)][:20])
    assert finding.outcome is Outcome.FAIL
    assert "refused: status 503 40" in finding.observed
    heard = [second(n) for n in range(40)]
    load = phase([rows(n, 50) for n in range(40)])
    assert judged(check, heard, load=load).outcome is Outcome.PASS


def test_streams_that_break_off_leave_their_listeners_unserved() -> None:
    """One of ten is cut off in each second and let in again at once; a stream that the target ends is none."""
    check = ListenersServedUnderLoad()
    finding = judged(check, [second(n, cut=1) for n in range(20)])
    assert finding.outcome is Outcome.FAIL
    assert "20 broken" in finding.observed
    whole, load = [second(n, ended=1) for n in range(40)], phase([rows(n, 50) for n in range(40)])
    assert judged(check, whole, load=load).outcome is Outcome.PASS


def test_the_clock_is_read_after_the_load() -> None:
    """All reads are recorded, with the moment of the run's start, and none before the load."""
    check, target = EventsInTimeUnderLoad(), FakeTarget(lambda _: (200, {}, {}))
    (case,) = cases_of(check, profile())
    asyncio.run(check.before_load(case, target))
    assert target.records == []
    asyncio.run(check.probe(case, target))
    evidence = Evidence(tuple(target.records), {})
    assert len(evidence.exchanges("clock")) == CLOCK_READS
    assert evidence.one(Observation, BEGAN).values["unix_s"] == target.unix_s() - target.now_s()


def test_too_few_seconds_of_listeners_decide_nothing() -> None:
    """200 clean places cannot show that at most 1 % are unserved."""
    finding = judged(ListenersServedUnderLoad(), [second(n) for n in range(20)])
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.TOO_FEW_SAMPLES)


def test_it_is_said_before_how_many_listeners_could_decide() -> None:
    """Ten listeners in 18 judged seconds are 180 places of 299; seventeen are 306."""
    check = ListenersServedUnderLoad()
    (case,) = cases_of(check, profile())
    assert case.params["cannot_decide"].endswith("the plan has 10 in 18 judged seconds; users: 17 would do")
    assert "as said before the start" in judged(check, [second(n) for n in range(20)]).observed
    assert "cannot_decide" not in cases_of(check, profile(users=17))[0].params


def test_what_is_not_recorded_is_not_judged() -> None:
    """A second that is missing, a read of the clock that is, a phase that was ended early, and no event at all."""
    check, whole = EventsInTimeUnderLoad(), [second(n) for n in range(20)]
    silent = [second(n, events=0, delay=(), least_delay_ms=None) for n in range(20)]
    load = [rows(n, 50) for n in range(20)]
    for reason, arguments in (
        (Reason.EVIDENCE_INCOMPLETE, {"heard": whole[:-1]}),
        (Reason.EVIDENCE_INCOMPLETE, {"heard": whole, "own": clock(reads=CLOCK_READS - 1)}),
        (Reason.STOPPED_EARLY, {"heard": whole, "load": phase(load, cause="stopped_early")}),
        (Reason.WORKER_LOST, {"heard": whole, "load": phase(load, cause="killed")}),
        (Reason.TOO_FEW_SAMPLES, {"heard": silent}),
    ):
        with pytest.raises(Undecided) as undecided:
            judged(check, **arguments)
        assert undecided.value.reason is reason


@pytest.mark.parametrize(
    ("check", "key"),
    [
        (EventsInTimeUnderLoad(), "sent_at"),
        (EventsInTimeUnderLoad(), "max_delay_ms"),
        (EventsInOrderUnderLoad(), "sequence"),
        (EventsInOrderUnderLoad(), "max_error_ratio"),
        (ListenersServedUnderLoad(), "max_error_ratio"),
    ],
)
def test_what_has_to_be_declared_is_asked_for(check: ListenCheck, key: str) -> None:
    """The line to write down names the missing key."""
    (unmet,) = unmet_of(check, profile(key))
    assert key in unmet.needs
    assert unmet.subject == "steady events/sse"


def test_a_load_without_listeners_asks_for_them() -> None:
    """One unmet case, with the line that brings them."""
    without = {**profile(), "load": {"steady": {"rate_rps": 50}}}
    assert "listeners: [" in unmet_of(ListenersServedUnderLoad(), without)[0].needs
