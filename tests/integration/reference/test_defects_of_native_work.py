"""Each defect of how the native service computes beside other things is seen on a system that has it, and only there."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from hybridcheck.reference.native import work
from tests.integration.reference.test_defects_of_concurrency import shortest_s
from tests.integration.reference.test_defects_of_concurrency import together as at_once
from tests.integration.reference.visitor import Observer, Visitor, seen_beside_others

TOGETHER = (
    "native-holds-loop native-compiles-per-shape native-slows-down",
    "native-compute-slow native-shared-scratch",
)
"""One running system for each line, with all its switches on: they do not hide each other."""


def sees_native_shared_scratch(visitor: Visitor) -> bool:
    """Of computations at once some have the result of another."""
    visitor.token()

    def computed(size: int) -> int:
        return int(visitor.post("/analytics/compute", {"size": size}).json()["size"])

    sizes = list(range(1, 9))
    return at_once([lambda n=size: computed(n) for size in sizes]) != sizes  # type: ignore[misc]


def longest_share(visitor: Visitor) -> float:
    """Of the time of a computation, the share that the native service's slowest light answer took meanwhile."""
    headers = {"X-Gateway-Key": visitor.system.gateway_key}
    url = f"{visitor.system.native_url}/health"
    longest_s = 0.0
    began = time.perf_counter()
    with ThreadPoolExecutor(1) as pool:
        computing = pool.submit(visitor.post, "/analytics/compute", {"size": 100_000_000})
        while not computing.done():
            longest_s = max(longest_s, visitor.http.get(url, headers=headers).elapsed.total_seconds())
        assert computing.result().status_code == 200
    return longest_s / (time.perf_counter() - began)


def sees_native_holds_loop(visitor: Visitor) -> bool:
    """While the native service computes, its light answers stay away."""
    visitor.token()
    return longest_share(visitor) > 0.5


def sees_native_compute_slow(visitor: Visitor) -> bool:
    """The native computation takes at least twice as long as its twin, each time."""
    visitor.token()
    native_s, twin_s = (
        shortest_s(lambda path=path: visitor.post(path, {"size": 300_000}), 3)  # type: ignore[misc]
        for path in ("/analytics/compute", "/ref/analytics/compute")
    )
    return native_s > 2 * twin_s


def sees_native_compiles_per_shape(visitor: Visitor) -> bool:
    """The first list of each of two shapes takes 300 ms, the second does not."""
    visitor.token()
    shapes: list[list[object]] = [[1], ["a"]]
    first_s, second_s = (
        [shortest_s(lambda value=shape: visitor.post("/analytics/echo", {"value": value}), 1) for shape in shapes]  # type: ignore[misc]
        for _ in range(2)
    )
    return min(first_s) >= work.WARM_UP_S > min(second_s)


def sees_native_slows_down(visitor: Visitor) -> bool:
    """After sixty computations each takes the time of sixty steps."""
    for _ in range(60):
        visitor.post("/analytics/echo", {"value": 1})
    return shortest_s(lambda: visitor.post("/analytics/echo", {"value": 1})) > 60 * work.SLOWER_EACH_S


def test_seen_on_and_not_off(observer: Observer, healthy: Visitor, together: Callable[[str], Visitor]) -> None:
    """The wrong behaviour shows on the system with its switch, and not on the healthy one."""
    seen_beside_others(observer, healthy, together)
