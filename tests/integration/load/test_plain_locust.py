"""Our locustfiles under plain `locust -f`, with no other file: what Locust's own statistics say is what the target got."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from hybridcheck.bundled import data_file
from tests.integration.load.conftest import Target

pytestmark = pytest.mark.timeout(300)

PROFILE = """
version: 1
targets: {local: {url: "%s", environment: local}}
identities: {alice: {token: env:ALICE_TOKEN}}
operations:
  - {id: plain, request: GET /ok}
  - {id: mine, request: GET /chunked, auth: required, identity: alice}
load:
  even: {rate_rps: 40, duration_s: 2, warmup_s: 0, operations: {plain: 3, mine: 1}}
  people: {users: 2, think_s: 0.1, duration_s: 1, warmup_s: 0, operations: [plain]}
"""


def locust(
    name: str, folder: Path, *options: str, code: int = 0, variables: Mapping[str, str] | None = None
) -> tuple[dict[str, dict[str, object]], str]:
    """Locust's statistics by name of the request, and what it logged."""
    file = data_file("locustfiles", name)
    out = folder / "stats"
    command = [sys.executable, "-m", "locust", "-f", str(file), "--headless", *options, "--json-file", str(out)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=80,
        cwd=folder,
        check=False,
        env={**os.environ, **(variables or {})},
    )
    assert done.returncode == code, done.stderr[-3000:]
    (written,) = folder.glob("stats*")
    return {entry["name"]: entry for entry in json.loads(written.read_text())}, done.stderr


def test_users_of_plain_locust_are_ours(target: Target, tmp_path: Path) -> None:
    """Three users for three seconds; to the last request."""
    options = ("-u", "3", "-r", "3", "-t", "3s", "--paths", "/ok,/fails")
    stats, _ = locust("hybrid.py", tmp_path, "-H", target.url, *options, code=1)  # failures, as Locust says it
    counts = target.counts()
    assert stats["/ok"]["num_requests"] == counts["/ok"] > 100
    assert stats["/fails"]["num_requests"] == stats["/fails"]["num_failures"] == counts["/fails"] > 100
    assert stats["/ok"]["num_failures"] == 0
    assert counts["connections"] - 1 <= 4  # three users; the one that asks for the counts comes in between


def test_a_shape_can_be_picked(target: Target, tmp_path: Path) -> None:
    """With the class picker Locust finds the shapes, and uses the first of them; it ends by itself."""
    options = ("--class-picker", "-u", "2", "-t", "3s", "--think-time", "0.05")
    stats, log = locust("hybrid.py", tmp_path, "-H", target.url, *options, "--paths", "/ok")
    assert stats["/ok"]["num_requests"] == target.counts()["/ok"] > 20
    assert "Shape" in log


def test_the_phases_of_a_profile_run_one_after_the_other(target: Target, tmp_path: Path) -> None:
    """Each with its own model, operations and identity; Locust quits after the last, to the last request."""
    profile = tmp_path / "hybridcheck.yaml"
    profile.write_text(PROFILE % target.url)
    variables = {"HYBRIDCHECK_PROFILE": str(profile), "ALICE_TOKEN": "secret-token"}
    stats, _ = locust("from_profile.py", tmp_path, variables=variables)
    counts = target.counts()
    assert stats["mine"]["num_requests"] == counts["/chunked"] == counts["authorized"] == 20
    assert stats["plain"]["num_requests"] == counts["/ok"] > 60
    assert stats["plain"]["num_failures"] == stats["mine"]["num_failures"] == 0


def test_one_phase_can_be_named(target: Target, tmp_path: Path) -> None:
    """The class of a phase on the command line runs that phase alone; -H wins over the profile's target."""
    profile = tmp_path / "hybridcheck.yaml"
    profile.write_text(PROFILE % "http://127.0.0.1:9")
    variables = {"HYBRIDCHECK_PROFILE": str(profile), "ALICE_TOKEN": "secret-token"}
    stats, _ = locust("from_profile.py", tmp_path, "-H", target.url, "EvenPhase", variables=variables)
    assert {name: entry["num_requests"] for name, entry in stats.items()} == {"plain": 60, "mine": 20}
    assert (target.counts()["/ok"], target.counts()["/chunked"]) == (60, 20)


