"""A real target in a process of its own, and short ways to drive the load child at it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

import pytest

from hybridcheck.load.child import drive
from hybridcheck.load.plan import LoadPlan, Operation, Shape
from hybridcheck.load.reports import (
    ChildEnd,
    Clocks,
    EndMarker,
    FailureExample,
    GeneratorSecond,
    LateWorker,
    OperationSecond,
    OperationTimes,
    Report,
    Started,
)

SERVER = Path(__file__).with_name("target_server.py")


ANOTHER_PARENT = """
import asyncio, sys
from hybridcheck.load.child import drive
from hybridcheck.load.plan import LoadPlan
async def main():
    async for report in drive(LoadPlan.model_validate_json(sys.argv[1])):
        print(report.pid if report.kind == "started" else report.kind, flush=True)
asyncio.run(main())
"""


@dataclass
class Target:
    """The running target: where it is, what it counted, and its process."""

    url: str
    process: subprocess.Popen[str]

    def counts(self) -> dict[str, int]:
        """What the target itself counted."""
        with urlopen(f"{self.url}/count", timeout=5) as answer:
            found: dict[str, int] = json.load(answer)
        return found

    def signal(self, number: signal.Signals) -> None:
        """Signal the target's process."""
        self.process.send_signal(number)


@contextmanager
def serving(certificate: Path | None = None) -> Iterator[Target]:
    """A target in a process of its own on a free loopback port; with a certificate it speaks TLS as localhost."""
    command = [sys.executable, str(SERVER)] + ([str(certificate)] if certificate else [])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        try:
            yield Target(f"https://localhost:{port}" if certificate else f"http://127.0.0.1:{port}", process)
        finally:
            process.kill()


@pytest.fixture
def target() -> Iterator[Target]:
    """A plain target."""
    with serving() as running:
        yield running


@contextmanager
def another_parent(plan: LoadPlan) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Another process that drives a plan, and the pid of its load child."""
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", ANOTHER_PARENT, plan.model_dump_json()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


@dataclass
class Outcome:
    """All reports of a drive, sorted by kind."""

    started: list[Started] = field(default_factory=list)
    rows: list[OperationSecond] = field(default_factory=list)
    times: list[OperationTimes] = field(default_factory=list)
    health: list[GeneratorSecond] = field(default_factory=list)
    examples: list[FailureExample] = field(default_factory=list)
    markers: list[EndMarker] = field(default_factory=list)
    ends: list[ChildEnd] = field(default_factory=list)
    clocks: list[Clocks] = field(default_factory=list)
    late: list[LateWorker] = field(default_factory=list)

    def add(self, report: Report) -> None:
        """Sort in one report."""
        shelves: dict[str, list[Report]] = vars(self)
        names = {"started": "started", "second": "rows", "times": "times", "generator": "health"}
        names |= {"failure_example": "examples", "end": "markers", "child_end": "ends"}
        names |= {"clocks": "clocks", "late_worker": "late"}
        shelves[names[report.kind]].append(report)

    @property
    def end(self) -> ChildEnd:
        """The one and only last report."""
        (end,) = self.ends
        return end

    def total(self, count: str, operation: str | None = None) -> int:
        """The sum of a count over all rows."""
        return sum(getattr(row, count) for row in self.rows if operation in {None, row.operation})

    def failures(self, operation: str | None = None) -> dict[str, int]:
        """Failures by kind over all rows."""
        totals: dict[str, int] = {}
        for row in self.rows:
            if operation in {None, row.operation}:
                for kind, count in row.failed.items():
                    totals[kind.value] = totals.get(kind.value, 0) + count
        return totals


async def collect(reports: AsyncIterator[Report], listen: Callable[[Report], None] | None = None) -> Outcome:
    """Every report of a drive; `listen` sees each as it comes."""
    outcome = Outcome()
    async for report in reports:
        outcome.add(report)
        if listen is not None:
            listen(report)
    assert all(row.balances for row in outcome.rows)
    return outcome


def plan_for(url: str, *paths: str, level: float = 50, duration_s: float = 2, **changes: object) -> LoadPlan:
    """A steady open plan with one operation for each path; its deadline is for what never comes, not for a busy machine."""
    fields: dict[str, object] = {
        "base_url": url,
        "operations": tuple(Operation(name=path, path=path) for path in paths),
        "shape": Shape(name="steady", parameters={"level": level, "duration_s": duration_s}),
        "connections": 16,
        "deadline_s": 10.0,
    }
    return LoadPlan.model_validate(fields | changes)


async def run(plan: LoadPlan, secrets: dict[str, str] | None = None) -> Outcome:
    """Drive a plan to its end."""
    return await collect(drive(plan, secrets))


def alive(pid: int) -> bool:
    """True while a process exists and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


async def gone(pid: int) -> None:
    """Return when a process exists no more; it is nobody's child here, so there is nothing to await but its absence."""
    async with asyncio.timeout(10):
        while alive(pid):  # noqa: ASYNC110  there is no event for the death of a stranger
            await asyncio.sleep(0.02)


def told(script: str, given: object) -> object:
    """What a script says to what it is given."""
    environment = os.environ | {"LOCUST_SKIP_MONKEY_PATCH": "1", "HYBRIDCHECK_VERSION": "1"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", script],
        input=json.dumps(given), env=environment, capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
