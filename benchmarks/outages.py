"""The suites against a reference system whose native service is stopped, restarted in mid-run, or slow.

Its values are all right, so a check of values that fails is a false failure. What fails because the service is away is
told with its words. `python benchmarks/outages.py [SCENARIO …]`; ends with 1 where there is a false failure.
"""

import asyncio
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hybridcheck import gate
from hybridcheck.cases import Budget
from hybridcheck.integrators.suites import leaves_of
from hybridcheck.reference.launcher import ReferenceSystem
from hybridcheck.reference.native_keeper import NativeKeeper
from hybridcheck.verdict import Outcome, Verdict

ROOT = Path(__file__).resolve().parents[1]

OF_VALUES = ("twins.", "numeric.", "text.", "json.", "ordering.", "time.", "detection.", "operations.deterministic")
"""Checks that compare values: none of them may fail where every value is right."""

Deed = Callable[[NativeKeeper, threading.Event], None]


def stopped(keeper: NativeKeeper, over: threading.Event) -> None:
    """Down half a second after the first requests, to the end."""
    if not over.wait(0.5):
        keeper.hold()


def stopped_for_a_while(keeper: NativeKeeper, over: threading.Event) -> None:
    """Down for three seconds."""
    if not over.wait(1.0):
        keeper.hold()
        over.wait(3.0)
        keeper.start()


def restarted(keeper: NativeKeeper, over: threading.Event) -> None:
    """Killed and started again, every second and a half."""
    while not over.wait(1.5):
        keeper.restart()


def slow(keeper: NativeKeeper, over: threading.Event) -> None:
    """Every computation takes 200 ms more."""
    keeper.slow(200)
    over.wait()


def too_slow(keeper: NativeKeeper, over: threading.Event) -> None:
    """For a while every computation takes longer than the gateway waits."""
    if not over.wait(1.0):
        keeper.slow(6000)
        over.wait(10.0)
        keeper.slow(0)


SCENARIOS: dict[str, Deed] = {
    "stopped": stopped,
    "stopped for a while": stopped_for_a_while,
    "restarted": restarted,
    "slow": slow,
    "too slow": too_slow,
}


@contextmanager
def disturbed(system: ReferenceSystem, deed: Deed) -> Iterator[None]:
    """Does the deed beside what is done within."""
    keeper, over = system.keeper, threading.Event()
    assert keeper is not None
    doing = threading.Thread(target=deed, args=(keeper, over), daemon=True)
    doing.start()
    try:
        yield
    finally:
        over.set()
        doing.join()


def verdict_under(deed: Deed, *, only: tuple[str, ...] = (), suites: tuple[str, ...] = ()) -> Verdict:
    """The verdict of a run on a healthy system to which this happens."""
    with ReferenceSystem() as system, tempfile.TemporaryDirectory() as folder, disturbed(system, deed):
        asked = gate.Request(
            base_url="demo",
            profile_path=ROOT / "profiles" / "reference.yaml",
            budget=Budget.QUICK,
            only=only,
            suites=suites,
            output_dir=Path(folder),
            variables=system.environment(),
        )
        return asyncio.run(gate.run(asked)).verdict


def failures(verdict: Verdict) -> Iterator[tuple[str, str, bool]]:
    """Each failed case with what was observed, and whether that is a false failure."""
    for check in verdict.checks:
        for case in check.cases:
            if case.finding.outcome is Outcome.FAIL:
                yield f"{check.id}[{case.subject}]", case.finding.observed, check.id.startswith(OF_VALUES)


def main(names: list[str]) -> int:
    """Run the scenarios; 1 where a check of values fails."""
    wrong = 0
    for name in names or list(SCENARIOS):
        verdict = verdict_under(SCENARIOS[name], suites=leaves_of(("end_to_end",)))
        found = list(failures(verdict))
        false = sum(is_false for *_, is_false in found)
        wrong += false
        counts = {outcome.value: 0 for outcome in Outcome}
        for check in verdict.checks:
            for case in check.cases:
                counts[case.finding.outcome.value] += 1
        sys.stdout.write(f"{name}: {verdict.verdict}, {counts}, {false} false failures\n")
        for case_id, observed, is_false in found:
            sys.stdout.write(f"  {'FALSE' if is_false else 'true '} {case_id}: {observed[:150]}\n")
        sys.stdout.flush()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
