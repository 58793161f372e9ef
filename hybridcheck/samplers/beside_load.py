"""Which sources a profile declares, and how a run's load phases are sampled with them."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from hybridcheck.checks.metrics.truth import metrics_params, scrape
from hybridcheck.checks.usage.afterwards import nothing_more_to_learn
from hybridcheck.checks.usage.series import resources_stream
from hybridcheck.evidence import Exchange
from hybridcheck.ledger import Ledger
from hybridcheck.profile.models import Profile
from hybridcheck.samplers.local_process import LocalProcess
from hybridcheck.samplers.metrics_endpoint import MetricsEndpoint
from hybridcheck.samplers.reading import Source
from hybridcheck.samplers.sampler import Sampler
from hybridcheck.samplers.shares import Capacity
from hybridcheck.target import Ask

SHORTEST_DEADLINE_S = 2.0
"""A scrape may take this long, or two intervals, before the source counts as silent."""

Glance = Callable[[str, Ask], Awaitable[Exchange]]
"""Sends a read for a stream without recording it; the transport's session has it."""

Load = Callable[[Callable[[], None]], Awaitable[None]]
"""Runs a load phase; it calls what it is given when it begins to send."""


class BesideLoad:
    """Samples the load phases of a run; use it as an async context manager.

    What a load leaves behind is read beside what follows it, so that recovery is asked for at once. A second load waits
    until that is done.
    """

    def __init__(self, profile: Profile, ledger: Ledger, glance: Glance, now_s: Callable[[], float]) -> None:
        self._profile, self._ledger, self._glance, self._now_s = profile, ledger, glance, now_s
        self._after: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._after is not None:
            if error is not None:
                self._after.cancel()
                await asyncio.gather(self._after, return_exceptions=True)
            else:
                await self._after

    async def drive(self, phase: str, load: Load) -> None:
        """Run a load phase with the declared sources sampled before, during and after it."""
        if self._after is not None:
            await self._after
        sources = self._sources(resources_stream(phase))
        if not sources:
            await load(lambda: None)
            return
        seen = self._profile.observability
        sampler = Sampler(
            resources_stream(phase),
            sources,
            self._ledger,
            now_s=self._now_s,
            interval_s=seen.interval_s,
            capacity=Capacity(seen.cores, seen.memory_limit_bytes),
        )
        await sampler.before()
        await sampler.during(load)
        settled = nothing_more_to_learn(self._profile, phase)
        self._after = asyncio.create_task(sampler.after(self._profile.thresholds.max_recovery_s, settled))

    def _sources(self, stream: str) -> list[Source]:
        seen = self._profile.observability
        sources: list[Source] = []
        where = metrics_params(seen)
        if where is not None:
            deadline_s = max(SHORTEST_DEADLINE_S, 2 * seen.interval_s)
            plain = scrape(where)
            ask = Ask(
                plain.method,
                plain.path,
                headers=plain.headers,
                fresh=True,
                service_url=plain.service_url,
                deadline_s=deadline_s,
            )

            async def fetch() -> str | None:
                exchange = await self._glance(stream, ask)
                if exchange.status != 200 or exchange.response is None:
                    return None
                return exchange.response.body.content().decode("utf-8", "replace")

            sources.append(MetricsEndpoint(fetch, seen.backlog))
        if seen.pid is not None:
            sources.append(LocalProcess(seen.pid))
        return sources
