"""The generator's books and paces, without gevent: what balances, and when something is due."""

import itertools
import json
from dataclasses import replace
from typing import Any

import pytest

from hybridcheck.errors import ToolError
from hybridcheck.generator.orders import Orders, Share, read_orders
from hybridcheck.generator.pace import NEVER, NOTHING_DUE, ClosedPace, OpenPace, scenario_turns, turns
from hybridcheck.generator.recording import NS_PER_S, Book, book_answer, take_back
from hybridcheck.generator.report_pipe import encoded
from hybridcheck.load.plan import LoadPlan, Operation, Shape
from hybridcheck.load.reports import OperationSecond, OperationTimes
from hybridcheck.load.script import Script, ScriptScenario, ScriptStep

MS = 1_000_000


def orders(secrets: dict[str, str] | None = None, **changes: object) -> Orders:
    """Orders read from the JSON form of a small plan."""
    fields: dict[str, object] = {
        "base_url": "http://127.0.0.1:8000/base/",
        "operations": (Operation(name="a", path="/a"),),
        "shape": Shape(name="steady", parameters={"level": 10, "duration_s": 2}),
        "deadline_s": 0.5,
    }
    plan: dict[str, Any] = LoadPlan.model_validate(fields | changes).model_dump(mode="json")
    return read_orders(plan, secrets or {}, {"a": b"body" if changes.get("operations") else b""})


def test_request_bytes() -> None:
    """Base path and path join, own headers replace ours whatever their case, secrets are filled in, bodies framed."""
    operation = Operation(
        name="a", method="POST", path="/a?b=c", headers=(("accept", "x/y"),), secret_headers=(("Authorization", "t"),)
    )
    (made,) = orders({"t": "Bearer 1"}, operations=(operation,)).operations
    assert made.request == (
        b"POST /base/a?b=c HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nUser-Agent: hybridcheck\r\naccept: x/y\r\n"
        b"Content-Length: 4\r\nAuthorization: Bearer 1\r\n\r\nbody"
    )


def test_secret_with_a_line_break_is_refused() -> None:
    """A secret cannot add lines to a request."""
    operation = Operation(name="a", path="/a", secret_headers=(("Authorization", "t"),))
    with pytest.raises(ToolError, match="line break"):
        orders({"t": "x\r\nHost: other"}, operations=(operation,))


def test_open_pace_hands_out_arrivals_in_time_and_gives_up_on_old_ones() -> None:
    """Nothing before it is due; the oldest first; what waited longer than a deadline is unsent and booked."""
    given = orders()
    pace = OpenPace(given, turns(given))
    assert pace.take(0, 0) == 0
    assert pace.take(0, 99 * MS) == NOTHING_DUE
    assert pace.take(0, 250 * MS) == 100 * MS
    assert pace.take(0, 1000 * MS) == 500 * MS  # those of 200, 300 and 400 ms are beyond 500 ms
    book = given.operations[0].book
    assert (book.cell.planned, book.cell.unsent, pace.unsent) == (3, 3, 3)


def test_open_pace_stops_with_what_was_due_as_unsent() -> None:
    """An interrupted run planned what was due so far, nothing of the future."""
    given = orders()
    pace = OpenPace(given, turns(given))
    pace.tick(350 * MS)
    assert (pace.offered, pace.backlog) == (4, 4)
    pace.stop(350 * MS)
    assert pace.unsent == 4
    assert pace.next_due == NEVER
    assert not pace.open_before(10 * NS_PER_S)


def test_nothing_is_offered_after_an_open_pace_has_stopped() -> None:
    """Data that is used up ends the arrivals: what would have come later is no backlog of the generator."""
    given = orders()
    pace = OpenPace(given, turns(given))
    pace.stop(350 * MS)
    assert (pace.offered, pace.unsent, pace.backlog) == (4, 4, 0)
    pace.tick(1500 * MS)
    assert (pace.offered, pace.backlog) == (4, 0)


