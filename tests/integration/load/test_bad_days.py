"""Signals, kills, stalls and saturation: nothing reported is lost, nothing is left running, and the cause is said."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest
import trustme

from hybridcheck.errors import ToolError
from hybridcheck.load import child as child_module
from hybridcheck.load.accounting import merged_times
from hybridcheck.load.child import drive
from hybridcheck.load.plan import Operation
from hybridcheck.load.reports import EndCause, GeneratorSecond, Report, Started
from hybridcheck.statistics.histogram import bucket_of
from tests.integration.load.conftest import (
    Outcome,
    Target,
    alive,
    another_parent,
    collect,
    gone,
    plan_for,
    run,
    serving,
)


async def test_killed_child_loses_nothing_it_reported(target: Target) -> None:
    """Kill -9: the cause is `killed`, the rows that came are there, and the missing seconds are named."""

    def kill_after_a_row(report: Report) -> None:
        if report.kind == "second" and report.second == 0:
            os.kill(outcome.started[0].pid, signal.SIGKILL)

    outcome = Outcome()
    async for report in drive(plan_for(target.url, "/ok", duration_s=20)):
        outcome.add(report)
        kill_after_a_row(report)
    assert outcome.end.cause is EndCause.KILLED
    assert outcome.total("ok") >= 50
    assert outcome.end.missing_seconds[-1] == 19
    assert not alive(outcome.started[0].pid)


@pytest.mark.parametrize("asked", ["by the parent", "from outside"])
async def test_sigterm_ends_with_balanced_books(target: Target, asked: str) -> None:
    """SIGTERM: the child reports what it has, cuts what is under way, and its totals agree with the target's count."""
    stop = asyncio.Event()

    def end_it(report: Report) -> None:
        if report.kind == "second" and asked == "by the parent":
            stop.set()
        elif report.kind == "second":
            os.kill(pids[0], signal.SIGTERM)
        elif isinstance(report, Started):
            pids.append(report.pid)

    pids: list[int] = []
    outcome = await collect(drive(plan_for(target.url, "/slow/30", duration_s=20), stop=stop), end_it)
    assert outcome.end.cause is (EndCause.ABORTED if asked == "by the parent" else EndCause.INTERRUPTED)
    assert outcome.end.missing_seconds == ()
    assert outcome.end.detail == ""
    counted = target.counts()["/slow/30"]
    assert outcome.total("planned") - outcome.total("unsent") == outcome.total("ok") + outcome.total("cut") == counted


async def test_closing_the_iterator_leaves_no_child(target: Target) -> None:
    """A consumer that stops listening ends the child."""
    reports = drive(plan_for(target.url, "/ok", duration_s=20))
    started = await anext(reports)
    assert isinstance(started, Started)
    await reports.aclose()
    assert not alive(started.pid)


async def test_cancelling_leaves_no_child(target: Target) -> None:
    """A cancelled task ends the child too."""
    pids: asyncio.Queue[int] = asyncio.Queue()

    async def consume() -> None:
        async for report in drive(plan_for(target.url, "/ok", duration_s=20)):
            if isinstance(report, Started):
                pids.put_nowait(report.pid)

    task = asyncio.create_task(consume())
    pid = await pids.get()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not alive(pid)


async def test_killed_parent_leaves_no_child(target: Target) -> None:
    """Kill -9 of the parent takes the child with it."""
    with another_parent(plan_for(target.url, "/ok", duration_s=20)) as (parent, pid):
        assert alive(pid)
        parent.kill()
        parent.wait()
        await gone(pid)


async def test_target_that_dies_is_the_targets_failure(target: Target) -> None:
    """The target dies in mid-run, with its 61st request: the run is completed, every arrival has an outcome."""
    outcome = await run(plan_for(target.url, "/dies-after/60", duration_s=3))
    assert outcome.end.cause is EndCause.COMPLETED
    assert outcome.total("planned") == 150
    assert set(outcome.failures()) <= {"connect_refused", "early_close", "reset"}
    assert outcome.failures()["connect_refused"] > 50
    assert 0 < outcome.total("ok") <= 60


async def stalled(target: Target) -> tuple[Outcome, float]:
    """Four seconds of load on a target that stands still for one of them, and for how many ns it did."""
    stalls: list[asyncio.Task[float]] = []

    async def stall() -> float:
        begin = time.monotonic()
        target.signal(signal.SIGSTOP)
        await asyncio.sleep(1.0)
        target.signal(signal.SIGCONT)
        return time.monotonic() - begin

    def start_stall(report: Report) -> None:
        if isinstance(report, GeneratorSecond) and report.second == 0:
            stalls.append(asyncio.create_task(stall()))

    outcome = await collect(drive(plan_for(target.url, "/ok", level=100, duration_s=4, connections=8)), start_stall)
    return outcome, await stalls[0] * 1e9


