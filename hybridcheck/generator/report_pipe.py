"""The way of reports to the parent: one line of JSON each, through a pipe that never makes the generator wait."""

import json
import os
import select
from collections import deque
from typing import Any, Protocol


class Reports(Protocol):
    """A way for reports that never makes the generator wait."""

    lines: int

    def write(self, report: dict[str, Any]) -> None:
        """Queue one report."""

    def push(self) -> None:
        """Let go of what can go now."""

    def flush(self, patience_s: float) -> bool:
        """Wait until everything is out; False where that takes longer than the patience."""


class ReportPipe:
    """Writes lines as the pipe takes them and keeps the rest; `flush` waits until everything is out."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._waiting: deque[bytes] = deque()
        self.lines = 0

    def write(self, report: dict[str, Any]) -> None:
        """Queue one report and push."""
        self._waiting.append(json.dumps(report, separators=(",", ":")).encode() + b"\n")
        self.lines += 1
        self.push()

    def push(self) -> None:
        """Write what the pipe takes now.

        Raises:
            BrokenPipeError: the parent is gone.
        """
        while self._waiting:
            line = self._waiting[0]
            try:
                written = os.write(self._descriptor, line)
            except BlockingIOError:
                return
            if written < len(line):
                self._waiting[0] = line[written:]
                return
            self._waiting.popleft()

    def flush(self, patience_s: float) -> bool:
        """Wait until everything is written; False when the parent does not read within the patience."""
        while self._waiting:
            if not select.select([], [self._descriptor], [], patience_s)[1]:
                return False
            self.push()
        return True