@pytest.mark.parametrize(
    ("options", "variables"), [(["--processes", "2"], {}), (["--master"], {}), ([], {"LOCUST_PROCESSES": "2"})]
)
def test_a_profile_is_for_one_process_of_plain_locust(
    target: Target, tmp_path: Path, options: list[str], variables: dict[str, str]
) -> None:
    """Each of Locust's workers would send the whole load: refused before anything is sent, with what does share it."""
    profile = tmp_path / "hybridcheck.yaml"
    profile.write_text(PROFILE % target.url)
    given = {"ALICE_TOKEN": "secret-token", **variables}
    said = refused("from_profile.py", tmp_path, *options, variables=given)
    assert "hybridcheck load --processes N" in said
    assert "/ok" not in target.counts()


def test_what_is_missing_is_said_and_ends_locust(tmp_path: Path) -> None:
    """No profile, one with mistakes, one without load; no target: exit 2 with what to do, and no traceback."""
    assert "HYBRIDCHECK_PROFILE=FILE" in refused("from_profile.py", tmp_path)
    profile = tmp_path / "hybridcheck.yaml"
    for text, word in ((PROFILE % "nowhere", "nowhere"), ("version: 1\n", "no load phase")):
        profile.write_text(text)
        assert word in refused("from_profile.py", tmp_path, variables={"ALICE_TOKEN": "secret-token"})
    assert "-H URL" in refused("hybrid.py", tmp_path, "--processes", "2")
    for wrong, word in (
        (("--statuses", "2xx"), "2xx"),
        (("--paths", "no-slash"), "paths"),
        (("--think-time", "-1"), "think_s"),
    ):
        assert word in refused("hybrid.py", tmp_path, "-H", "http://127.0.0.1:1", *wrong)


SETUP_THAT_FAILS = """
version: 1
targets: {local: {url: "http://127.0.0.1:1", environment: local}}
operations: [{id: mine, request: GET /ok}, {id: other, request: POST /prep}]
load:
  even: {rate_rps: 10, duration_s: 1, warmup_s: 0, setup: [{operation: other}], scenarios: {a: {steps: [{operation: mine}]}}}
  later: {rate_rps: 10, duration_s: 1, warmup_s: 0, operations: [mine]}
"""


def test_a_phase_that_cannot_begin_ends_locust(tmp_path: Path) -> None:
    """Nobody waits for ever, and no later phase is driven as if the first had been."""
    (tmp_path / "hybridcheck.yaml").write_text(SETUP_THAT_FAILS)
    said = refused("from_profile.py", tmp_path)
    assert "the load phase 'even' cannot begin" in said
    assert "what to do" in said


def refused(name: str, folder: Path, *options: str, variables: Mapping[str, str] | None = None) -> str:
    """What Locust says when it ends at once with the exit code of a mistake."""
    command = [sys.executable, "-m", "locust", "-f", str(data_file("locustfiles", name)), "--headless", *options]
    environment = {**os.environ, **(variables or {})}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=180, cwd=folder, check=False, env=environment
    )
    assert done.returncode == 2, done.stderr[-3000:]
    assert "Traceback" not in done.stderr
    return done.stderr


def test_two_processes_of_plain_locust_count_to_the_last_request(target: Target, tmp_path: Path) -> None:
    """The master shows its numbers when each worker has sent its last, with answers that take longer than Locust waits."""
    options = ("-u", "4", "-r", "4", "-t", "3s", "--processes", "2", "--paths", "/slow/800", "--request-deadline", "5")
    stats, _ = locust("hybrid.py", tmp_path, "-H", target.url, *options)
    assert stats["/slow/800"]["num_requests"] == target.counts()["/slow/800"] >= 4


def test_a_shape_can_be_named(target: Target, tmp_path: Path) -> None:
    """`--shape` drives that shape; it ends by itself."""
    options = ("--shape", "spike", "-u", "5", "-t", "6s", "--think-time", "0.05", "--paths", "/ok")
    stats, log = locust("hybrid.py", tmp_path, "-H", target.url, *options)
    assert stats["/ok"]["num_requests"] == target.counts()["/ok"] > 20
    assert "5 total users" in log  # the peak
    assert "1 total users" in log  # what it rises from
