"""Reads the declared sources before, during and after a load phase and records every reading, and every silence.

Readings are due at fixed times. One that is due and not made (the source is silent, or slow, or we are late) leaves a
`Sample` without a value, so that a judge sees how much is missing. The last record says how many were due.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from typing import Literal

from hybridcheck.evidence import Observation, Sample
from hybridcheck.ledger import Ledger
from hybridcheck.samplers.reading import UNITS, Reading, Source
from hybridcheck.samplers.shares import Capacity, Shares
from hybridcheck.target import EvidenceLost

BEFORE_S = 3.0
"""How long the level before the load is read."""

AFTER_S = 3.0
"""How long the level after the load is read at least."""

Part = Literal["before", "during", "after"]


class Sampler:
    """The samples of one load phase. Call `before`, `during` and `after` once each, in this order.

    Args:
        stream: where the samples are recorded (`resources/PHASE`); `after` seals it.
        sources: what is read, one after the other.
        ledger: where everything is recorded.
        now_s: seconds since the run's start.
        interval_s: time from one reading to the next.
        capacity: what shares are computed from.
    """

    def __init__(
        self,
        stream: str,
        sources: Sequence[Source],
        ledger: Ledger,
        *,
        now_s: Callable[[], float],
        interval_s: float,
        capacity: Capacity,
    ) -> None:
        self._stream, self._ledger, self._now_s, self._interval_s = stream, ledger, now_s, interval_s
        self._sources = [(source, Shares(capacity)) for source in sources]
        self._part: Part = "before"
        self._due: Counter[str] = Counter()
        self._stop = asyncio.Event()
        self._samples: list[Sample] = []
        self._may_ask = True
        self._began_s = self._next_s = self._began_unix_s = 0.0

    async def before(self, lasting_s: float = BEFORE_S) -> None:
        """Read the level before the load."""
        self._began_s, self._began_unix_s = self._now_s(), time.time()
        for source, shares in self._sources:  # CPU shares need a reading to start from
            found = await self._ask(source)
            shares.of(self._now_s(), found or ())
        self._next_s = self._now_s() + self._interval_s
        await self._read_until(self._now_s() + lasting_s)

    async def during(self, load: Callable[[Callable[[], None]], Awaitable[None]]) -> None:
        """Read while the load runs; `load` is given what it calls when it begins to send."""

        async def drive() -> None:
            try:
                await load(self._begin)
            finally:
                self._stop.set()  # a reading under way is waited for: cutting it off would look like a silence

        async with asyncio.TaskGroup() as group:
            group.create_task(drive())
            group.create_task(self._read_until(float("inf")))
        self._stop.clear()

    async def after(self, most_s: float, settled: Callable[[Sequence[Sample]], bool]) -> None:
        """Read what the load leaves behind and seal the stream.

        Args:
            most_s: how long to read at most.
            settled: told all samples of the phase; whether nothing more is to be learned. Asked from `AFTER_S` on.
        """
        self._part = "after"
        began_s = self._next_s = max(self._next_s, self._now_s())
        await self._read_until(began_s + min(AFTER_S, most_s))
        while self._next_s <= began_s + most_s and not settled(self._samples):
            await self._read_until(self._next_s)
        values = {
            "interval_s": self._interval_s,
            "began_unix_s": self._began_unix_s,
            "due": {part: self._due[part] for part in ("before", "during", "after")},
        }
        self._ledger.append(self._stream, Observation(label="sampling", values=values, at_s=self._now_s()))
        self._ledger.seal(self._stream, self._now_s() - self._began_s)

    def _begin(self) -> None:
        self._part = "during"

    async def _read_until(self, end_s: float) -> None:
        while self._next_s <= end_s:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), max(0.0, self._next_s - self._now_s()))
            if self._stop.is_set():
                return
            due_s, self._next_s = self._next_s, self._next_s + self._interval_s
            self._due[self._part] += 1
            in_time = self._now_s() < self._next_s  # else we are late by a whole interval, and this one is missed
            await self._read_all(due_s, self._part, in_time=in_time)

    async def _read_all(self, due_s: float, part: Part, *, in_time: bool) -> None:
        for source, shares in self._sources:
            asked_s = self._now_s()
            found = await self._ask(source) if in_time else None
            at_s = due_s if found is None else 0.5 * (asked_s + self._now_s())
            for sample in _samples(source, shares, at_s, found or (), part):
                self._samples.append(self._ledger.append(self._stream, sample))

    async def _ask(self, source: Source) -> tuple[Reading, ...] | None:
        """One reading; where the run allows none any more (the gap is recorded), nothing is asked any more."""
        if not self._may_ask:
            return None
        try:
            return await source.read()
        except EvidenceLost:
            self._may_ask = False
            return None


def _samples(source: Source, shares: Shares, at_s: float, found: tuple[Reading, ...], part: Part) -> Iterator[Sample]:
    """What was read, what follows from it, and what is missing."""
    named = {reading.metric for reading in found}
    rows: list[tuple[str, str, float | None, str]] = [(r.metric, r.instance, r.value, r.unit) for r in found]
    rows += [(share.metric, "", share.value, share.unit) for share in shares.of(at_s, found)]
    rows += [(metric, "", None, UNITS[metric]) for metric in source.wanted if metric not in named]
    for metric, instance, value, unit in rows:
        yield Sample(
            at_s=at_s, source=source.name, instance=instance, metric=metric, value=value, unit=unit, phase=part
        )
