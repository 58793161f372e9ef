"""The listeners of a load phase: users who hold a stream open beside the requests, leave in turn and come back.

They live in this process, not in the generator: the requests' numbers stay what they are, and how late this process's own
clock ticks is recorded beside what it heard.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from hybridcheck.evidence import Observation, StreamRecord
from hybridcheck.ledger import Ledger
from hybridcheck.load.heard import Heard
from hybridcheck.profile.drives import Drive, DriveListeners
from hybridcheck.target import Ask, EvidenceLost

Overhear = Callable[[str, Ask, str, int, float], Awaitable[StreamRecord]]
"""(stream of the gaps, ask, protocol, most events, most seconds) to what was heard; unrecorded."""

MOST_EVENTS = 20_000
"""Of one listen: a listener who has so many leaves and comes back."""

SHORTEST_S = 0.2
"""With less than this left of the phase nobody comes back."""

RETRY_S = 0.5
"""How long a listener waits who was refused, or whose stream ended before it brought anything."""

TICK_S = 0.02


@asynccontextmanager
async def listening_to(drive: Drive, overhear: Overhear | None, ledger: Ledger) -> AsyncGenerator["Listening", None]:
    """A phase's listeners, none where streams cannot be opened; gone at the end of the context in any case."""
    listening = Listening(drive, overhear, ledger)
    try:
        yield listening
    finally:
        await listening.close()


class Listening:
    """All listeners of one phase, from its start to its end; without `overhear` none."""

    def __init__(self, drive: Drive, overhear: Overhear | None, ledger: Ledger) -> None:
        self._drive, self._overhear, self._ledger = drive, overhear, ledger
        self._heard = {one.name: Heard(one) for one in drive.listeners}
        self._lag_ms: dict[int, float] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._began = 0.0

    def begin(self) -> None:
        """Let them come; from now on seconds are counted."""
        if self._overhear is None or not self._drive.listeners:
            return
        self._began, now_s = time.monotonic(), time.time()
        for heard in self._heard.values():
            heard.began_unix_s = now_s
        self._tasks.append(asyncio.create_task(self._tick()))
        for one in self._drive.listeners:
            listens = (self._listen(one, number, self._overhear) for number in range(one.users))
            self._tasks += [asyncio.create_task(listen) for listen in listens]

    async def end(self, seconds: int, *, in_order: bool) -> None:
        """Record what they heard in so many seconds, and seal it.

        Of a phase that did not go to its full length (`in_order`) nothing is recorded: what was under way is not known.
        """
        if not self._tasks:
            return
        stream = self._drive.listen_stream
        if not in_order:
            await self.close()
            self._ledger.seal(stream)
            return
        await asyncio.gather(*self._tasks[1:])
        await self.close()
        for heard in self._heard.values():
            async for record in heard.seconds(seconds, self._lag_ms):
                self._ledger.append(stream, record)
            for failure, detail in heard.examples.items():
                self._ledger.append(stream, Observation(label=f"refused.{failure}", values={"detail": detail}))
        self._ledger.seal(stream, self._drive.spec.duration_s)

    async def close(self) -> None:
        """End all that still listen."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _listen(self, one: DriveListeners, number: int, overhear: Overhear) -> None:
        """One listener: the first stay is shorter for each of them, so that they leave in turn."""
        heard, ask = self._heard[one.name], _ask(one)
        stay_s = one.stay_s * (number + 1) / one.users
        with suppress(EvidenceLost):  # the gap that says so is recorded
            while (left_s := self._left_s()) > SHORTEST_S:
                stream = self._drive.listen_stream
                record = await overhear(stream, ask, one.protocol, MOST_EVENTS, min(stay_s, left_s))
                heard.add(number, record)
                stay_s = one.stay_s
                if not record.events:
                    await asyncio.sleep(min(RETRY_S, max(self._left_s(), 0)))

    async def _tick(self) -> None:
        """How late this process comes to its own clock, at worst in each second."""
        due = time.monotonic() + TICK_S
        while True:
            await asyncio.sleep(due - time.monotonic())
            now = time.monotonic()
            for second in range(int(due - self._began), int(now - self._began) + 1):
                self._lag_ms[second] = max(self._lag_ms.get(second, 0.0), (now - due) * 1000)
            due = max(due + TICK_S, now)

    def _left_s(self) -> float:
        return self._began + self._drive.spec.duration_s - time.monotonic()


def _ask(one: DriveListeners) -> Ask:
    spec = one.spec
    return Ask(
        method="GET",
        path=spec.path,
        query=tuple(spec.query.items()),
        body="\n".join(spec.send).encode() if spec.send else None,
        identity=spec.identity if spec.auth == "required" else None,
    )
