"""The load child: starting it, feeding it the plan, reading its reports, and seeing that it is gone in the end.

Locust runs in a process of its own because importing it patches sockets for the whole process. It gets a clean argv, an
empty folder as cwd and HOME, and an environment with nothing of Locust's in it; the plan and its secrets come through one
pipe (never argv, never disk), reports leave through another (Locust prints to stdout). If we die, the kernel kills it.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hybridcheck.errors import ToolError
from hybridcheck.load.accounting import Books
from hybridcheck.load.plan import LoadPlan
from hybridcheck.load.reports import (
    CHILD_REPORT,
    ChildEnd,
    ChildReport,
    EndCause,
    EndMarker,
    OperationSecond,
    Report,
    Started,
)

LOCUSTFILE = Path(__file__).resolve().parent.parent / "generator" / "lean_user.py"
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "LD_LIBRARY_PATH", "TMPDIR")
_LONGEST_LINE_BYTES = 32 << 20
_STDERR_LINES = 40
_STDERR_LINE_CHARACTERS = 400


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
        self._process: asyncio.subprocess.Process | None = None
        self._reader = asyncio.StreamReader(limit=_LONGEST_LINE_BYTES)
        self._transport: asyncio.ReadTransport | None = None
        self._plan_pipe: int | None = None
        self._stderr: deque[str] = deque(maxlen=_STDERR_LINES)
        self._tasks: list[asyncio.Task[None]] = []
        self._books = Books([operation.name for operation in plan.operations])
        self._lines = 0
        self._started = False
        self._marker: EndMarker | None = None
        self._stopped = False
        self._trouble: list[str] = []

    async def start(self, home: str, secrets: dict[str, str]) -> None:
        """Start the process and hand it the plan; what goes wrong is told by `end`."""
        plan_read, self._plan_pipe = os.pipe()
        report_read, report_write = os.pipe()
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(self._reader), os.fdopen(report_read, "rb", buffering=0)
        )
        try:
            self._process = await asyncio.create_subprocess_exec(
                *_arguments(),
                cwd=home,
                env=_environment(home, plan_read, report_write),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=(plan_read, report_write),
                start_new_session=True,
            )
        except OSError as error:
            self._trouble.append(f"the child could not be started: {error}")
            return
        finally:
            os.close(plan_read)
            os.close(report_write)
        self._tasks.append(asyncio.create_task(self._keep_stderr()))
        message = {"plan": self._plan.model_dump(mode="json"), "secrets": secrets, "share": self._share}
        self._tasks.append(asyncio.create_task(self._say(message)))

    async def _say(self, message: dict[str, Any]) -> None:
        """Write a line from a thread, since a pipe takes 64 KiB at once; a child that died meanwhile is told by `end`."""
        assert self._plan_pipe is not None
        with contextlib.suppress(BrokenPipeError):
            await asyncio.to_thread(_write_all, self._plan_pipe, (json.dumps(message) + "\n").encode())

    async def start_clock(self, at_ns: int) -> None:
        """Let a child that shares its plan begin at an instant of the monotonic clock (`perf_counter_ns`)."""
        await self._say({"start_at_ns": at_ns})

    async def _keep_stderr(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        async for line in _lines_of(self._process.stderr):
            self._stderr.append(line.decode(errors="replace").rstrip()[:_STDERR_LINE_CHARACTERS])

    async def reports(self, stop: asyncio.Event | None) -> AsyncIterator[ChildReport]:
        """Every report until the child closes its pipe."""
        if self._process is None:
            return
        if stop is not None:
            self._tasks.append(asyncio.create_task(self._stop_when(stop)))
        while True:
            try:
                line = await asyncio.wait_for(self._reader.readline(), self._silence_s)
            except TimeoutError:
                self._trouble.append(f"the child reported nothing for {self._silence_s:g} s and was killed")
                self._signal(signal.SIGKILL)
                continue
            except ValueError as error:
                self._trouble.append(f"a line of the child is too long: {error}")
                return
            if not line.endswith(b"\n"):
                if line:
                    self._trouble.append("the child's last line breaks off")
                return
            try:
                report = CHILD_REPORT.validate_json(line)
            except ValidationError as error:
                self._trouble.append(f"a line of the child is no report: {error.errors()[0]['msg']}: {line[:200]!r}")
                return
            self._take(report)
            yield report

    def _take(self, report: ChildReport) -> None:
        if isinstance(report, EndMarker):
            self._marker = report
            return
        self._lines += 1
        if isinstance(report, OperationSecond):
            self._books.add(report)
        elif isinstance(report, Started):
            self._started = True

    async def _stop_when(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._stopped = True
        self._signal(signal.SIGTERM)
        await asyncio.sleep(self._grace_s)
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        """Signal the child alone: it has no children of its own, and its session ends with it."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def end(self) -> ChildEnd:
        """Wait for the child's end and say what it was."""
        await self._reap()
        seconds = self._marker.seconds if self._marker is not None else self._plan.seconds
        missing = self._books.missing_seconds(seconds)
        faults = list(self._trouble)
        if self._marker is not None:
            faults += self._books.faults_against(self._marker, self._lines)
        if missing and self._started:
            faults.append(f"{len(missing)} of {seconds} seconds are missing")
        return ChildEnd(
            cause=self._cause(bool(faults)),
            exit_code=self._process.returncode if self._process is not None else None,
            detail="; ".join(faults),
            missing_seconds=missing,
            stderr_tail=tuple(self._stderr),
        )

    def _cause(self, faulty: bool) -> EndCause:  # noqa: FBT001  a predicate's answer, used here alone
        code = self._process.returncode if self._process is not None else None
        if self._marker is not None:
            if faulty:
                return EndCause.INCOMPLETE
            if self._marker.cause == "completed":
                return EndCause.COMPLETED
            return EndCause.ABORTED if self._stopped else EndCause.INTERRUPTED
        if self._stopped:
            return EndCause.ABORTED
        if code is not None and code < 0:
            return EndCause.KILLED
        if not self._started:
            return EndCause.START_FAILED
        return EndCause.CRASHED if code else EndCause.NO_END_MARKER

    async def _reap(self) -> None:
        """Wait for the exit; a child that closed its pipe and lingers is ended."""
        if self._process is None:
            return
        for number in (None, signal.SIGTERM, signal.SIGKILL):
            if number is not None:
                self._signal(number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), self._grace_s)
                break
        for task in self._tasks[:1]:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(task, self._grace_s)

    async def close(self) -> None:
        """End the child if it still runs, reap it, and let go of pipes and tasks."""
        if self._process is not None and self._process.returncode is None:
            self._signal(signal.SIGTERM)
            await self._reap()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._plan_pipe is not None:
            os.close(self._plan_pipe)
        if self._transport is not None:
            self._transport.close()


