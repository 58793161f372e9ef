"""Each defect that shows where requests meet, or in how long they take, is seen with its switch on, and only then."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

import httpx
import pytest

from hybridcheck.reference.defects import Switches
from hybridcheck.reference.native import work
from hybridcheck.reference.native.build import load_kernels
from hybridcheck.reference.native.plain_kernels import PlainKernels
from hybridcheck.reference.native.services import COMPUTATIONS, Computation, Kernels
from hybridcheck.reference.native.work import Work
from tests.integration.reference.visitor import Observer, Visitor, seen_with_its_switch_only

T = TypeVar("T")
BY_OPERATION = {row.operation: row for row in COMPUTATIONS}
COMPUTE, ECHO = BY_OPERATION["compute"], BY_OPERATION["echo"]
DATASET = {"name": "counted", "values": [1]}


def together(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Run calls at the same time."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def shortest_s(call: Callable[[], object], times: int = 5) -> float:
    """The shortest of several durations: what others do to this machine only makes them longer."""
    durations = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        durations.append(time.perf_counter() - began)
    return min(durations)


def sees_gateway_crosstalk(visitor: Visitor) -> bool:
    """Of two callers' echoes that overlap one carries the other's value."""
    callers = [("alice", "from alice"), ("bob", "from bob")] * 4
    for name, _ in callers[:2]:
        visitor.token(name)

    def echoed(name: str, value: str) -> bool:
        return bool(visitor.post("/analytics/echo", {"value": value}, name).json()["value"] == value)

    return not all(together([lambda n=n, v=v: echoed(n, v) for n, v in callers]))  # type: ignore[misc]


def sees_counter_lost_updates(visitor: Visitor) -> bool:
    """Eight changes at once count for fewer."""
    path = f"/api/datasets/{visitor.dataset()}"
    together([lambda: visitor.ask("PUT", path, json=DATASET).status_code] * 8)
    return bool(visitor.get(path).json()["revision"] < 9)


def sees_counter_deadlock(visitor: Visitor) -> bool:
    """Of reads and changes at once some do not end; one after the other each does."""
    path = f"/api/datasets/{visitor.dataset()}"
    assert visitor.get(path).status_code == visitor.ask("PUT", path, json=DATASET).status_code == 200

    def ends(method: str) -> bool:
        try:
            return visitor.ask(method, path, json=DATASET if method == "PUT" else None, timeout=1.5).status_code == 200
        except httpx.TimeoutException:
            return False

    return not all(together([lambda: ends("GET"), lambda: ends("PUT")] * 2))


def sees_gateway_blocks(visitor: Visitor) -> bool:
    """The list of accounts takes the time of the blocking call, each time."""
    visitor.token("root")
    return shortest_s(lambda: visitor.get("/admin/users", "root"), 3) > 0.3


def sees_gateway_adds_40ms(visitor: Visitor) -> bool:
    """The way to the native service takes 40 ms, each time."""
    visitor.token()
    return shortest_s(lambda: visitor.post("/analytics/echo", {"value": 1})) > 0.04


def sees_twin_in_loop(visitor: Visitor) -> bool:
    """While the twin computes for half a second, the health route is answered only when it has ended."""
    visitor.token()
    began = time.perf_counter()
    with ThreadPoolExecutor(1) as pool:
        computing = pool.submit(visitor.post, "/ref/analytics/compute", {"size": 5_000_000})
        time.sleep(0.1)  # it has begun: what is sent now comes behind it
        visitor.get("/health", None)
        waited_s = time.perf_counter() - began
        computing.result()
    return waited_s > 0.8 * (time.perf_counter() - began)


def test_seen_on_and_not_off(observer: Observer, healthy: Visitor) -> None:
    """The wrong behaviour shows with the switch on, and not on the healthy system."""
    seen_with_its_switch_only(observer, healthy)


class Watched(PlainKernels):
    """Kernels that note who calls them, and wait for each other where a meeting is arranged."""

    def __init__(self, meeting: threading.Barrier | None = None) -> None:
        self.meeting = meeting
        self.threads: set[int] = set()

    def congruential_sum(self, count: int, seed: int) -> int:
        """As without watching."""
        self.threads.add(threading.get_ident())
        if self.meeting is not None:
            self.meeting.wait()
        return super().congruential_sum(count, seed)


def done(kernels: Watched, *sizes: int, switch: str = "") -> list[Any]:
    """The results of computations at once; an error stands for itself."""

    async def all_at_once() -> list[Any]:
        worker = Work(cast(Kernels, kernels), Switches([switch] if switch else []))
        calls = (worker.result(COMPUTE, {"size": size}) for size in sizes)
        return list(await asyncio.gather(*calls, return_exceptions=True))

    return asyncio.run(all_at_once())


def test_computations_at_once_have_their_own_input_unless_they_share_a_buffer() -> None:
    """With `native-shared-scratch` all compute what came last."""
    assert [result["size"] for result in done(Watched(), 3, 5, 7)] == [3, 5, 7]
    assert [result["size"] for result in done(Watched(), 3, 5, 7, switch="native-shared-scratch")] == [7, 7, 7]


def test_a_long_computation_leaves_the_event_loop_unless_it_holds_it() -> None:
    """With `native-holds-loop` it runs in the loop's own thread."""
    own = threading.get_ident()
    for switch, held in (("", False), ("native-holds-loop", True)):
        kernels = Watched()
        done(kernels, 3, switch=switch)
        assert (own in kernels.threads) is held


