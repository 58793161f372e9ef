"""Each defect of what crosses the boundary beside the question is seen on a system that has it, not on the healthy."""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import httpx

from hybridcheck.reference.gateway.context import BLOCKING_S, CAPACITY
from tests.integration.reference.visitor import PATIENCE_S, Observer, Visitor, comes, lasts, seen_beside_others

TOGETHER = (
    (
        "tenant-shared native-any-key deadline-not-passed key-ignored retry-storm overload-500 bulkhead-missing"
        " fallback-unmarked fallback-differs schema-skew builds-mixed"
    ),
    "native-open deadline-ignored key-reused-silently overload-queues native-500-passed-on",
    "cancellation-ignored",  # on the first its calls would outlast their callers, on the second they do so anyway
)
"""One running system for each line, with all its switches on: they do not hide each other."""

DEADLINE = "X-Request-Timeout-Ms"
LONGEST_MS = 5000
"""The longest wait that may be asked for: longer than one of us is held up by a busy machine."""


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


def idle(visitor: Visitor) -> bool:
    """Whether slow calls of earlier requests have ended, or end in some time."""
    return comes(lambda: doing(visitor, "in_flight") == 0)


@contextmanager
def under_way(visitor: Visitor, calls: int, ms: int = LONGEST_MS) -> Iterator[None]:
    """Slow calls that have reached the native service; their callers leave them in the end, which ends them."""
    assert idle(visitor)
    with ExitStack() as callers:
        for _ in range(calls):
            callers.enter_context(closing(visitor.begun("POST", "/context/slow", {"ms": ms})))
        assert comes(lambda: doing(visitor, "in_flight") == calls)
        yield


def sees_tenant_shared(visitor: Visitor) -> bool:
    """Of overlapping requests of two tenants one carries the other's."""
    callers = [("alice", "t1"), ("bob", "t2")] * 4
    asked = [("GET", "/context/headers", None, who) for who, _ in callers]

    def muddled() -> bool:
        told = [answer["headers"]["x-tenant-id"] for _, answer in visitor.at_once(*asked)]
        return told != [tenant for _, tenant in callers]

    return any(muddled() for _ in range(5))  # requests that overlap here may still be kept apart on their way


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
    """A caller that gives 50 ms gets an answer that takes three seconds."""
    return slow(visitor, 3000, headers={DEADLINE: "50"}).status_code == 200


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
    with under_way(visitor, 1, 4000):
        assert slow(visitor, 0, timeout=PATIENCE_S).status_code == 200
        return doing(visitor, "in_flight") == 0


def sees_overload_500(visitor: Visitor) -> bool:
    """One call more than there is room for is a server error."""
    with under_way(visitor, CAPACITY):
        return slow(visitor, 0).status_code == 500


def sees_bulkhead_missing(visitor: Visitor) -> bool:
    """A call for which there is no room takes the time for which it holds up all others, each time."""

    def refused() -> None:
        assert slow(visitor, 0).status_code >= 500

    with under_way(visitor, CAPACITY):
        return lasts(refused, BLOCKING_S, 20)


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
    """A call whose caller leaves at once is under way for all of its time."""
    began = time.monotonic()
    with under_way(visitor, 1):
        pass
    assert idle(visitor)
    return time.monotonic() - began > 0.9 * LONGEST_MS / 1000


def test_seen_on_and_not_off(observer: Observer, healthy: Visitor, together: Callable[[str], Visitor]) -> None:
    """The wrong behaviour shows on the system with its switch, and not on the healthy one."""
    seen_beside_others(observer, healthy, together)
