"""Records of a load phase, made second by second, for judges and the watch."""

from collections.abc import Sequence

from hybridcheck.evidence import GeneratorSecond, LoadEnd, LoadHistogram, LoadSecond, Record
from hybridcheck.statistics.histogram import bucket_of

MS = 1_000_000


def rows(
    second: int, planned: int, *, late: dict[str, int] | None = None, operation: str = "GET /x", **outcomes: int
) -> LoadSecond:
    """One row: `failed`, `unsent` and `cut` of the planned ones; the rest is ok."""
    failed = outcomes.get("failed", 0)
    ok = planned - failed - outcomes.get("unsent", 0) - outcomes.get("cut", 0)
    return LoadSecond(
        second=second,
        operation=operation,
        planned=planned,
        ok=ok,
        failed={"status": failed} if failed else {},
        late=late or {},
        unsent=outcomes.get("unsent", 0),
        cut=outcomes.get("cut", 0),
    )


def phase(
    seconds: Sequence[LoadSecond],
    *,
    cause: str = "completed",
    detail: str = "",
    lag_ms: float = 0.1,
    proves_until: int | None = None,
) -> tuple[Record, ...]:
    """A whole stream: the rows, a generator at ease in each second, its lag, and the end that they add up to."""
    numbers = sorted({row.second for row in seconds})
    health = [GeneratorSecond(second=n, cpu_ratio=0.1, runqueue_ratio=0.0, offered=1, sent=1) for n in numbers]
    lag = LoadHistogram(operation="*", measure="own_lag", pairs=((bucket_of(round(lag_ms * MS)), 10),))
    end = LoadEnd(
        cause=cause,
        seconds=len(numbers),
        planned=sum(row.planned for row in seconds),
        ok=sum(row.ok for row in seconds),
        failed=sum(sum(row.failed.values()) for row in seconds),
        unsent=sum(row.unsent for row in seconds),
        cut=sum(row.cut for row in seconds),
        detail=detail,
        proves_until=proves_until,
    )
    return (*seconds, *health, lag, end)


def times(second: int, count: int, value_ms: float, operation: str = "GET /x") -> LoadHistogram:
    """So many answers of one second that took that long."""
    pairs = ((bucket_of(round(value_ms * MS)), count),)
    return LoadHistogram(
        operation=operation, measure="response", pairs=pairs, from_second=second, until_second=second + 1
    )
