"""Load generators side by side: requests per CPU-second, the truth about a stall, and how punctual an open model is.

The target (nginx) is pinned to the first core, each generator to the last; rounds are interleaved, so that a noisy
neighbour meets all of them, and medians are compared. What is not installed is named as not run.
"""

import asyncio
import os
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.generators import Bench, Result, generators, lean_plan, locust_command
from benchmarks.nginx_target import GENERATOR_CORE, Nginx, nginx
from hybridcheck.load.accounting import merged_times
from hybridcheck.load.child import drive
from hybridcheck.load.plan import LoadPlan, Operation, Shape
from hybridcheck.load.reports import ChildEnd, EndCause, GeneratorSecond, OperationSecond, OperationTimes, Started
from hybridcheck.statistics.histogram import Histogram

GOALS = {"FastHttpUser": 7.0, "hey": 1.2, "wrk": 0.4}
TLS_GOALS = {"hey": 0.8}
STALL_S, STALL_RUN_S, STALL_RATE = 3, 30, 200


def throughput(connections: Sequence[int], seconds: int, rounds: int, peers: Sequence[str] = ()) -> Iterator[str]:
    """Requests per CPU-second of all generators over plain HTTP, for each number of connections."""
    with nginx() as target:
        for count in connections:
            yield f"\n{count} connections, {rounds} interleaved rounds of {seconds} s:\n"
            yield from _compared(target, count, seconds, rounds, peers, GOALS)


def tls(seconds: int, rounds: int) -> Iterator[str]:
    """The same over TLS; ours and HttpUser verify the certificate, the others do not."""
    with nginx(tls=True) as target:
        yield f"\n64 connections over TLS, {rounds} interleaved rounds of {seconds} s; only hybridcheck verifies:\n"
        yield from _compared(target, 64, seconds, rounds, ("FastHttpUser", "hey", "wrk"), TLS_GOALS)


def _compared(
    target: Nginx, count: int, seconds: int, rounds: int, peers: Sequence[str], goals: dict[str, float]
) -> Iterator[str]:
    runs, missing = generators(list(peers))
    results: dict[str, list[Result]] = {name: [] for name in runs}
    with tempfile.TemporaryDirectory() as home:
        bench = Bench(target, count, seconds, Path(home))
        for _ in range(rounds):
            for name, run in runs.items():
                results[name].append(run(bench))
    ours = statistics.median(result.per_cpu_second for result in results["hybridcheck"])
    yield "| generator | requests per CPU-second (range) | µs of each in its own code | µs in the kernel | hybridcheck ÷ it | goal |"
    yield "|---|---:|---:|---:|---:|---:|"
    for name, found in results.items():
        rates = [result.per_cpu_second for result in found]
        middle = statistics.median(rates)
        span = f"{middle:,.0f} ({min(rates):,.0f} to {max(rates):,.0f})"
        goal = f"≥ {goals[name]:g}" if name in goals else ""
        ratio = f"{ours / middle:.2f}" if middle else "it finished none"
        spent = (statistics.median(times) for times in ([r.user_us for r in found], [r.kernel_us for r in found]))
        yield f"| {name} | {span} | {' | '.join(f'{us:.1f}' for us in spent)} | {ratio} | {goal} |"
    yield from (f"| {name} | not run: not on PATH | | | | |" for name in missing)


