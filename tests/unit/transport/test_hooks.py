"""Hooks: applied, proved, taken back and proved gone, whatever happens meanwhile; all of it written down first."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from hybridcheck.cases import SafetyClass
from hybridcheck.errors import UsageError
from hybridcheck.evidence import GapReason, Observation
from hybridcheck.profile.hooks import Hook
from hybridcheck.target import EvidenceLost
from hybridcheck.transport.fault_views import DisruptView, FaultView
from hybridcheck.transport.hook_steps import HookRunner
from hybridcheck.transport.journal import read_journal
from tests.unit.transport.stage import Stage, planned_case, profile_of, stage_of

HOOK: dict[str, Any] = {
    "class": "disrupt",
    "breaks": ["inner"],
    "does": "down",
    "url": "http://control.test",
    "headers": {"X-Key": "a key of the hook"},
    "apply": {"path": "/stop"},
    "verify_active": {"method": "GET", "path": "/state", "values": {"$.state": "down"}},
    "revert": {"path": "/start"},
    "verify_clean": {"method": "GET", "path": "/state", "values": {"$.state": "up"}},
    "settle_s": 0,
}


class Switch:
    """What hooks control; `deaf` to some paths, and with what a path makes happen first."""

    def __init__(self, journal: Path) -> None:
        self.state, self.log, self.journal = "up", list[str](), journal
        self.deaf: set[str] = set()
        self.stages: list[str] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer."""
        path = request.url.path
        self.log.append(path)
        assert request.headers["X-Key"] == "a key of the hook"
        if path != "/state":
            self.stages.append(json.loads(self.journal.read_bytes().splitlines()[-1])["stage"])
            await asyncio.sleep(0)
            if path not in self.deaf:
                self.state = {"/stop": "down", "/start": "up"}[path]
        return httpx.Response(200, json={"state": self.state})


def staged(folder: Path, kind: str = "disrupt") -> tuple[Stage, Switch, Path]:
    """A stage whose profile has one hook, what it controls, and the journal."""
    journal = folder / "hooks.ndjson"
    switch = Switch(journal)
    profile = profile_of(services={"inner": {}}, hooks={"stop": {**HOOK, "class": kind}})
    return stage_of(folder, switch, profile=profile, journal=journal), switch, journal


def view_of(stage: Stage, safety: SafetyClass = SafetyClass.DISRUPT) -> FaultView:
    """The view of a case of that class."""
    view = stage.session.view(planned_case(safety))
    assert isinstance(view, FaultView)
    return view


def told(stage: Stage) -> dict[str, bool]:
    """What the ledger says of the steps."""
    return {record.label: record.values["done"] for record in stage.records if isinstance(record, Observation)}


async def test_a_hook_is_there_within_and_gone_afterwards(tmp_path: Path) -> None:
    """The journal names it before it is applied; ledger and journal say that it was active, and that it is gone."""
    stage, switch, journal = staged(tmp_path)
    async with view_of(stage).disturbed("fault", "stop"):
        assert switch.state == "down"
        assert [entry.stage for entry in read_journal(journal)] == ["applied"]
    assert switch.state == "up"
    assert switch.stages == ["intended", "applied"]
    assert [entry.stage for entry in read_journal(journal)] == ["clean"]
    assert told(stage) == {"fault.apply": True, "fault.active": True, "fault.clean": True}
    assert "a key of the hook" not in journal.read_text()


async def test_a_fault_that_is_not_there_is_no_evidence(tmp_path: Path) -> None:
    """Where the proof fails the case has the gap FAULT_NOT_DELIVERED, the body does not run, and the hook is reverted."""
    stage, switch, journal = staged(tmp_path)
    switch.deaf = {"/stop"}
    with pytest.raises(EvidenceLost):
        async with view_of(stage).disturbed("fault", "stop"):
            pytest.fail("the body ran")
    assert [gap.reason for gap in stage.gaps()] == [GapReason.FAULT_NOT_DELIVERED]
    assert switch.log[-2:] == ["/start", "/state"]
    assert [entry.stage for entry in read_journal(journal)] == ["clean"]


async def test_an_error_within_reverts(tmp_path: Path) -> None:
    """Whatever is raised within goes on after the revert."""
    stage, switch, _ = staged(tmp_path)
    with pytest.raises(ZeroDivisionError):
        async with view_of(stage).disturbed("fault", "stop"):
            raise ZeroDivisionError
    assert switch.state == "up"


