"""Passive checks that look for one witness among everything that was recorded."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from hybridcheck.cases import Case, Reason, Unmet
from hybridcheck.checks.check import PassiveCheck, Scene
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.profile.models import Profile
from hybridcheck.verdict import Finding, failed, passed, undecided

EVERYTHING = "*"
MOST_SHOWN = 5


NEEDS_JSON = "expect: {content_type: application/json} at an operation that answers JSON"


def declares_json(profile: Profile) -> bool:
    """Whether some operation is declared to answer JSON: else there may be none to look at, and nothing to decide."""
    declared = [operation.expect for _, _, operation in profile.all_operations()]
    return any(e.json_schema is not None or e.values or "json" in (e.content_type or "") for e in declared)


class NoWitness(PassiveCheck):
    """The base: one case over every exchange; a complete answer that `complaint` objects to is proof.

    A pass needs at least one answer that `considered` takes, and a run without gaps.
    """

    judges_gaps = True
    suite = "api"
    expected: ClassVar[str]

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case: everything recorded."""
        yield Case(check=self.id, subject="everything recorded", shared=(EVERYTHING,))

    def considered(self, exchange: Exchange) -> bool:
        """Whether the promise is about this complete answer."""
        return True

    @abstractmethod
    def complaint(self, exchange: Exchange) -> str | None:
        """What is wrong with a considered answer; None where it is as promised."""

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail on the first witnesses; pass only where something was seen and nothing is missing."""
        complete = (e for e in evidence.exchanges(stream=EVERYTHING) if e.response is not None and e.failure is None)
        seen = [exchange for exchange in complete if self.considered(exchange)]
        witnesses = [(exchange, words) for exchange in seen if (words := self.complaint(exchange))]
        if witnesses:
            first, words = witnesses[0]
            text = f"{words}, in the answer to {first.request.method} {first.request.url}"
            numbers = tuple(exchange.n for exchange, _ in witnesses[:MOST_SHOWN])
            return failed(
                self.expected, f"{text} ({len(witnesses)} of {len(seen)} answers)", exchanges=numbers, n=len(seen)
            )
        if not seen:
            return undecided(Reason.EVIDENCE_INCOMPLETE, self.expected, "no answer to look at was recorded")
        if evidence.gaps():
            return undecided(
                Reason.EVIDENCE_INCOMPLETE, self.expected, "a part of the run was not recorded", n=len(seen)
            )
        return passed(self.expected, f"nothing of the kind in {len(seen)} answers", n=len(seen))


def whole_body(exchange: Exchange) -> bytes:
    """The body of an answer where all of it was kept; empty otherwise."""
    body = exchange.response.body if exchange.response is not None else None
    return body.content() if body is not None and body.complete else b""
