"""Each defect of how the native service computes beside other things is seen on a system that has it, and only there."""

from collections.abc import Callable

from hybridcheck.reference.native import work
from tests.integration.reference.test_defects_of_concurrency import IN_FLIGHT, ROUNDS, held_up
from tests.integration.reference.visitor import Observer, Visitor, lasts, seen_beside_others

TOGETHER = (
    "native-holds-loop native-compiles-per-shape native-slows-down",
    "native-compute-slow native-shared-scratch",
)
"""One running system for each line, with all its switches on: they do not hide each other."""


def sees_native_shared_scratch(visitor: Visitor) -> bool:
    """Of computations at once some have the result of another."""
    sizes = list(range(1, 9))
    asked = [("POST", "/analytics/compute", {"size": size}) for size in sizes]
    return any([answer["size"] for _, answer in visitor.at_once(*asked)] != sizes for _ in range(ROUNDS))


def sees_native_holds_loop(visitor: Visitor) -> bool:
    """While the native service computes, it answers nobody."""
    visitor.token()
    compute = {"size": 100_000_000}
    return held_up(lambda: visitor.post("/analytics/compute", compute), lambda: visitor.native_metric(IN_FLIGHT))


def sees_native_compute_slow(visitor: Visitor) -> bool:
    """The native computation takes at least twice the processor time of its twin."""

    def used_s(path: str, metric: Callable[[str], float | None]) -> float:
        before_s = metric("process_cpu_seconds_total") or 0
        for _ in range(3):
            assert visitor.post(path, {"size": 1_000_000}).status_code == 200
        return (metric("process_cpu_seconds_total") or 0) - before_s

    native_s = used_s("/analytics/compute", visitor.native_metric)
    return native_s > 2 * used_s("/ref/analytics/compute", visitor.metric)


def sees_native_compiles_per_shape(visitor: Visitor) -> bool:
    """The first list of each of two shapes takes 300 ms, the second does not."""
    visitor.token()

    def waits(shape: list[object], times: int = 1) -> bool:
        return lasts(lambda: visitor.post("/analytics/echo", {"value": shape}), work.WARM_UP_S, times)

    shapes: list[list[object]] = [[1], ["a"]]
    return [waits(shape) for shape in shapes] == [True, True] and not any(waits(shape, 5) for shape in shapes)


def sees_native_slows_down(visitor: Visitor) -> bool:
    """After three hundred computations each takes the time of three hundred steps."""
    echo = ("POST", "/analytics/echo", {"value": 1})
    for _ in range(15):
        visitor.at_once(*[echo] * 20)
    return lasts(lambda: visitor.post("/analytics/echo", {"value": 1}), 300 * work.SLOWER_EACH_S, 30)


def test_seen_on_and_not_off(observer: Observer, healthy: Visitor, together: Callable[[str], Visitor]) -> None:
    """The wrong behaviour shows on the system with its switch, and not on the healthy one."""
    seen_beside_others(observer, healthy, together)
