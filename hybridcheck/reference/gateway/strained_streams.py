"""What streams do badly while there is load, only with a switch on; and events that are held back."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from itertools import count
from typing import Any

from hybridcheck.reference.defects import Switches
from hybridcheck.reference.web import Problem

DELAY_S = 3.0  # of the defect `stream-delayed`; more than whole seconds in Date headers can hide
TOGETHER_S = 3.0
LOST_EACH = 20  # few enough that what is lost is not as much as may be late
CUT_EACH = 7

Event = dict[str, Any]


class StrainedStreams:
    """What becomes of streams and their events while `strained` says that there is load."""

    def __init__(self, defects: Switches, strained: Callable[[], bool]) -> None:
        """Without switches nothing."""
        self._defects = defects
        self._strained = strained
        self._numbers = count()

    def refuse(self) -> None:
        """Called before a stream is opened."""
        if self._on("streams-refused-under-load"):
            raise Problem(503, "too many listeners", ((b"retry-after", b"1"),))

    async def passed_on(self, events: AsyncGenerator[Event, None]) -> AsyncGenerator[Event, None]:
        """The events as they reach one listener; each listener's troubles have their own moments."""
        shift = next(self._numbers)
        if self._defects.on("stream-late-under-load"):
            events = delayed(events, lambda event: self._wait_for_others_s(event, shift))
        held: Event | None = None
        async for event in events:
            number = event["sequence"] + shift
            if number % CUT_EACH == 0 and self._on("streams-cut-under-load"):
                raise ConnectionAbortedError("planted: cut off under load")
            if number % LOST_EACH == 0 and self._on("stream-lossy-under-load"):
                continue
            if number % LOST_EACH == 1 and self._on("stream-shuffled-under-load"):
                held = event
                continue
            yield event
            if held is not None:
                yield held
                held = None

    def _wait_for_others_s(self, event: Event, shift: int) -> float:
        """How long until the listener gets all that has been collected; of four listeners two are spared."""
        if shift // 2 % 2 or not self._strained():
            return 0.0
        sent_at: float = event["sent_at"]
        return TOGETHER_S - (sent_at + shift * TOGETHER_S / 20) % TOGETHER_S

    def _on(self, name: str) -> bool:
        return self._defects.on(name) and self._strained()


async def delayed(
    events: AsyncGenerator[Event, None], delay_s: Callable[[Event], float]
) -> AsyncGenerator[Event, None]:
    """The events in their order, each so many seconds after it happened, or after the one before it."""
    queue: asyncio.Queue[Event | None] = asyncio.Queue()

    async def collect() -> None:
        try:
            async for event in events:
                queue.put_nowait(event)
        finally:
            queue.put_nowait(None)

    collecting = asyncio.create_task(collect())
    try:
        while (event := await queue.get()) is not None:
            await asyncio.sleep(event["sent_at"] + delay_s(event) - time.time())
            yield event
        await collecting
    finally:
        collecting.cancel()
