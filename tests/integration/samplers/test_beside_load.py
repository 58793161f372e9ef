"""Sampling a real system beside something that is not a load generator: what is recorded, and what is judged from it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hybridcheck.cases import Case
from hybridcheck.checks.check import Scene
from hybridcheck.checks.usage.afterwards import NoSilentRestart
from hybridcheck.checks.usage.series import series
from hybridcheck.evidence import CaseEnd, Evidence, Gap, Observation, Record, Sample
from hybridcheck.ledger import Ledger
from hybridcheck.profile.models import Environment, Profile
from hybridcheck.redact import Redactor
from hybridcheck.reference.child import reserved_port
from hybridcheck.reference.launcher import ReferenceSystem
from hybridcheck.samplers.beside_load import BesideLoad
from hybridcheck.target import Ask
from hybridcheck.transport.session import Session
from hybridcheck.verdict import Outcome

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

STREAM = "resources/steady"


@dataclass
class Bed:
    """A session with a system, its ledger, and what samples it."""

    session: Session
    ledger: Ledger
    beside: BesideLoad
    profile: Profile
    records: list[Record]
    more: asyncio.Event

    async def sampled(self, count: int) -> None:
        """Wait for so many records of the samplers."""
        until = self.ledger.count(STREAM) + count
        while self.ledger.count(STREAM) < until:
            self.more.clear()
            await self.more.wait()

    def evidence(self) -> Evidence:
        """What a judge sees of the samples when all is over."""
        records = tuple(record for record in self.records if record.stream == STREAM)
        assert isinstance(records[-1], CaseEnd)
        return Evidence((), {STREAM: records[:-1]})


@asynccontextmanager
async def sampling(folder: Path, system: ReferenceSystem, **observability: Any) -> AsyncIterator[Bed]:
    """Sample a reference system ten times a second."""
    seen = {"metrics": "/metrics", "backlog": "work_backlog", "cores": 1, "interval_s": 0.1, **observability}
    profile = Profile.model_validate(
        {
            "version": 1,
            "targets": {"test": {"url": system.base_url, "environment": "local"}},
            "operations": [{"id": "health", "path": "/health"}],
            "load": {"steady": {"rate_rps": 5, "operations": ["health"]}},
            "observability": seen,
            "thresholds": {"max_recovery_s": 5},
        }
    )
    redactor = Redactor(b"k" * 32)
    records: list[Record] = []
    more = asyncio.Event()

    def heard(record: Record) -> None:
        records.append(record)
        more.set()

    ledger = Ledger(folder / "ledger.ndjson", redactor, heard)
    session = Session(
        base_url=system.base_url,
        profile=profile,
        environment=Environment.LOCAL,
        ledger=ledger,
        redactor=redactor,
        run_id="test",
        seed=1,
        deadline_s=100,
        started=time.monotonic(),
    )
    began = time.monotonic()
    async with session:
        beside = BesideLoad(profile, ledger, session.glance, lambda: time.monotonic() - began)
        yield Bed(session, ledger, beside, profile, records, more)
    ledger.close()


async def _run(bed: Bed, load: Callable[[], Awaitable[None]]) -> None:
    async def driven(begun: Callable[[], None]) -> None:
        begun()
        await load()

    async with bed.beside:
        await bed.beside.drive("steady", driven)


async def test_a_real_exposition_and_a_real_process_are_sampled(tmp_path: Path) -> None:
    """Before, during and after, both sources give CPU, memory, files and start of the process; the stream is sealed."""
    with ReferenceSystem() as system:
        pid = system.pids["gateway-1"]
        async with sampling(tmp_path, system, pid=pid, memory_limit_bytes=10**9) as bed:

            async def load() -> None:
                for _ in range(20):
                    await bed.session.glance(STREAM, Ask("GET", "/health"))
                await bed.sampled(60)

            await _run(bed, load)
    seen = bed.evidence()
    for part in ("before", "during", "after"):
        for source in ("metrics", "pid"):
            for metric in ("cpu_ratio", "rss_bytes", "open_files", "start_time_unix_s", "memory_ratio"):
                values = [sample.value for sample in series(seen, STREAM, source, metric, part)]
                assert len([value for value in values if value is not None]) >= 3
    rss = {
        source: max(sample.value or 0 for sample in series(seen, STREAM, source, "rss_bytes", "during"))
        for source in ("metrics", "pid")
    }
    assert rss["pid"] == pytest.approx(rss["metrics"], rel=0.1)


async def test_a_restart_beside_the_load_is_seen(tmp_path: Path) -> None:
    """The system is ended and started again on its port: samples are missing meanwhile, and the later start is a fail."""
    with reserved_port() as mine, ReferenceSystem(port=mine.getsockname()[1]) as system:
        async with sampling(tmp_path, system) as bed:
            port = int(system.base_url.rpartition(":")[2])
            again = ReferenceSystem(port=port)

            async def load() -> None:
                await asyncio.to_thread(system.stop)
                await bed.sampled(10)
                await asyncio.to_thread(again.start)
                await bed.sampled(60)

            try:
                await _run(bed, load)
            finally:
                again.stop()
    seen = bed.evidence()
    assert any(record.value is None for record in seen.all(Sample, stream=STREAM))
    (case,) = NoSilentRestart().cases(Scene(bed.profile, system.base_url, Environment.LOCAL))
    assert isinstance(case, Case)
    finding = NoSilentRestart().judge(case, seen)
    assert finding.outcome is Outcome.FAIL, finding


async def test_what_is_out_of_scope_is_not_read(tmp_path: Path) -> None:
    """A denied path is asked for once, leaves its gap, and every reading is missing."""
    with ReferenceSystem() as system:
        async with sampling(tmp_path, system, metrics="/purge") as bed:
            await _run(bed, lambda: bed.sampled(10))
    seen = bed.evidence()
    assert len(seen.all(Gap, stream=STREAM)) == 1
    assert all(sample.value is None for sample in seen.all(Sample, stream=STREAM))
    assert len(seen.all(Observation, stream=STREAM)) == 1
