"""Kill matrix of the gate: whatever dies, or is full, in the middle of the load phase, what stays can be judged, and no process.

A valid verdict is written wherever there is somebody left to write it and a disk that takes it.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from jsonschema import Draft202012Validator

from benchmarks.nginx_target import NotRun
from hybridcheck.writers.json_document import verdict_schema

COMMAND = (sys.executable, "-m", "hybridcheck")
PATIENCE_S = 120.0


def kills(runs: int) -> Iterator[str]:
    """Each kind of death, so many times."""
    yield "\nKilled, or its disk filled up, while the load child sends, after its first two seconds.\n"
    yield "| what | as it should | exit codes | goal | |"
    yield "|---|---:|---|---:|---|"
    for name, death in MATRIX.items():
        faults, seen = [], []
        try:
            for _ in range(runs):
                code, fault = _one(death)
                seen.append(code)
                faults += [fault] if fault else []
        except NotRun as reason:
            yield f"| {name} | | | {runs} of {runs} | not run: {reason} |"
            continue
        fine = runs - len(faults)
        met = "met" if not faults else f"NOT MET: {faults[0]}"
        yield f"| {name} | {fine} of {runs} | {sorted(set(seen))} | {runs} of {runs} | {met} |"


def _child_of(parent: psutil.Process) -> psutil.Process:
    return _descendant(parent, "lean_user.py")


def _target_of(parent: psutil.Process) -> psutil.Process:
    return _descendant(parent, "hybridcheck.reference")


def _descendant(parent: psutil.Process, word: str) -> psutil.Process:
    return next(found for found in parent.children(recursive=True) if word in " ".join(found.cmdline()))


@dataclass(frozen=True, slots=True)
class Scene:
    """What runs when it happens: the gate, the workers beside it, and the folder of the results."""

    gate: psutil.Process
    workers: list[psutil.Process]
    folder: Path


@dataclass(frozen=True, slots=True)
class Death:
    """What happens, and the exit codes that the gate may leave with.

    disk_mib: the results lie on a disk of their own of this size; there may be no room for a verdict on it.
    """

    happen: Callable[[Scene], None]
    codes: frozenset[int]
    command: tuple[str, ...] = ("validate",)
    workers: int = 0
    disk_mib: int | None = None


PROCESSES = ("load", "--processes", "2")
MASTER = ("load", "--master", "--expect-workers", "2")
INTERRUPTED, TERMINATED = frozenset({130}), frozenset({143})
INCONCLUSIVE, KILLED, TOOL_ERROR = frozenset({3}), frozenset({-9}), frozenset({5})


def _send(number: int) -> Callable[[Scene], None]:
    return lambda scene: scene.gate.send_signal(number)


def _fill_disk(scene: Scene) -> None:
    """Write until nothing more goes onto the disk of the results."""
    chunk = bytes(1 << 20)
    with (scene.folder / "filler").open("wb", buffering=0) as filler:
        while chunk:
            try:
                filler.write(chunk)
            except OSError:
                chunk = chunk[: len(chunk) // 2]


MATRIX: dict[str, Death] = {
    "SIGINT to the gate": Death(_send(signal.SIGINT), INTERRUPTED),
    "SIGTERM to the gate": Death(_send(signal.SIGTERM), TERMINATED),
    "kill -9 of the load child": Death(lambda scene: _child_of(scene.gate).kill(), INCONCLUSIVE),
    "kill -9 of the gate": Death(_send(signal.SIGKILL), KILLED),
    "kill -9 of the target": Death(lambda scene: _target_of(scene.gate).kill(), frozenset({1, 3})),
    "disk full": Death(_fill_disk, TOOL_ERROR, disk_mib=32),
    "kill -9 of one of two processes": Death(lambda scene: _child_of(scene.gate).kill(), INCONCLUSIVE, PROCESSES),
    "SIGTERM to the gate with two processes": Death(_send(signal.SIGTERM), TERMINATED, PROCESSES),
    "disk full with two processes": Death(_fill_disk, TOOL_ERROR, PROCESSES, disk_mib=32),
    "SIGTERM to the gate with two workers": Death(_send(signal.SIGTERM), TERMINATED, MASTER, 2),
    "kill -9 of one of two workers": Death(
        lambda scene: _descendant(scene.workers[0], "worker.py").kill(), INCONCLUSIVE, MASTER, 2
    ),
    "SIGTERM to one of two workers": Death(lambda scene: scene.workers[0].terminate(), INCONCLUSIVE, MASTER, 2),
    "kill -9 of the master": Death(lambda scene: _descendant(scene.gate, "master.py").kill(), INCONCLUSIVE, MASTER, 2),
    "kill -9 of the gate with two workers": Death(_send(signal.SIGKILL), KILLED, MASTER, 2),
    "disk full with two workers": Death(_fill_disk, TOOL_ERROR, MASTER, 2, disk_mib=32),
}
WORKERS_PATIENCE_S = 30.0
"""Workers without a master stop sending after ten seconds, and then leave."""


def _one(death: Death) -> tuple[int, str]:
    """One run: its exit code, and what was wrong, empty where nothing was."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if death.disk_mib is not None:
            stack.enter_context(_small_disk(folder, death.disk_mib))
        arguments = [*death.command, "--demo", "-q", "--output-dir", str(folder)]
        workers = []
        if death.workers:
            port = str(_free_port())
            arguments += ["--master-bind-port", port]
            join = (*COMMAND, "load", "--worker", "--master-port", port)
            workers = [stack.enter_context(_silent(join)) for _ in range(death.workers)]
        gate = stack.enter_context(_silent((*COMMAND, *arguments)))
        ledger = _under_load(gate, folder)
        if ledger is None:
            for process in (gate, *workers):
                process.terminate()
            return gate.wait(PATIENCE_S), "its load never began"
        scene = Scene(psutil.Process(gate.pid), [psutil.Process(worker.pid) for worker in workers], folder)
        family = [each for one in (scene.gate, *scene.workers) for each in one.children(recursive=True)]
        death.happen(scene)
        try:
            code = gate.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            return 0, f"it did not end within {PATIENCE_S:g} s: {_left([scene.gate, *family, *scene.workers], 0)}"
        left = _left([*family, *scene.workers], WORKERS_PATIENCE_S if workers else 10)
        if left:
            return code, f"a process was left: {left}"
        if code not in death.codes:
            return code, f"exit code {code}"
        return code, _evidence_fault(ledger, survived=code >= 0, room=death.disk_mib is None)


