"""Booking of what listeners heard: into the right second, with order, loss, delay, connects and who was not served."""

import asyncio
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybridcheck.evidence import Failure, ListenSecond, ReceivedResponse, SentRequest, StreamEvent, StreamRecord
from hybridcheck.load.heard import Heard
from hybridcheck.profile.drives import DriveListeners
from hybridcheck.profile.operations import StreamSpec
from hybridcheck.statistics.histogram import Histogram

BEGAN = 1_800_000_000.0
OPEN = ReceivedResponse(status=200, headers=(("content-type", "text/event-stream"),))


def listen(
    at_s: float, *events: tuple[float, int, float], opened_ms: float = 20.0, length_s: float = 1.0, **more: Any
) -> StreamRecord:
    """One listen begun at a second of the phase; an event is (arrival since then, number, delay), in seconds."""
    return StreamRecord(
        label="listen",
        protocol="sse",
        request=SentRequest(method="GET", url="http://x/events"),
        response=more.pop("response", OPEN),
        started_unix_s=BEGAN + at_s,
        opened_ms=opened_ms,
        total_ms=length_s * 1000,
        events=tuple(
            StreamEvent(at_ms=when * 1000, data=f'{{"n": {number}, "at": {BEGAN + at_s + when - delay}}}')
            for when, number, delay in events
        ),
        **more,
    )


def heard(*listens: tuple[int, StreamRecord], users: int = 1, seconds: int = 3, **spec: Any) -> list[ListenSecond]:
    """The seconds after these listens, each with the number of its listener."""
    return asyncio.run(_all(booked(*listens, users=users, **spec), seconds))


async def _all(those: Heard, seconds: int) -> list[ListenSecond]:
    return [second async for second in those.seconds(seconds, {0: 1.5})]


def booked(*listens: tuple[int, StreamRecord], users: int = 1, **spec: Any) -> Heard:
    """What was heard in these listens."""
    declared = StreamSpec.model_validate({"path": "/events", "sequence": "$.n", "sent_at": "$.at", **spec})
    one = DriveListeners(name="events/sse", protocol="sse", users=users, stay_s=10, spec=declared)
    those = Heard(one, BEGAN)
    for number, record in listens:
        those.add(number, record)
    return those


@pytest.mark.parametrize("at", ["1e400", "Infinity", "-1e400", "1e300", "1" + "0" * 400, "NaN", '"' + "9" * 400 + '"'])
def test_a_moment_that_is_none_has_no_delay(at: str) -> None:
    """What a target says of itself ends no run of ours; the event has come all the same."""
    event = StreamEvent(at_ms=100.0, data=f'{{"n": 1, "at": {at}}}')
    (second,) = heard((0, listen(0.0).model_copy(update={"events": (event,)})), seconds=1)
    assert (second.events, second.delay, second.least_delay_ms) == (1, (), None)


@pytest.mark.parametrize("number", ["1" + "0" * 400, "1e400"])
def test_a_number_beyond_every_sequence_is_no_place_in_it(number: str) -> None:
    """Nobody lost a googol of events."""
    odd = StreamEvent(at_ms=200.0, data=f'{{"n": {number}, "at": {BEGAN + 0.2}}}')
    record = listen(0.0, (0.1, 1, 0.0), (0.3, 2, 0.0))
    first, last = record.events
    (second,) = heard((0, record.model_copy(update={"events": (first, odd, last)})), seconds=1)
    assert (second.events, second.lost, second.disordered) == (2, 0, 0)


def test_an_event_is_booked_in_the_second_of_its_arrival_with_its_delay() -> None:
    """Two events in two seconds, one connect, one listener that we ended."""
    first, second, third = heard((0, listen(0.5, (0.1, 1, 0.02), (0.7, 2, 0.3), length_s=1.0)))
    assert (first.events, second.events, third.events) == (1, 1, 0)
    assert second.least_delay_ms is not None
    assert abs(second.least_delay_ms - 300) < 0.01
    assert Histogram.from_pairs(first.connect).count == 1
    assert (first.left, second.left, first.loop_lag_max_ms, second.loop_lag_max_ms) == (0, 1, 1.5, None)


def test_leaps_are_lost_and_numbers_that_come_again_are_out_of_order() -> None:
    """1 2 5 4: two lost by the leap, one out of order; another listen begins anew."""
    seconds = heard(
        (0, listen(0, (0.1, 1, 0), (0.2, 2, 0), (0.3, 5, 0), (0.4, 4, 0))), (0, listen(1, (0.1, 1, 0), (0.2, 2, 0)))
    )
    assert [(second.lost, second.disordered) for second in seconds] == [(2, 1), (0, 0), (0, 0)]


