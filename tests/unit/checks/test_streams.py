"""The checks of streams: each catches its defect, stays silent on its twin, and does not guess."""

import json
from collections.abc import Iterable
from email.utils import formatdate
from typing import Any

import pytest

from hybridcheck.cases import Reason, Undecided
from hybridcheck.checks.check import Check
from hybridcheck.checks.streams.access import RefusesAnonymous, Resumes
from hybridcheck.checks.streams.delay import CLOCK_READS, DeliveryDelay
from hybridcheck.checks.streams.delivery import Complete, DeliveredIncrementally, EndsCleanly, InOrder, TextWhole
from hybridcheck.checks.streams.failures import FailureVisible
from hybridcheck.checks.streams.listening import ask_to_listen, spec_in
from hybridcheck.evidence import Failure, ReceivedResponse, SentRequest, StreamEvent, StreamRecord
from hybridcheck.target import Ask
from hybridcheck.verdict import Finding, Outcome
from tests.unit.checks.fake_target import Answer, FakeTarget, cases_of, finding_of, unmet_of

BEGAN = 1_800_000_000.0
SSE: dict[str, Any] = {
    "path": "/events",
    "auth": "required",
    "identity": "alice",
    "sequence": "$.sequence",
    "sent_at": "$.sent_at",
    "max_delay_ms": 500,
    "resumes": True,
    "total": 10,
    "end_event": "end",
}


def profile_of(protocol: str = "sse", **changes: Any) -> dict[str, Any]:
    """A profile with one stream."""
    stream = {key: value for key, value in {**SSE, **changes}.items() if value is not None}
    return {"identities": {"alice": {"token": "t" * 20}}, "services": {"live": {protocol: stream}}}


def tick(sequence: int, *, sent_s: float, at_s: float | None = None, with_id: bool = True) -> StreamEvent:
    """One event: sent so many seconds after the listen began, arrived then or later."""
    data = json.dumps({"sequence": sequence, "sent_at": BEGAN + sent_s})
    at_ms = (sent_s if at_s is None else at_s) * 1000
    return StreamEvent(at_ms=at_ms, id=str(sequence) if with_id else None, event="tick", data=data)


END = StreamEvent(at_ms=1000, event="end", data="{}")


def steady(numbers: Iterable[int] = range(1, 11), **more: Any) -> list[StreamEvent]:
    """An event every tenth of a second, as the target should send them."""
    return [tick(number, sent_s=0.1 * index, **more) for index, number in enumerate(numbers)]


def heard(
    events: list[StreamEvent],
    protocol: str = "sse",
    *,
    status: int | None = None,
    ended: str = "by_target",
    **more: Any,
) -> StreamRecord:
    """What was heard of a stream."""
    opened = 200 if protocol == "sse" else 101
    headers = (("Content-Type", "text/event-stream"),) if protocol == "sse" else ()
    return StreamRecord.model_validate(
        {
            "label": "",
            "protocol": protocol,
            "request": SentRequest(method="GET", url="http://target.test/events"),
            "response": ReceivedResponse(status=status or opened, headers=headers),
            "started_unix_s": BEGAN,
            "events": tuple(events),
            "ended": ended,
            "total_ms": 1000.0,
            **more,
        }
    )


def on_time(ask: Ask) -> Answer:
    """A clock that agrees with the tester's: FakeTarget's run begins at BEGAN, and a read takes 1 ms."""
    return 200, {"Date": formatdate(BEGAN, usegmt=True)}, {}


def finding(check: Check, *records: StreamRecord, label: str = "probe", **changes: Any) -> Finding:
    """What the check finds when its listens hear these, one after the other."""
    target = FakeTarget(on_time)
    target.streams = {f"{label}.{number}": record for number, record in enumerate(records, 1)}
    return finding_of(check, profile_of(records[0].protocol, **changes), target)


HEALTHY = heard([*steady(), END])


