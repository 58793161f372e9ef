"""A master and two workers, through Locust: to the last request the plan, whoever dies is seen, nobody waits for ever."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator

import pytest

from hybridcheck.errors import UsageError
from hybridcheck.load.distributed import Master, Meeting, work
from hybridcheck.load.plan import Operation, Shape
from hybridcheck.load.reports import EndCause, Report
from tests.integration.load.conftest import Target, alive, collect, gone, plan_for

pytestmark = pytest.mark.timeout(400)  # three and more processes load Locust, beside others on a busy machine

WAIT_S = 40.0
"""For workers who will come: several processes begin at once, on a machine that does other things as well."""


@contextlib.asynccontextmanager
async def crew(workers: int, *, expect: int = 2, only_to: str | None = None) -> AsyncIterator[tuple[Master, list[str]]]:
    """A master with workers on this machine, and what they say."""
    said: list[str] = []
    async with Master(Meeting(port=0, expect=expect, wait_s=WAIT_S), said.append) as master:
        assert master.port is not None
        tasks = [
            asyncio.create_task(work("127.0.0.1", master.port, WAIT_S, only_to, said.append)) for _ in range(workers)
        ]
        try:
            yield master, said
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def test_two_workers_send_exactly_two_plans(target: Target) -> None:
    """One phase is given up, two are carried out by the same workers: the server's own counts, secrets, clocks."""
    shape = Shape(name="ramp", parameters={"from_level": 20, "to_level": 80, "ramp_s": 2})
    first = plan_for(target.url, "/ok", "/chunked", shape=shape, spacing="poisson", seed=3)
    secret = Operation(name="mine", path="/gzip", secret_headers=(("Authorization", "token"),))
    second = plan_for(target.url, operations=(secret,), model="closed", level=3, duration_s=20, max_requests=50)
    async with crew(2) as (master, said):
        endless = master.carry_out(plan_for(target.url, "/interim", duration_s=60), {}, None)
        async with contextlib.aclosing(endless) as given_up:
            async for report in given_up:
                if report.kind == "second":
                    break
        one = await collect(master.carry_out(first, {}, None))
        two = await collect(master.carry_out(second, {"token": "Bearer secret-token"}, None))
    due = [start // 1_000_000_000 for start in first.intended_starts_ns()]
    counts = target.counts()
    assert (one.end.cause, two.end.cause) == (EndCause.COMPLETED, EndCause.COMPLETED), (one.end, two.end, said)
    assert one.total("ok") == counts["/ok"] + counts["/chunked"] == len(due)
    planned = {at: sum(row.planned for row in one.rows if row.second == at) for at in range(2)}
    assert planned == {at: due.count(at) for at in range(2)}
    assert two.total("ok") == counts["/gzip"] == counts["authorized"] == 50
    (started,) = one.started
    assert [process.name for process in started.processes] == ["0", "1"]
    assert all(abs(process.clock_offset_ms or 99) < 50 for process in started.processes)
    assert sum(health.sent for health in one.health) == len(due)


async def test_a_killed_worker_is_seen(target: Target) -> None:
    """Kill -9 of one of two: no heartbeat any more, the other is stopped, the cause names the lost one."""
    pids: list[int] = []

    def kill_one(report: Report) -> None:
        if report.kind == "started":
            pids.extend(process.pid for process in report.processes)
        if report.kind == "second" and report.second == 0:
            os.kill(pids[1], signal.SIGKILL)

    async with crew(2) as (master, _):
        outcome = await collect(master.carry_out(plan_for(target.url, "/ok", duration_s=60), {}, None), kill_one)
    assert outcome.end.cause is EndCause.WORKER_LOST, outcome.end
    assert f"pid {pids[1]}" in outcome.end.detail
    assert not outcome.markers


async def test_a_late_worker_takes_part_from_the_next_phase_on_and_a_killed_master_ends_that(target: Target) -> None:
    """It has no part in the phase at hand, and is told of; kill -9 of the master: the cause says so, no process is left."""
    plan = plan_for(target.url, "/ok", duration_s=60)
    late: list[asyncio.Task[int]] = []
    async with crew(1, expect=1) as (master, said):
        enough = asyncio.Event()

        def join_late(report: Report) -> None:
            if report.kind == "second" and not late:
                late.append(asyncio.create_task(work("127.0.0.1", master.port or 0, WAIT_S, None, said.append)))
            elif report.kind == "late_worker":
                enough.set()

        def kill_the_master(report: Report) -> None:
            if report.kind == "second":
                with contextlib.suppress(ProcessLookupError):
                    os.kill(master.pid or 0, signal.SIGKILL)

        first = await collect(master.carry_out(plan, {}, enough), join_late)
        second = await collect(master.carry_out(plan, {}, None), kill_the_master)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
    assert [len(outcome.started[0].processes) for outcome in (first, second)] == [1, 2], (first.end, second.end, said)
    assert (first.end.cause, second.end.cause) == (EndCause.ABORTED, EndCause.WORKER_LOST)
    assert "the master ended with -9" in second.end.detail
    for process in second.started[0].processes:
        await gone(process.pid)
        assert not alive(process.pid)


async def test_workers_that_do_not_come_are_awaited_for_a_finite_time() -> None:
    """One of two is there: after the wait the phase ends undone, and says how many came."""
    async with Master(Meeting(port=0, expect=2, wait_s=1.0)) as master:
        outcome = await collect(master.carry_out(plan_for("http://127.0.0.1:1", "/ok"), {}, None))
    assert outcome.end.cause is EndCause.START_FAILED
    assert "0 of 2 workers had joined after 1 s" in outcome.end.detail


@pytest.mark.parametrize(
    ("only_to", "sent_to", "words"),
    [
        ("http://example.invalid", None, "only sends to http://example.invalid"),
        (None, "http://192.0.2.1", "start it with --base-url http://192.0.2.1"),
    ],
)
async def test_a_worker_sends_only_where_it_may(
    target: Target, only_to: str | None, sent_to: str | None, words: str
) -> None:
    """A plan for another address is refused by the worker, nothing is sent, and the master hears who refused why."""
    async with crew(1, expect=1, only_to=only_to) as (master, _):
        outcome = await collect(master.carry_out(plan_for(sent_to or target.url, "/ok"), {}, None))
    assert outcome.end.cause is EndCause.START_FAILED
    assert "worker 0 (" in outcome.end.detail
    assert words in outcome.end.detail
    assert "/ok" not in target.counts()


async def test_a_worker_without_a_connection_stands_aside(target: Target) -> None:
    """Two have joined and there is one connection: one worker sends all of it, the other has no share."""
    async with crew(2, expect=1) as (master, said):
        while sum("joined the master" in line for line in said) < 2:  # noqa: ASYNC110  what they say is a list
            await asyncio.sleep(0.02)
        outcome = await collect(master.carry_out(plan_for(target.url, "/ok", connections=1, duration_s=1), {}, None))
    assert outcome.end.cause is EndCause.COMPLETED, outcome.end
    assert len(outcome.started[0].processes) == 1
    assert outcome.total("ok") == outcome.total("planned") == target.counts()["/ok"]


async def test_secrets_stay_on_this_machine_unless_the_network_is_trusted() -> None:
    """A master that others can reach sends no secrets in clear text by itself; an address that is taken is an error."""
    operation = Operation(name="mine", path="/", secret_headers=(("Authorization", "token"),))
    plan = plan_for("http://127.0.0.1:1", operations=(operation,))
    master = Master(Meeting(host="192.0.2.1", port=0))
    with pytest.raises(UsageError, match="in clear text"):
        await collect(master.carry_out(plan, {"token": "x"}, None))
    with pytest.raises(UsageError, match="cannot listen"):
        async with master:
            pass
