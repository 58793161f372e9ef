"""How the limits of a load phase stand while it runs: the same rates and bounds by which they are judged in the end."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hybridcheck.cases import Group, PlannedCase
from hybridcheck.checks.check import Check
from hybridcheck.checks.load.limits import RateCheck
from hybridcheck.checks.load.phases import Choice, chosen_by
from hybridcheck.checks.load.rates import Rate, risks
from hybridcheck.evidence import LoadSecond, Record, RunStart
from hybridcheck.statistics.rates import judge_rate
from hybridcheck.statistics.spread import Batch

STATES = {"pass": "would be kept", "fail": "would be broken", "undecided": "not decided yet"}


@dataclass(slots=True)
class _Limit:
    planned: PlannedCase
    rate: Rate
    choice: Choice
    seconds: dict[int, list[LoadSecond]] = field(default_factory=dict)
    batches: dict[int, Batch] = field(default_factory=dict)
    """Of each second; made when it is looked at, and again only where a row has come since."""

    def take(self, record: LoadSecond) -> None:
        """Count a row that the limit is about."""
        self.seconds.setdefault(record.second, []).append(record)
        self.batches.pop(record.second, None)

    def row(self) -> dict[str, str]:
        """A line of the table."""
        for second in self.seconds.keys() - self.batches.keys():
            self.batches[second] = self.rate.batch(tuple(self.seconds[second]))
        batches = [self.batches[second] for second in sorted(self.batches)]
        named = {"name": self.planned.case.id, "allowed": self.rate.expected}
        if not any(batch.total for batch in batches):
            return {**named, "seen": "", "bounds": "", "state": "no judged second yet"}
        may_pass = self.planned.case.params.get("stop_early") == "pass"
        fail, pass_, _, _ = risks(self.planned.fail_alpha or 0.01, may_pass_early=may_pass)
        decision = judge_rate(batches, self.rate.limit, fail_alpha=fail, pass_confidence=1 - pass_)
        share = decision.k / decision.n if decision.n else 0.0
        return {
            **named,
            "seen": f"{decision.k} of {decision.n} {self.rate.what} ({share:.2%})",
            "bounds": f"{decision.lower:.2%} to {decision.upper:.2%}",
            "state": STATES[decision.outcome],
        }


class LiveLimits:
    """Takes the records of a run and gives a row for each limit that is a rate; `changed` since the last look."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks
        self._limits: list[_Limit] = []
        self.changed = False

    def take(self, record: Record) -> None:
        """Count a record."""
        if isinstance(record, RunStart):
            self._limits = [limit for planned in record.plan if (limit := self._limit(planned)) is not None]
        elif isinstance(record, LoadSecond):
            self.changed = True
            for limit in self._limits:
                if record.stream in limit.planned.case.shared and limit.choice(record):
                    limit.take(record)

    def _limit(self, planned: PlannedCase) -> _Limit | None:
        check = self._checks.get(planned.case.check)
        if planned.group not in {Group.REQUIRED, Group.ADVISORY} or not isinstance(check, RateCheck):
            return None
        rate = check.rate(planned.case)
        return None if rate is None else _Limit(planned, rate, chosen_by(planned.case))

    def rows(self) -> list[dict[str, str]]:
        """All limits as they stand."""
        self.changed = False
        return [limit.row() for limit in self._limits]
