"""Workers on several machines share one plan: Locust's master brings them together, and their reports become one report.

The master is a process of ours for as long as a run lasts; workers join it over Locust's own connection, which is neither
encrypted nor authenticated. So it listens on loopback unless told otherwise, and secrets leave the machine only where the
operator says that the network between is trusted.
"""

import asyncio
import contextlib
import ipaddress
import json
import socket
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pydantic import ValidationError

from hybridcheck import __version__
from hybridcheck.errors import UsageError
from hybridcheck.load.accounting import Books
from hybridcheck.load.fleet import one_end, refuse_lacking, refuse_unshared
from hybridcheck.load.merging import Merger
from hybridcheck.load.piped import PipedProcess
from hybridcheck.load.plan import LoadPlan
from hybridcheck.load.reports import (
    CHILD_REPORT,
    ChildEnd,
    ChildReport,
    Clock,
    Clocks,
    EndCause,
    EndMarker,
    LateWorker,
    OperationSecond,
    Process,
    Report,
    Started,
)

MASTER = Path(__file__).resolve().parent.parent / "generator" / "master.py"
WORKER = MASTER.with_name("worker.py")
GRACE_S = 5.0
LISTEN_PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True)
class Meeting:
    """Where workers join, how many are awaited for how long, and whether secrets may travel there in clear text."""

    host: str = "127.0.0.1"
    port: int = 5557
    expect: int = 1
    wait_s: float = 60.0
    trusted: bool = False

    def refuse(self, plan: LoadPlan, *, secrets: bool) -> None:
        """Refuse a plan that workers cannot share or may not be told; `secrets`: whether credentials go with it.

        Raises:
            UsageError: there are fewer connections than workers, or secrets would travel over a network that nobody
                called trusted.
        """
        refuse_unshared(plan, self.expect, "--expect-workers")
        if (secrets or plan.holds_secrets) and not self.trusted and not is_loopback(self.host):
            hint = "tunnel to a master on 127.0.0.1 (ssh -R), or say --trusted-network where nobody else can listen"
            message = "secrets would travel to the workers in clear text"
            raise UsageError(message, where=f"--master-bind-host {self.host}", hint=hint)


