"""Each defect that shows where requests meet, or in how long they take, is seen with its switch on, and only then."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import httpx
import pytest

from hybridcheck.reference.defects import Switches
from hybridcheck.reference.native import work
from hybridcheck.reference.native.build import load_kernels
from hybridcheck.reference.native.plain_kernels import PlainKernels
from hybridcheck.reference.native.services import COMPUTATIONS, Computation, Kernels
from hybridcheck.reference.native.work import Work
from tests.integration.reference.visitor import Observer, Visitor, lasts, seen_with_its_switch_only

BY_OPERATION = {row.operation: row for row in COMPUTATIONS}
IN_FLIGHT = "http_requests_in_flight"
COMPUTE, ECHO = BY_OPERATION["compute"], BY_OPERATION["echo"]
DATASET = {"name": "counted", "values": [1]}


ROUNDS = 5
"""Requests that are sent at once may be kept apart on their way: what shows only where they meet is looked for again."""


def sees_gateway_crosstalk(visitor: Visitor) -> bool:
    """Of two callers' echoes that overlap one carries the other's value."""
    asked = [("POST", "/analytics/echo", {"value": f"from {who}"}, who) for who in ("alice", "bob") * 4]

    def muddled() -> bool:
        return [answer["value"] for _, answer in visitor.at_once(*asked)] != [sent["value"] for _, _, sent, _ in asked]

    return any(muddled() for _ in range(ROUNDS))


def sees_counter_lost_updates(visitor: Visitor) -> bool:
    """Eight changes at once count for fewer."""

    def lost() -> bool:
        path = f"/api/datasets/{visitor.dataset()}"
        visitor.at_once(*[("PUT", path, DATASET)] * 8)
        return bool(visitor.get(path).json()["revision"] < 9)

    return any(lost() for _ in range(ROUNDS))


def sees_counter_deadlock(visitor: Visitor) -> bool:
    """Reads and changes at once block each other until the gateway gives them up; one after the other each ends well."""
    path = f"/api/datasets/{visitor.dataset()}"
    assert visitor.get(path).status_code == visitor.ask("PUT", path, json=DATASET).status_code == 200
    asked = [("GET", path), ("PUT", path, DATASET)] * 2
    return any(503 in {status for status, _ in visitor.at_once(*asked)} for _ in range(ROUNDS))


def sees_gateway_blocks(visitor: Visitor) -> bool:
    """The list of accounts takes the time of the blocking call, each time."""
    visitor.token("root")
    return lasts(lambda: visitor.get("/admin/users", "root"), 0.3)


def sees_gateway_adds_40ms(visitor: Visitor) -> bool:
    """The way to the native service takes 40 ms, each time."""
    visitor.token()
    return lasts(lambda: visitor.post("/analytics/echo", {"value": 1}), 0.04, 30)


def sees_twin_in_loop(visitor: Visitor) -> bool:
    """While the twin computes, the gateway answers nobody."""
    visitor.token()
    return held_up(
        lambda: visitor.post("/ref/analytics/compute", {"size": 5_000_000}), lambda: visitor.metric(IN_FLIGHT)
    )


def held_up(compute: Callable[[], httpx.Response], in_flight: Callable[[], float | None]) -> bool:
    """Whether a service answers nothing while it computes, as it says itself: in two computations its gauge of requests
    never shows a few times that one is under way beside the one for the gauge.
    """

    def seen_at_work() -> int:
        with ThreadPoolExecutor(1) as pool:
            computing = pool.submit(compute)
            seen = 0
            while not computing.done():
                seen += (in_flight() or 0) >= 2
            assert computing.result().status_code == 200
            return seen

    return all(seen_at_work() < 3 for _ in range(2))  # once it may be seen before it begins


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