def test_a_refusal_is_counted_by_its_kind_and_serves_nobody() -> None:
    """A 503, and a connection refused: two listeners, neither served; no connect time is made up."""
    refusal = listen(0, length_s=0.1, response=ReceivedResponse(status=503))
    nothing = listen(0, length_s=0.1, response=None, failure=Failure.REFUSED)
    first, *_ = heard((0, refusal), (1, nothing), users=2)
    assert first.refused == {"status 503": 1, str(Failure.REFUSED): 1}
    assert (first.unserved, first.connect) == (2, ())


def test_an_open_stream_that_has_fallen_silent_serves_nobody() -> None:
    """No event for `within_s`: two seconds after the last one the place counts as unserved."""
    seconds = heard((0, listen(0, (0.2, 1, 0), length_s=6)), seconds=6, within_s=2)
    assert [second.unserved for second in seconds] == [0, 0, 1, 1, 1, 1]


@given(
    listens=st.lists(
        st.tuples(
            st.integers(0, 2),  # whose it is
            st.floats(-3, 15),  # when it begins
            st.floats(0, 9),  # when it is open
            st.floats(0, 9),  # when it has ended, which may be the same moment
            st.lists(st.floats(0, 12), max_size=6),  # when an event comes, in any order
        ),
        max_size=12,
    ),
    within_s=st.sampled_from([0.2, 1, 1.5, 2, 3, 20]),
    seconds=st.integers(0, 14),
)
def test_who_is_unserved_is_what_the_definition_says(
    listens: list[tuple[int, float, float, float, list[float]]], within_s: float, seconds: int
) -> None:
    """Whatever overlaps, lies outside of the phase or comes late: a stream open in that second, and an event in time."""
    stays: list[tuple[int, float, float]] = []
    events: list[tuple[int, int]] = []
    records = []
    for number, at_s, opened_s, ended_s, arrivals in listens:
        came = [(when, order, 0.0) for order, when in enumerate(arrivals, 1)]
        record = listen(at_s, *came, opened_ms=opened_s * 1000, length_s=ended_s)
        assert record.started_unix_s is not None
        assert record.opened_ms is not None
        assert record.total_ms is not None
        records.append((number, record))
        began_s = record.started_unix_s - BEGAN
        stays.append((number, began_s + record.opened_ms / 1000, began_s + record.total_ms / 1000))
        events += [(number, math.floor(began_s + event.at_ms / 1000)) for event in record.events]

    def is_served(user: int, second: int) -> bool:
        is_open = any(n == user and opened < second + 1 and ended > second for n, opened, ended in stays)
        first = second + 1 - math.ceil(within_s)
        return is_open and (first < 0 or any(n == user and first <= at <= second for n, at in events))

    found = [one.unserved for one in heard(*records, users=3, seconds=seconds, within_s=within_s)]
    assert found == [sum(not is_served(user, second) for user in range(3)) for second in range(seconds)]


def test_others_go_on_while_a_long_phase_is_recorded() -> None:
    """Between listeners and between seconds the loop has its turn: of all else that it does nothing waits for all of them."""

    async def turns_meanwhile() -> int:
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        other = asyncio.create_task(count())
        await _all(booked(users=20), 30)
        other.cancel()
        return turns

    assert asyncio.run(turns_meanwhile()) >= 20 + 30


def test_a_broken_stream_is_no_end_of_the_targets() -> None:
    """Cut, ended by the target, left: each in a count of its own."""
    ends: list[Any] = ["abnormal", "by_target", "deadline", "by_us"]
    (first, *_) = heard(*((n, listen(0, (0.1, 1, 0), length_s=0.5, ended=end)) for n, end in enumerate(ends)), users=4)
    assert (first.cut, first.ended, first.left) == (1, 1, 2)


def test_a_history_that_is_replayed_has_no_delay_and_a_clock_that_is_ahead_none_below_zero() -> None:
    """An event of an hour ago is heard and not timed; one from the future counts as 0, its exact lead is kept."""
    first, *_ = heard((0, listen(0, (0.1, 1, 3600), (0.2, 2, -0.5))))
    assert first.events == 2
    assert first.delay == ((0, 1),)
    assert first.least_delay_ms is not None
    assert abs(first.least_delay_ms + 500) < 0.01


def test_an_event_may_say_in_iso_8601_when_it_was_sent() -> None:
    """UTC where it names no zone; a text that is no time says nothing, and the event counts all the same."""
    record = listen(0, (0.2, 1, 0))
    stamps = ("2027-01-15T08:00:00.100Z", "2027-01-15T09:00:00.100+01:00", "2027-01-15T08:00:00.100", "now", None)
    events = [StreamEvent(at_ms=200, data=json.dumps({"n": n, "at": at})) for n, at in enumerate(stamps, 1)]
    first, *_ = heard((0, record.model_copy(update={"events": tuple(events)})))
    assert first.events == 5
    delays = Histogram.from_pairs(first.delay)
    assert delays.count == 3
    assert first.least_delay_ms == pytest.approx(100, abs=0.01)
