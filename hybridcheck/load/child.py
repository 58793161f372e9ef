"""The load child: one generator process that carries out a plan, or its share of one, and reports it.

Locust runs in a process of its own because importing it patches sockets for the whole process; see `load.piped` for how
it is kept. Its books are checked here: what it reported must add up to what it says in the end.
"""

import asyncio
import signal
import sys
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from hybridcheck.errors import ToolError
from hybridcheck.load.accounting import Books
from hybridcheck.load.piped import PipedProcess
from hybridcheck.load.plan import LoadPlan
from hybridcheck.load.reports import (
    CHILD_REPORT,
    ChildEnd,
    ChildReport,
    EndCause,
    EndMarker,
    OperationSecond,
    Report,
    SetupFailed,
    Started,
)

LOCUSTFILE = Path(__file__).resolve().parent.parent / "generator" / "lean_user.py"


async def drive(
    plan: LoadPlan,
    secrets: Mapping[str, str] | None = None,
    *,
    stop: asyncio.Event | None = None,
    grace_s: float = 5.0,
    silence_s: float = 15.0,
) -> AsyncGenerator[Report, None]:
    """Carry out a plan in a child process and yield its reports; the last one is always a `ChildEnd`.

    Who may leave the loop early iterates within `contextlib.aclosing(drive(plan))`, as with every async generator.

    Setting `stop` asks the child to end: it still reports what it has, and the cause is `aborted`. Closing or cancelling
    the iterator ends the child too, without the rest. Either way it gets SIGTERM, after `grace_s` SIGKILL, and is reaped.
    A child that reports nothing for `silence_s` (it reports every second) is killed.

    Raises:
        ToolError: a secret that the plan names is missing; nothing was started.
    """
    lacking = plan.secret_names - set(secrets or {})
    if lacking:
        raise ToolError(f"the load plan needs secrets that were not given: {', '.join(sorted(lacking))}")
    with tempfile.TemporaryDirectory(prefix="hybridcheck-load-", ignore_cleanup_errors=True) as home:
        child = Child(plan, grace_s, silence_s)
        try:
            await child.start(home, dict(secrets or {}))
            async for report in child.reports(stop):
                yield report
            yield await child.end()
        finally:
            await child.close()


class Child:
    """One child process from its start to its grave; it carries out the share (index, of) of a plan."""

    def __init__(self, plan: LoadPlan, grace_s: float, silence_s: float, share: tuple[int, int] = (0, 1)) -> None:
        self._plan = plan
        self._share = share
        self._grace_s = grace_s
        self._silence_s = silence_s
        self._piped = PipedProcess(grace_s)
        self._tasks: list[asyncio.Task[None]] = []
        self._books = Books([operation.name for operation in plan.operations])
        self._lines = 0
        self._started = False
        self._setup_failed = ""
        self._marker: EndMarker | None = None
        self._stopped = False

    async def start(self, home: str, secrets: dict[str, str]) -> None:
        """Start the process and hand it the plan; what goes wrong is told by `end`."""
        # without patched sockets: a quarter of the start-up's CPU, and the lean user works below them
        await self._piped.start(_arguments(), home, {"LOCUST_SKIP_MONKEY_PATCH": "1"})
        message = {"plan": self._plan.model_dump(mode="json"), "secrets": secrets, "share": self._share}
        self._tasks.append(asyncio.create_task(self._piped.say(message)))

    async def start_clock(self, at_ns: int) -> None:
        """Let a child that shares its plan begin at an instant of the monotonic clock (`perf_counter_ns`)."""
        await self._piped.say({"start_at_ns": at_ns})

    async def reports(self, stop: asyncio.Event | None) -> AsyncIterator[ChildReport]:
        """Every report until the child closes its pipe."""
        if not self._piped.started:
            return
        if stop is not None:
            self._tasks.append(asyncio.create_task(self._stop_when(stop)))
        while (line := await self._piped.line(self._patience_s())) is not None:
            try:
                report = CHILD_REPORT.validate_json(line)
            except ValidationError as error:
                message = error.errors()[0]["msg"]
                self._piped.trouble.append(f"a line of the child is no report: {message}: {line[:200]!r}")
                return
            self._take(report)
            yield report

    def _patience_s(self) -> float:
        """How long it may be silent: with its first row it also waits for the setup of its users, and of the others'."""
        return self._silence_s + (self._plan.setup_s if self._lines <= 1 else 0.0)

    def _take(self, report: ChildReport) -> None:
        if isinstance(report, EndMarker):
            self._marker = report
            return
        self._lines += 1
        if isinstance(report, OperationSecond):
            self._books.add(report)
        elif isinstance(report, Started):
            self._started = True
        elif isinstance(report, SetupFailed):
            self._setup_failed = report.detail

    async def _stop_when(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._stopped = True
        self._piped.signal(signal.SIGTERM)
        await asyncio.sleep(self._grace_s)
        self._piped.signal(signal.SIGKILL)

    async def end(self) -> ChildEnd:
        """Wait for the child's end and say what it was."""
        await self._piped.reap()
        seconds = self._marker.seconds if self._marker is not None else self._plan.seconds
        missing = self._books.missing_seconds(seconds)
        faults = [self._setup_failed] if self._setup_failed else list(self._piped.trouble)
        if self._marker is not None:
            faults += self._books.faults_against(self._marker, self._lines)
        if missing and self._started:
            faults.append(f"{len(missing)} of {seconds} seconds are missing")
        return ChildEnd(
            cause=self._cause(bool(faults)),
            exit_code=self._piped.exit_code,
            detail="; ".join(faults),
            missing_seconds=missing,
            stderr_tail=tuple(self._piped.stderr),
        )

    def _cause(self, faulty: bool) -> EndCause:  # noqa: FBT001  a predicate's answer, used here alone
        code = self._piped.exit_code
        if self._setup_failed:
            return EndCause.SETUP_FAILED
        if self._marker is not None:
            if faulty:
                return EndCause.INCOMPLETE
            if self._marker.cause == "completed":
                return EndCause.COMPLETED
            return EndCause.ABORTED if self._stopped else EndCause.INTERRUPTED
        if self._stopped and self._lines <= 1:
            return EndCause.ABORTED  # before it had anything to report, so that nothing is lost
        if code is not None and code < 0:
            return EndCause.KILLED
        if not self._started:
            return EndCause.START_FAILED
        return EndCause.CRASHED if code else EndCause.NO_END_MARKER

    async def close(self) -> None:
        """End the child if it still runs, reap it, and let go of pipes and tasks."""
        if self._piped.running:
            self._piped.signal(signal.SIGTERM)
            await self._piped.reap()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._piped.close()


def _arguments() -> tuple[str, ...]:
    """`-P`: Locust puts folders first on the module path, and Python's own should not be the first of them."""
    options = ("--headless", "--only-summary", "--users=1", "--spawn-rate=1", "--skip-log-setup")
    return (sys.executable, "-P", "-m", "locust", "-f", str(LOCUSTFILE), *options, "--exit-code-on-error=0")