def test_closed_pace_follows_users_and_budget() -> None:
    """Lanes below the number of users get the present moment, until the time or the budget is over."""
    given = orders(model="closed", max_requests=2, connections=10)
    pace = ClosedPace(given)
    assert pace.take(0, 5) == NOTHING_DUE  # no tick yet: no users
    assert pace.tick(0) == 10
    assert (pace.take(9, 5), pace.take(10, 5)) == (5, NOTHING_DUE)
    assert pace.take(0, 6) == 6
    assert pace.take(0, 7) == NOTHING_DUE
    assert pace.exhausted(7)


def test_rows_and_windows_are_reports() -> None:
    """What the book writes is what the parent reads; windows do not cross the end of the warm-up."""
    book = Book("a", (10 * MS,), warm_up_s=3, window_s=2)
    for second in range(6):
        cell = book.cell_at(second * NS_PER_S + 1)
        cell.planned += 2
        cell.ok += 1
        cell.failed["reset"] = 1
        cell.response[second] = cell.service[second] = 1
        book.count_late(cell, 11 * MS)
    assert book.settled(0)
    rows = [OperationSecond.model_validate(book.close_second(second)) for second in range(6)]
    assert all(row.balances for row in rows)
    assert rows[0].late == {"10000000": 1}
    lines = [encoded(book.times(window), lambda: True) for window in book.close_windows(7)]
    windows = [OperationTimes.model_validate_json(line or "") for line in lines]
    assert [(w.from_second, w.until_second, w.warmup) for w in windows] == [
        (0, 2, True),
        (2, 3, True),
        (3, 5, False),
        (5, 7, False),
    ]
    assert [len(w.response) for w in windows] == [2, 1, 2, 1]
    assert (book.totals["planned"], book.totals["ok"], book.failed["reset"]) == (12, 6, 6)


def test_a_report_that_the_end_has_taken_over_is_not_written_twice() -> None:
    """A long histogram is put into words in slices; where the run ends in a rest between two of them, the rest is dropped."""
    histogram = {bucket: bucket + 1 for bucket in range(1200)}
    rests: list[bool] = [True, True, True]
    report = {"kind": "times", "operation": 'say "a"', "response": histogram, "service": {}}
    line = encoded(report, rests.pop)
    assert (json.loads(line or ""), rests) == (
        {**report, "response": [list(p) for p in histogram.items()], "service": []},
        [],
    )
    assert encoded(report, None) == line
    assert encoded(report, iter([True, False]).__next__) is None


def test_a_second_with_requests_under_way_is_not_settled() -> None:
    """It waits for the outcome of its last arrival."""
    book = Book("a", (), 0, 5)
    book.cell_at(0).planned += 1
    assert not book.settled(0)
    book.cell.ok += 1
    assert book.settled(0)
    assert book.settled(1)


def closed(lanes: int, **changes: object) -> ClosedPace:
    """The pace of so many users who are there from the start on."""
    shape = Shape(name="steady", parameters={"level": lanes, "duration_s": 10})
    pace = ClosedPace(orders(None, model="closed", shape=shape, **changes))
    pace.tick(0)
    return pace


def begun(pace: ClosedPace, lanes: int, answer_ns: int) -> list[int]:
    """When requests begin where every user's answer takes so long, and nobody oversleeps."""
    at, found = dict.fromkeys(range(lanes), 0), []
    while (now := min(at.values())) < pace.duration_ns:
        lane = min(at, key=at.__getitem__)
        told = pace.take(lane, now)
        if told == NOTHING_DUE:
            break
        at[lane] = -told if told < 0 else now + answer_ns
        found += [] if told < 0 else [now]
    return found


@pytest.mark.parametrize("lanes", [1, 2, 50])
def test_users_together_stay_below_max_rps_and_use_it(lanes: int) -> None:
    """However many there are and however quick the answers: 20 in each second beside what may go at once, 200 in all."""
    pace = closed(lanes, max_rps=20)
    found = begun(pace, lanes, MS)
    assert 199 <= len(found) <= 202
    assert max(sum(start <= at < start + NS_PER_S for at in found) for start in found) <= 22
    assert pace.held >= 190
    assert pace.taken == len(found)


