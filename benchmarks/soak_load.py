"""Soak of the load engine: saturation, and exact totals."""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.generators import lean_plan
from benchmarks.load_generators import saturated_rps
from benchmarks.nginx_target import GENERATOR_CORE, Nginx, nginx, pinned
from hybridcheck.cases import Budget, Case, Undecided
from hybridcheck.checks.load.limits import KeepsErrorLimit, KeepsLatencyLimit
from hybridcheck.evidence import Evidence, Record
from hybridcheck.ledger import Ledger
from hybridcheck.load import fleet
from hybridcheck.load.child import drive
from hybridcheck.load.phase import Site, run_phase
from hybridcheck.load.plan import Shape
from hybridcheck.load.reports import Report
from hybridcheck.profile.drives import drive_of
from hybridcheck.profile.models import Profile
from hybridcheck.redact import Redactor
from hybridcheck.target import Credential
from tests.integration.load.conftest import Target, collect, plan_for, serving

LIMIT_MS = 200.0
LOAD_S, WARMUP_S = 13, 1
STREAM = "load/soak"
FAIL_ALPHA = 0.01 / 4
TOTALS = 50


def row(name: str, count: int, runs: int, goal: str, *, met: bool) -> str:
    """One line of a table: k of n, what was wanted, and whether it is so."""
    return f"| {name} | {count} of {runs} | {goal} | {'met' if met else 'NOT MET'} |"


def saturation(runs: int) -> Iterator[str]:
    """A phase at 150 % of what the generator can do, and one at all of it beside neighbours that take two thirds of its core."""
    with _pinned_beside_nginx() as target:
        capacity = max(asyncio.run(saturated_rps(target)) for _ in range(3))
        yield f"\nCapacity of the generator on its core: {capacity:,.0f} requests per second (best of three).\n"
        yield "| scenario | INCONCLUSIVE | goal | |"
        yield "|---|---:|---:|---|"
        for name, share, neighbours in (
            ("150 % of its capacity", 1.5, 0),
            ("its capacity, with two busy neighbours on its core", 1.0, 2),
        ):
            found = Counter(_verdict(target, share * capacity, neighbours) for _ in range(runs))
            undecided = found["inconclusive"]
            yield row(f"{name}: {dict(found)}", undecided, runs, f"{runs} of {runs}", met=undecided == runs)


def headroom(runs: int) -> Iterator[str]:
    """A phase at 60 % of the rate that would fill the generator's core, as it is at that moment."""
    with _pinned_beside_nginx() as target:
        yield "\nThe rate that would fill the core: what an open model sends, over the share of the core that it takes for that. It is"
        yield "less than the closed model's: there the target never sleeps, and waking it is work of the sender's core.\n"
        yield "| scenario | INCONCLUSIVE | goal | |"
        yield "|---|---:|---:|---|"
        found = Counter(_verdict(target, 0.6 * asyncio.run(_filling_rps(target)), 0) for _ in range(runs))
        undecided = found["inconclusive"]
        yield row(f"60 % of that rate: {dict(found)}", undecided, runs, f"0 of {runs}", met=undecided == 0)


@contextmanager
def _pinned_beside_nginx() -> Iterator[Nginx]:
    with nginx() as target:
        os.sched_setaffinity(0, {GENERATOR_CORE})
        try:
            yield target
        finally:
            os.sched_setaffinity(0, range(os.cpu_count() or 1))


async def _filling_rps(target: Nginx) -> float:
    """An open model's rate over its share of the core: at half of what the closed model does, three seconds, their median."""
    rate = round(await saturated_rps(target) / 2)
    shape = Shape(name="steady", parameters={"level": rate, "duration_s": 4})
    reports = [report async for report in drive(lean_plan(target, shape, 64, "open"))]
    shares = [each.cpu_ratio for each in reports if each.kind == "generator" and 1 <= each.second <= 3]
    return rate / statistics.median(shares)


