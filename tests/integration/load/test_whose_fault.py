"""Real phases that went wrong: the target's doing is a fail, the generator's and the tester's is none."""

import asyncio
import os
import resource
import signal
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

import pytest

from hybridcheck.cases import Budget, Case, Reason, Undecided
from hybridcheck.checks.check import Scene
from hybridcheck.checks.load.limits import KeepsErrorLimit, KeepsLatencyLimit
from hybridcheck.evidence import Evidence, LoadEnd, Record
from hybridcheck.ledger import Ledger
from hybridcheck.load.phase import CarryOut, Site, alone, run_phase
from hybridcheck.load.plan import LoadPlan
from hybridcheck.load.reports import GeneratorSecond, Report, Started
from hybridcheck.profile.drives import drive_of
from hybridcheck.profile.models import Environment, Profile
from hybridcheck.redact import Redactor
from hybridcheck.target import Credential
from hybridcheck.verdict import Outcome
from tests.integration.load.conftest import Target

CHECKS = (KeepsErrorLimit(), KeepsLatencyLimit())
PAUSE_S, PAUSES = 0.75, 6


async def nobody(identity: str) -> Credential:
    """No operation of this phase has an identity."""
    raise AssertionError(identity)


async def pauses(pid: int) -> None:
    """Let a process stand still, again and again."""
    for _ in range(PAUSES):
        await asyncio.sleep(PAUSE_S)
        os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(PAUSE_S)
        finally:
            os.kill(pid, signal.SIGCONT)


async def paused(
    plan: LoadPlan, secrets: Mapping[str, str], stop: asyncio.Event | None
) -> AsyncGenerator[Report, None]:
    """A generator that stands still for moments."""
    async with asyncio.TaskGroup() as tasks:
        async for report in alone(plan, secrets, stop):
            if isinstance(report, Started):
                tasks.create_task(pauses(report.pid))
            yield report


async def short_of_files(
    plan: LoadPlan, secrets: Mapping[str, str], stop: asyncio.Event | None
) -> AsyncGenerator[Report, None]:
    """A generator that may open no file more once its first second is over."""
    pid = 0
    async for report in alone(plan, secrets, stop):
        if isinstance(report, Started):
            pid = report.pid
        elif isinstance(report, GeneratorSecond) and report.second == 0:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, 3))
        yield report


async def told(
    target: Target, folder: Path, path: str, *, carry_out: CarryOut = alone, **phase: Any
) -> Mapping[str, Any]:
    """What the checks say of a phase, with the end marker; reasons stand for what is undecided."""
    load = {"rate_rps": 40, "duration_s": 12, "warmup_s": 0, "abort_when": "never", **phase}
    limits = {"max_latency_ms": 400, "max_error_ratio": 0.05}
    given = {"version": 1, "operations": [f"GET {path}"], "load": {"day": load}, "thresholds": limits}
    profile = Profile.model_validate(given)
    records: list[Record] = []
    ledger = Ledger(folder / "ledger.ndjson", Redactor(b"k" * 32), records.append)
    site = Site(target.url, None, 1, max_connections=200, max_requests=10_000)
    await run_phase(drive_of(profile, "day", Budget.FULL), site, ledger, nobody, carry_out=carry_out)
    ledger.close()
    scene = Scene(profile, target.url, Environment.LOCAL, Budget.FULL)
    found: dict[str, Any] = {"end": next(record for record in records if isinstance(record, LoadEnd))}
    for check in CHECKS:
        (case,) = [case for case in check.cases(scene) if isinstance(case, Case)]
        try:
            finding = check.judge(case, Evidence((), {"load/day": tuple(records)}))
            found[check.id] = finding.outcome if finding.reason is None else finding.reason
        except Undecided as undecided:
            found[check.id] = undecided.reason
    return found


async def test_an_overloaded_target_fails_its_latency_limit(target: Target, tmp_path: Path) -> None:
    """32 connections, a second for each answer, 60 arrivals per second: every one waits for a connection in the end."""
    found = await told(target, tmp_path, "/slow/1000", rate_rps=60, max_connections=32, deadline_s=4)
    assert found["load.latency-limit"] is Outcome.FAIL


async def test_a_generator_that_stands_still_fails_no_target(target: Target, tmp_path: Path) -> None:
    """A healthy target, and a process that was stopped for 0.75 s six times, against a deadline of 0.3 s."""
    found = await told(target, tmp_path, "/ok", carry_out=paused, deadline_s=0.3)
    assert found["end"].unsent + found["end"].failed > 0
    assert found["load.error-limit"] is Reason.GENERATOR_SATURATED
    assert found["load.latency-limit"] is Reason.GENERATOR_SATURATED


@pytest.mark.parametrize("connections", [2, 64])
async def test_too_few_connections_fail_no_target(target: Target, tmp_path: Path, connections: int) -> None:
    """A tenth of a second for each answer keeps four busy; with two, arrivals pile up until they are not sent at all."""
    found = await told(target, tmp_path, "/slow/100", max_connections=connections, deadline_s=2)
    few = connections == 2
    assert (found["end"].unsent > 0) == few
    assert found["load.error-limit"] is (Reason.TOO_FEW_CONNECTIONS if few else Outcome.PASS)
    assert (found["load.latency-limit"] is Reason.TOO_FEW_CONNECTIONS) == few


@pytest.mark.parametrize(
    ("carry_out", "expected"), [(short_of_files, Reason.GENERATOR_SATURATED), (alone, Outcome.PASS)]
)
async def test_a_generator_that_may_open_no_more_files_fails_no_target(
    target: Target, tmp_path: Path, carry_out: CarryOut, expected: object
) -> None:
    """Each request needs a connection of its own; the twin may open as many as it likes."""
    found = await told(target, tmp_path, "/close", carry_out=carry_out)
    assert found["load.error-limit"] is expected, found["end"]
    assert found["end"].not_sent == (found["end"].failed if carry_out is short_of_files else 0)
