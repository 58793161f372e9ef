"""How a child may end that does not do as it should: each ending has its cause, and no exception loses what came."""

import sys
from pathlib import Path

import pytest

from hybridcheck.load import child as child_module
from hybridcheck.load.child import drive
from hybridcheck.load.reports import EndCause
from tests.integration.load.conftest import Outcome, collect, plan_for

PREAMBLE = """
import json, os, sys, time
out = os.fdopen(int(os.environ["HYBRIDCHECK_REPORT_FD"]), "w", buffering=1)
plan = json.loads(os.fdopen(int(os.environ["HYBRIDCHECK_PLAN_FD"])).readline())["plan"]
def tell(**report):
    print(json.dumps(report), file=out)
def started():
    tell(kind="started", pid=os.getpid(), started_unix_ns=1, start_up_s=0.1, addresses=[], versions={})
def row(second, ok=1):
    tell(kind="second", second=second, operation="/ok", warmup=False, planned=1, ok=ok, late={}, failed={},
         unsent=0, cut=0, bytes_received=1)
def end(**changes):
    tell(**(dict(kind="end", cause="completed", lines=3, seconds=2, planned=2, ok=2, failed={}, unsent=0, cut=0,
         connections_opened=1, cpu_s=0.1, wall_s=2.0) | changes))
"""

ENDINGS = {
    "as it should": ("started(); row(0); row(1); end()", EndCause.COMPLETED, ""),
    "exit code after the end marker": ("started(); row(0); row(1); end(); sys.exit(1)", EndCause.COMPLETED, ""),
    "no end marker": ("started(); row(0); row(1)", EndCause.NO_END_MARKER, ""),
    "crash": ("started(); row(0); sys.exit('boom')", EndCause.CRASHED, "1 of 2 seconds are missing"),
    "a lost row": ("started(); row(0); end()", EndCause.INCOMPLETE, "1 of 2 seconds are missing"),
    "sums that differ": ("started(); row(0); row(1); end(ok=3)", EndCause.INCOMPLETE, "ok: the rows sum up to 2"),
    "a row that does not balance": ("started(); row(0); row(1, ok=0); end(ok=1)", EndCause.INCOMPLETE, "balance"),
    "a line that breaks off": (
        "started(); row(0); out.write('{\"kind\"'); out.flush()",
        EndCause.NO_END_MARKER,
        "breaks",
    ),
    "a line that is no report": ("started(); row(0); print('hello', file=out)", EndCause.NO_END_MARKER, "no report"),
    "an exit before the start": ("sys.exit('no plan')", EndCause.START_FAILED, ""),
    "silence": ("started(); time.sleep(60)", EndCause.KILLED, "nothing for 4 s"),
}


@pytest.mark.parametrize("ending", ENDINGS)
async def test_every_ending_has_its_cause(ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cause is from the closed list, and what came before it is there."""
    script, cause, detail = ENDINGS[ending]
    program = tmp_path / "child.py"
    program.write_text(PREAMBLE + script)
    monkeypatch.setattr(child_module, "_arguments", lambda: (sys.executable, str(program)))
    outcome = await collect_all(ending)
    assert outcome.end.cause is cause, outcome.end
    assert detail in outcome.end.detail
    assert len(outcome.started) == (0 if cause is EndCause.START_FAILED else 1)
    assert outcome.end.exit_code is not None


async def collect_all(ending: str) -> Outcome:
    """Every report of a drive; rows that do not balance are part of one ending, a short patience of another."""
    reports = drive(plan_for("http://127.0.0.1:1", "/ok"), silence_s=4.0 if ending == "silence" else 30.0)
    if "balance" not in ending:
        return await collect(reports)
    outcome = Outcome()
    async for report in reports:
        outcome.add(report)
    return outcome


async def test_program_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing could be started: said as the cause, not raised."""
    monkeypatch.setattr(child_module, "_arguments", lambda: ("/nonexistent/python",))
    outcome = await collect(drive(plan_for("http://127.0.0.1:1", "/ok")))
    assert outcome.end.cause is EndCause.START_FAILED
    assert "could not be started" in outcome.end.detail
    assert outcome.end.exit_code is None


async def test_stderr_is_kept_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last lines of stderr are evidence; a flood of it is not kept."""
    program = tmp_path / "child.py"
    program.write_text(
        PREAMBLE + "sys.stderr.write('x' * 9_000_000 + '\\n' + 'noise\\n' * 9000 + 'the end\\n'); sys.exit(3)"
    )
    monkeypatch.setattr(child_module, "_arguments", lambda: (sys.executable, str(program)))
    outcome = await collect(drive(plan_for("http://127.0.0.1:1", "/ok")))
    assert outcome.end.stderr_tail[-1] == "the end"
    assert len(outcome.end.stderr_tail) <= 40
    assert outcome.end.exit_code == 3


@pytest.mark.parametrize(("connections", "cause"), [(30, EndCause.START_FAILED), (5, EndCause.COMPLETED)])
async def test_a_child_without_room_for_its_connections_sends_nothing(
    connections: int, cause: EndCause, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have sixty open files, of which it needs some for itself: what is wrong is said, with what to do."""
    limited = ("sh", "-c", 'ulimit -n 60; exec "$@"', "sh", *child_module._arguments())
    monkeypatch.setattr(child_module, "_arguments", lambda: limited)
    outcome = await collect(drive(plan_for("http://127.0.0.1:1", "/ok", duration_s=1, connections=connections)))
    assert outcome.end.cause is cause
    assert outcome.failures() == ({} if cause is EndCause.START_FAILED else {"connect_refused": 50})
    said = "30 connections need 80 open files, this process may have 60"
    assert any(said in line for line in outcome.end.stderr_tail) == (cause is EndCause.START_FAILED)
