"""Faults through the whole gate: whatever ends the run, the fault is taken back; and values are not blamed for outages."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hybridcheck import gate
from hybridcheck.cases import Budget, SafetyClass
from hybridcheck.reference.launcher import ReferenceSystem
from hybridcheck.verdict import Outcome, Verdict
from tests.integration.gate.outages import restarting

pytestmark = pytest.mark.timeout(400)

PROFILE = Path(__file__).resolve().parents[3] / "profiles" / "reference.yaml"
DOWN = "resilience.native-down[gateway-analytics]"


@pytest.fixture(scope="module")
def system() -> Iterator[ReferenceSystem]:
    """One system for all tests of this file; each has to leave it as it was."""
    with ReferenceSystem() as found:
        yield found


def state(system: ReferenceSystem) -> str:
    """What the native service is doing."""
    assert system.keeper is not None
    return str(system.keeper.state()["state"])


def command(system: ReferenceSystem, *arguments: str, profile: Path = PROFILE) -> subprocess.Popen[bytes]:
    """The command, started."""
    variables = os.environ | system.environment()
    line = [sys.executable, "-m", "hybridcheck", *arguments, "--profile", str(profile)]
    return subprocess.Popen(line, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def journal_of(folder: Path, stage: str, process: subprocess.Popen[bytes]) -> Path:
    """The journal of the only run, once its last line is of that stage."""
    while process.poll() is None:
        for path in folder.glob("*/hooks.ndjson"):
            if stage in path.read_text():
                return path
        time.sleep(0.01)
    raise AssertionError(f"the run ended before: {process.stdout.read().decode() if process.stdout else ''}")


@contextmanager
def held_at(system: ReferenceSystem, folder: Path, stage: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A run and its journal, at that stage of its fault for as long as it takes.

    It waits for the proof of the fault, which has to be as slow as only this test makes it; after that for the gateway,
    which stands still.
    """
    assert system.keeper is not None
    profile, gateway = folder / "held.yaml", system.pids["gateway-1"]
    text = PROFILE.read_text().replace("{$.state: held}", "{$.state: held, $.slow_ms: 1}")
    profile.write_text(text.replace("does: down", "does: down\n    settle_s: 60"))
    run = ("validate", "--base-url", "demo", "--only", DOWN, "--allow", "disrupt", "--output-dir", str(folder))
    with command(system, *run, profile=profile) as process:
        try:
            journal = journal_of(folder, "intended", process)
            if stage == "applied":
                os.kill(gateway, signal.SIGSTOP)
                system.keeper.slow(1)
                journal_of(folder, stage, process)
            yield process, journal
        finally:
            system.keeper.slow(0)
            os.kill(gateway, signal.SIGCONT)


def stages(journal: Path) -> list[str]:
    """The stages in the journal."""
    return [json.loads(line)["stage"] for line in journal.read_text().splitlines()]


@pytest.mark.parametrize(("number", "stage"), [(signal.SIGINT, "intended"), (signal.SIGTERM, "applied")])
def test_an_interrupted_run_takes_its_fault_back(
    system: ReferenceSystem, tmp_path: Path, number: signal.Signals, stage: str
) -> None:
    """Interrupted while a fault is applied or about to be, the command ends with nothing left."""
    with held_at(system, tmp_path, stage) as (process, journal):
        process.send_signal(number)
    process.wait(60)
    assert stages(journal)[-1] == "clean"
    assert state(system) == "running"


def test_what_a_killed_run_left_is_reverted_by_cleanup(system: ReferenceSystem, tmp_path: Path) -> None:
    """After SIGKILL the native service is down; `cleanup FOLDER` brings it back."""
    with held_at(system, tmp_path, "applied") as (process, journal):
        process.kill()
    assert stages(journal) == ["intended", "applied"]
    assert state(system) == "held"
    with command(system, "cleanup", str(journal.parent)) as process:
        assert process.wait(60) == 0
    assert stages(journal)[-1] == "clean"
    assert state(system) == "running"


def test_without_the_flag_no_fault_is_applied(system: ReferenceSystem, tmp_path: Path) -> None:
    """The case is unexamined and names the flag."""
    verdict = asyncio.run(verdict_of(system, tmp_path, only=(DOWN,)))
    case = next(case for check in verdict.checks for case in check.cases)
    assert case.group == "unexamined"
    assert case.needs == "--allow disrupt"


def test_a_fault_that_is_not_delivered_decides_nothing(system: ReferenceSystem, tmp_path: Path) -> None:
    """A hook whose proof never comes leaves its case inconclusive, and the service as it was."""
    profile = tmp_path / "profile.yaml"
    text = (
        PROFILE.read_text()
        .replace("{$.state: held}", "{$.state: no-such-state}")
        .replace("does: down", "does: down\n    settle_s: 0.1")
    )
    profile.write_text(text)
    verdict = asyncio.run(verdict_of(system, tmp_path, only=(DOWN,), profile=profile, allow=(SafetyClass.DISRUPT,)))
    finding = next(case.finding for check in verdict.checks for case in check.cases)
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, "FAULT_NOT_DELIVERED")
    assert state(system) == "running"


def test_a_service_that_restarts_again_and_again_gives_no_wrong_values(system: ReferenceSystem, tmp_path: Path) -> None:
    """While the native service is killed and started over and over, no check that compares values fails."""
    assert system.keeper is not None
    values = ("twins.agree", "numeric.int64-edges", "numeric.rounding", "text.unicode-roundtrip")
    with restarting(system.keeper):
        verdict = asyncio.run(verdict_of(system, tmp_path, only=values))
    found = {case.finding.outcome for check in verdict.checks for case in check.cases}
    failed = [
        case.finding.observed for check in verdict.checks for case in check.cases if case.finding.outcome == "fail"
    ]
    assert failed == []
    assert Outcome.PASS in found


async def verdict_of(
    system: ReferenceSystem,
    folder: Path,
    *,
    only: tuple[str, ...],
    profile: Path = PROFILE,
    allow: tuple[SafetyClass, ...] = (),
) -> Verdict:
    """The verdict of a run on the system."""
    asked = gate.Request(
        base_url="demo",
        profile_path=profile,
        budget=Budget.QUICK,
        only=only,
        allow=allow,
        output_dir=folder / "results",
        variables=system.environment(),
    )
    return (await gate.run(asked)).verdict
