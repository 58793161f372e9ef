"""Counters and histograms of a service in a memory-mapped file that all its workers share.

Each worker writes only its own region, without locks; a scrape by any of them adds the regions up, so counters are
exact however many workers there are. Counting costs two or three additions per request.
"""

import bisect
import mmap
import os
from collections.abc import Sequence
from pathlib import Path

import psutil

from hybridcheck.reference.defects import Switches

STATUSES = (
    101,
    200,
    201,
    202,
    204,
    400,
    401,
    403,
    404,
    405,
    406,
    409,
    412,
    413,
    415,
    422,
    426,
    429,
    499,
    500,
    502,
    503,
    504,
)
BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"

_STATUS_INDEX = {status: index for index, status in enumerate(STATUSES)}
_PER_ROUTE = len(STATUSES) + len(BOUNDS_S) + 2  # statuses, buckets with +Inf, sum of seconds
_OWN = 3  # at the start of a region: pid, requests in flight, backlog
_PID, _IN_FLIGHT, _BACKLOG = range(_OWN)


class Metrics:
    """Request counters per route and process figures of all workers."""

    def __init__(self, path: Path, index: int, instances: int, defects: Switches) -> None:
        """`index` is the number of this worker among `instances`. Counting begins with `open`."""
        self._path = path
        self._index = index
        self._instances = instances
        self._defects = defects
        self._step = 2.0 if defects.on("metrics-double-count") else 1.0
        self._scrapes = 0
        self._positions: dict[str, int] = {}
        self._region = 0
        self._all = self._own = memoryview(b"").cast("B").cast("d")

    def open(self, labels: Sequence[str]) -> None:
        """Map the file for these operations ("GET /health"), which are the same in every worker, in the same order."""
        self._positions = {label: _OWN + number * _PER_ROUTE for number, label in enumerate((*labels, "other"))}
        self._region = _OWN + len(self._positions) * _PER_ROUTE
        size = self._region * self._instances * 8
        with self._path.open("a+b") as file:
            if file.seek(0, os.SEEK_END) < size:
                file.truncate(size)
            self._all = memoryview(mmap.mmap(file.fileno(), size)).cast("d")
        self._own = self._all[self._index * self._region : (self._index + 1) * self._region]
        self._own[_PID] = os.getpid()
        self._own[_IN_FLIGHT] = 0  # of a process that died before

    def begin(self) -> None:
        """A request came in."""
        self._own[_IN_FLIGHT] += 1

    def end(self) -> None:
        """A request is done with."""
        self._own[_IN_FLIGHT] -= 1

    def count(self, label: str, status: int) -> None:
        """Count an answer; called before it is sent, so that whoever has it finds it counted."""
        position = self._positions.get(label, self._positions["other"])
        self._own[position + _STATUS_INDEX[status]] += self._step

    def observe(self, label: str, duration_s: float) -> None:
        """Add a duration to the histogram of a route."""
        position = self._positions.get(label, self._positions["other"]) + len(STATUSES)
        self._own[position + bisect.bisect_left(BOUNDS_S, duration_s)] += 1
        self._own[position + len(BOUNDS_S) + 1] += duration_s

    def set_backlog(self, items: int) -> None:
        """How many work items this worker has yet to do."""
        self._own[_BACKLOG] = items

    def in_flight(self) -> int:
        """Requests of all workers that are being answered."""
        return int(self._total(_IN_FLIGHT))

    def backlog(self) -> int:
        """Work items of all workers that are yet to do."""
        return int(self._total(_BACKLOG))

    def requests(self) -> int:
        """Answers counted so far, over all workers, routes and statuses."""
        return int(
            sum(
                self._total(position + status)
                for position in self._positions.values()
                for status in range(len(STATUSES))
            )
        )

    def _total(self, position: int) -> float:
        return sum(self._all[worker * self._region + position] for worker in range(self._instances))

    def exposition(self) -> bytes:
        """Everything as Prometheus text format 0.0.4."""
        lines: list[str] = []
        self._scrapes += 1
        if not self._defects.on("metrics-missing-counter"):
            lines += self._counter_lines()
        lines += self._histogram_lines()
        lines += _metric("http_requests_in_flight", "gauge", "Requests being answered", self._total(_IN_FLIGHT))
        lines += _metric("work_backlog", "gauge", "Work items that are yet to do", self._total(_BACKLOG))
        lines += self._process_lines()
        if self._defects.on("metrics-unparsable"):
            lines.insert(3, 'http_requests_total{route="broken status=oops} many')
        return ("\n".join(lines) + "\n").encode()

    def _counter_lines(self) -> list[str]:
        lines = ["# HELP http_requests_total Answers by method, route and status", "# TYPE http_requests_total counter"]
        for label, position in self._positions.items():
            names = _label_text(label)
            for number, status in enumerate(STATUSES):
                value = self._total(position + number)
                if self._defects.on("counter-decreases") and self._scrapes % 3 == 0:
                    value //= 2
                if value or status == 200:
                    lines.append(f'http_requests_total{{{names},status="{status}"}} {value:.0f}')
        return lines

    def _histogram_lines(self) -> list[str]:
        name = "http_request_duration_seconds"
        lines = [f"# HELP {name} Time from the request to its answer", f"# TYPE {name} histogram"]
        for label, position in self._positions.items():
            names = _label_text(label)
            start = position + len(STATUSES)
            seen = 0.0
            for number, bound in enumerate((*BOUNDS_S, None)):
                seen += self._total(start + number)
                edge = "+Inf" if bound is None else f"{bound:g}"
                lines.append(f'{name}_bucket{{{names},le="{edge}"}} {seen:.0f}')
            lines.append(f"{name}_sum{{{names}}} {self._total(start + len(BOUNDS_S) + 1):.9f}")
            lines.append(f"{name}_count{{{names}}} {seen:.0f}")
        return lines

    def _process_lines(self) -> list[str]:
        workers = [psutil.Process(pid) for pid in self._worker_pids() if psutil.pid_exists(pid)]
        times = [worker.cpu_times() for worker in workers]
        cpu_s = sum(time.user + time.system for time in times)
        lines = _metric("process_cpu_seconds_total", "counter", "CPU time of the workers", cpu_s)
        lines += _metric(
            "process_resident_memory_bytes",
            "gauge",
            "Resident memory of the workers",
            sum(worker.memory_info().rss for worker in workers),
        )
        lines += _metric(
            "process_open_fds",
            "gauge",
            "Open files and sockets of the workers",
            sum(worker.num_fds() for worker in workers),
        )
        lines += _metric(
            "process_start_time_seconds",
            "gauge",
            "Start of the oldest worker, Unix time",
            min(worker.create_time() for worker in workers),
        )
        return lines + _metric("service_workers", "gauge", "Workers that share the port", len(workers))

    def _worker_pids(self) -> list[int]:
        pids = (int(self._all[worker * self._region + _PID]) for worker in range(self._instances))
        return [pid for pid in pids if pid]


def _label_text(label: str) -> str:
    method, _, route = label.partition(" ")
    return f'method="{method}",route="{route}"'


def _metric(name: str, kind: str, description: str, value: float) -> list[str]:
    return [f"# HELP {name} {description}", f"# TYPE {name} {kind}", f"{name} {value!r}"]
