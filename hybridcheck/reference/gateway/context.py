"""The gateway's side of what crosses the boundary: it passes on, gives up in time, limits, and stands in."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

from hybridcheck.reference.defects import Switches
from hybridcheck.reference.gateway.native_client import NativeClient
from hybridcheck.reference.native.plain_kernels import PlainKernels
from hybridcheck.reference.routing import Handler
from hybridcheck.reference.web import Answer, ClientGone, Problem, Request, disconnected, json_answer

CAPACITY = 16
"""How many slow calls are under way at most; further ones are refused at once."""

UNAVAILABLE = frozenset({502, 503, 504})
RETRIES = 3
BLOCKING_S = 0.05


class ContextGateway:
    """Calls the native side, each route with its own care."""

    def __init__(self, client: NativeClient, defects: Switches) -> None:
        """Nothing is under way."""
        self._client = client
        self._defects = defects
        self._under_way = 0
        self._one_at_a_time = asyncio.Lock()

    def handler_of(self, operation: str) -> Handler:
        """The handler of an operation; most are only passed on."""
        own: dict[str, Handler] = {"slow": self.slow, "fail": self.fail, "total": self.total}
        return own.get(operation, self._client.forward)

    async def slow(self, request: Request) -> Answer:
        """A call that may take long: refused beyond capacity, ended with its caller."""
        if self._defects.on("overload-queues"):
            async with self._one_at_a_time:
                return await self._client.forward(request)
        if self._under_way >= CAPACITY and self._defects.on("bulkhead-missing"):
            time.sleep(BLOCKING_S)  # noqa: ASYNC251 - that is the defect: everybody waits for the pool
        if self._under_way >= CAPACITY:
            if not self._defects.on("overload-500"):
                raise Problem(503, "busy with other slow calls", ((b"retry-after", b"1"),))
            raise RuntimeError("pool exhausted")
        self._under_way += 1
        try:
            return await self._while_connected(request, self._client.forward(request))
        finally:
            self._under_way -= 1

    async def fail(self, request: Request) -> Answer:
        """A call that fails is not repeated."""
        for _ in range(RETRIES if self._defects.on("retry-storm") else 0):
            try:
                return await self._client.forward(request)
            except Problem as problem:
                if problem.status not in UNAVAILABLE:
                    raise
        return await self._client.forward(request)

    async def total(self, request: Request) -> Answer:
        """The native sum; without the native service CPython's, marked as such."""
        try:
            return await self._client.forward(request)
        except Problem as problem:
            if problem.status not in UNAVAILABLE:
                raise
        values = [float(value) for value in request.document["values"]]
        found = sum(values[1:]) if self._defects.on("fallback-differs") else PlainKernels().sum_floats(values)
        return json_answer({"total": found, "degraded": not self._defects.on("fallback-unmarked")})

    async def _while_connected(self, request: Request, call: Coroutine[Any, Any, Answer]) -> Answer:
        if self._defects.on("cancellation-ignored"):
            return await call
        calling = asyncio.create_task(call)
        leaving = asyncio.create_task(disconnected(request.receive))
        try:
            await asyncio.wait({calling, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not calling.done():
                raise ClientGone
            return calling.result()
        finally:
            leaving.cancel()
            calling.cancel()
