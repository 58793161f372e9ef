"""Kill matrix of the gate: whatever dies in the middle of the load phase, a valid verdict or ledger stays, and no process."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil
from jsonschema import Draft202012Validator

from hybridcheck.writers.json_document import verdict_schema

COMMAND = (sys.executable, "-m", "hybridcheck")
PATIENCE_S = 120.0


def kills(runs: int) -> Iterator[str]:
    """Each kind of death, so many times."""
    yield "\nKilled while the load child sends, after its first two seconds.\n"
    yield "| what | as it should | exit codes | goal | |"
    yield "|---|---:|---|---:|---|"
    for name, death in MATRIX.items():
        faults, seen = [], []
        for _ in range(runs):
            code, fault = _one(death)
            seen.append(code)
            faults += [fault] if fault else []
        fine = runs - len(faults)
        met = "met" if not faults else f"NOT MET: {faults[0]}"
        yield f"| {name} | {fine} of {runs} | {sorted(set(seen))} | {runs} of {runs} | {met} |"


def _child_of(parent: psutil.Process) -> psutil.Process:
    return _descendant(parent, "lean_user.py")


def _target_of(parent: psutil.Process) -> psutil.Process:
    return _descendant(parent, "hybridcheck.reference")


def _descendant(parent: psutil.Process, word: str) -> psutil.Process:
    return next(found for found in parent.children(recursive=True) if word in " ".join(found.cmdline()))


Kill = Callable[[psutil.Process, list[psutil.Process]], None]


@dataclass(frozen=True, slots=True)
class Death:
    """What is killed (of the gate, or of the workers beside it), and the exit codes that the gate may leave with."""

    kill: Kill
    codes: frozenset[int]
    command: tuple[str, ...] = ("validate",)
    workers: int = 0


PROCESSES = ("load", "--processes", "2")
MASTER = ("load", "--master", "--expect-workers", "2")
MATRIX: dict[str, Death] = {
    "SIGINT to the gate": Death(lambda gate, _: gate.send_signal(signal.SIGINT), frozenset({130})),
    "SIGTERM to the gate": Death(lambda gate, _: gate.send_signal(signal.SIGTERM), frozenset({143})),
    "kill -9 of the load child": Death(lambda gate, _: _child_of(gate).kill(), frozenset({3})),
    "kill -9 of the gate": Death(lambda gate, _: gate.kill(), frozenset({-9})),
    "kill -9 of the target": Death(lambda gate, _: _target_of(gate).kill(), frozenset({1, 3})),
    "kill -9 of one of two processes": Death(lambda gate, _: _child_of(gate).kill(), frozenset({3}), PROCESSES),
    "SIGTERM to the gate with two processes": Death(
        lambda gate, _: gate.send_signal(signal.SIGTERM), frozenset({143}), PROCESSES
    ),
    "kill -9 of one of two workers": Death(
        lambda _, workers: _descendant(workers[0], "worker.py").kill(), frozenset({3}), MASTER, 2
    ),
    "kill -9 of the master": Death(lambda gate, _: _descendant(gate, "master.py").kill(), frozenset({3}), MASTER, 2),
    "kill -9 of the gate with two workers": Death(lambda gate, _: gate.kill(), frozenset({-9}), MASTER, 2),
}
WORKERS_PATIENCE_S = 30.0
"""Workers without a master stop sending after ten seconds, and then leave."""


def _one(death: Death) -> tuple[int, str]:
    """One run: its exit code, and what was wrong, empty where nothing was."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        arguments = [*death.command, "--demo", "-q", "--output-dir", folder]
        workers = []
        if death.workers:
            port = str(_free_port())
            arguments += ["--master-bind-port", port]
            join = (*COMMAND, "load", "--worker", "--master-port", port)
            workers = [stack.enter_context(_silent(join)) for _ in range(death.workers)]
        with _silent((*COMMAND, *arguments)) as gate:
            ledger = _under_load(gate, Path(folder))
            process, beside = psutil.Process(gate.pid), [psutil.Process(worker.pid) for worker in workers]
            family = [each for one in (process, *beside) for each in one.children(recursive=True)]
            death.kill(process, beside)
            try:
                code = gate.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                gate.kill()
                return 0, f"it did not end within {PATIENCE_S:g} s"
        _, alive = psutil.wait_procs([*family, *beside], timeout=WORKERS_PATIENCE_S if workers else 10)
        if alive:
            left = alive[0].cmdline()[:6]
            for process in alive:
                process.kill()
            return code, f"a process was left: {left}"
        if code not in death.codes:
            return code, f"exit code {code}"
        return code, _evidence_fault(ledger, survived=code >= 0)


def _silent(command: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _under_load(gate: subprocess.Popen[bytes], folder: Path) -> Path:
    """Return the ledger's path once two seconds of load are in it."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and gate.poll() is None:
        for ledger in folder.glob("*/ledger.ndjson"):
            if b'"second":1,' in ledger.read_bytes():
                return ledger
        time.sleep(0.05)
    raise SystemExit(f"no load phase within {PATIENCE_S:g} s; exit code {gate.poll()}")


def _evidence_fault(ledger: Path, *, survived: bool) -> str:
    """What is wrong with what stayed on the disk."""
    verdict = ledger.with_name("verdict.json")
    if survived:
        if not verdict.is_file():
            return "no verdict.json"
        document = json.loads(verdict.read_text(encoding="utf-8"))
        Draft202012Validator(verdict_schema()).validate(document)
        if document["verdict"] in {"READY", "PASSED"}:
            return f"the verdict is {document['verdict']}"
    judged = subprocess.run(
        [*COMMAND, "judge", str(ledger)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )
    if judged.returncode not in {1, 3}:
        return f"judge of the ledger leaves with {judged.returncode}: {judged.stderr[-200:]}"
    return ""
