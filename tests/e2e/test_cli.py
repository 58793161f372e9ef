"""The installed command: help, usage errors, and every command beside the run itself."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from hybridcheck.cli.main import main
from tests.e2e.conftest import Made

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


def test_the_help_names_every_command(run: Callable[..., Run]) -> None:
    """In the order of the jobs, each with its line; the exit codes are told."""
    shown = run("--help")
    assert shown.returncode == 0
    commands = shown.stdout[shown.stdout.index("Commands:") :].splitlines()[1:]
    names = [line.split()[0] for line in commands if line.startswith("  ") and line[2] != " "]
    assert names == [
        "validate", "integrate", "load", "demo", "judge", "report", "replay", "checks", "explain", "schema", "init",
        "lint", "cleanup",
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
def test_a_usage_error_is_2_and_says_what_to_do(
    arguments: tuple[str, ...],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing on stdout, the reason and the advice on stderr, no traceback: in this process, which starts no other."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    out, err = capsys.readouterr()
    assert (left.value.code, out) == (2, ""), err
    assert told in err
    assert "Traceback" not in err


def test_every_error_of_a_profile_is_told_and_nothing_is_sent(
    run: Callable[..., Run], tmp_path: Path, target: str, asked: list[str]
) -> None:
    """Two mistakes, two complaints with their lines; the target hears nothing."""
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("version: 1\nredy: /ready\nlimits: {max_rps: fast}\n", encoding="utf-8")
    done = run("validate", "--profile", str(wrong), "--base-url", target)
    assert done.returncode == 2
    assert "wrong.yaml:2 redy" in done.stderr
    assert "wrong.yaml:3 limits.max_rps" in done.stderr
    assert asked == []
    assert run("lint", str(wrong)).returncode == 2


def test_an_unwritable_folder_is_told_before_any_traffic(
    run: Callable[..., Run], profile: str, tmp_path: Path, asked: list[str]
) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "taken").write_text("")
    done = run("validate", "--profile", profile, "--output-dir", "taken")
    assert done.returncode == 2
    assert "--output-dir" in done.stderr
    assert asked == []


def test_a_full_disk_behind_stdout_is_our_error(run: Callable[..., Run], tmp_path: Path, target: str) -> None:
    """Not 1, which would blame the target; not 0 either."""
    with Path("/dev/full").open("w", encoding="ascii") as full:
        done = subprocess.run([COMMAND, "checks"], cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 5
    assert b"No space left" in done.stderr


def test_report_renders_a_saved_document(run: Callable[..., Run], made: Made, tmp_path: Path) -> None:
    """To stdout or to a file whose name says the format; exit 0 whatever it says."""
    document = str(made.folder / "verdict.json")
    assert run("report", document, "--output-file", "report.xml").stdout == ""
    cases = ET.parse(tmp_path / "report.xml").getroot().iter("testcase")
    failed = {f"{case.get('classname')}[{case.get('name')}]" for case in cases if case.find("failure") is not None}
    assert "contract.answers-as-declared[broken]" in failed
    done = run("report", document, "--format", "console")
    assert (done.returncode, done.stdout.split()[0]) == (0, "NOT_READY")


def test_replay_shows_the_requests_and_can_send_them(run: Callable[..., Run], made: Made) -> None:
    """Curl lines of what the finding rests on; --send gives a scoped verdict with its code."""
    address = f"{made.folder}/verdict.json#contract.answers-as-declared[broken]"
    shown = run("replay", address)
    assert shown.returncode == 0
    assert f"{made.target}/broken" in shown.stdout
    assert "status 500" in shown.stdout
    before = len(made.asked)
    sent = run("replay", address, "--send", "--profile", made.profile, "--output-dir", "again")
    assert (sent.returncode, sent.stdout.split()[0]) == (1, "FAILED"), sent.stderr
    assert "GET /broken" in made.asked[before:]
    assert "GET /good" not in made.asked[before:]


def test_cleanup_removes_what_a_manifest_names(
    run: Callable[..., Run], tmp_path: Path, target: str, asked: list[str]
) -> None:
    """In reverse, each once; a second call finds nothing left; what cannot be removed is 3."""
    (tmp_path / "hybridcheck.yaml").write_text(
        f"version: 1\ntargets: {{local: {{url: '{target}', environment: local}}}}\n"
        "operations:\n  - {id: make, method: POST, path: /things, creates: true, id_from: $.id, cleanup: drop}\n"
        "  - {id: drop, method: DELETE, path: '/things/{id}', expect: 204}\n",
        encoding="utf-8",
    )
    entry = {
        "entry": 1, "step": "created", "run_id": "r", "base_url": target, "case": "a[b]", "operation": "make",
        "cleanup": "drop", "identity": None, "resource": "t/1",
    }  # fmt: skip
    manifest = tmp_path / "manifest.ndjson"
    manifest.write_text(json.dumps(entry) + "\n", encoding="utf-8")
    assert run("cleanup", str(manifest), "--dry-run").returncode == 3
    assert asked == []
    done = run("cleanup", str(manifest))
    assert (done.returncode, asked) == (0, ["DELETE /things/t%2F1"]), done.stderr
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


def test_the_schemas_fit_the_documents(run: Callable[..., Run], made: Made) -> None:
    """The published schema takes a real document."""
    document = json.loads((made.folder / "verdict.json").read_text(encoding="utf-8"))
    Draft202012Validator(json.loads(run("schema", "verdict").stdout)).validate(document)
    Draft202012Validator.check_schema(json.loads(run("schema", "profile").stdout))


def test_lint_says_what_a_run_would_be_about(
    run: Callable[..., Run], profile: str, target: str, asked: list[str]
) -> None:
    """Counts for each target, and the lines that would answer an open core question; nothing is sent."""
    done = run("lint", profile)
    assert done.returncode == 0
    assert "no errors" in done.stdout
    assert "nothing answers 'load'" in done.stdout
    assert asked == []


def test_the_defects_of_the_demo_are_listed(run: Callable[..., Run]) -> None:
    """Name, check and what is wrong, by `demo` and by `validate`."""
    listed = run("demo", "--list-defects").stdout
    assert listed == run("validate", "--list-defects").stdout
    assert any(line.startswith("no-auth") for line in listed.splitlines())


def test_sarif_points_into_the_profile(made: Made) -> None:
    """From the run itself, and from the saved document with the profile beside it."""
    cwd = Path(made.profile).parent
    results = json.loads((cwd / "r.sarif").read_text(encoding="utf-8"))["runs"][0]["results"]
    [result] = [one for one in results if one["properties"]["case"] == "contract.answers-as-declared[broken]"]
    place = result["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("hybridcheck.yaml", 5)
    command = [COMMAND, "report", str(made.folder / "verdict.json"), "--format", "sarif", "--profile", made.profile]
    again = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True)
    assert again.stdout == (cwd / "r.sarif").read_text(encoding="utf-8")