def _left(processes: list[psutil.Process], patience_s: float) -> list[str]:
    """Kills who is still there after some time, and gives the command of one of them."""
    _, alive = psutil.wait_procs(processes, timeout=patience_s)
    words: list[str] = alive[0].cmdline()[:6] if alive else []
    for process in alive:
        process.kill()
    return words


@contextmanager
def _small_disk(folder: Path, size_mib: int) -> Iterator[None]:
    """Mounts a disk of this size there.

    Raises:
        NotRun: this machine refuses that.
    """
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_mib}m", "hybridcheck-soak", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotRun(f"no disk can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _silent(command: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _under_load(gate: subprocess.Popen[bytes], folder: Path) -> Path | None:
    """The ledger's path once two seconds of load are in it; None where that does not happen in time."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and gate.poll() is None:
        for ledger in folder.glob("*/ledger.ndjson"):
            if b'"second":1,' in ledger.read_bytes():
                return ledger
        time.sleep(0.05)
    return None


def _evidence_fault(ledger: Path, *, survived: bool, room: bool) -> str:
    """What is wrong with what stayed on the disk, where somebody `survived` to write it and had `room` for it."""
    verdict = ledger.with_name("verdict.json")
    if survived and room and not verdict.is_file():
        return "no verdict.json"
    if verdict.is_file():
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