async def _lines_of(stream: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Lines of a stream; one that is too long is skipped."""
    while True:
        try:
            line = await stream.readline()
        except ValueError:
            continue
        if not line:
            return
        yield line


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _arguments() -> tuple[str, ...]:
    """`-P`: Locust puts folders first on the module path, and Python's own should not be the first of them."""
    options = ("--headless", "--only-summary", "--users=1", "--spawn-rate=1", "--skip-log-setup")
    return (sys.executable, "-P", "-m", "locust", "-f", str(LOCUSTFILE), *options, "--exit-code-on-error=0")


def _environment(home: str, plan_fd: int, report_fd: int) -> dict[str, str]:
    """A short list of what may pass; nothing of Locust's, Python's or the proxies' variables is in it."""
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return environment | {
        "HOME": home,
        "PYTHONUNBUFFERED": "1",
        "LOCUST_SKIP_MONKEY_PATCH": "1",  # a quarter of the start-up's CPU, and the lean user works below it
        "HYBRIDCHECK_PLAN_FD": str(plan_fd),
        "HYBRIDCHECK_REPORT_FD": str(report_fd),
        "HYBRIDCHECK_PARENT_PID": str(os.getpid()),
        "HYBRIDCHECK_SPAWNED_UNIX_S": str(time.time()),
    }
