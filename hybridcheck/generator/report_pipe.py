"""The way of reports to the parent: one line of JSON each, through a pipe that never makes the generator wait."""

import json
import os
import select
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Any, Protocol

Rest = Callable[[], bool]
"""Lets others go on for a moment; False: whoever rested has nothing more to do."""

HISTOGRAMS = frozenset({"response", "service", "own_lag", "pool_lag"})
"""Fields of a report that are histograms: a dict of counts by bucket here, a list of pairs in JSON."""

_SLICE = 500
"""Pairs of a histogram that are turned into text in one go: about a tenth of a millisecond."""


class Reports(Protocol):
    """A way for reports that never makes the generator wait."""

    lines: int

    def write(self, report: dict[str, Any], rest: Rest | None = None) -> bool:
        """Queue one report; see `encoded` for `rest`. False: it was not queued."""

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

    def write(self, report: dict[str, Any], rest: Rest | None = None) -> bool:
        """Queue one report and push."""
        line = encoded(report, rest)
        if line is None:
            return False
        self._waiting.append(line.encode() + b"\n")
        self.lines += 1
        self.push()
        return True

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


_json = json.JSONEncoder(separators=(",", ":")).encode


def encoded(report: dict[str, Any], rest: Rest | None) -> str | None:
    """A report as a line of JSON, histograms as pairs; None where a rest said that it is not wanted any more.

    rest: taken between slices of a histogram, since arrivals wait for whatever is done in one go. Its pairs are never all
    objects at the same time: the collector would go through them.
    """
    fields = []
    for name, value in report.items():
        if name in HISTOGRAMS:
            slices, items = [], iter(value.items())
            while pairs := [f"[{bucket},{count}]" for bucket, count in islice(items, _SLICE)]:
                slices.append(",".join(pairs))
                if rest is not None and not rest():
                    return None
            fields.append(f'"{name}":[{",".join(slices)}]')
        else:
            fields.append(f'"{name}":{_json(value)}')
    return f"{{{','.join(fields)}}}"
