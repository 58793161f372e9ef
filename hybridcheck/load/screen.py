"""The web UI's process, seen from its parent: where it serves, what is clicked, and what it is told."""

import contextlib
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from hybridcheck.errors import UsageError
from hybridcheck.load.piped import PipedProcess
from hybridcheck.load.reports import FailureExample, GeneratorSecond, OperationSecond, OperationTimes, Report

SCREEN = Path(__file__).resolve().parent.parent / "generator" / "screen.py"
GRACE_S = 3.0
SERVE_PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True)
class Click:
    """Somebody started a phase, or stopped the one that is under way."""

    kind: Literal["start", "stop"]
    phase: str = ""


class Screen:
    """Locust's UI in a process of its own; use it as an async context manager. `phases`: name → what is chosen from."""

    def __init__(self, host: str, port: int, phases: Mapping[str, str], target: str, password: str | None) -> None:
        self._about: dict[str, Any] = {"host": host, "port": port, "target": target, "password": password}
        self._about["phases"] = [{"name": name, "label": label} for name, label in phases.items()]
        self._piped = PipedProcess(GRACE_S)
        self._home = contextlib.ExitStack()
        self.port = port

    @property
    def pid(self) -> int | None:
        """The pid of the process that serves."""
        return self._piped.pid

    async def __aenter__(self) -> Self:
        """Open it.

        Raises:
            UsageError: the address cannot be opened.
        """
        home = self._home.enter_context(
            tempfile.TemporaryDirectory(prefix="hybridcheck-ui-", ignore_cleanup_errors=True)
        )
        await self._piped.start((sys.executable, "-P", str(SCREEN)), home, {})
        await self._piped.say(self._about)
        first = await self._piped.line(SERVE_PATIENCE_S)
        if first is None:
            await self._piped.reap()
            said = "; ".join([*self._piped.trouble, *list(self._piped.stderr)[-2:]])
            await self.__aexit__(None, None, None)
            where = f"{self._about['host']}:{self._about['port']}"
            hint = "is the port taken, or --ui-host no address of this machine?"
            raise UsageError(f"the web UI cannot be opened: {said}", where=where, hint=hint)
        self.port = json.loads(first)["port"]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._piped.close()
        self._home.close()

    async def clicks(self) -> AsyncIterator[Click]:
        """What is clicked, until the UI ends."""
        while (line := await self._piped.line(None)) is not None:
            said = json.loads(line)
            yield Click(said["kind"], said.get("phase", ""))

    async def tell(self, kind: str, **fields: Any) -> None:
        """Say something to the UI."""
        await self._piped.say({"kind": kind, **fields})

    async def show(self, report: Report) -> None:
        """Let it show a report of the generators, where it is one that it shows."""
        if isinstance(report, OperationSecond | OperationTimes | GeneratorSecond | FailureExample):
            await self._piped.say(report.model_dump(mode="json"))
