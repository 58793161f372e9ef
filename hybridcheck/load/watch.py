"""Watching a load phase while it runs: is a limit certainly broken (or kept), or does the target melt down.

It decides nothing: it ends the phase, and the judge, who reads the same seconds from the ledger, says what they show.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hybridcheck.cases import Case, Group, PlannedCase
from hybridcheck.checks.check import Check, LoadCheck
from hybridcheck.checks.load.held import held_back
from hybridcheck.checks.load.limits import RateCheck
from hybridcheck.checks.load.own_share import Seen
from hybridcheck.checks.load.phases import SAFETY_ABORT, STOPPED_EARLY, Choice, chosen_by, faults
from hybridcheck.checks.load.rates import Rate, batch_of, kept_of, own_share_of, risks
from hybridcheck.evidence import GeneratorSecond, LoadSecond
from hybridcheck.profile.drives import Drive
from hybridcheck.profile.load_limits import AbortWhen
from hybridcheck.statistics.sequential import certain
from hybridcheck.statistics.spread import Batch

SLACK = 0.5
"""Of the risk of looking: what the watch needs, so that the last seconds, which the judge also sees, do not undo it."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a phase is to be ended: the cause of its `LoadEnd`, and what was seen, in words."""

    cause: str
    detail: str


@dataclass(slots=True)
class _Watched:
    """One required case whose limit is a rate, with its batches so far."""

    case: Case
    rate: Rate
    choice: Choice
    fail_alpha: float
    pass_alpha: float | None
    seconds: dict[int, tuple[LoadSecond, ...]] = field(default_factory=dict)
    batches: list[Batch] = field(default_factory=list)

    def take(self, rows: Sequence[LoadSecond]) -> None:
        chosen = tuple(row for row in rows if self.choice(row))
        if chosen:
            self.seconds[chosen[0].second] = chosen
            self.batches.append(self.rate.batch(chosen))

    def state(self, batches: list[Batch] | None = None) -> str:
        pass_alpha = None if self.pass_alpha is None else SLACK * self.pass_alpha
        judged = self.batches if batches is None else batches
        return certain(judged, self.rate.limit, fail_alpha=SLACK * self.fail_alpha, pass_alpha=pass_alpha)

    def is_broken(self, health: Sequence[GeneratorSecond], lag_ms: float | None) -> bool:
        """Whether the limit is certainly broken by what the generator cannot have caused."""
        if self.state() != "fail" or (self.rate.per_second is not None and held_back(health, self.seconds.keys())):
            return False
        rows = [row for chosen in self.seconds.values() for row in chosen]
        own = own_share_of(self.case, Seen(rows=rows, health=health, lag_ms=lag_ms), self.rate)
        return not own.unknown and self.state(kept_of(own, self.seconds, self.batches, self.rate)) == "fail"

    def words(self) -> str:
        bad, total = sum(batch.bad for batch in self.batches), sum(batch.total for batch in self.batches)
        return f"{self.case.id}: {bad} of {total} {self.rate.what}, allowed {self.rate.limit:.2%}"


