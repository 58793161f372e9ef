"""Each defect of what crosses the boundary beside the question is seen on a system that has it, not on the healthy."""

import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import httpx

from hybridcheck.reference.gateway.context import BLOCKING_S, CAPACITY
from tests.integration.reference.visitor import Observer, Visitor, seen_beside_others

TOGETHER = (
    (
        "tenant-shared native-any-key deadline-not-passed key-ignored retry-storm overload-500 bulkhead-missing"
        " fallback-unmarked fallback-differs schema-skew builds-mixed cancellation-ignored"
    ),
    "native-open deadline-ignored key-reused-silently overload-queues native-500-passed-on",
)
"""One running system for each line, with all its switches on: they do not hide each other."""

DEADLINE = "X-Request-Timeout-Ms"


def carried(visitor: Visitor, who: str = "alice", **headers: str) -> dict[str, str]:
    """The headers that the native service gets with a request."""
    found: dict[str, str] = visitor.get("/context/headers", who, headers=headers).json()["headers"]
    return found


def doing(visitor: Visitor, what: str) -> int:
    """A count of what the native service is doing."""
    return int(visitor.get("/context/doings").json()[what])


def slow(visitor: Visitor, ms: int, **options: Any) -> httpx.Response:
    """The answer to a call that takes so long."""
    return visitor.post("/context/slow", {"ms": ms}, **options)


def comes(condition: Callable[[], bool], within_s: float) -> bool:
    """Whether a condition comes true in some time."""
    until = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def idle(visitor: Visitor, within_s: float = 5) -> bool:
    """Whether slow calls of earlier requests have ended, or end in some time."""
    return comes(lambda: doing(visitor, "in_flight") == 0, within_s)


@contextmanager
def under_way(visitor: Visitor, calls: int, ms: int) -> Iterator[list[Future[httpx.Response]]]:
    """Slow calls that have reached the native service; left when all have ended."""
    assert idle(visitor)
    with ThreadPoolExecutor(calls) as pool:
        running = [pool.submit(slow, visitor, ms) for _ in range(calls)]
        assert comes(lambda: doing(visitor, "in_flight") == calls, 5)
        yield running


def sees_tenant_shared(visitor: Visitor) -> bool:
    """Of overlapping requests of two tenants one carries the other's."""
    callers = [("alice", "t1"), ("bob", "t2")] * 4
    for who, _ in callers[:2]:
        visitor.token(who)
    with ThreadPoolExecutor(len(callers)) as pool:
        told = pool.map(lambda caller: carried(visitor, caller[0])["x-tenant-id"], callers)
        return list(told) != [tenant for _, tenant in callers]


def native_status(visitor: Visitor, **headers: str) -> int:
    """The status of the native service's own answer."""
    return visitor.http.get(f"{visitor.system.native_url}/monitoring/status", headers=headers).status_code


def sees_native_open(visitor: Visitor) -> bool:
    """Without a key there is an answer."""
    return native_status(visitor) == 200


def sees_native_any_key(visitor: Visitor) -> bool:
    """With a wrong key there is an answer, without one there is none."""
    return [native_status(visitor), native_status(visitor, **{"X-Gateway-Key": "wrong"})] == [401, 200]


def sees_deadline_ignored(visitor: Visitor) -> bool:
    """A caller that gives 50 ms gets an answer that takes 300."""
    return slow(visitor, 300, headers={DEADLINE: "50"}).status_code == 200


def sees_deadline_not_passed(visitor: Visitor) -> bool:
    """Of a caller's second the native service is told five."""
    return int(carried(visitor, **{DEADLINE: "1000"})["x-request-timeout-ms"]) == 5000


def ordered(visitor: Visitor, *amounts: int) -> list[tuple[int, str | None]]:
    """Status and id of orders with one Idempotency-Key; they are taken back."""
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    answers = [visitor.post("/context/orders", {"amount": amount}, headers=headers) for amount in amounts]
    found = [(answer.status_code, answer.json().get("id")) for answer in answers]
    for made in {name for _, name in found if name}:
        assert visitor.ask("DELETE", f"/context/orders/{made}").status_code == 204
    return found