@pytest.mark.parametrize("cancellations", [1, 2, 5])
async def test_a_cancelled_case_reverts_to_the_end(tmp_path: Path, cancellations: int) -> None:
    """Cancelled while it is applied, and again while it is taken back, the hook is gone when the task has ended."""
    stage, switch, journal = staged(tmp_path)
    within = asyncio.Event()

    async def case() -> None:
        async with view_of(stage).disturbed("fault", "stop"):
            within.set()
            await asyncio.sleep(60)

    task = asyncio.ensure_future(case())
    await within.wait()
    for _ in range(cancellations):
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert switch.state == "up"
    assert [entry.stage for entry in read_journal(journal)] == ["clean"]


async def test_what_cannot_be_reverted_is_said_and_nothing_more_is_applied(tmp_path: Path) -> None:
    """The journal says `left`, the case has a gap, and the next hook is not applied."""
    stage, switch, journal = staged(tmp_path)
    switch.deaf = {"/start"}
    async with view_of(stage).disturbed("fault", "stop"):
        pass
    assert [entry.stage for entry in read_journal(journal)] == ["left"]
    assert [gap.reason for gap in stage.gaps()] == [GapReason.FAULT_NOT_REVERTED]
    assert switch.log.count("/start") == 3
    with pytest.raises(EvidenceLost, match="still applied"):
        async with view_of(stage).disturbed("fault", "stop"):
            pass


async def test_a_class_applies_no_wider_hook(tmp_path: Path) -> None:
    """A fault case applies fault hooks only; a disrupt case both; an unknown hook is refused."""
    stage, switch, _ = staged(tmp_path)
    assert isinstance(view_of(stage), DisruptView)
    for view, hook in ((view_of(stage, SafetyClass.FAULT), "stop"), (view_of(stage), "other")):
        with pytest.raises(EvidenceLost):
            async with view.disturbed("fault", hook):
                pass
    assert switch.log == []


async def test_a_command_is_a_step(tmp_path: Path) -> None:
    """A program's exit code says whether it is done; what does not exist or hangs is not done, and nothing is raised."""
    made = tmp_path / "made"
    steps = {
        "apply": {"command": ["touch", str(made)]},
        "verify_active": {"command": ["test", "-e", str(made)]},
        "revert": {"command": ["no-such-program"]},
        "verify_clean": {"command": ["sleep", "60"]},
    }
    hook = Hook.model_validate({"class": "fault", "breaks": ["inner"], "does": "slow", "timeout_s": 20, **steps})
    runner = HookRunner(httpx.MockTransport(lambda _: httpx.Response(500)))
    assert not (await runner.run(hook, hook.verify_active)).done
    assert (await runner.run(hook, hook.apply)).done
    assert (await runner.run(hook, hook.verify_active)).done
    assert "FileNotFoundError" in (await runner.run(hook, hook.revert)).detail
    impatient = hook.model_copy(update={"timeout_s": 0.2})
    assert "0.2 s" in (await runner.run(impatient, hook.verify_clean)).detail


def test_a_journal_without_its_last_line_end_is_read(tmp_path: Path) -> None:
    """A killed run's last line may be cut off; anything else that is no entry is an error."""
    path = tmp_path / "hooks.ndjson"
    entry = {"entry": 1, "stage": "intended", "run_id": "r", "base_url": "u", "case": "c", "hook": "stop"}
    path.write_text(json.dumps(entry) + '\n{"entry": 2')
    assert [found.hook for found in read_journal(path)] == ["stop"]
    path.write_text("{}\n")
    with pytest.raises(UsageError, match="line 1"):
        read_journal(path)


async def test_a_command_may_start_what_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that a command starts keeps its output open; the step is done all the same, and keeps quiet on secrets."""
    monkeypatch.setenv("HOOK_TOKEN", "a-token-of-the-hook")
    script = "sleep 12 & echo token $HOOK_TOKEN"
    step = {"command": ["sh", "-c", script], "env": ["HOOK_TOKEN"]}
    hook = Hook.model_validate({**HOOK, "apply": step, "timeout_s": 10})
    result = await HookRunner(httpx.MockTransport(lambda _: httpx.Response(500))).run(hook, hook.apply)
    assert (result.done, result.detail) == (True, "exit 0: token $HOOK_TOKEN")


async def test_a_command_that_hangs_takes_what_it_started_along(tmp_path: Path) -> None:
    """Who is not done in time is killed with its children, who would go on with the fault."""
    said = tmp_path / "pid"
    step = {"command": ["sh", "-c", f"sleep 60 & echo $! > {said}; sleep 60"]}
    hook = Hook.model_validate({**HOOK, "apply": step, "timeout_s": 3})
    result = await HookRunner(httpx.MockTransport(lambda _: httpx.Response(500))).run(hook, hook.apply)
    child = int(said.read_text())
    assert (result.done, result.detail) == (False, "not done after 3 s")
    async with asyncio.timeout(20):
        while _runs(child):  # noqa: ASYNC110  there is no event for the death of a stranger
            await asyncio.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except OSError:
        return False
