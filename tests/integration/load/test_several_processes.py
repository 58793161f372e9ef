"""One plan in several processes: to the last request what one process would send, and a lost process is seen."""

import contextlib
import os
import signal
from pathlib import Path

import pytest

from hybridcheck.cases import Budget, Reason
from hybridcheck.errors import UsageError
from hybridcheck.evidence import GAP_CODES, Gap, GeneratorSecond, LoadEnd, Observation, Record
from hybridcheck.ledger import Ledger
from hybridcheck.load.fleet import drive
from hybridcheck.load.phase import Site, run_phase
from hybridcheck.load.plan import Operation, Shape
from hybridcheck.load.reports import EndCause, FailureKind, Report
from hybridcheck.profile.drives import drive_of
from hybridcheck.profile.models import Profile
from hybridcheck.redact import Redactor
from hybridcheck.target import Credential
from tests.integration.load.conftest import Target, alive, collect, plan_for


async def test_two_processes_send_exactly_the_plan(target: Target) -> None:
    """Second by second the planned arrivals, operation by operation the server's own count, one histogram over all."""
    operations = (Operation(name="often", path="/ok", weight=2), Operation(name="wrong", path="/fails"))
    shape = Shape(name="ramp", parameters={"from_level": 20, "to_level": 120, "ramp_s": 2})
    plan = plan_for(target.url, operations=operations, shape=shape)
    outcome = await collect(drive(plan, processes=2))
    assert outcome.end.cause is EndCause.COMPLETED, outcome.end
    due = [start // 1_000_000_000 for start in plan.intended_starts_ns()]
    planned = {second: sum(r.planned for r in outcome.rows if r.second == second) for second in range(2)}
    assert planned == {second: due.count(second) for second in range(2)}
    counts = target.counts()
    assert counts["/ok"] + counts["/fails"] == outcome.total("planned") == len(due) == 140
    assert outcome.total("ok", "often") == counts["/ok"]
    assert outcome.failures("wrong") == {FailureKind.STATUS.value: counts["/fails"]}
    assert sum(count for window in outcome.times for _, count in window.response) == outcome.total("ok")
    (marker,), (started,) = outcome.markers, outcome.started
    assert (marker.planned, marker.ok, marker.cause) == (140, outcome.total("ok"), "completed")
    assert len({process.pid for process in started.processes}) == 2
    assert all(len(second.processes) == 2 for second in outcome.health)
    assert outcome.health[0].sent == sum(process.sent for process in outcome.health[0].processes)


async def test_users_are_shared_in_the_closed_model(target: Target) -> None:
    """Three users in two processes: three connections, and the request budget to the last one."""
    plan = plan_for(target.url, "/ok", model="closed", level=3, duration_s=20, max_requests=101)
    outcome = await collect(drive(plan, processes=2))
    assert outcome.total("ok") == outcome.total("planned") == target.counts()["/ok"] == 101
    assert outcome.markers[0].connections_opened == 3


async def test_a_killed_process_is_seen_and_ends_the_run(target: Target) -> None:
    """Kill -9 of one of two: the other is stopped, the cause names the dead one, no process is left."""
    pids: list[int] = []

    def kill_one(report: Report) -> None:
        if report.kind == "started":
            pids.extend(process.pid for process in report.processes)
        if report.kind == "second" and report.second == 0:
            os.kill(pids[1], signal.SIGKILL)

    outcome = await collect(drive(plan_for(target.url, "/ok", duration_s=30), processes=2), kill_one)
    assert outcome.end.cause is EndCause.WORKER_LOST
    assert f"pid {pids[1]}" in outcome.end.detail
    assert outcome.end.missing_seconds[-1] == 29
    assert not outcome.markers
    assert not any(map(alive, pids))


async def test_a_lost_process_leaves_a_gap_that_nothing_is_decided_over(target: Target, tmp_path: Path) -> None:
    """In the ledger: the gap that gives WORKER_LOST, an end that says so, who they were, and how each of them was."""
    phase = {"rate_rps": 30, "duration_s": 30, "warmup_s": 0}
    profile = Profile.model_validate({"version": 1, "operations": ["GET /ok"], "load": {"even": phase}})
    records: list[Record] = []

    def kill_one(record: Record) -> None:
        records.append(record)
        if isinstance(record, GeneratorSecond) and len(record.processes) == 2:
            told = next(found for found in records if isinstance(found, Observation) and found.label == "generator")
            with contextlib.suppress(ProcessLookupError):
                os.kill(told.values["processes"][0]["pid"], signal.SIGKILL)

    ledger = Ledger(tmp_path / "ledger.ndjson", Redactor(b"k" * 32), kill_one)
    site = Site(target.url, None, 1, max_connections=50, max_requests=10_000)
    await run_phase(
        drive_of(profile, "even", Budget.FULL),
        site,
        ledger,
        nobody,
        carry_out=lambda plan, secrets, stop: drive(plan, secrets, processes=2, stop=stop),
    )
    ledger.close()
    (gap,) = [record for record in records if isinstance(record, Gap)]
    assert GAP_CODES[gap.reason] is Reason.WORKER_LOST
    (end,) = [record for record in records if isinstance(record, LoadEnd)]
    assert end.cause == EndCause.WORKER_LOST
    assert "process 0 (pid" in end.detail


async def nobody(identity: str) -> Credential:
    """No operation of these phases has an identity."""
    raise AssertionError(identity)


async def test_more_processes_than_connections_are_refused() -> None:
    """Each process needs a connection of its own."""
    with pytest.raises(UsageError, match="2 connections cannot be shared by 3"):
        await collect(drive(plan_for("http://127.0.0.1:1", "/ok", connections=2), processes=3))
