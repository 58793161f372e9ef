"""Kill matrix of the gate: whatever dies in the middle of the load phase, a valid verdict or ledger stays, and no process."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
from jsonschema import Draft202012Validator

from hybridcheck.writers.json_document import verdict_schema

COMMAND = (sys.executable, "-m", "hybridcheck")
PATIENCE_S = 60.0


def kills(runs: int) -> Iterator[str]:
    """Each kind of death, so many times."""
    yield "\nKilled while the load child sends, after its first two seconds.\n"
    yield "| what | as it should | exit codes | goal | |"
    yield "|---|---:|---|---:|---|"
    for name, (kill, codes) in MATRIX.items():
        faults, seen = [], []
        for _ in range(runs):
            code, fault = _one(kill, codes)
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


Kill = Callable[[psutil.Process], None]
MATRIX: dict[str, tuple[Kill, frozenset[int]]] = {
    "SIGINT to the gate": (lambda gate: gate.send_signal(signal.SIGINT), frozenset({130})),
    "SIGTERM to the gate": (lambda gate: gate.send_signal(signal.SIGTERM), frozenset({143})),
    "kill -9 of the load child": (lambda gate: _child_of(gate).kill(), frozenset({3})),
    "kill -9 of the gate": (lambda gate: gate.kill(), frozenset({-9})),
    "kill -9 of the target": (lambda gate: _target_of(gate).kill(), frozenset({1, 3})),
}
"""What is killed, and the exit codes that the gate may leave with."""


def _one(kill: Kill, codes: frozenset[int]) -> tuple[int, str]:
    """One run: its exit code, and what was wrong, empty where nothing was."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = ("validate", "--demo", "-q", "--output-dir", folder)
        with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as gate:
            ledger = _under_load(gate, Path(folder))
            process = psutil.Process(gate.pid)
            family = process.children(recursive=True)
            kill(process)
            try:
                code = gate.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                gate.kill()
                return 0, f"it did not end within {PATIENCE_S:g} s"
        _, alive = psutil.wait_procs(family, timeout=10)
        if alive:
            left = alive[0].cmdline()[:6]
            for process in alive:
                process.kill()
            return code, f"a process was left: {left}"
        if code not in codes:
            return code, f"exit code {code}"
        return code, _evidence_fault(ledger, survived=code >= 0)


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