class Watch:
    """Takes the records of one phase as they are written, and says when it is to be ended."""

    def __init__(self, drive: Drive, cases: Sequence[PlannedCase], checks: Mapping[str, Check]) -> None:
        required = [c for c in cases if c.group is Group.REQUIRED and drive.stream in c.case.shared]
        self._operations = len(drive.operations)
        self._stop_early, self._abort_when = drive.spec.stop_early, drive.spec.abort_when
        self._watched = list(_watched(required, checks, may_pass=self._stop_early == "pass"))
        others = [planned for planned in required if planned.case.id not in {one.case.id for one in self._watched}]
        self._may_pass = self._stop_early == "pass" and bool(self._watched) and not any(_need_its_end(others, checks))
        self._open: dict[int, list[LoadSecond]] = {}
        self._told: set[int] = set()
        self._silent: set[int] = set()
        self._health: list[GeneratorSecond] = []
        self._window: list[Batch] = []
        self.ending: Ending | None = None

    def take(self, record: LoadSecond | GeneratorSecond, own_lag_p99_ms: float | None) -> Ending | None:
        """Count a record; gives the ending once, when it has come. `own_lag_p99_ms`: of the judged seconds so far."""
        if self.ending is not None:
            return None
        if isinstance(record, GeneratorSecond):
            self._health.append(record)
            self._told.add(record.second)
            self._silent.discard(record.second)
            return None
        rows = self._open.setdefault(record.second, [])
        rows.append(record)
        if len(rows) < self._operations:
            return None
        del self._open[record.second]
        self._silent |= {record.second} - self._told
        for watched in self._watched:
            watched.take(rows)
        self.ending = self._melting(rows, own_lag_p99_ms) or self._decided(own_lag_p99_ms)
        return self.ending

    def _decided(self, own_lag_p99_ms: float | None) -> Ending | None:
        if self._stop_early == "never":
            return None
        broken = self._broken(own_lag_p99_ms)
        if broken is not None:
            return Ending(STOPPED_EARLY, f"certainly broken: {broken.words()}")
        if self._may_pass and self._kept():
            return Ending(STOPPED_EARLY, "every limit is certainly kept")
        return None

    def _kept(self) -> bool:
        """Whether all cases are certain to pass, and of a generator that the judge believes."""
        if self._silent:
            return False
        return all(one.state() == "pass" and not self._faults(one)[0] for one in self._watched)

    def _broken(self, own_lag_p99_ms: float | None) -> _Watched | None:
        """A case that is certain to fail by more than the generator can be blamed for."""
        if self._silent:  # of a second without its health the judge believes nothing
            return None
        broken = (watched for watched in self._watched if watched.is_broken(self._health, own_lag_p99_ms))
        return next((watched for watched in broken if not any(self._faults(watched))), None)

    def _faults(self, watched: _Watched) -> tuple[str, str]:
        """What the judge would hold against the generator, in the whole phase or in the seconds that a case judges."""
        whole, part = (faults(self._health, of) for of in (self._told, watched.seconds.keys()))
        return whole[0] or part[0], whole[1] or part[1]

    def _melting(self, rows: Sequence[LoadSecond], own_lag_p99_ms: float | None) -> Ending | None:
        """The safety abort; a limit that is certainly broken by then is said to be the reason, since it is proved."""
        when = self._abort_when
        if not isinstance(when, AbortWhen):
            return None
        key = None if when.latency_ms is None else f"{when.latency_ms:g}"
        self._window = [*self._window, batch_of(tuple(rows), key)][-when.window_s :]
        bad, total = sum(batch.bad for batch in self._window), sum(batch.total for batch in self._window)
        if len(self._window) < when.window_s or total < when.min_requests or bad <= when.bad_ratio * total:
            return None
        broken = self._broken(own_lag_p99_ms)
        seen = f"{bad} of {total} arrivals of the last {when.window_s} s were not answered rightly"
        seen += f" within {when.latency_ms:g} ms" if when.latency_ms else ""
        if broken is not None:
            return Ending(STOPPED_EARLY, f"{seen}; certainly broken: {broken.words()}")
        return Ending(SAFETY_ABORT, f"{seen} (abort_when: bad_ratio {when.bad_ratio:g})")


def _need_its_end(others: Sequence[PlannedCase], checks: Mapping[str, Check]) -> Iterator[bool]:
    """Of each case that is no rate, whether it would be left undecided by a phase that is ended early."""
    for planned in others:
        check = checks.get(planned.case.check)
        yield not isinstance(check, LoadCheck) or check.needs_whole_phase


def _watched(required: Sequence[PlannedCase], checks: Mapping[str, Check], *, may_pass: bool) -> Iterator[_Watched]:
    for planned in required:
        check = checks.get(planned.case.check)
        rate = check.rate(planned.case) if isinstance(check, RateCheck) else None
        if rate is not None:
            _, _, fail, pass_ = risks(planned.fail_alpha or 0.01, may_pass_early=may_pass)
            yield _Watched(planned.case, rate, chosen_by(planned.case), fail, pass_)
