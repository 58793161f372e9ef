"""The generator's own health, second by second, from the kernel's and the interpreter's counters; no gevent."""

import gc
import os
import time
from dataclasses import dataclass
from pathlib import Path

_SCHEDSTAT = Path("/proc/self/schedstat")
_STATM = Path("/proc/self/statm")


@dataclass(frozen=True, slots=True)
class Reading:
    """Counters since the process started; None where this kernel has none."""

    wall_ns: int
    cpu_ns: int
    runqueue_ns: int | None
    gc_collections: int


def read_counters() -> Reading:
    """All counters at this moment."""
    collections = sum(generation["collections"] for generation in gc.get_stats())
    return Reading(time.perf_counter_ns(), time.process_time_ns(), _runqueue_ns(), collections)


def _runqueue_ns() -> int | None:
    """Time that the main thread was ready to run and waited for a CPU (Linux: second field of schedstat)."""
    try:
        return int(_SCHEDSTAT.read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return None


def resident_bytes() -> int | None:
    """Resident memory (Linux: second field of statm, in pages)."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return None


def between(before: Reading, after: Reading) -> dict[str, float | int | None]:
    """The shares of a stretch of time between two readings."""
    wall_ns = max(after.wall_ns - before.wall_ns, 1)
    waited: float | None = None
    if before.runqueue_ns is not None and after.runqueue_ns is not None:
        waited = (after.runqueue_ns - before.runqueue_ns) / wall_ns
    return {
        "wall_ns": wall_ns,
        "cpu_ratio": (after.cpu_ns - before.cpu_ns) / wall_ns,
        "runqueue_ratio": waited,
        "gc_collections": after.gc_collections - before.gc_collections,
    }
