"""Runs of the installed command: exit codes, streams, signals, and what is left on disk."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hybridcheck.reference.child import reserved_port
from tests.e2e.conftest import Made

COMMAND = str(Path(sys.executable).with_name("hybridcheck"))
Run = subprocess.CompletedProcess[str]


def test_a_broken_promise_is_1(made: Made) -> None:
    """The first blocking case is the broken operation; evidence and document are on disk; hostile text is harmless."""
    done = made.done
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("NOT_READY")
    assert "1. contract.answers-as-declared[broken] (fail, critical, contract)" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert {"verdict.json", "ledger.ndjson"} <= {path.name for path in made.folder.iterdir()}
    assert json.loads((made.folder / "verdict.json").read_text(encoding="utf-8"))["exit_code"] == 1


def test_exit_zero_reports_without_blocking(run: Callable[..., Run], profile: str) -> None:
    """Exit 0, and the verdict says so and stays what it is."""
    done = run("validate", "--profile", profile, "--exit-zero")
    assert done.returncode == 0
    assert done.stdout.startswith("NOT_READY")
    assert "--exit-zero: this run reports and does not block" in done.stdout


def test_json_is_all_that_is_on_stdout(run: Callable[..., Run], profile: str, folder: Callable[[], Path]) -> None:
    """Byte for byte the saved document, and nothing on stderr."""
    done = run("validate", "--profile", profile, "--format", "json")
    assert done.returncode == 1
    assert done.stdout == (folder() / "verdict.json").read_text(encoding="utf-8")
    assert done.stderr == ""


def test_judge_gives_the_same_bytes_and_code(run: Callable[..., Run], made: Made, tmp_path: Path) -> None:
    """From the ledger alone."""
    again = run("judge", str(made.folder / "ledger.ndjson"), "--output-file", "again.json")
    assert again.returncode == 1
    assert (tmp_path / "again.json").read_bytes() == (made.folder / "verdict.json").read_bytes()


def test_a_scoped_run_never_says_ready(run: Callable[..., Run], profile: str) -> None:
    """PASSED with 0 where the selected promise holds, FAILED with 1 where not."""
    good = run("validate", "--profile", profile, "--only", "contract.answers-as-declared[good]", "--output-dir", "a")
    assert (good.returncode, good.stdout.split()[0]) == (0, "PASSED")
    bad = run("validate", "--profile", profile, "--only", "contract.answers-as-declared[broken]", "--output-dir", "b")
    assert (bad.returncode, bad.stdout.split()[0]) == (1, "FAILED")
    assert "READY" not in good.stdout + bad.stdout


def test_without_a_profile_a_run_is_inconclusive(run: Callable[..., Run], target: str) -> None:
    """3, with lines of profile that would let it decide."""
    done = run("validate", "--base-url", target)
    assert done.returncode == 3, done.stdout + done.stderr
    assert done.stdout.startswith("INCONCLUSIVE")
    assert "What would decide it" in done.stdout
    assert "load: {" in done.stdout


def test_nothing_there_is_4(run: Callable[..., Run]) -> None:
    """No HTTP answer at all."""
    with reserved_port() as silent:
        port = silent.getsockname()[1]
        done = run("validate", "--base-url", f"http://127.0.0.1:{port}", "--format", "json")
    assert done.returncode == 4, done.stderr
    document = json.loads(done.stdout)
    assert (document["verdict"], document["exit_code"]) == ("INCONCLUSIVE", 4)
    assert any(reason["code"] == "TARGET_UNREACHABLE" for reason in document["reasons"])


@pytest.mark.parametrize("number,code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_keeps_what_was_gathered(
    number: int, code: int, silent: str, tmp_path: Path, folder: Callable[[], Path]
) -> None:
    """130 or 143; verdict and ledger are there, and judging the ledger is INCONCLUSIVE, 3."""
    text = f"version: 1\ntargets: {{local: {{url: '{silent}', environment: local}}}}\nready: /ready\n"
    (tmp_path / "hybridcheck.yaml").write_text(text, encoding="utf-8")
    arguments = [COMMAND, "validate"]
    with subprocess.Popen(
        arguments, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert "cases, budget" in process.stderr.readline()
        _wait_for_signal_handler(process.pid)
        process.send_signal(number)
        out, _ = process.communicate(timeout=120)
    assert process.returncode == code, out
    made = folder()
    document = json.loads((made / "verdict.json").read_text(encoding="utf-8"))
    assert (document["verdict"], document["run"]["cause"]) == ("INCONCLUSIVE", "interrupted")
    judged = subprocess.run([COMMAND, "judge", str(made / "ledger.ndjson")], capture_output=True, check=False)
    assert judged.returncode == 3


def _wait_for_signal_handler(pid: int) -> None:
    """Wait until the process catches SIGTERM, as the kernel tells it: the run has begun, SIGINT is caught before it."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        caught = int(next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")), 16)
        if caught & 1 << (signal.SIGTERM - 1):
            return
    pytest.fail("the run never began")


