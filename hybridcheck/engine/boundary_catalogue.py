"""How much of the boundary catalogue a run decided: each of its rows with what its checks found, or what it waits for."""

from collections.abc import Iterable

from hybridcheck.cases import Json
from hybridcheck.checks.boundary_rows import ROWS
from hybridcheck.engine.judged import UNDECIDED, Judged
from hybridcheck.verdict import BoundaryCatalogue, BoundaryRow, CaseVerdict, Outcome

NATIVE = frozenset({"codon", "native-standin", "emulation"})
"""Declared runtimes behind which there is a boundary."""

NOT_BUILT = "a check: none is built yet"
NOT_SELECTED = "a case: this run selects none, or the profile declares nothing that it is about"
MOST_WHY = 200
"""Characters of a case's own words in a row."""


def boundary_catalogue(judged: Judged) -> BoundaryCatalogue | None:
    """Every row of the catalogue; None where the profile declares no boundary and no native service."""
    if not _is_hybrid(judged.start.profile):
        return None
    by_check: dict[str, list[CaseVerdict]] = {}
    for case in judged.cases:
        check = judged.checks.get(case.check)
        by_check.setdefault(check.id if check is not None else case.check, []).append(case)
    rows = tuple(_row(row, checks, by_check) for row, checks in ROWS.items())
    return BoundaryCatalogue(total=len(rows), decided=sum(row.outcome is not None for row in rows), rows=rows)


def _is_hybrid(profile: dict[str, Json]) -> bool:
    services = profile.get("services") or {}
    return bool(profile.get("boundaries")) or any(part.get("runtime") in NATIVE for part in services.values())


def _row(row: str, checks: tuple[str, ...], by_check: dict[str, list[CaseVerdict]]) -> BoundaryRow:
    """Fail where one of its cases failed, pass where one passed, else undecided with what that is for."""
    cases = [case for check in checks for case in by_check.get(check, ())]
    for outcome in (Outcome.FAIL, Outcome.PASS):
        if any(case.finding.outcome is outcome for case in cases):
            return BoundaryRow(row=row, checks=checks, outcome=outcome)
    return BoundaryRow(row=row, checks=checks, outcome=None, needs=_needs(checks, cases))


def _needs(checks: tuple[str, ...], cases: Iterable[CaseVerdict]) -> str:
    """What an undecided row waits for: first a case that ran and stayed undecided, then what the profile lacks."""
    undecided = [case for case in cases if case.finding.outcome in UNDECIDED]
    if undecided:
        case = undecided[0]
        return f"{case.finding.reason or case.finding.outcome}: {case.finding.observed}"[:MOST_WHY]
    needs = next((case.needs for case in cases if case.needs), "")
    return needs or (NOT_SELECTED if checks else NOT_BUILT)
