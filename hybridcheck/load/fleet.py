"""Several load children on this machine share one plan; their reports become one report.

They are children of ours and not a Locust master with workers: each has pipes of its own, so that a dead one is seen at
once and by its exit code, its last report is acknowledged by the kernel, no process is spent on a master, and all start
their clocks at the same instant of the one clock of the machine. On several machines it is Locust's master and workers
(`load.distributed`); how a plan is dealt out and how reports are merged is the same.
"""

import asyncio
import contextlib
import socket
import tempfile
import time
from collections.abc import AsyncGenerator, Mapping

from hybridcheck.errors import ToolError, UsageError
from hybridcheck.load.child import Child
from hybridcheck.load.merging import Merger
from hybridcheck.load.plan import LoadPlan
from hybridcheck.load.reports import ChildEnd, ChildReport, EndCause, Process, Report, Started

START_AFTER_NS = 50_000_000
"""From the moment in which all are ready until their clocks start."""


async def drive(
    plan: LoadPlan,
    secrets: Mapping[str, str] | None = None,
    *,
    processes: int,
    stop: asyncio.Event | None = None,
    grace_s: float = 5.0,
    silence_s: float = 15.0,
) -> AsyncGenerator[Report, None]:
    """Carry out a plan in so many processes; like `child.drive`, with their reports merged into one.

    When one of them is lost the others are stopped, since nothing that follows could decide anything.

    Raises:
        ToolError: a secret is missing; nothing was started.
        UsageError: there are fewer connections than processes; nothing was started.
    """
    refuse_lacking(plan, secrets or {})
    refuse_unshared(plan, processes, "--processes")
    with tempfile.TemporaryDirectory(prefix="hybridcheck-load-", ignore_cleanup_errors=True) as home:
        fleet = _Fleet([Child(plan, grace_s, silence_s, (index, processes)) for index in range(processes)])
        try:
            await fleet.start(home, dict(secrets or {}), stop)
            async with contextlib.aclosing(fleet.reports()) as reports:
                async for report in reports:
                    yield report
            yield fleet.end()
        finally:
            await fleet.close()


def refuse_lacking(plan: LoadPlan, secrets: Mapping[str, str]) -> None:
    """Refuse to go on without a secret that the plan names.

    Raises:
        ToolError: one is missing.
    """
    lacking = plan.secret_names - set(secrets)
    if lacking:
        raise ToolError(f"the load plan needs secrets that were not given: {', '.join(sorted(lacking))}")


def refuse_unshared(plan: LoadPlan, processes: int, option: str) -> None:
    """Refuse what cannot be shared by so many, each of whom needs a connection; `option` says that they are so many.

    Raises:
        UsageError: there are fewer connections than processes.
    """
    if plan.connections < processes:
        message = f"{plan.connections} connections cannot be shared by {processes} processes"
        hint = f"raise max_connections, or say {option} {plan.connections}"
        raise UsageError(message, where=f"{option} {processes}", hint=hint)


class _Fleet:
    """The children, and what has come from each."""

    def __init__(self, children: list[Child]) -> None:
        self._children = children
        self._names = [str(index) for index in range(len(children))]
        self._inbox: asyncio.Queue[tuple[int, ChildReport | ChildEnd]] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self._halt = asyncio.Event()
        self._asked = False
        self._started: dict[int, Started] = {}
        self._ends: dict[int, ChildEnd] = {}

    async def start(self, home: str, secrets: dict[str, str], stop: asyncio.Event | None) -> None:
        for child in self._children:
            await child.start(home, secrets)
        self._tasks = [asyncio.create_task(self._listen(index)) for index in range(len(self._children))]
        if stop is not None:
            self._tasks.append(asyncio.create_task(self._halt_when(stop)))

    async def _halt_when(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._asked = True
        self._halt.set()

    async def _listen(self, index: int) -> None:
        child = self._children[index]
        async for report in child.reports(self._halt):
            await self._inbox.put((index, report))
        await self._inbox.put((index, await child.end()))

    async def reports(self) -> AsyncGenerator[ChildReport, None]:
        """Merged reports until the last child has ended."""
        merger = Merger(self._names)
        while len(self._ends) < len(self._children):
            index, report = await self._inbox.get()
            if isinstance(report, ChildEnd):
                self._ends[index] = report
                if report.cause is not EndCause.COMPLETED:
                    self._halt.set()
            elif isinstance(report, Started):
                self._started[index] = report
                if len(self._started) == len(self._children):
                    yield await self._begin()
            else:
                for merged in merger.take(self._names[index], report):
                    yield merged
        for merged in merger.rest():
            yield merged

    async def _begin(self) -> Started:
        """All are ready: their clocks start together."""
        at_ns = time.perf_counter_ns() + START_AFTER_NS
        for child in self._children:
            await child.start_clock(at_ns)
        host = socket.gethostname()
        ready = [self._started[index] for index in range(len(self._children))]
        processes = [Process(name=name, host=host, pid=one.pid) for name, one in zip(self._names, ready, strict=True)]
        slowest_s = max(one.start_up_s for one in ready)
        return ready[0].model_copy(update={"processes": tuple(processes), "start_up_s": slowest_s})

    def end(self) -> ChildEnd:
        """How they ended together."""
        pids = {self._names[index]: one.pid for index, one in self._started.items()}
        named = {f"process {name} (pid {pids.get(name)})": self._ends[index] for index, name in enumerate(self._names)}
        return one_end(named, asked=self._asked)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(child.close() for child in self._children))


def one_end(ends: Mapping[str, ChildEnd], *, asked: bool) -> ChildEnd:
    """The end of all from the ends of each: who was lost is named; `asked` where we stopped them ourselves."""
    orderly = {EndCause.COMPLETED, EndCause.ABORTED, EndCause.INTERRUPTED}
    lost = {name: end for name, end in ends.items() if end.cause not in orderly}
    causes = {end.cause for end in ends.values()}
    if lost:
        cause = EndCause.START_FAILED if causes == {EndCause.START_FAILED} else EndCause.WORKER_LOST
        cause = EndCause.SETUP_FAILED if EndCause.SETUP_FAILED in causes else cause
    elif causes == {EndCause.COMPLETED}:
        cause = EndCause.COMPLETED
    else:
        cause = EndCause.ABORTED if asked else EndCause.INTERRUPTED
    said = [f"{name}: {end.cause}{': ' if end.detail else ''}{end.detail}" for name, end in (lost or ends).items()]
    worst = next(iter(lost.values()), next(iter(ends.values())))
    missing = {second for end in ends.values() for second in end.missing_seconds}
    return ChildEnd(
        cause=cause,
        exit_code=worst.exit_code,
        detail="" if cause is EndCause.COMPLETED else "; ".join(said),
        missing_seconds=tuple(sorted(missing)),
        stderr_tail=worst.stderr_tail,
    )
