"""Waivers: which failed cases the operator has accepted for a time, at the time of the run."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from hybridcheck.cases import Json, PlannedCase, Severity
from hybridcheck.checks.check import Check
from hybridcheck.verdict import AppliedWaiver

LONGEST_DAYS: Mapping[Severity, int] = {
    Severity.CRITICAL: 14,
    Severity.HIGH: 90,
    Severity.MEDIUM: 90,
    Severity.LOW: 90,
}
"""How far ahead of the run a waiver may expire; one that reaches further is not valid."""


@dataclass(frozen=True, slots=True)
class _Waiver:
    covers: str
    words: AppliedWaiver
    expires: date

    def days_left(self, run_day: date) -> int:
        return (self.expires - run_day).days


class Waivers:
    """The waivers of a profile at the day of the run.

    Args:
        profile: the resolved profile as the ledger holds it.
        started_utc: the run's start; its day decides what has expired.
        checks: every check under its id and its former ids.
    """

    def __init__(self, profile: Mapping[str, Json], started_utc: str, checks: Mapping[str, Check]) -> None:
        self._run_day = date.fromisoformat(started_utc[:10])
        self._checks = checks
        self._waivers = tuple(_parsed(entry) for entry in profile.get("waivers") or ())

    def covering(self, planned: PlannedCase) -> AppliedWaiver | None:
        """The valid waiver of a case, the one that expires last; None where there is none."""
        valid = self._valid(planned)
        return max(valid, key=lambda waiver: waiver.expires).words if valid else None

    def applied(self, waived: Iterable[PlannedCase]) -> tuple[str, ...]:
        """What the waivers cover that are valid for one of these cases."""
        return _sorted(waiver.covers for planned in waived for waiver in self._valid(planned))

    def expired(self) -> tuple[str, ...]:
        """What the waivers that had expired before the run would have covered."""
        return _sorted(waiver.covers for waiver in self._waivers if waiver.days_left(self._run_day) < 0)

    def too_long(self, plan: Iterable[PlannedCase]) -> tuple[str, ...]:
        """What waivers cover that reach further ahead than the severity of a case of theirs allows."""
        return _sorted(
            waiver.covers
            for planned in plan
            for waiver in self._matching(planned)
            if waiver.days_left(self._run_day) > LONGEST_DAYS[planned.severity]
        )

    def unmatched(self, plan: Iterable[PlannedCase]) -> tuple[str, ...]:
        """What waivers name that no case of the plan is."""
        matching = {waiver for planned in plan for waiver in self._matching(planned)}
        return _sorted(waiver.covers for waiver in self._waivers if waiver not in matching)

    def _matching(self, planned: PlannedCase) -> list[_Waiver]:
        names = self._names(planned)
        return [waiver for waiver in self._waivers if waiver.covers in names]

    def _names(self, planned: PlannedCase) -> set[str]:
        check = self._checks.get(planned.case.check)
        ids = {planned.case.check, *((check.id, *check.formerly) if check is not None else ())}
        return ids | {f"{check_id}[{planned.case.subject}]" for check_id in ids} | {fingerprint(planned.case.id)}

    def _valid(self, planned: PlannedCase) -> list[_Waiver]:
        longest = LONGEST_DAYS[planned.severity]
        return [waiver for waiver in self._matching(planned) if 0 <= waiver.days_left(self._run_day) <= longest]


def fingerprint(case_id: str) -> str:
    """A short name of a case that stays the same from run to run."""
    return hashlib.sha256(case_id.encode()).hexdigest()[:16]


def _parsed(entry: Mapping[str, Json]) -> _Waiver:
    words = {name: str(entry[name]) for name in ("reason", "owner", "ticket", "expires")}
    return _Waiver(
        covers=str(entry.get("case") or entry["check"]),
        words=AppliedWaiver(**words),
        expires=date.fromisoformat(words["expires"][:10]),
    )


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))
