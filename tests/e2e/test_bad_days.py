"""Bad days: signals, killed processes, full disks, other runs. Never READY, never a process left, always an honest code."""

import contextlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from jsonschema import Draft202012Validator

from hybridcheck.gate import judge_ledger
from hybridcheck.reference.child import reserved_port
from hybridcheck.transport.manifest import read_manifest
from hybridcheck.writers.json_document import to_json, verdict_schema
from tests.e2e.commands import COMMAND, holds, load_children, only_folder, run, saved, started, wait_for
from tests.e2e.small_target import Answer, Asked, Sound, serving

pytestmark = pytest.mark.timeout(400)  # a run is held up, ended and judged again, beside others on a busy machine

PASSWORD = "bad-days-Passw0rd-81c2"
VARIABLES = {"ANN_PASSWORD": PASSWORD}
LOAD = "load: {rate_rps: 20, duration_s: 60, warmup_s: 1, operations: [list]}\nthresholds: {max_error_ratio: 0.1}\n"
EXCUSED = "not_applicable: {load: not a question of this test, recovery: nothing is loaded here}\n"
SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


class System(Sound):
    """A sound system that can be held up at one kind of request, as its line begins."""

    def __init__(self) -> None:
        super().__init__(PASSWORD)
        self.seen: list[str] = []
        self.held_at = "nothing"
        self.cannot_remove = False
        self.go_on = threading.Event()

    def __call__(self, asked: Asked) -> Answer:
        """Answer, when it is time."""
        if asked.line.startswith(self.held_at):
            self.go_on.wait(50)
        if asked.method == "DELETE" and self.cannot_remove:
            return 500, {}, b"not today"
        return super().__call__(asked)

    def hold(self, line: str) -> Callable[[], bool]:
        """Hold such requests from now on; gives whether one is held."""
        self.held_at = line
        return lambda: any(seen.startswith(line) for seen in self.seen)


@pytest.fixture
def system() -> Iterator[System]:
    """The target."""
    made = System()
    yield made
    made.go_on.set()


@pytest.fixture
def cwd(tmp_path: Path, system: System) -> Iterator[Path]:
    """A folder with a profile of the system, which is served."""
    with serving(system, system.seen) as base_url:
        (tmp_path / "base_url").write_text(base_url)
        profiled(tmp_path, base_url, EXCUSED)
        yield tmp_path
        system.go_on.set()


def profiled(folder: Path, base_url: str, more: str) -> None:
    """Write the profile: a list, and things that are made, read and removed."""
    (folder / "hybridcheck.yaml").write_text(
        f"version: 1\ntargets: {{t: {{url: '{base_url}', environment: local}}}}\nready: /ready\n"
        "session: {login: {path: /login, body: {username: '{username}', password: '{password}'}, token: $.token},"
        " whoami: {method: GET, path: /me, identity: $.name}}\n"
        "identities: {ann: {username: ann, password: 'env:ANN_PASSWORD'}}\n"
        "operations:\n  - {id: list, request: GET /things}\n"
        "  - {id: mine, request: GET /mine, auth: required, identity: ann}\n"
        "  - {id: make, method: POST, path: /things, auth: required, identity: ann, body: {name: '{marker}'},\n"
        "     creates: true, id_from: $.id, read_back: read, cleanup: drop, expect: 201}\n"
        "  - {id: read, path: '/things/{id}', auth: required, identity: ann}\n"
        "  - {id: drop, method: DELETE, path: '/things/{id}', auth: required, identity: ann, expect: 204}\n" + more,
        encoding="utf-8",
    )


def loaded(cwd: Path) -> None:
    """Give the profile a load phase that is long enough to be interrupted."""
    profiled(cwd, (cwd / "base_url").read_text(), LOAD)


def validating(cwd: Path, *arguments: str) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    """The command, begun."""
    return started(cwd, "validate", *arguments, variables=VARIABLES)


def assert_interrupted(folder: Path) -> None:
    """A valid document that says INCONCLUSIVE, INTERRUPTED; judging the ledger says the same and exits 3."""
    document = saved(folder)
    Draft202012Validator(verdict_schema()).validate(document)
    assert (document["verdict"], document["run"]["cause"]) == ("INCONCLUSIVE", "interrupted")
    assert document["reasons"][0]["code"] == "INTERRUPTED"
    assert judged(folder) == (3, "INCONCLUSIVE")


def judged(folder: Path) -> tuple[int, str]:
    """Exit code and ruling of `judge`."""
    done = subprocess.run(
        [*COMMAND, "judge", str(folder / "ledger.ndjson"), "--format", "json"], capture_output=True, check=False
    )
    return done.returncode, str(json.loads(done.stdout)["verdict"])


def family(pid: int) -> list[psutil.Process]:
    """A process and all that it has started."""
    return [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]


