"""What the records say so far about how a run goes. It counts and never judges."""

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from hybridcheck.cases import Group, Phase, PlannedCase
from hybridcheck.checks.load.phases import EXPIRES
from hybridcheck.evidence import (
    CaseEnd,
    CaseError,
    Gap,
    GapReason,
    LoadEnd,
    LoadSecond,
    Observation,
    Record,
    RunEnd,
    RunStart,
)
from hybridcheck.profile.load_foresight import few_connections
from hybridcheck.profile.models import Profile
from hybridcheck.writers.load_words import ended

LOGGER = logging.getLogger("hybridcheck.progress")
_WORTH_A_LINE = frozenset(
    {
        GapReason.TARGET_UNREACHABLE,
        GapReason.INTERRUPTED,
        GapReason.GENERATOR_LOST,
        GapReason.SETUP_FAILED,
        GapReason.TOOL_FAULT,
    }
)


@dataclass(slots=True)
class LoadNow:
    """The current second of a load phase, summed over its operations."""

    stream: str
    second: int = -1
    planned: int = 0
    ok: int = 0
    failed: int = 0
    unsent: int = 0

    def add(self, record: LoadSecond) -> None:
        """Count a row; rows of a later second begin anew, late rows of an earlier one are left out."""
        if record.second > self.second:
            self.second, self.planned, self.ok, self.failed, self.unsent = record.second, 0, 0, 0, 0
        if record.second == self.second:
            self.planned += record.planned
            self.ok += record.ok
            self.failed += sum(record.failed.values())
            self.unsent += record.unsent

    def words(self) -> str:
        """The second in one line."""
        lost = f", {self.unsent} unsent" if self.unsent else ""
        return f"{self.stream} second {self.second}: {self.planned} req/s, {self.ok} ok, {self.failed} failed{lost}"


@dataclass(slots=True)
class Picture:
    """The state of a run as the records tell it. `announce` gets the few lines that are worth one each."""

    announce: Callable[[str], None] = lambda _line: None
    planned: int = 0
    done: int = 0
    records: int = 0
    phase: str = "starting"
    load: LoadNow | None = None
    _open: dict[str, PlannedCase] = field(default_factory=dict)

    def take(self, record: Record) -> None:
        """Count one record."""
        self.records += 1
        self._enter_phase(record)
        match record:
            case RunStart():
                self._begin(record)
            case CaseEnd():
                self.done += self._open.pop(record.stream, None) is not None
            case LoadSecond():
                if self.load is None or self.load.stream != record.stream:
                    self.load = LoadNow(record.stream)
                    self.announce(f"{record.stream}: the load begins")
                self.load.add(record)
            case LoadEnd():
                self.load = None
                counts = f"{record.planned} planned, {record.ok} ok, {record.failed} failed, {record.unsent} unsent"
                why = f" ({record.detail})" if record.detail else ""
                self.announce(f"{record.stream}: {ended(record.cause)} after {record.seconds} s: {counts}{why}")
            case Observation() if record.label == EXPIRES:
                self.announce(f"{record.stream}: {record.values['detail']}")
            case CaseError():
                self.announce(f"{record.stream}: our own fault: {record.error}")
            case Gap() if record.reason in _WORTH_A_LINE:
                self.announce(f"{record.stream}: evidence missing: {record.reason} {record.detail}".rstrip())
            case RunEnd():
                detail = f" ({record.detail})" if record.detail else ""
                self.announce(f"run ended: {record.cause}{detail}, {record.records + 1} records")

    def _begin(self, start: RunStart) -> None:
        runs = (Group.REQUIRED, Group.ADVISORY)
        self._open = {planned.case.id: planned for planned in start.plan if planned.group in runs}
        self.planned = len(self._open)
        target = f"{start.target} ({start.base_url})" if start.target else start.base_url
        self.announce(f"run {start.run_id} on {target}: {self.planned} cases, budget {start.budget}")
        for planned in self._open.values():
            short = planned.case.params.get("cannot_decide")
            if short:
                self.announce(f"{planned.case.id} will stay undecided: {short}")
        if any(planned.phase is Phase.LOAD for planned in self._open.values()):
            with contextlib.suppress(ValidationError):  # a listener may be shown a profile that was masked
                for name, text in few_connections(Profile.model_validate(start.profile)):
                    self.announce(f"load phase {name}: {text}")

    def _enter_phase(self, record: Record) -> None:
        planned = self._open.get(record.stream)
        phase = Phase.LOAD if isinstance(record, LoadSecond) else planned.phase if planned else None
        if phase is not None and phase != self.phase:
            self.phase = phase
            count = sum(case.phase == phase for case in self._open.values())
            self.announce(f"phase {phase}: {count} case{'s' * (count != 1)} ({self.done}/{self.planned} done)")


class Progress:
    """Shows nothing on the terminal; the lines go to the log (level info). The base of what shows more."""

    def __init__(self) -> None:
        self.picture = Picture(announce=self.line)

    def __enter__(self) -> Self:
        """Begin to show."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the terminal as it was."""

    def __call__(self, record: Record) -> None:
        """The listener: told of each record once it is written."""
        self.picture.take(record)

    def line(self, words: str) -> None:
        """A line that is worth keeping."""
        LOGGER.info("%s", words)


class PlainProgress(Progress):
    """One line for each phase and each event that is worth one: for build logs."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__()
        self._tell = tell

    def line(self, words: str) -> None:
        """Print the line; where the log goes to a file it also goes there."""
        super().line(words)
        self._tell(f"hybridcheck: {words}")
