"""Resident memory of a user that waits: ours holds an open connection, as Locust's do after their first request."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.generators import LOCUSTFILE, lean_plan
from benchmarks.nginx_target import Nginx, NotRun, nginx
from hybridcheck.load.child import drive
from hybridcheck.load.plan import Shape
from hybridcheck.load.reports import GeneratorSecond

FEW, MANY = 100, 2_100
SETTLED_S = 8
THINK_S = 1_000
PAUSE = f"wait_time = lambda self: {THINK_S}"


def idle_users() -> Iterator[str]:
    """Memory with many users less memory with few, by each user more: what a process takes anyway is in neither."""
    yield f"\nBetween {FEW} and {MANY:,} users that have sent one request each and wait, connection open, after {SETTLED_S} s:\n"
    yield "| user | resident memory of each | goal |"
    yield "|---|---:|---:|"
    with nginx() as target:
        measured: tuple[tuple[str, Callable[[int], int], str], ...] = (
            ("hybridcheck", lambda users: asyncio.run(_ours(target, users)), "≤ 25 KB"),
            ("FastHttpUser", lambda users: _locusts(target, "FastHttpUser", users), ""),
            ("HttpUser", lambda users: _locusts(target, "HttpUser", users), ""),
        )
        for name, resident, goal in measured:
            each = (resident(MANY) - resident(FEW)) / (MANY - FEW)
            yield f"| {name} | {each / 1e3:.1f} KB | {goal} |"


async def _ours(target: Nginx, users: int) -> int:
    shape = Shape(name="steady", parameters={"level": users, "duration_s": SETTLED_S + 1})
    plan = lean_plan(target, shape, users, "closed").model_copy(update={"think_s": (float(THINK_S), float(THINK_S))})
    resident = None
    async for report in drive(plan):
        if isinstance(report, GeneratorSecond) and report.second <= SETTLED_S:
            resident = report.rss_bytes
    if resident is None:
        raise NotRun("resident memory is read from /proc, which this system has not")
    return resident


def _locusts(target: Nginx, base: str, users: int) -> int:
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "idle.py"
        path.write_text(LOCUSTFILE.format(base=base, pace=PAUSE, options=""))
        options = ["--headless", "-u", str(users), "-r", str(users), "-H", target.url[:-1]]
        command = [sys.executable, "-m", "locust", "-f", str(path), *options]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            time.sleep(SETTLED_S)
            pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
            process.send_signal(signal.SIGTERM)
            return pages * os.sysconf("SC_PAGE_SIZE")