def sees_key_ignored(visitor: Visitor) -> bool:
    """The same request with the same key makes another order."""
    first, second = ordered(visitor, 5, 5)
    return first[0] == second[0] == 201 and first[1] != second[1]


def sees_key_reused_silently(visitor: Visitor) -> bool:
    """Another request with the same key gets the first one's order."""
    first, second = ordered(visitor, 5, 6)
    return first[0] == second[0] == 201 and first[1] == second[1]


def sees_retry_storm(visitor: Visitor) -> bool:
    """One request fails four times."""
    before = doing(visitor, "failures")
    visitor.post("/context/fail", {"kind": "error"})
    return doing(visitor, "failures") - before == 4


def sees_overload_queues(visitor: Visitor) -> bool:
    """A call that takes no time is answered only when the one before has ended.

    The native service tells, not the thread that waits for the answer: that may be handed it later than this one its own.
    """
    with under_way(visitor, 1, 1000):
        assert slow(visitor, 0).status_code == 200
        return doing(visitor, "in_flight") == 0


def sees_overload_500(visitor: Visitor) -> bool:
    """One call more than there is room for is a server error."""
    with under_way(visitor, CAPACITY, 400):
        return slow(visitor, 0).status_code == 500


def sees_bulkhead_missing(visitor: Visitor) -> bool:
    """A call for which there is no room takes the time for which it holds up all others, each time."""
    with under_way(visitor, CAPACITY, 400):
        answers = [slow(visitor, 0) for _ in range(4)]
    assert min(answer.status_code for answer in answers) >= 500
    return min(answer.elapsed.total_seconds() for answer in answers) >= BLOCKING_S


def stood_in(visitor: Visitor) -> dict[str, Any]:
    """The sum of 1, 2 and 4 where the native service has no time to compute it."""
    found: dict[str, Any] = visitor.post("/context/total", {"values": [1, 2, 4]}, headers={DEADLINE: "0"}).json()
    return found


def sees_fallback_unmarked(visitor: Visitor) -> bool:
    """What CPython computed says that it is not degraded."""
    return stood_in(visitor)["degraded"] is False


def sees_fallback_differs(visitor: Visitor) -> bool:
    """The first number is missing."""
    assert visitor.post("/context/total", {"values": [1, 2, 4]}).json() == {"total": 7, "degraded": False}
    return bool(stood_in(visitor)["total"] == 6)


def sees_native_500_passed_on(visitor: Visitor) -> bool:
    """The native service's 500 is the gateway's."""
    return visitor.post("/context/fail", {"kind": "error"}).status_code == 500


def sees_schema_skew(visitor: Visitor) -> bool:
    """A total is a number for the gateway, and a text for the native service."""
    headers = {"X-Gateway-Key": visitor.system.gateway_key}
    answers = [visitor.http.get(f"{visitor.system.native_url}/openapi.json", headers=headers)]
    answers.append(visitor.get("/openapi.json", None))
    types = [found.json()["components"]["schemas"]["Total"]["properties"]["total"]["type"] for found in answers]
    return types == ["string", "number"]


def sees_builds_mixed(visitor: Visitor) -> bool:
    """Four answers come from two builds."""
    return len({visitor.get("/health", None).headers["x-build-id"] for _ in range(4)}) == 2


def sees_cancellation_ignored(visitor: Visitor) -> bool:
    """Most of a second after its caller has left a call is still under way."""
    assert idle(visitor)  # this observer comes last: the others would have to wait for what it leaves behind
    with suppress(httpx.TimeoutException):
        slow(visitor, 1500, timeout=0.2)
    return not idle(visitor, within_s=0.7)


def test_seen_on_and_not_off(observer: Observer, healthy: Visitor, together: Callable[[str], Visitor]) -> None:
    """The wrong behaviour shows on the system with its switch, and not on the healthy one."""
    seen_beside_others(observer, healthy, together)
