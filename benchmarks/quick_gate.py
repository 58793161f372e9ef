"""The quick gate on the embedded reference system: how long the whole command takes, and what the time is spent on."""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

COMMAND = (sys.executable, "-m", "hybridcheck", "validate", "--demo", "-q")


def quick_gate() -> Iterator[str]:
    """One run. Waiting is the union of all exchanges and streams in the ledger; the load phase is as long as planned."""
    with tempfile.TemporaryDirectory() as folder:
        begun, used = time.perf_counter(), _children_cpu_s()
        done = subprocess.run([*COMMAND, "--output-dir", folder], capture_output=True, text=True, check=False)
        wall_s, cpu_s = time.perf_counter() - begun, _children_cpu_s() - used
        ledger = next(Path(folder).glob("*/ledger.ndjson"))
        records = [json.loads(line) for line in ledger.read_bytes().split(b"\n") if line]
    waiting, planned_s = _busy(records)
    waiting_s = _union_s(waiting)
    sampling_s = _union_s(waiting + _sampling(records)) - waiting_s
    other_s = wall_s - waiting_s - planned_s - sampling_s
    yield f"\n`hybridcheck validate --demo` said {done.stdout.split(maxsplit=1)[0]} with exit code {done.returncode}.\n"
    yield "| | seconds | share | goal |"
    yield "|---|---:|---:|---:|"
    yield f"| whole command, reference system started and stopped | {wall_s:.1f} | 100 % | ≤ 30 s |"
    yield f"| planned load phase | {planned_s:.1f} | {planned_s / wall_s:.0%} | |"
    yield f"| waiting for the target (requests and streams under way) | {waiting_s:.1f} | {waiting_s / wall_s:.0%} | |"
    yield f"| sampling the target's resources before and after the load, nothing else under way | {sampling_s:.1f} | {sampling_s / wall_s:.0%} | |"
    yield f"| everything else | {other_s:.1f} | {other_s / wall_s:.0%} | ≤ 10 % |"
    yield f"\nCPU of all processes, the reference system among them: {cpu_s:.1f} s on {os.cpu_count()} cores."


def _children_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _busy(records: list[dict[str, object]]) -> tuple[list[tuple[float, float]], float]:
    """Spans of exchanges and streams, and the planned length of the load phases."""
    spans: list[tuple[float, float]] = []
    planned_s = 0.0
    for record in records:
        at_s, total_ms, duration_s = (record.get(key) for key in ("at_s", "total_ms", "duration_s"))
        if record["kind"] in {"exchange", "stream"} and isinstance(at_s, float) and isinstance(total_ms, float):
            spans.append((at_s, at_s + total_ms / 1000))
        if record["kind"] == "case_end" and str(record["stream"]).startswith("load/") and duration_s is not None:
            planned_s += float(str(duration_s))
    return spans, planned_s


def _sampling(records: list[dict[str, object]]) -> list[tuple[float, float]]:
    spans = []
    for phase in ("before", "after"):
        times = [float(str(r["at_s"])) for r in records if r["kind"] == "sample" and r.get("phase") == phase]
        if times:
            spans.append((min(times), max(times)))
    return spans


def _union_s(spans: list[tuple[float, float]]) -> float:
    total, reached = 0.0, 0.0
    for begin, end in sorted(spans):
        total += max(end - max(begin, reached), 0.0)
        reached = max(reached, end)
    return total