@pytest.mark.parametrize("check", [Complete(), InOrder(), DeliveredIncrementally(), EndsCleanly(), DeliveryDelay()])
def test_a_healthy_stream_passes(check: Check) -> None:
    """All events in order, one by one, and a clean end: the twin of every defect below."""
    assert finding(check, HEALTHY).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("check", "wrong", "words"),
    [
        (Complete(), heard([*steady([1, 2, 3, 4, 5, 6, 8, 9, 10]), END]), "9 of 10"),
        (Complete(), heard([*steady(range(1, 12)), END]), "11 events"),
        (Complete(), heard([], status=404), "404"),
        (Complete(), heard([], ended="deadline"), "0 of 10"),
        (InOrder(), heard([*steady([2, 1, 3, 4, 5, 6, 7, 8, 9, 10]), END]), "number 1 came after 2"),
        (InOrder(), heard([*steady([1, 2, 2, 3, 4, 5, 6, 7, 8, 9]), END]), "number 2 came after 2"),
        (DeliveredIncrementally(), heard([*steady(at_s=0.9), END]), "within 0.00 s"),
        (EndsCleanly(), heard(steady(), ended="abnormal", failure=Failure.CLOSED_EARLY), "closed_early"),
        (EndsCleanly(), heard(steady()), "not 'end' but 'tick'"),
        (EndsCleanly(), heard([*steady(), END], ended="deadline"), "still open"),
        (EndsCleanly(), heard(steady(), "websocket", ended="abnormal", failure=Failure.CLOSED_EARLY), "cut off"),
        (DeliveryDelay(), heard([tick(n, sent_s=0.1 * n, at_s=0.1 * n + 2.5) for n in range(10)]), "100% of"),
    ],
)
def test_a_defect_seen_twice_fails(check: Check, wrong: StreamRecord, words: str) -> None:
    """Two of two listens that show the defect are a fail that says what was seen."""
    found = finding(check, wrong, wrong)
    assert found.outcome is Outcome.FAIL
    assert words in found.observed


@pytest.mark.parametrize("check", [Complete(), EndsCleanly(), DeliveredIncrementally()])
def test_a_defect_seen_once_is_flaky(check: Check) -> None:
    """A second listen never turns a fail into a pass."""
    wrong = heard(steady([1, 2, 3, 4, 5, 6, 7], at_s=0.9), ended="abnormal", failure=Failure.RESET)
    found = finding(check, wrong, HEALTHY)
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, Reason.FLAKY)


@pytest.mark.parametrize("check", [InOrder(), DeliveredIncrementally(), EndsCleanly(), DeliveryDelay()])
def test_a_stream_that_does_not_open_shows_nothing_else(check: Check) -> None:
    """That it does not open is the finding of one check, and no proof for the others."""
    found = finding(check, heard([], status=503))
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, Reason.NO_TEST_DATA)


UNENDING: dict[str, Any] = {"total": None, "end_event": None}


@pytest.mark.parametrize("check", [Complete(), InOrder(), DeliveredIncrementally(), DeliveryDelay()])
def test_a_stream_without_an_end_passes(check: Check) -> None:
    """Where no total is declared, as many events as `min_events` are enough."""
    assert finding(check, heard(steady(range(7, 14)), ended="by_us"), **UNENDING).outcome is Outcome.PASS


def test_a_quiet_stream_breaks_only_a_declared_promise() -> None:
    """Two events in ten seconds: too few where a number is declared, nothing to judge where none is."""
    quiet = heard(steady(range(1, 3)), ended="deadline")
    assert finding(Complete(), quiet, quiet, **UNENDING).reason is Reason.NO_TEST_DATA
    assert finding(Complete(), quiet, quiet, **UNENDING, min_events=5).outcome is Outcome.FAIL


def test_a_throttled_listener_says_nothing() -> None:
    """A 429 is about the tester."""
    throttled = heard([], status=429)
    assert finding(Complete(), throttled, throttled).reason is Reason.THROTTLED


def test_events_sent_in_one_moment_show_no_buffering() -> None:
    """What is sent at once arrives at once."""
    found = finding(DeliveredIncrementally(), heard([tick(n, sent_s=0.001 * n) for n in range(10)]))
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, Reason.SHALLOW)


def test_a_replayed_history_is_no_buffering() -> None:
    """Old events that come at once when a listener arrives were not held back on the way."""
    history = [tick(n, sent_s=n - 100.0, at_s=0.01) for n in range(10)]
    found = finding(DeliveredIncrementally(), heard(history), total=None, end_event=None)
    assert found.outcome is Outcome.INCONCLUSIVE


def test_heartbeats_are_no_events() -> None:
    """What does not carry the declared number is not counted."""
    heartbeat = StreamEvent(at_ms=50, data="{}")
    assert finding(Complete(), heard([heartbeat, *steady(), heartbeat, END])).outcome is Outcome.PASS
    assert finding(InOrder(), heard([heartbeat, *steady(), heartbeat, END])).outcome is Outcome.PASS