class Master:
    """The master of a run; use it as an async context manager, and `carry_out` for each plan."""

    def __init__(self, meeting: Meeting, tell: Callable[[str], None] = lambda _: None) -> None:
        self._meeting = meeting
        self._tell = tell
        self._piped = PipedProcess(GRACE_S)
        self._home = contextlib.ExitStack()
        self._drives = 0
        self.port: int | None = None

    @property
    def pid(self) -> int | None:
        """The master's pid."""
        return self._piped.pid

    async def __aenter__(self) -> Self:
        home = self._home.enter_context(
            tempfile.TemporaryDirectory(prefix="hybridcheck-load-", ignore_cleanup_errors=True)
        )
        await self._piped.start((sys.executable, "-P", str(MASTER)), home, {})
        meeting = self._meeting
        about = {"bind_host": meeting.host, "bind_port": meeting.port, "expect": meeting.expect}
        await self._piped.say({**about, "wait_s": meeting.wait_s, "version": __version__})
        first = await self._piped.line(LISTEN_PATIENCE_S)
        if first is None:
            await self._piped.reap()
            said = "; ".join([*self._piped.trouble, *list(self._piped.stderr)[-1:]])
            await self.__aexit__(None, None, None)
            hint = "is the port taken, or --master-bind-host no address of this machine?"
            raise UsageError(f"the master cannot listen on {meeting.host}:{meeting.port}: {said}", hint=hint)
        self.port = json.loads(first)["port"]
        self._tell(f"master: waiting for {meeting.expect} workers on {meeting.host}:{self.port}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._piped.close()
        self._home.close()

    async def carry_out(
        self, plan: LoadPlan, secrets: Mapping[str, str], stop: asyncio.Event | None
    ) -> AsyncGenerator[Report, None]:
        """Have the workers carry out a plan; yields what `child.drive` yields, merged.

        Raises:
            ToolError: a secret is missing; nothing was sent.
            UsageError: what `Meeting.refuse` says; nothing was sent.
        """
        refuse_lacking(plan, secrets)
        self._meeting.refuse(plan, secrets=bool(secrets))
        self._drives += 1
        await self._piped.say({"plan": plan.model_dump(mode="json"), "secrets": dict(secrets)})
        crew = _Crew(plan)
        stopper = asyncio.create_task(self._stop_when(stop, crew)) if stop is not None else None
        try:
            async for report in self._reports(crew):
                yield report
            for merged in crew.rest():
                yield merged
            yield crew.end(self._piped)
        except (GeneratorExit, asyncio.CancelledError):
            await self._piped.say({"stop": True})
            raise
        finally:
            if stopper is not None:
                stopper.cancel()
                await asyncio.gather(stopper, return_exceptions=True)

    async def _stop_when(self, stop: asyncio.Event, crew: "_Crew") -> None:
        await stop.wait()
        crew.asked = True
        await self._piped.say({"stop": True})

    async def _reports(self, crew: "_Crew") -> AsyncGenerator[Report, None]:
        """Until the master says that the plan is carried out, or is gone itself."""
        while (line := await self._piped.line(None)) is not None:
            message = json.loads(line)
            match message["kind"]:
                case kind if kind != "joined" and message["drive"] != self._drives:
                    pass  # of a plan that was given up
                case "joined":
                    self._tell(f"master: {message['detail']}" + ", too late for this phase" * message["late"])
                    if message["late"]:
                        yield LateWorker(name="", detail=message["detail"])
                case "carried_out":
                    crew.failed, crew.setup_failed = message["failed"], message.get("setup", False)
                    return
                case _:
                    for report in crew.take(message):
                        yield report
        await self._piped.reap()
        crew.failed = f"the master ended with {self._piped.exit_code}"


class _Crew:
    """The workers of one plan: who they are, their reports and books, and who was lost."""

    def __init__(self, plan: LoadPlan) -> None:
        self._plan = plan
        self._merger = Merger(())
        self._processes: dict[str, Process] = {}
        self._books: dict[str, Books] = {}
        self._lines: dict[str, int] = {}
        self._markers: dict[str, EndMarker] = {}
        self._lost: dict[str, str] = {}
        self.failed = ""
        self.setup_failed = False
        self.asked = False

    def take(self, message: dict[str, Any]) -> list[Report]:
        """One line of the master."""
        match message["kind"]:
            case "crew":
                return [self._begin(message)]
            case "lost":
                self._lost[message["name"]] = message["detail"]
            case "clocks":
                return [Clocks(clocks={name: Clock(**clock) for name, clock in message["clocks"].items()})]
            case "of":
                return self._of(message["name"], message["report"])
            case _:
                pass
        return []

    def _begin(self, message: dict[str, Any]) -> Started:
        self._processes = {one["name"]: Process(**one) for one in message["processes"]}
        self._merger = Merger(self._processes)
        operations = [operation.name for operation in self._plan.operations]
        self._books = {name: Books(operations) for name in self._processes}
        self._lines = dict.fromkeys(self._processes, 0)
        return Started(**{**message["started"], "processes": tuple(self._processes.values())})

    def _of(self, name: str, raw: dict[str, Any]) -> list[Report]:
        try:
            report: ChildReport = CHILD_REPORT.validate_python(raw)
        except ValidationError as error:
            self._lost[name] = f"a line of it is no report: {error.errors()[0]['msg']}"
            return []
        if isinstance(report, EndMarker):
            self._markers[name] = report
        else:
            self._lines[name] += 1
        if isinstance(report, OperationSecond):
            self._books[name].add(report)
        return list(self._merger.take(name, report))

    def rest(self) -> list[Report]:
        """What not all workers have reported, and the end of all."""
        return list(self._merger.rest())

    def end(self, master: PipedProcess) -> ChildEnd:
        """How it ended: of each worker, or before there were any."""
        if not self._processes:
            cause = EndCause.ABORTED if self.asked else EndCause.START_FAILED
            cause = EndCause.SETUP_FAILED if self.setup_failed else cause
            return self._one(cause, self.failed or "no worker took part", master)
        ends = {
            f"worker {name} on {one.host} (pid {one.pid})": self._end_of(name) for name, one in self._processes.items()
        }
        end = one_end(ends, asked=self.asked)
        if self.failed:
            detail = "; ".join(part for part in (self.failed, end.detail) if part)
            return end.model_copy(update={"cause": EndCause.WORKER_LOST, "detail": detail})
        return end

    @staticmethod
    def _one(cause: EndCause, detail: str, master: PipedProcess) -> ChildEnd:
        return ChildEnd(cause=cause, exit_code=master.exit_code, detail=detail, stderr_tail=tuple(master.stderr))

    def _end_of(self, name: str) -> ChildEnd:
        marker, books = self._markers.get(name), self._books[name]
        seconds = marker.seconds if marker is not None else self._plan.seconds
        missing = books.missing_seconds(seconds)
        faults = [self._lost[name]] if name in self._lost else []
        if marker is not None:
            faults += books.faults_against(marker, self._lines[name])
        if missing:
            faults.append(f"{len(missing)} of {seconds} seconds are missing")
        cause = EndCause.NO_END_MARKER
        if marker is not None:
            cause = EndCause.COMPLETED if marker.cause == "completed" else EndCause.INTERRUPTED
            cause = EndCause.INCOMPLETE if faults else cause
        return ChildEnd(cause=cause, exit_code=None, detail="; ".join(faults), missing_seconds=missing)


def is_loopback(host: str) -> bool:
    """Whether an address to listen on can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def work(host: str, port: int, wait_s: float, only_to: str | None, tell: Callable[[str], None]) -> int:
    """Be a worker of a master until it ends us; returns the exit code of the process that generates.

    only_to: the address that plans may be for; loopback alone where None. Cancelling ends the worker in order.
    """
    with tempfile.TemporaryDirectory(prefix="hybridcheck-load-", ignore_cleanup_errors=True) as home:
        piped = PipedProcess(GRACE_S)
        variables = {"LOCUST_SKIP_MONKEY_PATCH": "1", "HYBRIDCHECK_VERSION": __version__}
        try:
            await piped.start((sys.executable, "-P", str(WORKER)), home, variables)
            await piped.say({"host": host, "port": port, "wait_s": wait_s, "only_to": only_to})
            tell(f"worker on {socket.gethostname()}: looking for a master at {host}:{port}")
            while (line := await piped.line(None)) is not None:
                tell(f"worker: {json.loads(line)['words']}")
            await piped.reap()
            for line_of_stderr in [*piped.trouble, *piped.stderr][-5:] if piped.exit_code else ():
                tell(line_of_stderr)
            return piped.exit_code or 0
        finally:
            await piped.close()
