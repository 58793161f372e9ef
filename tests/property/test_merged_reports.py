"""However arrivals are dealt out to generators, their merged reports are those of one generator that did everything."""

import random

from hypothesis import given
from hypothesis import strategies as st

from hybridcheck.load.merging import Merger
from hybridcheck.load.reports import ChildReport, EndMarker, FailureKind, OperationSecond, OperationTimes
from hybridcheck.statistics.histogram import Histogram

LIMIT_NS = "200000000"
Answer = tuple[int, int | None]
"""Second, and response time in ns; None for a failure."""


def reports_of(answers: list[Answer]) -> list[ChildReport]:
    """What one generator says about its answers of three seconds."""
    made: list[ChildReport] = []
    for second in range(3):
        mine = [time_ns for at, time_ns in answers if at == second]
        good = [time_ns for time_ns in mine if time_ns is not None]
        made.append(
            OperationSecond(
                second=second,
                operation="a",
                warmup=second == 0,
                planned=len(mine),
                ok=len(good),
                late={LIMIT_NS: sum(time_ns > int(LIMIT_NS) for time_ns in good)},
                failed={FailureKind.STATUS: len(mine) - len(good)} if len(mine) > len(good) else {},
                unsent=0,
                cut=0,
                bytes_received=7 * len(good),
            )
        )
        histogram = Histogram()
        for time_ns in good:
            histogram.record(time_ns)
        times = {"from_second": second, "until_second": second + 1, "operation": "a", "warmup": second == 0}
        pairs = tuple(histogram.to_pairs())
        made.append(OperationTimes.model_validate({**times, "response": pairs, "service": pairs}))
    failed = sum(time_ns is None for _, time_ns in answers)
    totals = {"planned": len(answers), "ok": len(answers) - failed, "unsent": 0, "cut": 0}
    end = {"cause": "completed", "lines": len(made), "seconds": 3, "connections_opened": 1, "cpu_s": 0.5, "wall_s": 3.0}
    failures = {FailureKind.STATUS: failed} if failed else {}
    made.append(EndMarker.model_validate({**end, **totals, "failed": failures}))
    return made


@given(
    st.lists(st.tuples(st.integers(0, 2), st.none() | st.integers(1, 60_000_000_000)), max_size=60),
    st.integers(1, 5),
    st.integers(0, 2**16),
)
def test_merging_is_exact(answers: list[Answer], generators: int, seed: int) -> None:
    """Bit for bit, in whatever order the generators' reports come, whoever is ahead."""
    names = [str(index) for index in range(generators)]
    merger = Merger(names)
    queues = {name: reports_of(answers[index::generators]) for index, name in enumerate(names)}
    source, merged = random.Random(seed), []
    while any(queues.values()):
        name = source.choice([name for name in names if queues[name]])
        merged += list(merger.take(name, queues[name].pop(0)))
    merged += list(merger.rest())
    alone = reports_of(answers)
    assert sorted(map(repr, merged[:-1])) == sorted(map(repr, alone[:-1]))
    last, single = merged[-1], alone[-1]
    assert isinstance(last, EndMarker)
    assert isinstance(single, EndMarker)
    assert (last.planned, last.ok, last.failed, last.seconds) == (single.planned, single.ok, single.failed, 3)
    assert last.lines == generators * single.lines