def open_model(seconds: int) -> Iterator[str]:
    """Half of what one core can do, as an open model: is every arrival sent, and how punctually.

    With real-time priority where the system allows it: a neighbour's time slices are not the generator's lag. What it can
    do is taken twice: from the closed model, where the target never sleeps, and from the open one, where waking the target
    for each arrival is work of the sender's core.
    """
    os.sched_setaffinity(0, {GENERATOR_CORE})
    favoured = _real_time(os.SCHED_RR, 1)
    try:
        with nginx() as target:
            rate = round(asyncio.run(saturated_rps(target)) / 2)
            of_closed, busy = _sent_at(target, rate, seconds)
            of_open, _ = _sent_at(target, round(rate / busy / 2), seconds)
    finally:
        _real_time(os.SCHED_OTHER, 0)
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
    yield f"\nFor {seconds} s each; real-time priority for generator and target: {'yes' if favoured else 'not allowed here'}.\n"
    yield "| | at half of the closed model's rate | at half of the rate that fills the core in the open model | goal |"
    yield "|---|---:|---:|---:|"
    for name, goal in SENT.items():
        yield f"| {name} | {of_closed[name]} | {of_open[name]} | {goal} |"


SENT = {
    "requests per second": "",
    "answered of planned": "± 0.5 %",
    "start lag p50": "",
    "start lag p99, over all": "≤ 3 ms",
    "start lag p99, median of the seconds": "",
    "time that the generator was ready and neighbours had its core": "",
    "CPU of the generator, of its core": "",
}
"""What is told of a rate that was sent, and its goals."""


def _sent_at(target: Nginx, rate: int, seconds: int) -> tuple[dict[str, str], float]:
    """How punctually a rate is sent, in the words of `SENT`, and the share of the core that it took."""
    shape = Shape(name="steady", parameters={"level": rate, "duration_s": seconds})
    rows, health = asyncio.run(_punctuality(lean_plan(target, shape, 64, "open")))
    planned, ok = sum(row.planned for row in rows), sum(row.ok for row in rows)
    lags = Histogram()
    for second in health:
        lags.merge(second.lag)
    typical = statistics.median(_ms(second.lag.quantile(0.99)) for second in health)
    waited = statistics.mean(second.runqueue_ratio or 0.0 for second in health)
    busy = statistics.mean(second.cpu_ratio for second in health)
    told = (
        f"{rate:,}",
        f"{ok:,} of {planned:,} ({ok / planned - 1:+.3%})",
        f"{_ms(lags.quantile(0.5)):.2f} ms",
        f"{_ms(lags.quantile(0.99)):.2f} ms",
        f"{typical:.2f} ms",
        f"{waited:.1%}",
        f"{busy:.0%}",
    )
    return dict(zip(SENT, told, strict=True)), busy


def _real_time(policy: int, priority: int) -> bool:
    try:
        os.sched_setscheduler(0, policy, os.sched_param(priority))
    except OSError:
        return False
    return True


async def saturated_rps(target: Nginx) -> float:
    """What the generator does at most on this process's cores: median of three seconds at 64 connections."""
    shape = Shape(name="steady", parameters={"level": 64, "duration_s": 4})
    ok = [0] * 4
    async for report in drive(lean_plan(target, shape, 64, "closed")):
        if isinstance(report, OperationSecond):
            ok[report.second] += report.ok
    return statistics.median(ok[1:])


async def _punctuality(plan: LoadPlan) -> tuple[list[OperationSecond], list[GeneratorSecond]]:
    rows: list[OperationSecond] = []
    health: list[GeneratorSecond] = []
    async for report in drive(plan):
        if isinstance(report, Started):
            _real_time(os.SCHED_OTHER, 0)  # reading reports is no part of the generator: anywhere, and after the two
            os.sched_setaffinity(0, range(os.cpu_count() or 1))
        elif isinstance(report, OperationSecond):
            rows.append(report)
        elif isinstance(report, GeneratorSecond) and report.sent:
            health.append(report)
        elif isinstance(report, ChildEnd) and report.cause is not EndCause.COMPLETED:
            raise SystemExit(f"the run is not complete: {report}")
    return rows, health


