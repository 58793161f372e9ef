"""All integration suites on the embedded reference system: how much of the boundary catalogue is decided, in what time.

Once with the kernels that this machine can compile, once with their emulation in Python: a PATH without a compiler.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.nginx_target import NotRun

COMMAND = (sys.executable, "-m", "hybridcheck", "integrate", "--demo", "--budget", "quick", "-q")
COMPILERS = ("codon", "cc")
GOAL_ROWS = {"compiled": 60, "emulation": 55}
GOAL_S = 60
RUN_WITHIN_S = 300


def integrate_demo() -> Iterator[str]:
    """A run with each kind of kernel, one after the other."""
    yield "\n| kernels | rows decided | goal | verdict | wall s | goal | CPU s, all processes | CPU share of the machine |"
    yield "|---|---:|---:|---|---:|---:|---:|---:|"
    undecided: dict[str, list[str]] = {}
    for kind in GOAL_ROWS:
        if kind == "compiled" and not any(shutil.which(compiler) for compiler in COMPILERS):
            yield f"| {kind} | not run: none of {', '.join(COMPILERS)} is here | | | | | | |"
            continue
        line, rows = _measured(kind)
        yield line
        for row in rows:
            undecided.setdefault(f"{row['row']} needs {row['needs']}", []).append(kind)
    yield f"\nOn {os.cpu_count()} cores, the reference system among the processes. Undecided rows:\n"
    for words, kinds in undecided.items():
        yield f"- {words} ({' and '.join(kinds)})"


def _measured(kind: str) -> tuple[str, list[dict[str, Any]]]:
    """The row of the table, and the rows of the catalogue that stayed undecided."""
    path = str(Path(sys.executable).parent) if kind == "emulation" else os.environ["PATH"]
    with tempfile.TemporaryDirectory() as folder:
        begun, used = time.perf_counter(), _children_cpu_s()
        done = subprocess.run(
            [*COMMAND, "--output-dir", folder],
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            timeout=RUN_WITHIN_S,
            check=False,
        )
        wall_s, cpu_s = time.perf_counter() - begun, _children_cpu_s() - used
        saved = next(Path(folder).glob("*/verdict.json"), None)
        if saved is None:
            raise NotRun(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "no verdict was written")
        verdict = json.loads(saved.read_text(encoding="utf-8"))
    runtimes = {service["declared_runtime"] for service in verdict["subject"]["services"]} - {"cpython", "other"}
    catalogue = verdict["boundary_catalogue"]
    share = cpu_s / wall_s / (os.cpu_count() or 1)
    line = (
        f"| {kind} ({', '.join(sorted(runtimes))}) | {catalogue['decided']} of {catalogue['total']} | ≥ {GOAL_ROWS[kind]} "
        f"| {verdict['verdict']}, exit {done.returncode} | {wall_s:.1f} | ≤ {GOAL_S} | {cpu_s:.1f} | {share:.0%} |"
    )
    return line, [row for row in catalogue["rows"] if row["outcome"] is None]


def _children_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
