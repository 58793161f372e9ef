"""The executor: runs the plan's cases phase by phase and seals what each has recorded.

It decides when a case runs beside which other, and nothing else. Cases of the phases `write`, `abuse` and `fault` run
one at a time, so that one's changes are not another's surprises; those of the others run beside each other.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from hybridcheck.cases import Group, Phase, PlannedCase
from hybridcheck.checks.check import Check, LoadCheck
from hybridcheck.errors import HybridcheckError
from hybridcheck.evidence import CaseError, RunCause
from hybridcheck.ledger import Ledger
from hybridcheck.plan import Drive, Plan
from hybridcheck.target import EvidenceLost
from hybridcheck.transport.uninterrupted import to_its_end

BESIDE = 16
"""How many cases of a phase run at the same time where they may.

Half of them may listen to a stream or wait for an expiry, and the others still use what `limits.max_rps` allows."""

ALONE = frozenset({Phase.WRITE, Phase.ABUSE, Phase.FAULT})
"""Phases whose cases run one at a time."""

BESIDE_LOAD_S = 20.0
"""What a load phase takes beside its length: what was under way before it, its readings and its start, the last answers."""

RUNNING = frozenset({Group.REQUIRED, Group.ADVISORY})


class Views(Protocol):
    """Gives each case what its safety class may do, and takes back what it created."""

    def view(self, planned: PlannedCase) -> "View":
        """The target as this case may use it."""
        ...

    def keep_back(self, seconds: float) -> None:
        """Begin nothing in the run's last seconds, until the next call."""
        ...


class View(Protocol):
    """What the executor needs of a case's target."""

    def now_s(self) -> float:
        """Seconds since the run's start."""
        ...

    async def clean_up(self) -> tuple[str, ...]:
        """Remove what the case created, in reverse; gives what is left, in words."""
        ...


class Gathering(Protocol):
    """The part of a check of any safety class that gathers the facts of one case."""

    def __call__(self, case: object, target: object) -> Awaitable[None]:
        """Gather the facts of one case."""
        ...


class Executor:
    """Runs a plan once.

    Args:
        plan: the cases and load phases.
        checks: every check of the plan under its id.
        views: what hands out targets (the transport's session).
        ledger: where everything is recorded.
        drive: runs one load phase and seals its stream.
        stop_after: asked after each phase whether to end the run (`--fail-fast`).
    """

    def __init__(
        self,
        plan: Plan,
        checks: Mapping[str, Check],
        views: Views,
        ledger: Ledger,
        *,
        drive: Callable[[Drive], Awaitable[None]],
        stop_after: Callable[[Phase], bool],
    ) -> None:
        self._plan = plan
        self._checks = checks
        self._views = views
        self._ledger = ledger
        self._drive = drive
        self._stop_after = stop_after

    async def run(self) -> RunCause:
        """Run all phases in order; cancelling it leaves running cases unsealed and cleans up after them.

        A target so slow that the cases before the load would use up the run's time has broken its latency limit most of
        all: the load's time is kept, and cases that it cuts short are undecided.
        """
        self._views.keep_back(sum(drive.spec.duration_s + BESIDE_LOAD_S for drive in self._plan.drives))
        for phase in Phase:
            await self._run_phase(phase)
            if self._stop_after(phase):
                return RunCause.FAILED_FAST
        return RunCause.COMPLETED

    async def _run_phase(self, phase: Phase) -> None:
        if phase is Phase.LOAD:
            self._views.keep_back(0)
            await self._look_before_load()
            for drive in self._plan.drives:
                await self._drive(drive)
        beside = asyncio.Semaphore(1 if phase in ALONE else BESIDE)
        cases = [case for case in self._plan.cases if case.phase is phase and case.group in RUNNING]
        cases.sort(key=lambda planned: not self._checks[planned.case.check].waits)

        async def run_one(planned: PlannedCase) -> None:
            async with beside:
                await self._run_case(planned)

        async with asyncio.TaskGroup() as group:
            for planned in cases:
                group.create_task(run_one(planned))

    async def _look_before_load(self) -> None:
        for planned in self._plan.cases:
            check = self._checks.get(planned.case.check)
            if planned.group in RUNNING and isinstance(check, LoadCheck):
                view = self._views.view(planned)
                await self._gather(planned, view, check.before_load)  # type: ignore[arg-type]  # a view of its class

    async def _run_case(self, planned: PlannedCase) -> None:
        view = self._views.view(planned)
        check = self._checks[planned.case.check]
        started_s = view.now_s()
        await self._gather(planned, view, check.probe)  # type: ignore[attr-defined]  # every class of checks has one
        self._ledger.seal(planned.case.id, view.now_s() - started_s)

    async def _gather(self, planned: PlannedCase, view: View, gathering: Gathering) -> None:
        case = planned.case
        try:
            await gathering(case, view)
        except EvidenceLost:
            pass  # the gap that says so is recorded
        except HybridcheckError:
            raise
        except Exception as error:  # noqa: BLE001 - our fault, and reported as such: the run goes on
            self._ledger.append(case.id, CaseError(error=type(error).__name__, detail=str(error)[:2000]))
        finally:
            await to_its_end(view.clean_up())
