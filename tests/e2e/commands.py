"""Runs of the command as processes of their own: measured, watched, and none left behind."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

COMMAND = (sys.executable, "-m", "hybridcheck")

MEASURED = (
    "import os, sys\n"
    "pid = os.fork() or os.execv(sys.argv[2], sys.argv[2:])\n"
    "_, status, used = os.wait4(pid, 0)\n"
    "open(sys.argv[1], 'w').write(str(used.ru_maxrss))\n"
    "sys.exit(os.waitstatus_to_exitcode(status))\n"
)
"""Starts the command from a small process: a child's peak of memory begins with that of whoever forked it."""


@dataclass(frozen=True, slots=True)
class Done:
    """A finished run: exit code, what it printed, its peak of memory, how long it took, and where it ran."""

    code: int
    out: bytes
    err: bytes
    peak_mib: float
    took_s: float
    cwd: Path

    @property
    def folder(self) -> Path:
        """The folder of its one run."""
        [made] = (self.cwd / "hybridcheck-results").iterdir()
        return made

    @property
    def document(self) -> dict[str, Any]:
        """The saved verdict."""
        return saved(self.folder)

    def codes(self) -> list[str]:
        """The reason codes of the verdict, in its order."""
        return [reason["code"] for reason in self.document["reasons"]]


def saved(folder: Path) -> dict[str, Any]:
    """The verdict of a run's folder."""
    loaded: dict[str, Any] = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))
    return loaded


def run(cwd: Path, *arguments: str, most_s: float = 150, variables: Mapping[str, str] | None = None) -> Done:
    """Run the command to its end in a folder; it is killed, and the test fails, after `most_s`."""
    peak = cwd / "peak"
    started = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", MEASURED, str(peak), *COMMAND, *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **(variables or {})},
    ) as process:
        try:
            out, err = process.communicate(timeout=most_s)
        except BaseException:
            end(psutil.Process(process.pid))
            raise
    took_s = time.monotonic() - started
    return Done(process.returncode, out, err, int(peak.read_text()) / 1024, took_s, cwd)


@contextmanager
def started(
    cwd: Path, *arguments: str, variables: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """The command while it runs; nothing of it is left afterwards."""
    with (
        (cwd / "stdout").open("wb") as out,
        (cwd / "stderr").open("wb") as err,
        subprocess.Popen(
            [*COMMAND, *arguments], cwd=cwd, stdout=out, stderr=err, env={**os.environ, **(variables or {})}
        ) as process,
    ):
        try:
            yield process
        finally:
            if process.poll() is None:
                end(psutil.Process(process.pid))


def end(process: psutil.Process) -> None:
    """Kill a process that a test started, and its children."""
    for one in [*process.children(recursive=True), process]:
        one.kill()


def wait_for(condition: Callable[[], Any], what: str, most_s: float = 60.0) -> Any:
    """The condition's first true value; the test fails when it does not come."""
    until = time.monotonic() + most_s
    while time.monotonic() < until:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"it never came: {what}")


def only_folder(cwd: Path) -> Path:
    """The folder of the run that has begun in `cwd`: waits for its ledger."""
    found = wait_for(lambda: [*cwd.glob("hybridcheck-results/*/ledger.ndjson")], f"a ledger below {cwd}")
    return Path(found[0]).parent


def holds(folder: Path, *words: str) -> Callable[[], bool]:
    """Whether some line of the ledger holds all these words."""

    def condition() -> bool:
        lines = (folder / "ledger.ndjson").read_text(encoding="utf-8", errors="replace").splitlines()
        return any(all(word in line for word in words) for line in lines)

    return condition


def load_children(pid: int) -> list[psutil.Process]:
    """The generators that a run has started."""
    return [child for child in psutil.Process(pid).children(recursive=True) if "locust" in " ".join(child.cmdline())]
