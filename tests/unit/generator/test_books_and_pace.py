"""The generator's books and paces, without gevent: what balances, and when something is due."""

import json
from typing import Any

import pytest

from hybridcheck.errors import ToolError
from hybridcheck.generator.orders import Orders, read_orders
from hybridcheck.generator.pace import NEVER, NOTHING_DUE, ClosedPace, OpenPace, turns
from hybridcheck.generator.recording import NS_PER_S, Book
from hybridcheck.generator.report_pipe import encoded
from hybridcheck.load.plan import LoadPlan, Operation, Shape
from hybridcheck.load.reports import OperationSecond, OperationTimes

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