def test_the_end_of_a_websocket_is_a_message() -> None:
    """A message has no name: a text at its top level is taken for it."""
    end = StreamEvent(at_ms=1000, data='{"type": "end"}')
    assert finding(EndsCleanly(), heard([*steady(), end], "websocket")).outcome is Outcome.PASS


def delayed(delay_s: float) -> StreamRecord:
    """A stream whose events are all late by as much."""
    return heard([tick(n, sent_s=0.1 * n, at_s=0.1 * n + delay_s) for n in range(10)])


def test_a_delay_that_clocks_may_explain_is_suspected() -> None:
    """One second late is not certain where the Date header leaves a second open."""
    found = _with_clock(delayed(1.0), date_behind_s=1)
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, Reason.SUSPECTED)


def test_clocks_that_differ_make_no_pass() -> None:
    """Events that seem to arrive before they were sent show another clock, not a fast stream."""
    found = _with_clock(delayed(-30.0), date_behind_s=-30)
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, Reason.SUSPECTED)


def test_without_a_date_header_delays_are_undecided() -> None:
    """Nothing says how far the clocks are apart."""
    target = FakeTarget(lambda _: (200, {}, {}))
    target.streams = {"probe.1": HEALTHY}
    found = finding_of(DeliveryDelay(), profile_of(), target)
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, Reason.NO_TEST_DATA)


def _with_clock(record: StreamRecord, *, date_behind_s: int) -> Finding:
    target = FakeTarget(lambda _: (200, {"Date": formatdate(BEGAN - date_behind_s, usegmt=True)}, {}))
    target.streams = {f"probe.{number}": record for number in (1, 2)}
    found = finding_of(DeliveryDelay(), profile_of(), target)
    assert len([r for r in target.records if getattr(r, "label", "").startswith("clock")]) == CLOCK_READS
    return found


def _resumed(*records: StreamRecord, **changes: Any) -> Finding:
    target = FakeTarget(on_time)
    target.streams = {"whole": changes.pop("whole", HEALTHY)}
    target.streams |= {f"resumed.{number}": record for number, record in enumerate(records, 1)}
    return finding_of(Resumes(), profile_of(**changes), target)


def test_a_stream_that_goes_on_resumes() -> None:
    """After the fifth of ten events comes the sixth."""
    assert _resumed(heard([*steady(range(6, 11)), END])).outcome is Outcome.PASS


@pytest.mark.parametrize("first", [1, 5, 8])
def test_a_stream_that_starts_elsewhere_does_not_resume(first: int) -> None:
    """The beginning again, the last event again, or a leap."""
    wrong = heard([*steady(range(first, 11)), END])
    assert _resumed(wrong, wrong).outcome is Outcome.FAIL


def test_without_ids_nothing_can_resume() -> None:
    """There is nothing to come back with, and nothing is judged."""
    with pytest.raises(Undecided, match="carry no id"):
        _resumed(whole=heard([*steady(with_id=False), END]))


def _anonymous(control: StreamRecord, *records: StreamRecord, **changes: Any) -> Finding:
    target = FakeTarget(on_time)
    target.streams = {"control": control} | {f"anonymous.{n}": record for n, record in enumerate(records, 1)}
    return finding_of(RefusesAnonymous(), profile_of(control.protocol, **changes), target)


@pytest.mark.parametrize("protocol", ["sse", "websocket"])
def test_events_for_nobody_fail(protocol: str) -> None:
    """Events without credentials, twice, are proof."""
    open_to_all = heard(steady()[:2], protocol, ended="by_us")
    assert _anonymous(open_to_all, open_to_all, open_to_all).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    "refusal",
    [
        heard([], status=401),
        heard([], "websocket", status=403),
        heard([], "websocket", ended="abnormal", failure=Failure.CLOSED_EARLY),
    ],
)
def test_a_refused_listener_is_a_pass(refusal: StreamRecord) -> None:
    """By status, or by closing without an event."""
    control = heard(steady()[:2], refusal.protocol, ended="by_us")
    assert _anonymous(control, refusal).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("control", "answer", "reason"),
    [
        (heard([], status=401), heard([], status=401), Reason.AUTH_NOT_EFFECTIVE),
        (heard(steady()[:2]), heard([], status=500), Reason.SUSPECTED),
        (heard(steady()[:2]), heard([], ended="deadline"), Reason.SUSPECTED),
        (heard(steady()[:2]), heard([], status=429), Reason.THROTTLED),
    ],
)
def test_half_a_proof_of_access_is_undecided(control: StreamRecord, answer: StreamRecord, reason: Reason) -> None:
    """Without a control that works, or with silence instead of a refusal, nothing is known."""
    found = _anonymous(control, answer)
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, reason)