def test_a_process_has_its_share_of_max_rps() -> None:
    """Two processes send what one may, together."""
    shape = Shape(name="steady", parameters={"level": 4, "duration_s": 10})
    whole = orders(model="closed", max_rps=20.0, connections=4, shape=shape)
    total = 0
    for index in range(2):
        pace = ClosedPace(replace(whole, share=Share(index, 2)))
        pace.tick(0)
        total += len(begun(pace, 2, MS))
    assert 198 <= total <= 204


def test_who_waits_for_nobody_is_not_held() -> None:
    """A few users who think are far below the limit: it does nothing and says nothing."""
    pace = closed(2, max_rps=200, think_s=0.5)
    assert 36 <= len(begun(pace, 2, 10 * MS)) <= 40
    assert pace.held == 0


def test_a_step_of_a_scenario_waits_for_its_turn_too() -> None:
    """Every request has a turn of its own, whether it begins an iteration or not."""
    pace = closed(1, max_rps=10)
    turns_at = [pace.turn_at(0) for _ in range(4)]
    assert turns_at == [0, 100 * MS, 200 * MS, 300 * MS]
    assert -pace.take(0, 0) == 400 * MS


def test_a_pace_begins_turns_in_even_distances_and_counts_late_ones() -> None:
    """Every two seconds per user while answers take one, back to back where they take three."""
    pace = closed(1, pacing_s=2)
    assert begun(pace, 1, NS_PER_S) == [second * NS_PER_S for second in (0, 2, 4, 6, 8)]
    assert pace.behind == 0
    slow = closed(1, pacing_s=2)
    assert begun(slow, 1, 3 * NS_PER_S) == [second * NS_PER_S for second in (0, 3, 6, 9)]
    assert slow.behind == 3


def test_thinking_is_drawn_by_the_seed() -> None:
    """Between two bounds, or exponentially: the same for the same seed, and as long as declared on average."""
    for changes in ({"think_s": (0.01, 0.03)}, {"think_mean_s": 0.02}):
        first, again = (begun(closed(1, seed=7, **changes), 1, 1) for _ in range(2))
        assert first == again
        assert len(set(first)) == len(first)
        assert 400 <= len(first) <= 600
    bounded = begun(closed(1, think_s=(0.01, 0.03)), 1, 0)
    gaps = [after - before for before, after in itertools.pairwise(bounded)]
    assert 10 * MS <= min(gaps) < max(gaps) <= 30 * MS


def test_no_scenario_begins_after_the_end() -> None:
    """An arrival that found nobody free until then is unsent; one that the loop is a little late for is not."""
    step = ScriptStep(operation="a", path=(("text", "/"),))
    script = Script(scenarios=(ScriptScenario(name="s", weight=1, steps=(step,)),))
    given = orders(script=script, deadline_s=5)
    assert given.script is not None
    pace = OpenPace(given, scenario_turns(given, given.script))
    for _ in range(18):
        assert pace.take(0, 1999 * MS) != NOTHING_DUE
    assert pace.take(0, 2001 * MS) == NOTHING_DUE
    assert (pace.unsent, given.operations[0].book.totals["unsent"]) == (2, 0)
    assert given.operations[0].book.cell.unsent == 2
    plain = orders(deadline_s=5)
    assert OpenPace(plain, turns(plain)).take(0, 2001 * MS) == 0


def test_answer_that_was_taken_back_was_never_booked() -> None:
    """Its row and its window are as before; a row that has been reported is not touched."""
    book = Book("a", (5 * MS,), 0, 5)
    cell = book.cell_at(0)
    cell.planned = 2
    book_answer(book, cell, 3 * MS, 2 * MS)
    before = (cell.ok, list(cell.late), dict(cell.response), dict(cell.service))
    book_answer(book, cell, 9 * MS, 8 * MS)
    assert take_back(book, cell, 9 * MS, 8 * MS)
    assert (cell.ok, cell.late, cell.response, cell.service) == before
    book.close_second(0)
    assert not take_back(book, cell, 3 * MS, 2 * MS)
    assert cell.ok == 1
