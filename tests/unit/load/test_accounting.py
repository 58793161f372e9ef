"""The parent's check of the child's books."""

from hybridcheck.load.accounting import Books, merged_times
from hybridcheck.load.reports import EndMarker, FailureKind, OperationSecond, OperationTimes


def row(second: int, operation: str = "a", **changes: object) -> OperationSecond:
    """A row with 3 ok answers and one timeout."""
    fields: dict[str, object] = {"second": second, "operation": operation, "warmup": False, "planned": 4, "ok": 3}
    fields |= {"late": {}, "failed": {FailureKind.TIMEOUT: 1}, "unsent": 0, "cut": 0, "bytes_received": 10}
    return OperationSecond.model_validate(fields | changes)


def end(**changes: object) -> EndMarker:
    """The end marker of two such rows."""
    fields: dict[str, object] = {"cause": "completed", "lines": 2, "seconds": 2, "planned": 8, "ok": 6}
    fields |= {"failed": {"timeout": 2}, "unsent": 0, "cut": 0, "connections_opened": 1, "cpu_s": 0.1, "wall_s": 2.0}
    return EndMarker.model_validate(fields | changes)


def books(*rows: OperationSecond, operations: tuple[str, ...] = ("a",)) -> Books:
    """Books with rows in them."""
    kept = Books(operations)
    for each in rows:
        kept.add(each)
    return kept


def test_books_that_agree_have_no_faults() -> None:
    """Sums, lines and seconds agree: nothing to say."""
    kept = books(row(0), row(1))
    assert kept.faults_against(end(), 2) == ()
    assert kept.missing_seconds(2) == ()


def test_each_disagreement_is_a_fault() -> None:
    """A lost line, a wrong sum, another kind of failure, a row twice, a row that does not balance."""
    kept = books(row(0), row(1))
    assert kept.faults_against(end(lines=3), 2)
    assert kept.faults_against(end(ok=7), 2)
    assert kept.faults_against(end(failed={"reset": 2}), 2)
    assert books(row(0), row(0)).faults_against(end(), 2)
    assert books(row(0), row(1, planned=5)).faults_against(end(planned=9), 2)


def test_a_lane_that_died_is_a_fault_though_the_books_balance() -> None:
    """From then on less was sent than planned; who lost none has no fault."""
    kept = books(row(0), row(1))
    (fault,) = kept.faults_against(end(lost_lanes={"KeyError: 'x'": 3}), 2)
    assert fault == "hybridcheck is at fault: 3 of the generator's connections came to an end by KeyError: 'x'"
    assert kept.faults_against(end(lost_lanes={}), 2) == ()


def test_missing_seconds_are_named_for_every_operation() -> None:
    """A second is there only when all operations have their row of it."""
    kept = books(row(0), row(0, "b"), row(1), row(3), row(3, "b"), operations=("a", "b"))
    assert kept.missing_seconds(4) == (1, 2)


def test_windows_merge_exactly_and_without_the_warm_up() -> None:
    """The sum of the windows of the judged part, and of nothing else."""

    def window(start: int, pairs: tuple[tuple[int, int], ...], *, warmup: bool = False) -> OperationTimes:
        return OperationTimes(
            from_second=start, until_second=start + 5, operation="a", warmup=warmup, response=pairs, service=pairs
        )

    windows = [window(0, ((1, 1),), warmup=True), window(5, ((2, 3), (9, 1))), window(10, ((2, 4),))]
    response, service = merged_times(windows)["a"]
    assert response.to_pairs() == service.to_pairs() == [(2, 7), (9, 1)]
    assert merged_times(windows, warmup=True)["a"][0].to_pairs() == [(1, 1)]