def assert_gone(processes: list[psutil.Process]) -> None:
    """None of them runs any more (psutil tells a reused pid from the process that it was)."""
    wait_for(lambda: not any(_runs(one) for one in processes), f"the end of {processes}")


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("number,code", SIGNALS)
def test_a_signal_in_the_read_phase(number: int, code: int, cwd: Path, system: System) -> None:
    """In mid-request: 130 or 143, verdict and ledger are whole."""
    held = system.hold("GET /mine")
    with validating(cwd) as process:
        wait_for(held, "the held request")
        process.send_signal(number)
        assert process.wait(40) == code
    assert_interrupted(only_folder(cwd))


@pytest.mark.parametrize("number,code", SIGNALS)
def test_a_signal_while_a_bare_target_is_explored(number: int, code: int, cwd: Path, system: System) -> None:
    """Without a profile the search for what is there is interrupted as well as the run."""
    (cwd / "hybridcheck.yaml").unlink()
    held = system.hold("GET /openapi.json")
    with validating(cwd, "--base-url", (cwd / "base_url").read_text()) as process:
        wait_for(held, "the held request")
        process.send_signal(number)
        assert process.wait(40) == code
    assert_interrupted(only_folder(cwd))


@pytest.mark.parametrize("number,code", SIGNALS)
def test_a_signal_in_the_load_phase(number: int, code: int, cwd: Path) -> None:
    """The generator ends with its parent, in order."""
    loaded(cwd)
    with validating(cwd) as process:
        folder = only_folder(cwd)
        wait_for(holds(folder, '"kind":"load_second"'), "load")
        everybody = family(process.pid)
        assert len(everybody) > 1
        process.send_signal(number)
        assert process.wait(40) == code
    assert_gone(everybody)
    assert_interrupted(folder)


def test_a_killed_generator_is_a_lost_worker(cwd: Path) -> None:
    """What it had reported stays, and decides nothing."""
    loaded(cwd)
    with validating(cwd) as process:
        folder = only_folder(cwd)
        wait_for(holds(folder, '"kind":"load_second"'), "load")
        [generator] = load_children(process.pid)
        generator.kill()
        assert process.wait(40) == 3
    document = saved(folder)
    assert document["verdict"] == "INCONCLUSIVE"
    assert "WORKER_LOST" in {reason["code"] for reason in document["reasons"]}
    assert judged(folder) == (3, "INCONCLUSIVE")


def test_a_killed_parent_takes_its_generator_along(cwd: Path) -> None:
    """Nobody goes on loading the target; what is on the disk can be judged: INCONCLUSIVE."""
    loaded(cwd)
    with validating(cwd) as process:
        folder = only_folder(cwd)
        wait_for(holds(folder, '"kind":"load_second"'), "load")
        everybody = family(process.pid)
        assert len(everybody) > 1
        process.kill()
        process.wait(20)
        assert_gone(everybody)
    assert not (folder / "verdict.json").exists()
    assert judged(folder) == (3, "INCONCLUSIVE")


@pytest.mark.parametrize("moment", ["POST /things", "GET /things/", "DELETE /things/"])
def test_an_interrupted_run_removes_what_it_made(moment: str, cwd: Path, system: System) -> None:
    """While it is made, read, or removed already: the id arrives, and the thing goes."""
    held = system.hold(moment)
    with validating(cwd) as process:
        wait_for(held, moment)
        made = {"POST /things": 0}.get(moment, 1)
        assert system.made == made
        process.terminate()
        wait_for(lambda: not _catches(process.pid), "the signal being taken")
        system.go_on.set()
        assert process.wait(40) == 143
    folder = only_folder(cwd)
    assert system.made > 0
    assert system.things == {}
    assert {entry.step for entry in read_manifest(folder / "manifest.ndjson")} == {"removed"}
    assert_interrupted(folder)


