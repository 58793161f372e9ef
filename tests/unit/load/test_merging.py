"""What the parent makes of several generators' reports when not all of them say everything."""

import pytest

from hybridcheck.load.fleet import one_end
from hybridcheck.load.merging import Merger
from hybridcheck.load.reports import ChildEnd, EndCause, EndMarker, GeneratorSecond, OperationSecond, OutOfRows
from hybridcheck.statistics.histogram import Histogram, bucket_of


def row(second: int, planned: int) -> OperationSecond:
    """A row of ok answers."""
    fields = {"second": second, "operation": "a", "warmup": False, "planned": planned, "ok": planned, "late": {"5": 1}}
    return OperationSecond.model_validate({**fields, "failed": {}, "unsent": 0, "cut": 0, "bytes_received": 10})


def health(cpu_ratio: float, rss_bytes: int | None) -> GeneratorSecond:
    """A second of a process."""
    counts = dict.fromkeys(("offered", "sent", "in_flight", "backlog", "connections_opened", "gc_collections"), 10)
    fields = {"second": 0, "warmup": False, "wall_ns": 10**9, "cpu_ratio": cpu_ratio, "runqueue_ratio": 0.1}
    lags = {"own_lag": ((100, 9),), "pool_lag": ((200, 1),)}
    rest = {"loop_lag_max_ns": 7, "rss_bytes": rss_bytes}
    return GeneratorSecond.model_validate({**fields, **counts, **lags, **rest})


def test_a_second_goes_out_when_all_have_told_it_and_the_rest_in_the_end() -> None:
    """Nothing is waited for by others' later seconds; what one process owes goes out without it, without an end marker."""
    merger = Merger(("0", "1"))
    assert list(merger.take("0", row(0, 3))) == []
    assert list(merger.take("0", row(1, 3))) == []
    (whole,) = merger.take("1", row(0, 2))
    assert isinstance(whole, OperationSecond)
    assert (whole.second, whole.planned, whole.ok, whole.late, whole.bytes_received) == (0, 5, 5, {"5": 2}, 20)
    (left,) = merger.rest()
    assert isinstance(left, OperationSecond)
    assert (left.second, left.planned) == (1, 3)


def test_health_is_the_sum_of_counts_and_the_worst_of_shares() -> None:
    """CPU of the busiest, memory of all or not known; each process is named."""
    merger = Merger(("0", "1"))
    list(merger.take("1", health(0.95, None)))
    (both,) = merger.take("0", health(0.2, 1000))
    assert isinstance(both, GeneratorSecond)
    assert (both.cpu_ratio, both.sent, both.pool_waits, both.rss_bytes) == (0.95, 20, 2, None)
    assert both.own_lag == ((100, 18),)
    assert [(process.name, process.cpu_ratio) for process in both.processes] == [("0", 0.2), ("1", 0.95)]


@pytest.mark.parametrize("late", ["0", "1"])
@pytest.mark.parametrize("order", [("0", "1"), ("1", "0")])
def test_lateness_is_that_of_all_processes_whoever_is_late_or_tells_first(late: str, order: tuple[str, str]) -> None:
    """One is late by 0.05 ms, the other by 800 ms: the merged second is as late as the worst of both, each as it is itself."""
    lags = {name: ((bucket_of(800_000_000 if name == late else 50_000), 100),) for name in order}
    parts = {name: health(0.2, 1000).model_copy(update={"own_lag": pairs}) for name, pairs in lags.items()}
    p99 = {name: Histogram.from_pairs(pairs).quantile(0.99) for name, pairs in lags.items()}
    merger = Merger(("0", "1"))
    (both,) = [out for name in order for out in merger.take(name, parts[name])]
    assert isinstance(both, GeneratorSecond)
    assert both.own_lag_p99_ns == p99[late]
    assert {process.name: process.own_lag_p99_ns for process in both.processes} == p99


