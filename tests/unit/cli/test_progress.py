"""Progress: counts from records, no judgement."""

import io
from collections.abc import Callable

import pytest
from rich.console import Console

from hybridcheck.cases import Case, Dimension, Group, Phase, PlannedCase, SafetyClass, Severity
from hybridcheck.cli.live import LiveProgress
from hybridcheck.cli.progress import Picture, PlainProgress, Progress
from hybridcheck.evidence import (
    CaseEnd,
    CaseError,
    Gap,
    GapReason,
    LoadEnd,
    LoadSecond,
    Record,
    RunCause,
    RunEnd,
    RunStart,
)


def _planned(subject: str, phase: Phase, group: Group = Group.REQUIRED) -> PlannedCase:
    return PlannedCase(
        case=Case(check="a.b", subject=subject),
        group=group,
        phase=phase,
        safety=SafetyClass.READ,
        dimension=Dimension.FUNCTIONAL,
        severity=Severity.HIGH,
    )


def _start() -> RunStart:
    return RunStart(
        tool_version="0",
        run_id="r1",
        started_utc="2026-01-01T00:00:00Z",
        seed=1,
        budget="quick",
        scoped=False,
        target="demo\x1b[2J",
        base_url="http://127.0.0.1:1",
        environment="local",
        profile={},
        catalogue=1,
        plan=(
            _planned("one", Phase.READ),
            _planned("two", Phase.AFTER),
            _planned("three", Phase.READ, Group.UNEXAMINED),
        ),
    )


def _second(second: int, operation: str, ok: int, failed: int) -> LoadSecond:
    return LoadSecond(
        stream="load/steady", second=second, operation=operation, planned=ok + failed, ok=ok, failed={"status": failed}
    )


RECORDS: tuple[Record, ...] = (
    _start(),
    Gap(stream="a.b[one]", label="x", reason=GapReason.BUDGET_SPENT),
    CaseEnd(stream="a.b[one]", records=1),
    _second(0, "x", 5, 1),
    _second(0, "y", 4, 0),
    _second(1, "x", 7, 0),
    _second(0, "z", 100, 0),
    LoadEnd(stream="load/steady", cause="completed", seconds=2, planned=17, ok=16, failed=1, unsent=0, cut=0),
    Gap(stream="a.b[two]", reason=GapReason.TARGET_UNREACHABLE, detail="gone \x07"),
    CaseError(stream="a.b[two]", error="KeyError"),
    CaseEnd(stream="a.b[two]", records=2),
    RunEnd(stream="run", records=11, cause=RunCause.COMPLETED),
)


def test_cases_are_counted_as_planned_and_done() -> None:
    """Unexamined cases are not planned; the end of a case counts it once."""
    picture = Picture()
    for record in RECORDS:
        picture.take(record)
    assert (picture.planned, picture.done, picture.phase) == (2, 2, Phase.AFTER)
    picture.take(CaseEnd(stream="a.b[two]", records=2))
    assert picture.done == 2


def test_a_second_of_load_is_summed_over_its_operations() -> None:
    """A later second begins anew, a late row of an earlier one does not disturb it."""
    picture = Picture()
    seen = []
    for record in RECORDS[:7]:
        picture.take(record)
        seen.append(picture.load.words() if picture.load else None)
    assert seen[4:] == [
        "load/steady second 0: 10 req/s, 9 ok, 1 failed",
        "load/steady second 1: 7 req/s, 7 ok, 0 failed",
        "load/steady second 1: 7 req/s, 7 ok, 0 failed",
    ]
    picture.take(RECORDS[7])
    assert picture.load is None


def test_a_build_log_gets_one_line_for_each_phase_and_event() -> None:
    """Not one for each request, and no word that judges."""
    lines: list[str] = []
    with PlainProgress(lines.append) as progress:
        for record in RECORDS:
            progress(record)
    assert [line.removeprefix("hybridcheck: ") for line in lines] == [
        "run r1 on demo\x1b[2J (http://127.0.0.1:1): 2 cases, budget quick",
        "phase read: 1 case (0/2 done)",
        "phase load: 0 cases (1/2 done)",
        "load/steady: the load begins",
        "load/steady: went to its end after 2 s: 17 planned, 16 ok, 1 failed, 0 unsent",
        "phase after: 1 case (1/2 done)",
        "a.b[two]: evidence missing: target_unreachable gone \x07",
        "a.b[two]: our own fault: KeyError",
        "run ended: completed, 12 records",
    ]


def test_quiet_progress_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """The lines go to the log only."""
    with Progress() as progress:
        for record in RECORDS:
            progress(record)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def _played(make: Callable[[Console], LiveProgress]) -> str:
    console = Console(force_terminal=True, width=100, record=True, markup=False, file=io.StringIO())
    with make(console) as progress:
        for record in RECORDS[:6]:
            progress(record)
        words = progress.words()
        for record in RECORDS[6:]:
            progress(record)
    assert words == "load: 1/2 cases · load/steady second 1: 7 req/s, 7 ok, 0 failed · 6 records"
    return console.export_text(styles=True)


def test_a_terminal_gets_a_moving_line_and_no_hostile_text() -> None:
    """Phase, cases, the current second of load; what the target sent is escaped."""
    shown = _played(LiveProgress)
    assert "\x1b[2J" not in shown
    assert "\x07" not in shown
    assert "demo\\x1b[2J" in shown