def _catches(pid: int) -> bool:
    """Whether the process has a handler for SIGTERM, as the kernel tells it: the first signal removes it."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    caught = int(next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")), 16)
    return bool(caught & 1 << (signal.SIGTERM - 1))


def test_cleanup_removes_what_a_killed_run_left(cwd: Path, system: System) -> None:
    """A kill -9 leaves the thing and the manifest; `cleanup` removes the one by the other."""
    held = system.hold("GET /things/")
    with validating(cwd) as process:
        wait_for(held, "the thing")
        process.kill()
        process.wait(20)
    system.held_at = "nothing"
    system.go_on.set()
    left = set(system.things)
    assert left
    manifest = only_folder(cwd) / "manifest.ndjson"
    done = run(cwd, "cleanup", str(manifest), variables=VARIABLES)
    assert done.code == 0, done.err
    assert not left & set(system.things)
    assert {entry.step for entry in read_manifest(manifest)} == {"removed"}


def test_what_cannot_be_removed_is_told(cwd: Path, system: System) -> None:
    """The run names it with the command that removes it, and the manifest keeps it."""
    system.cannot_remove = True
    done = run(cwd, "validate", variables=VARIABLES)
    assert done.code == 1
    assert b"left behind" in done.err
    assert b"hybridcheck cleanup" in done.err
    assert "left" in {entry.step for entry in read_manifest(done.folder / "manifest.ndjson")}


def test_the_time_limit_ends_a_run(cwd: Path, system: System) -> None:
    """INCONCLUSIVE, with what was gathered, even though one request would take longer."""
    system.hold("GET /mine")
    done = run(cwd, "validate", "--timeout", "4", variables=VARIABLES)
    assert (done.code, done.document["verdict"], done.document["run"]["cause"]) == (3, "INCONCLUSIVE", "timed_out")
    assert judged(done.folder) == (3, "INCONCLUSIVE")


def test_two_runs_at_once_notice_each_other(
    cwd: Path, tmp_path_factory: pytest.TempPathFactory, system: System
) -> None:
    """Neither is READY, and both say why."""
    other = tmp_path_factory.mktemp("other")
    profiled(other, (cwd / "base_url").read_text(), EXCUSED)
    held = system.hold("GET /mine")
    with validating(cwd) as first:
        wait_for(held, "the first run's request")
        with validating(other) as second:
            wait_for(holds(only_folder(other), "/things"), "the second run")
            system.go_on.set()
            assert (first.wait(30), second.wait(30)) == (3, 3)
    for folder in (only_folder(cwd), only_folder(other)):
        assert [reason["code"] for reason in saved(folder)["reasons"]] == ["FOREIGN_RUN"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a small disk of its own with these options; the test is not run where that is refused."""
    place = tmp_path / "disk"
    place.mkdir()

    def mounted(options: str) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", options, "hybridcheck-test", str(place)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
        return place

    yield mounted
    if os.path.ismount(place):
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("size", ["16k", "64k", "160k"])
def test_a_full_disk_is_our_error(size: str, small_disk: Callable[[str], Path], cwd: Path, system: System) -> None:
    """Whenever it fills up: 5, no READY anywhere, what was made is removed, and no half document."""
    disk = small_disk(f"size={size}")
    done = run(cwd, "validate", "--output-dir", str(disk), variables=VARIABLES)
    assert done.code == 5, done.out + done.err
    assert b"READY" not in done.out.replace(b"NOT_READY", b"")
    assert b"Traceback" not in done.err
    assert system.things == {}
    for document in disk.glob("*/verdict.json"):
        assert json.loads(document.read_text())["verdict"] == "INCONCLUSIVE"
        assert to_json(judge_ledger(document.with_name("ledger.ndjson"))) == document.read_text(encoding="utf-8")


def test_a_disk_that_takes_nothing_is_told_before_any_traffic(
    small_disk: Callable[[str], Path], cwd: Path, system: System
) -> None:
    """Exit 2, and the target has heard nothing: folder, report and log."""
    disk = str(small_disk("size=64k,ro"))
    for option, name in (("--output-dir", "results"), ("--output-file", "report.json"), ("--log-file", "run.log")):
        done = run(cwd, "validate", option, f"{disk}/{name}", variables=VARIABLES)
        assert done.code == 2, (option, done.err)
        assert b"Read-only file system" in done.err
    assert system.seen == []


@pytest.mark.parametrize(
    "arguments", [("--only", "nope"), ("--allow", "everything"), ("--base-url", "nowhere"), ("--seed", "x")]
)
def test_a_usage_error_sends_nothing(arguments: tuple[str, ...], cwd: Path, system: System) -> None:
    """Exit 2, beside a target that would answer."""
    assert run(cwd, "validate", *arguments, variables=VARIABLES).code == 2
    assert system.seen == []


def test_load_that_its_processes_cannot_share_sends_nothing(cwd: Path, system: System) -> None:
    """Known from command line and profile: 2 with what to do, no folder, and the target has heard nothing."""
    profiled(cwd, (cwd / "base_url").read_text(), LOAD.replace("rate_rps", "max_connections: 2, rate_rps"))
    done = run(cwd, "load", "--processes", "3", variables=VARIABLES)
    assert done.code == 2, done.err
    assert b"raise max_connections, or say --processes 2" in done.err
    assert system.seen == []
    assert not (cwd / "hybridcheck-results").exists()


def test_a_base_url_that_refuses_is_unreachable(cwd: Path) -> None:
    """Exit 4, with a profile too."""
    with reserved_port() as silent:
        profiled(cwd, f"http://127.0.0.1:{silent.getsockname()[1]}", EXCUSED)
        done = run(cwd, "validate", variables=VARIABLES)
    assert (done.code, done.document["verdict"], done.codes()[0]) == (4, "INCONCLUSIVE", "TARGET_UNREACHABLE")
