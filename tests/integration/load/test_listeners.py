"""Listeners beside a real load, at a server whose events are late only while requests are served."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hybridcheck.cases import Budget
from hybridcheck.evidence import CaseEnd, LoadEnd, LoadHistogram, Record
from hybridcheck.evidence import ListenSecond as Second
from hybridcheck.ledger import Ledger
from hybridcheck.load.listening import listening_to
from hybridcheck.load.phase import Site, run_phase
from hybridcheck.profile.drives import Drive, drive_of
from hybridcheck.profile.models import Environment, Profile
from hybridcheck.redact import Redactor
from hybridcheck.statistics.histogram import Histogram
from hybridcheck.target import Credential
from hybridcheck.transport.session import Session

USERS, STAY_S, DURATION_S, CALM_S = 5, 1.5, 3, 3
HELD_NS = 600_000_000


@pytest.fixture
def late_stream() -> Iterator[str]:
    """The address of the server."""
    command = [sys.executable, str(Path(__file__).with_name("stream_server.py")), "late"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


def declared(url: str) -> Profile:
    """One reading operation, and one stream with listeners."""
    stream = {"path": "/events", "sequence": "$.sequence", "sent_at": "$.sent_at", "max_delay_ms": 100}
    listeners = [{"service": "events", "users": USERS, "stay_s": STAY_S}]
    load = {"rate_rps": 20, "duration_s": DURATION_S, "warmup_s": 0, "listeners": listeners}
    return Profile.model_validate(
        {
            "version": 1,
            "targets": {"here": {"url": url, "environment": "local"}},
            "operations": [{"id": "read", "path": "/read"}],
            "services": {"events": {"sse": stream}},
            "load": {"busy": load},
        }
    )


async def nobody(identity: str) -> Credential:
    """No operation of this phase has an identity."""
    raise AssertionError(identity)


async def calm(drive: Drive, site: Site, ledger: Ledger) -> None:
    """The same listeners for a while, without any request beside them."""
    resting = drive.model_copy(
        update={"spec": drive.spec.model_copy(update={"duration_s": float(CALM_S)}), "stream": "load/calm"}
    )
    async with listening_to(resting, site.overhear, ledger) as listening:
        listening.begin()
        await listening.end(CALM_S, in_order=True)


def delays(seconds: list[Second]) -> Histogram:
    """All delays together."""
    whole = Histogram()
    for second in seconds:
        whole.merge(Histogram.from_pairs(second.delay))
    return whole


async def test_events_that_are_late_only_under_load_are_seen_and_the_requests_are_not_blamed(
    late_stream: str, tmp_path: Path
) -> None:
    """In the calm in time, under load held back; nothing lost, everybody served, some left and came back."""
    profile, redactor, records = declared(late_stream), Redactor(b"k" * 32), list[Record]()
    ledger = Ledger(tmp_path / "ledger.ndjson", redactor, records.append)
    session = Session(
        base_url=late_stream,
        profile=profile,
        environment=Environment.LOCAL,
        ledger=ledger,
        redactor=redactor,
        run_id="listeners",
        seed=1,
        deadline_s=60,
        started=time.monotonic(),
    )
    drive = drive_of(profile, "busy", Budget.FULL)
    async with session:
        site = Site(late_stream, None, 1, max_connections=10, max_requests=1000, overhear=session.overhear)
        await calm(drive, site, ledger)
        await run_phase(drive, site, ledger, nobody)
    ledger.close()
    quiet, busy = (
        [record for record in records if isinstance(record, Second) and record.stream == f"listen/{name}"]
        for name in ("calm", "busy")
    )
    assert len(busy) == DURATION_S
    assert (delays(quiet).quantile(0.5) or HELD_NS) < HELD_NS <= (delays(busy).quantile(0.5) or 0)
    assert sum(second.events for second in busy) == delays(busy).count > 0
    assert not any(second.lost or second.disordered or second.unserved or second.refused for second in busy)
    connects = sum(Histogram.from_pairs(second.connect).count for second in busy)
    assert connects > USERS
    assert sum(second.left for second in busy) + 2 * USERS >= connects
    (end,) = [record for record in records if isinstance(record, LoadEnd)]
    assert (end.cause, end.ok) == ("completed", end.planned)
    assert {r.operation for r in records if isinstance(r, LoadHistogram)} == {"read", "*"}
    assert {r.stream for r in records if isinstance(r, CaseEnd)} == {"listen/calm", "listen/busy", "load/busy"}


async def test_listeners_of_a_phase_that_is_cut_short_are_gone_and_have_said_nothing(tmp_path: Path) -> None:
    """What was under way is not known: no seconds are recorded, and no task is left."""
    profile, records = declared("http://127.0.0.1:1"), list[Record]()
    ledger = Ledger(tmp_path / "ledger.ndjson", Redactor(b"k" * 32), records.append)

    async def hears_nothing(*_: object) -> None:
        await asyncio.Event().wait()

    drive = drive_of(profile, "busy", Budget.FULL)
    before = asyncio.all_tasks()
    async with listening_to(drive, hears_nothing, ledger) as listening:  # type: ignore[arg-type]  # it never returns
        listening.begin()
        assert len(asyncio.all_tasks()) == len(before) + USERS + 1
        await listening.end(DURATION_S, in_order=False)
    ledger.close()
    assert asyncio.all_tasks() == before
    assert [type(record) for record in records] == [CaseEnd]
