"""A target in virtual time: requests overlap as they would on a network, and nobody waits."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from hybridcheck.checks.check import Check
from hybridcheck.evidence import Evidence, Exchange, Failure, Record
from hybridcheck.target import Ask, EvidenceLost
from hybridcheck.verdict import Finding
from tests.unit.checks.fake_target import Answer, FakeTarget, cases_of

T = TypeVar("T")

Serving = Callable[[Ask], Awaitable[Answer | Failure]]
"""Plays the target: it may wait (`asyncio.sleep`) and lock, in virtual time."""

TWINS: dict[str, Any] = {
    "native": {
        "runtime": "codon",
        "cores": 4,
        "operations": [
            {
                "id": "compute",
                "method": "POST",
                "path": "/compute",
                "twin": "twin",
                "safe": True,
                "body": {"size": 1},
            }
        ],
    },
    "web": {
        "runtime": "cpython",
        "operations": [{"id": "twin", "method": "POST", "path": "/twin", "safe": True, "body": {"size": 1}}],
    },
}
"""Services that compute the same, the native one on four cores."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer instead of waiting for it."""

    def __init__(self) -> None:
        super().__init__()
        self._virtual_s = 0.0

    def time(self) -> float:
        """Virtual seconds."""
        return self._virtual_s

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self._virtual_s = max(self._virtual_s, self._scheduled[0].when())  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


class TimedTarget(FakeTarget):
    """A fake target whose exchanges have true starts and durations."""

    def __init__(self, serving: Serving) -> None:
        super().__init__(lambda _: (500, {}, {}))
        self._serving = serving

    def now_s(self) -> float:
        """Virtual seconds."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Let virtual time pass."""
        await asyncio.sleep(seconds)

    async def together(self, calls: Sequence[Awaitable[T]]) -> list[T]:
        """Run calls at the same time."""
        return list(await asyncio.gather(*calls))

    async def read(self, label: str, ask: Ask) -> Exchange:
        """Let the target serve it, and record it when it has ended."""
        started_s = self.now_s()
        answer = await self._served(ask)
        self._answering = lambda _: answer
        exchange = self._exchange(label, ask)
        timed = exchange.model_copy(update={"at_s": started_s, "total_ms": (self.now_s() - started_s) * 1000})
        self.records[-1] = timed
        return timed

    async def write(self, label: str, ask: Ask) -> Exchange:
        """As `read`."""
        return await self.read(label, ask)

    async def create(self, label: str, ask: Ask, *, cleanup: str | None, id_from: str | None) -> tuple[Exchange, str]:
        """As `FakeTarget.create`."""
        answer = await self._served(ask)
        self._answering = lambda _: answer
        return await super().create(label, ask, cleanup=cleanup, id_from=id_from)

    async def _served(self, ask: Ask) -> Answer | Failure:
        try:
            async with asyncio.timeout(ask.deadline_s):
                return await self._serving(ask)
        except TimeoutError:
            return Failure.DEADLINE


def found_in_time(check: Check, profile: dict[str, Any], serving: Serving, *, index: int = 0) -> Finding:
    """Probe one case of a profile in virtual time and judge what was recorded."""
    finding, _ = probed_in_time(check, profile, serving, index=index)
    return finding


def probed_in_time(
    check: Check, profile: dict[str, Any], serving: Serving, *, index: int = 0
) -> tuple[Finding, list[Record]]:
    """As `found_in_time`, with the records."""
    case = cases_of(check, profile)[index]
    target = TimedTarget(serving)

    async def probe() -> None:
        with suppress(EvidenceLost):
            await check.probe(case, target)  # type: ignore[attr-defined]

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(probe())
    return check.judge(case, Evidence(tuple(target.records), {})), target.records
