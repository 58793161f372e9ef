"""The records of a ledger by stream, and which streams are sealed: only those may be judged."""

from collections.abc import Iterable, Mapping

from hybridcheck.cases import Reason
from hybridcheck.evidence import (
    GAP_CODES,
    AnyRecord,
    CaseEnd,
    Exchange,
    Gap,
    Record,
    RunCause,
    RunEnd,
    RunStart,
    StreamRecord,
)
from hybridcheck.ledger import ReadLedger

EVERYTHING = "*"
"""The shared stream of every exchange of the run (and every gap, so that a judge sees what is missing)."""

CAUSE_CODES: Mapping[RunCause, Reason] = {
    RunCause.UNREACHABLE: Reason.TARGET_UNREACHABLE,
    RunCause.INTERRUPTED: Reason.INTERRUPTED,
    RunCause.TIMED_OUT: Reason.INTERRUPTED,
    RunCause.FAILED_FAST: Reason.INTERRUPTED,
    RunCause.SAFETY_ABORT: Reason.INTERRUPTED,
    RunCause.TOOL_ERROR: Reason.TOOL_ERROR,
}
"""The reason code that the end of a run gives, to the run and to the cases that it kept from ending."""


class Streams:
    """A ledger's records grouped by their stream."""

    def __init__(self, ledger: ReadLedger) -> None:
        self.records: tuple[AnyRecord, ...] = ledger.records
        self.start: RunStart = ledger.start
        self.broken: str | None = ledger.broken
        self.end: RunEnd | None = None if ledger.broken else ledger.end
        self._by_name: dict[str, list[Record]] = {}
        self._by_number: dict[int, list[Record]] = {}
        for record in ledger.records:
            self._by_name.setdefault(record.stream, []).append(record)
            self._by_number.setdefault(record.n, []).append(record)

    def trouble(self, stream: str) -> str | None:
        """Why a stream may not be judged; None where it is sealed: one end, last, whose count is that of the others."""
        if stream == EVERYTHING:
            return f"the run is not sealed: {self.broken}" if self.end is None else None
        records = self._by_name.get(stream, [])
        ends = [record for record in records if isinstance(record, CaseEnd)]
        if not ends:
            return f"the record of '{stream}' breaks off"
        if len(ends) > 1 or records[-1] is not ends[0]:
            return f"'{stream}' goes on after its end"
        if ends[0].records != len(records) - 1:
            return f"'{stream}' has {len(records) - 1} records, its end counts {ends[0].records}"
        return None

    def sealed_records(self, stream: str) -> tuple[Record, ...]:
        """The records of a stream without its end, in ledger order; see `EVERYTHING`."""
        if stream == EVERYTHING:
            return tuple(record for record in self.records if isinstance(record, Exchange | StreamRecord | Gap))
        return tuple(record for record in self._by_name.get(stream, ()) if not isinstance(record, CaseEnd))

    def named(self, numbers: Iterable[int]) -> tuple[Record, ...]:
        """The records of these ledger numbers, in their order, as far as they are there."""
        return tuple(record for number in sorted(set(numbers)) for record in self._by_number.get(number, ()))

    def duration_s(self, stream: str) -> float | None:
        """How long a stream took; None where its end does not say, or is missing."""
        ends = [record for record in self._by_name.get(stream, ()) if isinstance(record, CaseEnd)]
        return ends[-1].duration_s if ends else None

    @property
    def unended_code(self) -> Reason:
        """Why a case has no end, as far as the run's own end says."""
        return CAUSE_CODES.get(self.end.cause, Reason.EVIDENCE_INCOMPLETE) if self.end else Reason.EVIDENCE_INCOMPLETE


def gap_code(gaps: Iterable[Gap]) -> tuple[Reason, str] | None:
    """The reason that the first gap gives, with its words; None where there is no gap."""
    first = next(iter(gaps), None)
    if first is None:
        return None
    detail = f" ({first.detail})" if first.detail else ""
    return GAP_CODES.get(first.reason, Reason.EVIDENCE_INCOMPLETE), f"evidence is missing: {first.reason}{detail}"