def test_computations_run_beside_each_other_unless_a_lock_keeps_them_apart() -> None:
    """Two that wait for each other meet; with `native-one-at-a-time` they never do."""
    assert [result["size"] for result in done(Watched(threading.Barrier(2, timeout=20)), 3, 5)] == [3, 5]
    apart = done(Watched(threading.Barrier(2, timeout=0.2)), 3, 5, switch="native-one-at-a-time")
    assert all(isinstance(result, threading.BrokenBarrierError) for result in apart)


def test_the_slow_computation_does_the_twin_s_work_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """With `native-compute-slow` CPython computes three times the size before; the result is right."""
    sizes: list[int] = []

    def noted(kernels: PlainKernels, count: int, seed: int) -> int:
        sizes.append(count)
        return 0

    monkeypatch.setattr(PlainKernels, "congruential_sum", noted)
    for switch, wanted in (("", [10]), ("native-compute-slow", [30, 10])):
        sizes.clear()
        assert done(Watched(), 10, switch=switch)[0]["size"] == 10
        assert sizes == wanted


@pytest.mark.parametrize(("switch", "wanted"), [("", []), ("native-compiles-per-shape", [work.WARM_UP_S] * 2)])
def test_the_first_list_of_a_shape_is_compiled_for(
    switch: str, wanted: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `native-compiles-per-shape` each new shape of a list waits once; scalars and other rows never."""
    waited = slept(monkeypatch)

    async def echo() -> None:
        worker = Work(cast(Kernels, PlainKernels()), Switches([switch] if switch else []))
        rows: list[tuple[Computation, Any]] = [(ECHO, [1, "a"]), (ECHO, [2, "b"]), (ECHO, ["c", 3]), (ECHO, 5)]
        for row, value in [*rows, (COMPUTE, [1])]:
            await worker.warm_up(row, {"value": value})  # the types of its values are its shape

    asyncio.run(echo())
    assert waited == wanted


def test_each_computation_takes_longer_than_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """With `native-slows-down`: a tenth of a millisecond more each time."""
    waited = slept(monkeypatch)

    async def three(switches: Switches) -> None:
        worker = Work(cast(Kernels, PlainKernels()), switches)
        for _ in range(3):
            await worker.slow_down()

    asyncio.run(three(Switches()))
    assert waited == []
    asyncio.run(three(Switches(["native-slows-down"])))
    assert waited == pytest.approx([0.0001, 0.0002, 0.0003])


def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the module sleeps from now on, without the sleep."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return waited


@pytest.mark.parametrize("seed", [0, 1, 2**31 - 1])
def test_both_runtimes_compute_the_same_sum(seed: int) -> None:
    """What was built gives what CPython gives, so that equal work is timed."""
    built, _ = load_kernels(emulation=False)
    assert built.congruential_sum(1000, seed) == PlainKernels().congruential_sum(1000, seed)