def told_as_it_was(outcome: Outcome, stalled_ns: float) -> bool:
    """Whether the arrivals of that time, 10 ms apart, wait from all of it down to nothing, and only few are in service."""
    response, service = merged_times(outcome.times)["/ok"]
    waits = [
        response.quantile(1 - waiting / 400) == pytest.approx(stalled_ns - waiting * 10e6, abs=60e6)
        for waiting in (20, 50)
    ]
    hung = sum(count for bucket, count in service.to_pairs() if bucket > bucket_of(300_000_000))
    return all(waits) and 0 < hung <= 8  # eight connections hung; the other arrivals could not even be sent


async def test_a_stall_is_told_as_it_was(target: Target) -> None:
    """The target stands still for 1 s of 4: response times show it from the intended starts, service times do not.

    Whatever else holds one of the three processes up would be told too: it is looked at again where that happened.
    """
    for _ in range(5):
        outcome, stalled_ns = await stalled(target)
        assert outcome.total("ok") == 400
        assert sum(second.pool_waits for second in outcome.health) > 50
        if told_as_it_was(outcome, stalled_ns):
            return
    pytest.fail("no stall of five was told as it was")


async def test_what_piles_up_while_the_generator_stands_still_is_its_own_lag(target: Target) -> None:
    """Two connections, both free when it was stopped: none of the forty arrivals of that second waited for the target."""
    stops: list[asyncio.Task[None]] = []

    async def stop(pid: int) -> None:
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(1.0)
        os.kill(pid, signal.SIGCONT)

    def stop_once(report: Report) -> None:
        if isinstance(report, GeneratorSecond) and not stops:
            stops.append(asyncio.create_task(stop(outcome.started[0].pid)))

    outcome = Outcome()
    async for report in drive(plan_for(target.url, "/ok", level=40, duration_s=4, connections=2, deadline_s=5.0)):
        outcome.add(report)
        stop_once(report)
    await stops[0]
    long = bucket_of(300_000_000)
    own = sum(count for second in outcome.health for bucket, count in second.own_lag if bucket > long)
    waited = sum(count for second in outcome.health for bucket, count in second.pool_lag if bucket > long)
    assert own > 10 * waited


async def test_saturation_is_visible(target: Target) -> None:
    """Far more arrivals than one core can send: CPU share near 1, backlog, and a balance that still holds."""
    outcome = await run(plan_for(target.url, "/ok", level=200_000, duration_s=2, deadline_s=0.5))
    assert outcome.total("planned") == 400_000
    assert outcome.total("unsent") > 0
    assert max(second.cpu_ratio + (second.runqueue_ratio or 0) for second in outcome.health) > 0.5
    assert max(second.backlog for second in outcome.health) > 10_000
    assert all(second.sent < second.offered for second in outcome.health[:1])


async def test_lost_secret_is_said_before_anything_starts(target: Target) -> None:
    """A plan whose secret is missing starts nothing."""
    operation = Operation(name="a", path="/ok", secret_headers=(("Authorization", "token"),))
    with pytest.raises(ToolError, match="token"):
        await run(plan_for(target.url, operations=(operation,)))
    assert "/ok" not in target.counts()


async def test_child_that_cannot_start_says_why(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """A locustfile that does not exist: `start_failed`, with what the child printed."""
    monkeypatch.setattr(child_module, "LOCUSTFILE", Path("/nonexistent/locustfile.py"))
    outcome = await run(plan_for(target.url, "/ok"))
    assert outcome.end.cause is EndCause.START_FAILED
    assert any("nonexistent" in line for line in outcome.end.stderr_tail)


async def test_tls_is_verified(tmp_path: Path) -> None:
    """With the right CA everything is ok over kept connections; without it every request fails as tls.

    The end of the stream ends an answer only where TLS says so: without its goodbye the answer may be half of it.
    """
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
    with serving(tmp_path / "server.pem") as tls:
        paths, ca_file = ("/ok", "/chunked", "/drips", "/until-close", "/close"), str(tmp_path / "ca.pem")
        trusted = await run(plan_for(tls.url, *paths, ca_file=ca_file, duration_s=1, level=45, deadline_s=10.0))
        torn = await run(plan_for(tls.url, "/torn", ca_file=ca_file, duration_s=1, level=10, deadline_s=10.0))
        stranger = await run(plan_for(tls.url, "/ok", duration_s=1, level=10))
        unverified = await run(plan_for(tls.url, "/ok", duration_s=1, level=10, verify_tls=False))
    assert trusted.total("ok") == trusted.total("planned") == 45
    assert trusted.markers[0].connections_opened <= 16 + 18  # /until-close and /close take one for each
    assert torn.failures() == {"early_close": 10}
    assert stranger.failures() == {"tls": 10}
    assert "CERTIFICATE_VERIFY_FAILED" in stranger.examples[0].detail
    assert unverified.total("ok") == 10