@pytest.mark.parametrize(
    ("check", "lacking"),
    [
        (InOrder(), "sequence"),
        (DeliveredIncrementally(), "sent_at"),
        (DeliveryDelay(), "max_delay_ms"),
        (EndsCleanly(), "total"),
        (Resumes(), "resumes"),
    ],
)
def test_what_is_not_declared_is_named(check: Check, lacking: str) -> None:
    """A stream that lacks a declaration stays unexamined, with the line that would examine it."""
    without: dict[str, Any] = {lacking: False if lacking == "resumes" else None}
    profile = profile_of(**without)
    assert [lacking in unmet.needs for unmet in unmet_of(check, profile)] == [True]
    assert len(unmet_of(check, {})) == 1


def with_note(events: list[StreamEvent], note: str) -> StreamRecord:
    """A stream whose fifth event has this note, and all others the right one."""
    noted = [
        event.model_copy(update={"data": json.dumps({**json.loads(event.data), "note": "naïve ☕"})})
        for event in events
    ]
    noted[4] = noted[4].model_copy(update={"data": json.dumps({"sequence": 5, "sent_at": BEGAN, "note": note})})
    return heard([*noted, END])


@pytest.mark.parametrize(
    ("note", "outcome"),
    [("naïve ☕", Outcome.PASS), ("naïve \ufffd\ufffd\ufffd", Outcome.FAIL), ("naÃ¯ve", Outcome.FAIL)],
)
def test_the_text_of_events_stays_whole(note: str, outcome: Outcome) -> None:
    """A replacement character and mojibake are not what was declared."""
    record = with_note(steady(), note)
    assert finding(TextWhole(), record, record, holds={"$.note": "naïve ☕"}).outcome is outcome


FAILING: dict[str, Any] = {"failing": {"break_after": "3"}}
THREE = steady([1, 2, 3])


@pytest.mark.parametrize(
    ("record", "end_event", "expected"),
    [
        (heard(THREE, ended="abnormal", failure=Failure.CLOSED_EARLY), "end", Outcome.PASS),
        (heard(THREE, "websocket", ended="abnormal"), None, Outcome.PASS),
        (heard(THREE), "end", Outcome.PASS),  # without the event that says that it is over
        (heard([*THREE, END]), "end", Outcome.FAIL),
        (heard([*THREE, END], ended="abnormal"), "end", Outcome.FAIL),
        (heard(THREE), None, Outcome.FAIL),
        (heard(THREE, "websocket"), None, Outcome.FAIL),
        (heard([*THREE, StreamEvent(at_ms=400, event="error", data="{}")]), None, Reason.SUSPECTED),
        (heard(THREE, ended="deadline"), "end", Reason.SUSPECTED),
        (HEALTHY, "end", Reason.NO_TEST_DATA),
        (heard([], status=503), "end", Reason.NO_TEST_DATA),
    ],
)
def test_a_failure_in_the_middle_is_no_end(
    record: StreamRecord, end_event: str | None, expected: Outcome | Reason
) -> None:
    """Cut off, closed with an error or without the declared end; what may tell in another way, or did not fail, is open."""
    found = finding(FailureVisible(), record, record, end_event=end_event, **FAILING)
    assert expected in (found.outcome, found.reason)


def test_a_stream_is_made_to_fail_by_the_declared_query() -> None:
    """It stands over the stream's own; a stream that declares none is unexamined."""
    (case,) = cases_of(FailureVisible(), profile_of(query={"topic": "all", "break_after": "0"}, **FAILING))
    asked = ask_to_listen(case, query=spec_in(case).failing)
    assert dict(asked.query) == {"topic": "all", "break_after": "3"}
    assert "failing" in unmet_of(FailureVisible(), profile_of())[0].needs


def test_events_without_the_declared_text_show_nothing() -> None:
    """And a stream that declares none is unexamined."""
    found = finding(TextWhole(), HEALTHY, holds={"$.note": "naïve ☕"})
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, Reason.NO_TEST_DATA)
    assert "holds" in unmet_of(TextWhole(), profile_of())[0].needs