def test_a_reader_that_goes_away_changes_no_exit_code(profile: str, tmp_path: Path) -> None:
    """`| head -0`: the verdict's code is still told."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as nowhere:
        done = subprocess.run(
            [COMMAND, "validate", "--profile", profile],
            cwd=tmp_path,
            stdout=nowhere,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr


def test_logs_as_json_are_one_object_a_line(run: Callable[..., Run], profile: str) -> None:
    """The progress is in them, and stdout stays the document."""
    done = run("validate", "--profile", profile, "--format", "json", "--log-format", "json", "--log-level", "info")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert any(line["message"].startswith("run ended: completed") for line in lines)
    assert {"time", "level", "logger", "message"} <= set(lines[0])
    assert json.loads(done.stdout)["verdict"] == "NOT_READY"


def test_logs_go_to_a_file(run: Callable[..., Run], profile: str, tmp_path: Path) -> None:
    """By option or by the variable of requirement 004."""
    assert run("validate", "--profile", profile, "--quiet", "--log-file", "a.log").stderr == ""
    assert "run ended" in (tmp_path / "a.log").read_text(encoding="utf-8")
    variables = {**os.environ, "INTEGRATION_TEST_LOG_FILE": "b.log"}
    run("validate", "--profile", profile, "--quiet", env=variables)
    assert "run ended" in (tmp_path / "b.log").read_text(encoding="utf-8")


def test_a_build_log_gets_plain_lines(made: Made) -> None:
    """One for each phase, no moving display, no colour."""
    lines = made.done.stderr.splitlines()
    assert lines[0].startswith("hybridcheck: run ")
    assert lines[-1].startswith("hybridcheck: run ended: completed")
    assert all(line.startswith("hybridcheck: ") for line in lines)


@pytest.mark.parametrize("cut", ["ledger", "verdict"])
def test_a_disk_that_fills_up_is_our_error(cut: str, made: Made, tmp_path: Path, folder: Callable[[], Path]) -> None:
    """Files may grow so far only (a stand-in for a full disk): 5 whichever of the two is cut; no half document is left."""
    ledger = (made.folder / "ledger.ndjson").read_bytes()
    kibibytes = (ledger.index(b"\n") if cut == "ledger" else len(ledger)) // 1024 + 3
    assert kibibytes * 1024 < len(ledger if cut == "ledger" else (made.folder / "verdict.json").read_bytes())
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f {kibibytes}; exec '{COMMAND}' validate --profile '{made.profile}'"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 5, done.stderr
    assert "could not be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(folder().glob("*verdict.json*"))


@pytest.mark.parametrize("closed", ["2>&-", ">&-", ">&- 2>&-"])
def test_closed_streams_change_no_exit_code(
    closed: str, profile: str, tmp_path: Path, folder: Callable[[], Path]
) -> None:
    """A caller that closed stdout or stderr still gets the verdict's code, and the evidence on disk."""
    line = f"'{COMMAND}' validate --profile '{profile}' {closed}"
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 1
    assert (folder() / "verdict.json").exists()


def test_a_poor_locale_still_gets_its_report(run: Callable[..., Run], profile: str) -> None:
    """Signs that the encoding lacks become escape sequences; the report and the exit code stay."""
    poor = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    done = run("validate", "--profile", profile, env=poor)
    assert done.returncode == 1
    assert done.stdout.isascii()
    assert done.stdout.startswith("NOT_READY")
