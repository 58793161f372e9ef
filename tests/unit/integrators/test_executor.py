"""The executor: phases in order, a look at the target before the load, one end for each case."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hybridcheck.cases import Case, Dimension, Group, Phase, PlannedCase, SafetyClass, Severity
from hybridcheck.checks.check import LoadCheck
from hybridcheck.evidence import CaseEnd, CaseError, Observation, RunCause
from hybridcheck.integrators.executor import BESIDE_LOAD_S, Executor
from hybridcheck.ledger import Ledger, read
from hybridcheck.plan import Plan
from hybridcheck.profile.drives import Drive
from hybridcheck.redact import Redactor
from hybridcheck.verdict import Finding
from tests.property.ledgers import start

DRIVE: Any = SimpleNamespace(spec=SimpleNamespace(duration_s=13.0))


class Comparing(LoadCheck):
    """Looks before and after the load."""

    id = "toy.comparing"
    dimension = Dimension.RELIABILITY
    severity = Severity.HIGH
    phase = Phase.AFTER
    remedy = "none"

    def __init__(self, *, breaks: bool = False) -> None:
        self.breaks = breaks

    def cases(self, scene: object) -> Any:
        """Made by the test."""

    async def before_load(self, case: Case, target: Any) -> None:
        """Say so, or break."""
        if self.breaks:
            raise ValueError("broken before the load")
        target.observe("before", {})

    async def probe(self, case: Case, target: Any) -> None:
        """Say so."""
        target.observe("after", {})

    def judge(self, case: Case, evidence: object) -> Finding:
        """Not asked here."""
        raise AssertionError


class View:
    """Records what a case says."""

    def __init__(self, ledger: Ledger, stream: str) -> None:
        self._ledger, self._stream = ledger, stream

    def now_s(self) -> float:
        """No time passes."""
        return 0.0

    async def clean_up(self) -> tuple[str, ...]:
        """Nothing was created."""
        return ()

    def observe(self, label: str, values: dict[str, Any]) -> None:
        """Record a fact."""
        self._ledger.append(self._stream, Observation(label=label, values=values))


class Views:
    """Hands out views over one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.kept: list[tuple[float, int]] = []

    def keep_back(self, seconds: float) -> None:
        """Note how much is kept, and how many records there were by then."""
        self.kept.append((seconds, self._ledger.records))

    def view(self, planned: PlannedCase) -> View:
        """The case's own."""
        return View(self._ledger, planned.case.id)


class Waiting(Comparing):
    """Waits for the target's clock."""

    id = "toy.waiting"
    waits = True


def case(subject: str, group: Group = Group.REQUIRED, check: type[LoadCheck] = Comparing) -> PlannedCase:
    """A case of a check, the comparing one unless another is named."""
    return PlannedCase(
        case=Case(check=check.id, subject=subject),
        group=group,
        phase=Phase.AFTER,
        safety=SafetyClass.LOAD,
        dimension=Dimension.RELIABILITY,
        severity=Severity.HIGH,
    )


def ran(
    tmp_path: Path, check: LoadCheck, *cases: PlannedCase, also: LoadCheck | None = None, kept: Any = None
) -> list[tuple[str, str]]:
    """Stream and word of each record of a run with one load phase; `kept` gets what was kept of its time, and when."""
    ledger = Ledger(tmp_path / "ledger.ndjson", Redactor(b"k"))
    ledger.append("run", start(cases))

    async def drive(_: Drive) -> None:
        ledger.append("load", Observation(label="load", values={}))

    driving: Callable[[Drive], Awaitable[None]] = drive
    plan = Plan(cases, (DRIVE,), scoped=True)
    checks = {known.id: known for known in (check, also) if known is not None}
    views = Views(ledger)
    executor = Executor(plan, checks, views, ledger, drive=driving, stop_after=lambda _: False)
    assert asyncio.run(executor.run()) is RunCause.COMPLETED
    if kept is not None:
        kept += views.kept
    ledger.end(RunCause.COMPLETED)
    return [
        (record.stream, record.label if isinstance(record, Observation) else type(record).__name__)
        for record in read(ledger.path).records
        if isinstance(record, Observation | CaseEnd | CaseError)
    ]


def test_a_check_that_compares_looks_before_the_load_and_is_sealed_once(tmp_path: Path) -> None:
    """Baselines of planned cases, the load, the probes, and one end per case; an unexamined case is left alone."""
    a, b = "toy.comparing[a]", "toy.comparing[b]"
    words = ran(tmp_path, Comparing(), case("a"), case("b"), case("c", Group.UNEXAMINED))
    assert words[:3] == [(a, "before"), (b, "before"), ("load", "load")]
    assert sorted(words[3:]) == [(a, "CaseEnd"), (a, "after"), (b, "CaseEnd"), (b, "after")]


def test_a_baseline_that_breaks_is_an_error_of_its_case_alone(tmp_path: Path) -> None:
    """The case error is recorded in the case's own stream and the run goes on."""
    assert (Comparing.id + "[a]", "CaseError") in ran(tmp_path, Comparing(breaks=True), case("a"))


def test_cases_that_wait_begin_before_the_others(tmp_path: Path) -> None:
    """A long wait at the end of a phase would have nothing beside it; among themselves cases keep the plan's order."""
    cases = [case("a"), case("b"), case("c", check=Waiting), case("d", check=Waiting)]
    found = ran(tmp_path, Comparing(), *cases, also=Waiting())
    begun = [stream for stream, word in found if word == "after"]
    assert begun == ["toy.waiting[c]", "toy.waiting[d]", "toy.comparing[a]", "toy.comparing[b]"]


def test_time_is_kept_for_the_load_until_it_begins(tmp_path: Path) -> None:
    """Before anything is asked the load's length and a margin are set aside, and given free before its first look."""
    kept: list[tuple[float, int]] = []
    ran(tmp_path, Comparing(), case("a"), kept=kept)
    assert kept == [(13.0 + BESIDE_LOAD_S, 1), (0, 1)]