def _verdict(target: Nginx, rate: float, neighbours: int) -> str:
    """The worst of latency and error limit over one phase: fail, else inconclusive, else pass."""
    endless = pinned(GENERATOR_CORE, sys.executable, "-c", "while True: pass")
    busy = [subprocess.Popen(endless) for _ in range(neighbours)]
    try:
        records = asyncio.run(_phase(target, round(rate)))
    finally:
        for process in busy:
            process.kill()
            process.wait()
    return worst(records)


async def _phase(target: Nginx, rate: int) -> list[Record]:
    phase = {"rate_rps": rate, "duration_s": LOAD_S, "warmup_s": WARMUP_S, "max_connections": 64, "deadline_s": 2}
    load = {"soak": phase}
    limits = {"max_latency_ms": LIMIT_MS, "max_error_ratio": 0.01}
    profile = Profile.model_validate({"version": 1, "operations": ["GET /"], "load": load, "thresholds": limits})
    records: list[Record] = []
    with tempfile.TemporaryDirectory() as home:
        ledger = Ledger(Path(home) / "ledger.ndjson", Redactor(b"k" * 32), records.append)
        site = Site(target.url.rstrip("/"), None, 1, max_connections=64, max_requests=1 << 40)
        await run_phase(drive_of(profile, "soak", Budget.QUICK), site, ledger, _nobody)
        ledger.close()
    return records


async def _nobody(identity: str) -> Credential:
    raise AssertionError(identity)


def worst(records: list[Record]) -> str:
    """The worst outcome of the latency and the error limit."""
    outcomes = {latency_outcome(records), _outcome(KeepsErrorLimit(), {"limit_ratio": 0.01}, records)}
    return next(outcome for outcome in ("fail", "inconclusive", "pass") if outcome in outcomes)


def latency_outcome(records: list[Record]) -> str:
    """What the check says about the p95 limit."""
    return _outcome(KeepsLatencyLimit(), {"limit_ms": LIMIT_MS, "quantile": 95}, records)


def _outcome(check: KeepsLatencyLimit | KeepsErrorLimit, limit: dict[str, float], records: list[Record]) -> str:
    params = {"stream": STREAM, "operation": "*", "fail_alpha": FAIL_ALPHA, **limit}
    case = Case.model_validate({"check": check.id, "subject": "soak", "params": params, "shared": (STREAM,)})
    try:
        return check.judge(case, Evidence(own=(), shared={STREAM: tuple(records)})).outcome.value
    except Undecided:
        return "inconclusive"


def totals() -> Iterator[str]:
    """Short runs of both models, half ended by SIGTERM, half in two processes: what we say was answered is what came."""
    with serving() as target:
        right = Counter[str]()
        for index in range(TOTALS):
            model, ending = ("open", "closed")[index % 2], ("to its end", "SIGTERM")[index // 2 % 2]
            processes = 1 + index // 4 % 2
            right[f"{model}, {ending}, {processes}"] += asyncio.run(_agrees(target, model, ending, processes))
    yield "\n| runs | agree | goal | |"
    yield "|---|---:|---:|---|"
    agree = right.total()
    name = f"both models, normal end and SIGTERM, one process and two: {dict(right)}"
    yield row(name, agree, TOTALS, f"{TOTALS} of {TOTALS}", met=agree == TOTALS)


async def _agrees(target: Target, model: str, ending: str, processes: int) -> bool:
    stop = asyncio.Event()

    def listen(report: Report) -> None:
        if ending == "SIGTERM" and report.kind == "second":
            stop.set()

    length_s = 20 if ending == "SIGTERM" else 1
    plan = plan_for(target.url, "/ok", model=model, level=300 if model == "open" else 4, duration_s=length_s)
    before = target.counts().get("/ok", 0)
    driven = drive(plan, stop=stop) if processes == 1 else fleet.drive(plan, processes=processes, stop=stop)
    outcome = await collect(driven, listen)
    received = target.counts().get("/ok", 0) - before
    marker = outcome.markers[0]
    answered = outcome.total("ok") + sum(outcome.failures().values())
    told = (marker.ok, marker.planned) == (outcome.total("ok"), outcome.total("planned"))
    return told and answered <= received <= answered + outcome.total("cut")
