"""Computations that take long: each in a thread of its own beside the event loop, without the interpreter lock."""

import asyncio
from typing import Any

from hybridcheck.reference.defects import Switches
from hybridcheck.reference.native.plain_kernels import PlainKernels
from hybridcheck.reference.native.services import Computation, Kernels

OVERLAP_S = 0.01
WARM_UP_S = 0.3
SLOWER_BY = 3
SLOWER_EACH_S = 0.0001


class Work:
    """Runs long computations, and does badly what a switch asks for."""

    def __init__(self, kernels: Kernels, defects: Switches) -> None:
        """Threads are started when they are needed."""
        self._kernels = kernels
        self._defects = defects
        self._one_at_a_time = asyncio.Lock()
        self._latest: Any = None
        self._seen_shapes: set[tuple[str, ...]] = set()
        self._seen = 0

    async def result(self, row: Computation, document: dict[str, Any]) -> dict[str, Any]:
        """The result of a long computation."""
        if self._defects.on("native-shared-scratch"):
            self._latest = document
            await asyncio.sleep(OVERLAP_S)
            document = self._latest
        if self._defects.on("native-compute-slow"):
            slowed = document | {"size": document["size"] * SLOWER_BY}
            await asyncio.to_thread(row.compute, PlainKernels(), slowed)
        if self._defects.on("native-holds-loop"):
            return row.compute(self._kernels, document)
        if self._defects.on("native-one-at-a-time"):
            async with self._one_at_a_time:
                return await asyncio.to_thread(row.compute, self._kernels, document)
        return await asyncio.to_thread(row.compute, self._kernels, document)

    async def slow_down(self) -> None:
        """Take a tenth of a millisecond more for each request that came before, where the switch is on."""
        if self._defects.on("native-slows-down"):
            self._seen += 1
            await asyncio.sleep(self._seen * SLOWER_EACH_S)

    async def warm_up(self, row: Computation, document: Any) -> None:
        """Take the time of a compiler for each new shape of an echoed list, where the switch is on."""
        if not (self._defects.on("native-compiles-per-shape") and row.operation == "echo"):
            return
        value = document["value"]
        shape = tuple(type(item).__name__ for item in value) if isinstance(value, list) else None
        if shape and shape not in self._seen_shapes:
            self._seen_shapes.add(shape)
            await asyncio.sleep(WARM_UP_S)
