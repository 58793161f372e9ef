"""The installed command: exit codes, what goes to stdout and stderr, and what is left on disk."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

COMMAND = str(Path(sys.executable).with_name("hybridcheck"))
Run = subprocess.CompletedProcess[str]

HEAVY = (
    "httpx",
    "jsonschema",
    "yaml",
    "rich",
    "pydantic",
    "asyncio",
    "psutil",
    "starlette",
    "uvicorn",
    "locust",
    "jwt",
)


@dataclass
class Target:
    """A small server on loopback: what it answers to whom, and what it was asked."""

    url: str
    answers: dict[str, int]
    seen: list[str] = field(default_factory=list)


def _serve(target: Target) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            target.seen.append(f"{self.command} {self.path}")
            status = target.answers.get(f"{self.command} {self.path}", 404)
            body = b"" if status == 204 else b'{"status": "\\u001b[2J"}'
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = do_HEAD = do_OPTIONS = answer  # noqa: N815 - the names are the base class's

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
            pass

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def target() -> Iterator[Target]:
    """A target with one good operation and one that is broken."""
    made = Target("", {"GET /ready": 200, "GET /good": 200, "GET /broken": 500, "DELETE /things/t%2F1": 204})
    server = _serve(made)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of a socket that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Run]:
    """Runs the installed command in an empty folder, without a terminal."""

    def called(*arguments: str, env: dict[str, str] | None = None) -> Run:
        return subprocess.run(
            [COMMAND, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False, env=env
        )

    return called


@pytest.fixture
def profile(tmp_path: Path, target: Target) -> str:
    """A profile with readiness and two operations, of which one does not answer as declared."""
    path = tmp_path / "hybridcheck.yaml"
    path.write_text(
        f"version: 1\nname: small\ntargets: {{local: {{url: '{target.url}', environment: local}}}}\nready: /ready\n"
        "operations: [{id: good, request: GET /good}, {id: broken, request: GET /broken}]\n",
        encoding="utf-8",
    )
    return str(path)


def _folder(tmp_path: Path) -> Path:
    [folder] = (tmp_path / "hybridcheck-results").iterdir()
    return folder


def test_the_help_names_every_command(run: Callable[..., Run]) -> None:
    """In the order of the jobs, each with its line; the exit codes are told."""
    shown = run("--help")
    assert shown.returncode == 0
    commands = shown.stdout[shown.stdout.index("Commands:") :].splitlines()[1:]
    names = [line.split()[0] for line in commands if line.startswith("  ") and line[2] != " "]
    assert names == [
        "validate", "integrate", "load", "demo", "judge", "report", "replay", "checks", "explain", "schema", "lint",
        "cleanup",
    ]  # fmt: skip
    assert "3 INCONCLUSIVE" in shown.stdout


def test_validate_has_its_options(run: Callable[..., Run]) -> None:
    """Every option of the contract is there under its name."""
    shown = run("validate", "--help").stdout
    for option in (
        "--base-url", "--profile", "--environment", "--budget", "--only", "--skip", "--tag", "--suite", "--allow",
        "--fail-fast", "--seed", "--timeout", "--exit-zero", "-v", "--verbose", "--quiet", "--format", "--output-dir",
        "--output-file", "--save-results", "--log-format", "--log-level", "--log-file", "--demo", "--defect",
        "--list-defects",
    ):  # fmt: skip
        assert option in shown, option


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_and_version_import_nothing_heavy(argument: str) -> None:
    """What a command needs is imported when the command is run."""
    code = (
        "import sys\nfrom hybridcheck.cli.main import main\ntry:\n    main([sys.argv[1]])\nexcept SystemExit as left:\n"
        "    print(sorted(sys.modules), file=sys.stderr)\n    sys.exit(left.code)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, argument], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.replace("'", "").strip("[]\n").split(", "))
    assert "typer" in loaded
    assert not loaded & set(HEAVY)
    assert {name for name in loaded if name.startswith("hybridcheck.")} == {
        "hybridcheck.cli", "hybridcheck.cli.exits", "hybridcheck.cli.main", "hybridcheck.cli.terminal",
        "hybridcheck.errors", "hybridcheck.writers", "hybridcheck.writers.hostile_text",
    }  # fmt: skip


def test_python_m_is_the_same_command(tmp_path: Path) -> None:
    """`python -m hybridcheck` for where the script is not on PATH."""
    done = subprocess.run(
        [sys.executable, "-m", "hybridcheck", "--version"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("hybridcheck ")


@pytest.mark.parametrize(
    "arguments,told",
    [
        ((), "Usage"),
        (("vaildate",), "Did you mean 'validate'"),
        (("--nope",), "--nope"),
        (("validate", "--nope"), "--nope"),
        (("validate", "--budget", "huge"), "--budget"),
        (("validate", "--timeout", "soon"), "--timeout"),
        (("validate", "--environment", "unknown"), "--environment"),
        (("validate", "--profile", "none.yaml"), "none.yaml"),
        (("validate", "--base-url", "ftp://x"), "--base-url"),
        (("validate", "--base-url", "nowhere"), "nowhere"),
        (("validate", "--defect", "slow"), "--demo"),
        (("validate", "--demo", "--defect", "slwo"), "did you mean slow"),
        (("validate", "--demo", "--base-url", "http://127.0.0.1:9"), "its own system"),
        (("validate", "--suite", "nope"), "nope"),
        (("validate", "--base-url", "http://127.0.0.1:9", "--only", "nope"), "nope"),
        (("validate", "--base-url", "http://127.0.0.1:9", "--output-file", "no/folder/x.json"), "no/folder"),
        (("validate", "--base-url", "http://127.0.0.1:9", "--log-file", "no/folder/x.log"), "no/folder"),
        (("integrate", "--suite", "nope"), "nope"),
        (("judge",), "LEDGER"),
        (("judge", "none.ndjson"), "none.ndjson"),
        (("report", "none.json"), "none.json"),
        (("replay", "none.json"), "#"),
        (("replay", "none.json#a[b]"), "none.json"),
        (("explain", "contract.answers"), "did you mean contract.answers-as-declared"),
        (("schema", "nope"), "nope"),
        (("lint", "none.yaml"), "none.yaml"),
        (("cleanup", "none.ndjson"), "none.ndjson"),
    ],
)
def test_a_usage_error_is_2_and_says_what_to_do(arguments: tuple[str, ...], told: str, run: Callable[..., Run]) -> None:
    """Nothing on stdout, the reason and the advice on stderr, no traceback."""
    done = run(*arguments)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_every_error_of_a_profile_is_told_and_nothing_is_sent(
    run: Callable[..., Run], target: Target, tmp_path: Path
) -> None:
    """Two mistakes, two complaints with their lines; the target hears nothing."""
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("version: 1\nredy: /ready\nlimits: {max_rps: fast}\n", encoding="utf-8")
    done = run("validate", "--profile", str(wrong), "--base-url", target.url)
    assert done.returncode == 2
    assert "wrong.yaml:2 redy" in done.stderr
    assert "wrong.yaml:3 limits.max_rps" in done.stderr
    assert target.seen == []
    assert run("lint", str(wrong)).returncode == 2


def test_an_unwritable_folder_is_told_before_any_traffic(
    run: Callable[..., Run], target: Target, profile: str, tmp_path: Path
) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "taken").write_text("")
    done = run("validate", "--profile", profile, "--output-dir", "taken")
    assert done.returncode == 2
    assert "--output-dir" in done.stderr
    assert target.seen == []


def test_a_broken_promise_is_1(run: Callable[..., Run], profile: str, tmp_path: Path) -> None:
    """The first blocking case is the broken operation; evidence and document are on disk; hostile text is harmless."""
    done = run("validate", "--profile", profile)
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("NOT_READY")
    assert "1. contract.answers-as-declared[broken] (fail, critical, contract)" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    folder = _folder(tmp_path)
    assert {"verdict.json", "ledger.ndjson"} <= {path.name for path in folder.iterdir()}
    assert json.loads((folder / "verdict.json").read_text(encoding="utf-8"))["exit_code"] == 1


def test_exit_zero_reports_without_blocking(run: Callable[..., Run], profile: str, tmp_path: Path) -> None:
    """Exit 0, and the verdict says so and stays what it is."""
    done = run("validate", "--profile", profile, "--exit-zero")
    assert done.returncode == 0
    assert done.stdout.startswith("NOT_READY")
    assert "--exit-zero: this run reports and does not block" in done.stdout


def test_json_is_all_that_is_on_stdout(run: Callable[..., Run], profile: str, tmp_path: Path) -> None:
    """Byte for byte the saved document, and nothing on stderr."""
    done = run("validate", "--profile", profile, "--format", "json")
    assert done.returncode == 1
    assert done.stdout == (_folder(tmp_path) / "verdict.json").read_text(encoding="utf-8")
    assert done.stderr == ""


def test_judge_gives_the_same_bytes_and_code(run: Callable[..., Run], profile: str, tmp_path: Path) -> None:
    """From the ledger alone."""
    first = run("validate", "--profile", profile, "--quiet")
    assert first.stderr == ""
    folder = _folder(tmp_path)
    again = run("judge", str(folder / "ledger.ndjson"), "--output-file", "again.json")
    assert again.returncode == 1
    assert (tmp_path / "again.json").read_bytes() == (folder / "verdict.json").read_bytes()


def test_a_scoped_run_never_says_ready(run: Callable[..., Run], profile: str, tmp_path: Path) -> None:
    """PASSED with 0 where the selected promise holds, FAILED with 1 where not."""
    good = run("validate", "--profile", profile, "--only", "contract.answers-as-declared[good]", "--output-dir", "a")
    assert (good.returncode, good.stdout.split()[0]) == (0, "PASSED")
    bad = run("validate", "--profile", profile, "--only", "contract.answers-as-declared[broken]", "--output-dir", "b")
    assert (bad.returncode, bad.stdout.split()[0]) == (1, "FAILED")
    assert "READY" not in good.stdout + bad.stdout


def test_without_a_profile_a_run_is_inconclusive(run: Callable[..., Run], target: Target) -> None:
    """3, with lines of profile that would let it decide."""
    done = run("validate", "--base-url", target.url)
    assert done.returncode == 3, done.stdout + done.stderr
    assert done.stdout.startswith("INCONCLUSIVE")
    assert "What would decide it" in done.stdout
    assert "load: {" in done.stdout


def test_nothing_there_is_4(run: Callable[..., Run], tmp_path: Path) -> None:
    """No HTTP answer at all."""
    with socket.create_server(("127.0.0.1", 0)) as closing:
        port = closing.getsockname()[1]
    done = run("validate", "--base-url", f"http://127.0.0.1:{port}", "--format", "json")
    assert done.returncode == 4, done.stderr
    document = json.loads(done.stdout)
    assert (document["verdict"], document["exit_code"]) == ("INCONCLUSIVE", 4)
    assert any(reason["code"] == "TARGET_UNREACHABLE" for reason in document["reasons"])


@pytest.mark.parametrize("number,code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_keeps_what_was_gathered(number: int, code: int, silent: str, tmp_path: Path) -> None:
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
        out, _ = process.communicate(timeout=30)
    assert process.returncode == code, out
    folder = _folder(tmp_path)
    document = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))
    assert (document["verdict"], document["run"]["cause"]) == ("INCONCLUSIVE", "interrupted")
    judged = subprocess.run([COMMAND, "judge", str(folder / "ledger.ndjson")], capture_output=True, check=False)
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


def test_a_full_disk_behind_stdout_is_our_error(run: Callable[..., Run], tmp_path: Path) -> None:
    """Not 1, which would blame the target; not 0 either."""
    with Path("/dev/full").open("w", encoding="ascii") as full:
        done = subprocess.run([COMMAND, "checks"], cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 5
    assert b"No space left" in done.stderr


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


def test_a_build_log_gets_plain_lines(run: Callable[..., Run], profile: str) -> None:
    """One for each phase, no moving display, no colour."""
    done = run("validate", "--profile", profile)
    lines = done.stderr.splitlines()
    assert lines[0].startswith("hybridcheck: run ")
    assert lines[-1].startswith("hybridcheck: run ended: completed")
    assert all(line.startswith("hybridcheck: ") for line in lines)


def test_report_renders_every_format(run: Callable[..., Run], profile: str, tmp_path: Path) -> None:
    """From the saved document, to stdout or to a file whose name says the format; exit 0 whatever it says."""
    run("validate", "--profile", profile, "--output-file", "report.xml", "--save-results")
    document = str(_folder(tmp_path) / "verdict.json")
    cases = ET.parse(tmp_path / "report.xml").getroot().iter("testcase")
    failed = {f"{case.get('classname')}[{case.get('name')}]" for case in cases if case.find("failure") is not None}
    assert "contract.answers-as-declared[broken]" in failed
    for name, begins in (("console", "NOT_READY"), ("markdown", "## ❌"), ("junit", "<?xml"), ("json", "{"), ("sarif", "{"),
                         ("github", "::notice"), ("openmetrics", "# TYPE"), ("html", "<!doctype")):  # fmt: skip
        done = run("report", document, "--format", name)
        assert (done.returncode, done.stdout[: len(begins)]) == (0, begins)
    assert run("report", document, "--output-file", "r.md").stdout == ""
    assert (tmp_path / "r.md").read_text(encoding="utf-8").startswith("## ❌ NOT_READY")


def test_replay_shows_the_requests_and_can_send_them(
    run: Callable[..., Run], profile: str, target: Target, tmp_path: Path
) -> None:
    """Curl lines of what the finding rests on; --send gives a scoped verdict with its code."""
    run("validate", "--profile", profile)
    address = f"{_folder(tmp_path)}/verdict.json#contract.answers-as-declared[broken]"
    shown = run("replay", address)
    assert shown.returncode == 0
    assert f"{target.url}/broken" in shown.stdout
    assert "status 500" in shown.stdout
    asked = len(target.seen)
    sent = run("replay", address, "--send", "--output-dir", "again")
    assert (sent.returncode, sent.stdout.split()[0]) == (1, "FAILED"), sent.stderr
    assert "GET /broken" in target.seen[asked:]
    assert "GET /good" not in target.seen[asked:]


def test_cleanup_removes_what_a_manifest_names(run: Callable[..., Run], target: Target, tmp_path: Path) -> None:
    """In reverse, each once; a second call finds nothing left; what cannot be removed is 3."""
    (tmp_path / "hybridcheck.yaml").write_text(
        f"version: 1\ntargets: {{local: {{url: '{target.url}', environment: local}}}}\n"
        "operations:\n  - {id: make, method: POST, path: /things, creates: true, id_from: $.id, cleanup: drop}\n"
        "  - {id: drop, method: DELETE, path: '/things/{id}', expect: 204}\n",
        encoding="utf-8",
    )
    entry = {
        "entry": 1, "step": "created", "run_id": "r", "base_url": target.url, "case": "a[b]", "operation": "make",
        "cleanup": "drop", "identity": None, "resource": "t/1",
    }  # fmt: skip
    manifest = tmp_path / "manifest.ndjson"
    manifest.write_text(json.dumps(entry) + "\n", encoding="utf-8")
    assert run("cleanup", str(manifest), "--dry-run").returncode == 3
    assert target.seen == []
    done = run("cleanup", str(manifest))
    assert (done.returncode, target.seen) == (0, ["DELETE /things/t%2F1"]), done.stderr
    assert "nothing is left" in run("cleanup", str(manifest)).stdout
    manifest.write_text(json.dumps({**entry, "resource": None}) + "\n", encoding="utf-8")
    assert run("cleanup", str(manifest)).returncode == 3


def test_the_catalogue_is_listed_and_explained(run: Callable[..., Run]) -> None:
    """Every listed check has an explanation with its id."""
    listed = run("checks").stdout.splitlines()
    as_json = json.loads(run("checks", "--format", "json").stdout)
    assert [line.split()[0] for line in listed] == [check["id"] for check in as_json]
    explained = run("explain", as_json[0]["id"]).stdout
    assert as_json[0]["id"] in explained
    assert "to do" in explained


def test_the_schemas_fit_the_documents(run: Callable[..., Run], profile: str, tmp_path: Path) -> None:
    """The published schema takes a real document."""
    from jsonschema import Draft202012Validator

    run("validate", "--profile", profile)
    document = json.loads((_folder(tmp_path) / "verdict.json").read_text(encoding="utf-8"))
    Draft202012Validator(json.loads(run("schema", "verdict").stdout)).validate(document)
    Draft202012Validator.check_schema(json.loads(run("schema", "profile").stdout))


def test_lint_says_what_a_run_would_be_about(run: Callable[..., Run], profile: str, target: Target) -> None:
    """Counts for each target, and the lines that would answer an open core question; nothing is sent."""
    done = run("lint", profile)
    assert done.returncode == 0
    assert "no errors" in done.stdout
    assert "nothing answers 'load'" in done.stdout
    assert target.seen == []


def test_the_defects_of_the_demo_are_listed(run: Callable[..., Run]) -> None:
    """Name, check and what is wrong, by `demo` and by `validate`."""
    listed = run("demo", "--list-defects").stdout
    assert listed == run("validate", "--list-defects").stdout
    assert any(line.startswith("no-auth") for line in listed.splitlines())


@pytest.mark.parametrize("cut", ["ledger", "verdict"])
def test_a_disk_that_fills_up_is_our_error(cut: str, profile: str, target: Target, tmp_path: Path) -> None:
    """Files may grow so far only (a stand-in for a full disk): 5 whichever of the two is cut; no half document is left."""
    whole = subprocess.run(
        [COMMAND, "validate", "--profile", profile, "--output-dir", "whole"], cwd=tmp_path, check=False
    )
    assert whole.returncode == 1
    [folder] = (tmp_path / "whole").iterdir()
    ledger = (folder / "ledger.ndjson").read_bytes()
    kibibytes = (ledger.index(b"\n") if cut == "ledger" else len(ledger)) // 1024 + 3
    assert kibibytes * 1024 < len(ledger if cut == "ledger" else (folder / "verdict.json").read_bytes())
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f {kibibytes}; exec '{COMMAND}' validate --profile '{profile}'"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 5, done.stderr
    assert "could not be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(_folder(tmp_path).glob("*verdict.json*"))


def test_sarif_points_into_the_profile(run: Callable[..., Run], profile: str, tmp_path: Path) -> None:
    """From the run itself, and from the saved document with the profile beside it."""
    run("validate", "--profile", profile, "--output-file", "r.sarif")
    results = json.loads((tmp_path / "r.sarif").read_text(encoding="utf-8"))["runs"][0]["results"]
    [result] = [one for one in results if one["properties"]["case"] == "contract.answers-as-declared[broken]"]
    place = result["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("hybridcheck.yaml", 5)
    again = run("report", str(_folder(tmp_path) / "verdict.json"), "--format", "sarif", "--profile", profile)
    assert again.stdout == (tmp_path / "r.sarif").read_text(encoding="utf-8")


@pytest.mark.parametrize("closed", ["2>&-", ">&-", ">&- 2>&-"])
def test_closed_streams_change_no_exit_code(closed: str, profile: str, tmp_path: Path) -> None:
    """A caller that closed stdout or stderr still gets the verdict's code, and the evidence on disk."""
    line = f"'{COMMAND}' validate --profile '{profile}' {closed}"
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 1
    assert (_folder(tmp_path) / "verdict.json").exists()


def test_a_poor_locale_still_gets_its_report(run: Callable[..., Run], profile: str) -> None:
    """Signs that the encoding lacks become escape sequences; the report and the exit code stay."""
    poor = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    done = run("validate", "--profile", profile, env=poor)
    assert done.returncode == 1
    assert done.stdout.isascii()
    assert done.stdout.startswith("NOT_READY")
