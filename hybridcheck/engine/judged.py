"""Everything that the decision and the document are made of: the judged cases beside what the ledger says of the run."""

from collections.abc import Mapping
from dataclasses import dataclass

from hybridcheck.cases import CoreQuestion, Group, Phase
from hybridcheck.checks.check import Check
from hybridcheck.engine.streams import Streams
from hybridcheck.engine.waivers import Waivers
from hybridcheck.evidence import RunStart
from hybridcheck.verdict import CaseVerdict, Outcome

UNDECIDED = frozenset({Outcome.INCONCLUSIVE, Outcome.ERROR})
DECIDED = frozenset({Outcome.PASS, Outcome.FAIL})


@dataclass(frozen=True, slots=True)
class Judged:
    """A judged run; `cases` are sorted by id."""

    start: RunStart
    streams: Streams
    cases: tuple[CaseVerdict, ...]
    checks: Mapping[str, Check]
    waivers: Waivers
    what_if: bool = False

    @property
    def required(self) -> tuple[CaseVerdict, ...]:
        """The cases that decide."""
        return tuple(case for case in self.cases if case.group is Group.REQUIRED)


def importance(case: CaseVerdict) -> tuple[int, int, int, str]:
    """Sorts cases: core question, severity, earliest phase, id."""
    question = list(CoreQuestion).index(case.core) if case.core is not None else len(CoreQuestion)
    return question, case.severity.rank, list(Phase).index(case.phase), case.id