def stall() -> Iterator[str]:
    """The truth is known: 600 of 6,000 arrivals wait 3 s downwards, so p95 is 1.5 s and p99 is 2.7 s."""
    with nginx() as target, tempfile.TemporaryDirectory() as home:
        response, service = asyncio.run(_stalled_run(target))
        yield f"\n{STALL_RATE} requests per second for {STALL_RUN_S} s; from second 10 on the target stands still for {STALL_S} s:\n"
        yield "| who says it | p50 | p95 | p99 |"
        yield "|---|---:|---:|---:|"
        yield "| the truth, by arithmetic | | 1,500 ms | 2,700 ms |"
        for name, times in (("hybridcheck, response time", response), ("hybridcheck, service time", service)):
            shown = (f"{_ms(times.quantile(share)):,.1f} ms" for share in (0.5, 0.95, 0.99))
            yield f"| {name} | {' | '.join(shown)} |"
        off = [(_ms(response.quantile(q)) / truth - 1) for q, truth in ((0.95, 1500), (0.99, 2700))]
        bench = Bench(target, 20, STALL_RUN_S, Path(home))
        for name, command, find in _stall_peers(bench):
            if shutil.which(command[0]) is None:
                yield f"| {name}: not run, not on PATH | | | |"
                continue
            text = _stalled_peer(command, target.worker, Path(home))
            yield f"| {name} | {' | '.join(_found(pattern, text) for pattern in find)} |"
        yield f"\nhybridcheck is {off[0]:+.2%} off the truth at p95 and {off[1]:+.2%} at p99 (goal: within 3 %)."


def _stall_peers(bench: Bench) -> Iterator[tuple[str, list[str], tuple[str, str, str]]]:
    url, seconds = bench.target.url, f"{STALL_RUN_S}s"
    quantiles = ("50", "95", "99")
    hey = tuple(rf"{q}% in ([\d.]+ secs)" for q in quantiles)
    yield "hey, 20 × 10 per second", ["hey", "-z", seconds, "-c", "20", "-q", "10", url], (hey[0], hey[1], hey[2])
    wrk = (r"50%\s+([\d.]+\ws)", r"(?!)", r"99%\s+([\d.]+\ws)")
    yield "wrk, 1 connection, as fast as it goes", ["wrk", "-t1", "-c1", f"-d{seconds}", "--latency", url], wrk
    pace = "wait_time = constant_throughput(10)"
    columns = (r"GET\s+/\s+(\d+)", r"GET\s+/(?:\s+\d+){5}\s+(\d+)", r"GET\s+/(?:\s+\d+){7}\s+(\d+)")
    command = [part for part in locust_command(bench, "FastHttpUser", pace) if part != "--json"]
    yield "Locust's FastHttpUser, 20 × 10 per second (ms)", [*command, "--only-summary"], columns


def _found(pattern: str, text: str) -> str:
    last = text.rpartition("Response time percentiles")[2]
    match = re.search(pattern, last)
    return match.group(1) if match else "—"


async def _stalled_run(target: Nginx) -> tuple[Histogram, Histogram]:
    plan = LoadPlan(
        base_url=target.url.rstrip("/"),
        operations=(Operation(name="get", path="/"),),
        shape=Shape(name="steady", parameters={"level": STALL_RATE, "duration_s": STALL_RUN_S}),
        connections=64,
    )
    windows: list[OperationTimes] = []
    async for report in drive(plan):
        if isinstance(report, OperationTimes):
            windows.append(report)
        elif isinstance(report, GeneratorSecond) and report.second == 9:
            os.kill(target.worker, signal.SIGSTOP)
            asyncio.get_running_loop().call_later(STALL_S, os.kill, target.worker, signal.SIGCONT)
    return merged_times(windows)["get"]


def _stalled_peer(command: list[str], worker: int, home: Path) -> str:
    """What a peer prints about a run with the same stall."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=home)
    time.sleep(10)
    os.kill(worker, signal.SIGSTOP)
    time.sleep(STALL_S)
    os.kill(worker, signal.SIGCONT)
    return process.communicate()[0]


def _ms(value_ns: int | None) -> float:
    return (value_ns or 0) / 1e6