def test_two_that_are_in_time_are_so_together() -> None:
    """Both begin what is due within 0.05 ms: nothing later than that is told of them."""
    merger = Merger(("0", "1"))
    well = health(0.2, 1000).model_copy(update={"own_lag": ((bucket_of(50_000), 100),)})
    (both,) = [out for name in ("0", "1") for out in merger.take(name, well)]
    assert isinstance(both, GeneratorSecond)
    assert both.own_lag_p99_ns == well.own_lag_p99_ns


def test_a_second_of_health_that_one_process_slept_through_stays_missing() -> None:
    """It cannot say that it was fit; one that had ended by then owes nothing."""
    merger = Merger(("0", "1"))
    well = health(0.2, 1000)
    for name, seconds in (("0", (0, 1, 2, 3)), ("1", (0, 2))):
        for second in seconds:
            list(merger.take(name, well.model_copy(update={"second": second})))
    assert [left.second for left in merger.rest() if isinstance(left, GeneratorSecond)] == [3]


def marker(seconds: int) -> EndMarker:
    """The last line of a process."""
    counts = dict.fromkeys(("lines", "planned", "ok", "unsent", "cut", "connections_opened"), 0)
    fields = {"cause": "completed", "seconds": seconds, "failed": {}, "cpu_s": 0.1, "wall_s": 1.0}
    return EndMarker.model_validate({**fields, **counts})


def test_who_has_ended_is_not_waited_for() -> None:
    """What the others wait with goes out with its end marker, and what they tell later at once: the watch sees it in time."""
    merger = Merger(("0", "1"))
    told = [row(0, 3), row(1, 3)]
    assert [out for one in told for out in merger.take("0", one)] == []
    assert list(merger.take("1", OutOfRows(second=0, feeder="f"))) == [OutOfRows(second=0, feeder="f")]
    assert list(merger.take("1", row(0, 2)))
    assert list(merger.take("1", marker(1))) == [row(1, 3)]
    assert list(merger.take("0", row(2, 3))) == [row(2, 3)]


def test_what_an_ended_process_slept_through_stays_missing_too() -> None:
    """Health of the others alone cannot stand for it, whoever tells it first."""
    well, merger = health(0.2, 1000), Merger(("0", "1"))
    for second in (0, 2):
        list(merger.take("1", well.model_copy(update={"second": second})))
    list(merger.take("1", marker(3)))
    out = [one for second in range(4) for one in merger.take("0", well.model_copy(update={"second": second}))]
    assert [one.second for one in out if isinstance(one, GeneratorSecond)] == [0, 2, 3]


def ending(cause: EndCause, **fields: object) -> ChildEnd:
    """How one process ended."""
    return ChildEnd.model_validate({"cause": cause, "exit_code": 0, **fields})


def test_the_end_of_all() -> None:
    """One that is lost decides over those that were stopped for it; all must complete; a wish to stop is no loss."""
    done, stopped = ending(EndCause.COMPLETED), ending(EndCause.ABORTED)
    dead = ending(EndCause.KILLED, missing_seconds=(2, 3), detail="2 of 4 seconds are missing", exit_code=-9)
    assert one_end({"a": done, "b": done}, asked=False).cause is EndCause.COMPLETED
    lost = one_end({"a": stopped, "b": dead}, asked=False)
    assert (lost.cause, lost.missing_seconds, lost.exit_code) == (EndCause.WORKER_LOST, (2, 3), -9)
    assert lost.detail == "b: killed: 2 of 4 seconds are missing"
    assert one_end({"a": done, "b": stopped}, asked=True).cause is EndCause.ABORTED
    assert one_end({"a": done, "b": ending(EndCause.INTERRUPTED)}, asked=False).cause is EndCause.INTERRUPTED
    assert one_end({"a": ending(EndCause.START_FAILED)}, asked=False).cause is EndCause.START_FAILED
    assert one_end({"a": done, "b": ending(EndCause.INCOMPLETE)}, asked=True).cause is EndCause.WORKER_LOST
