"""The native side of what crosses the boundary beside the question itself: time, cancellation, headers, keys, errors."""

import asyncio
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hybridcheck.reference.defects import Switches
from hybridcheck.reference.native.services import Kernels
from hybridcheck.reference.routing import Handler, Route
from hybridcheck.reference.web import Answer, Problem, Request, disconnected, json_answer

LONGEST_HANG_S = 6.0
MOST_ORDERS = 10_000

_SECRET_HEADERS = frozenset({"x-gateway-key", "authorization", "cookie"})
_INNER = {502: "Problem", 503: "Problem", 504: "Problem"}


@dataclass(slots=True)
class _Tenant:
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: dict[str, tuple[str, str]] = field(default_factory=dict)  # key → body as JSON, id of the order


class Context:
    """What the native service does with it."""

    def __init__(self, kernels: Kernels, defects: Switches) -> None:
        """Everything is kept in memory, which is lost with the process."""
        self._kernels = kernels
        self._defects = defects
        self._tenants: dict[str, _Tenant] = {}
        self._in_flight = 0
        self._failures = 0

    def handler_of(self, operation: str) -> Handler:
        """The handler of an operation."""
        return {
            "slow": self.slow,
            "carriedHeaders": self.headers,
            "doings": self.doings,
            "fail": self.fail,
            "total": self.total,
            "createOrder": self.create_order,
            "deleteOrder": self.delete_order,
        }[operation]

    async def slow(self, request: Request) -> Answer:
        """Wait for that long; a caller that goes away ends it."""
        await self._wait(request, request.document["ms"] / 1000)
        return json_answer({"ms": request.document["ms"]})

    async def headers(self, request: Request) -> Answer:
        """The request's headers, without what is secret in them."""
        found = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers.items()}
        return json_answer({"headers": {name: value for name, value in found.items() if name not in _SECRET_HEADERS}})

    async def doings(self, request: Request) -> Answer:
        """How many waits are under way, how many failures were asked for, how many orders the tenant has."""
        orders = len(self._of(request).orders)
        return json_answer({"in_flight": self._in_flight, "failures": self._failures, "orders": orders})

    async def fail(self, request: Request) -> Answer:
        """Fail in the wanted way."""
        kind = request.document["kind"]
        if kind != "none":
            self._failures += 1
        if kind == "refuse":
            raise Problem(422, "refused, as was asked for")
        if kind == "error":
            raise RuntimeError("failed, as was asked for")
        if kind == "hang":
            await self._wait(request, LONGEST_HANG_S)
        return json_answer({"kind": kind})

    async def total(self, request: Request) -> Answer:
        """The sum."""
        values = [float(value) for value in request.document["values"]]
        return json_answer({"total": self._kernels.sum_floats(values), "degraded": False})

    async def create_order(self, request: Request) -> Answer:
        """Make an order, once for each `Idempotency-Key`: the same answer again, 409 for another body."""
        tenant, key = self._of(request), request.header(b"idempotency-key")
        body = json.dumps(request.document, sort_keys=True)
        if key is not None and key in tenant.keys and not self._defects.on("key-ignored"):
            known, made = tenant.keys[key]
            if known != body and not self._defects.on("key-reused-silently"):
                raise Problem(409, "this Idempotency-Key came with another body before")
            return json_answer({"id": made, **json.loads(known)}, 201)
        if len(tenant.orders) >= MOST_ORDERS:
            raise Problem(409, "there are too many orders")
        made = secrets.token_hex(8)
        tenant.orders[made] = request.document
        if key is not None:
            tenant.keys[key] = (body, made)
        return json_answer({"id": made, **request.document}, 201)

    async def delete_order(self, request: Request) -> Answer:
        """Take an order back."""
        if self._of(request).orders.pop(request.path_values["order_id"], None) is None:
            raise Problem(404, "there is no such order")
        return Answer(204)

    def _of(self, request: Request) -> _Tenant:
        return self._tenants.setdefault(request.tenant, _Tenant())

    async def _wait(self, request: Request, seconds: float) -> None:
        self._in_flight += 1
        leaving = asyncio.create_task(disconnected(request.receive))
        try:
            await asyncio.wait({leaving}, timeout=seconds)
        finally:
            leaving.cancel()
            self._in_flight -= 1


def context_routes(handler_of: Callable[[str], Handler]) -> list[Route]:
    """The routes, on either side of the boundary, each with its operation's handler."""
    rows: tuple[tuple[str, str, str, str, dict[int, str | None], str | None, bool], ...] = (
        ("POST", "/slow", "slow", "Wait for the wanted time", {200: "Waited"}, "Duration", True),
        ("GET", "/headers", "carriedHeaders", "Headers as they arrive", {200: "Carried"}, None, False),
        ("GET", "/doings", "doings", "What is going on", {200: "Doings"}, None, False),
        ("POST", "/fail", "fail", "Fail in the wanted way", {200: "Failed"}, "Failing", True),
        ("POST", "/total", "total", "The sum of numbers", {200: "Total"}, "Numbers", True),
        ("POST", "/orders", "createOrder", "Make an order", {201: "Order", 409: "Problem"}, "OrderContent", False),
        ("DELETE", "/orders/{order_id}", "deleteOrder", "Take it back", {204: None, 404: "Problem"}, None, False),
    )
    return [
        Route(
            method,
            f"/context{path}",
            handler_of(name),
            name,
            summary,
            "context",
            answers | _INNER,
            body=body,
            safe=safe,
        )
        for method, path, name, summary, answers, body, safe in rows
    ]
