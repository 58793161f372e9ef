"""Looking for witnesses among everything that was recorded: passive checks, and passive cases of others."""

import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar

from hybridcheck.cases import GAP_CODES, Case, Json, Reason, Undecided, Unmet
from hybridcheck.checks.check import PassiveCheck, Scene
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.profile.models import Profile
from hybridcheck.profile.operations import Operation
from hybridcheck.verdict import Finding, failed, passed, undecided

EVERYTHING = "*"
RECORDED = "everything recorded"
MOST_SHOWN = 5

Complain = Callable[[Exchange], str | None]

NEEDS_JSON = "expect: {content_type: application/json} at an operation that answers JSON"


def declares_json(profile: Profile) -> bool:
    """Whether some operation is declared to answer JSON: else there may be none to look at, and nothing to decide."""
    declared = [operation.expect for _, _, operation in profile.all_operations()]
    return any(e.json_schema is not None or e.values or "json" in (e.content_type or "") for e in declared)


class OfEverything(PassiveCheck):
    """The base of one case over everything recorded."""

    judges_gaps = True
    suite = "api"

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case: everything recorded."""
        yield Case(check=self.id, subject=RECORDED, shared=(EVERYTHING,))


class NoWitness(OfEverything):
    """The base: one case over every exchange; a complete answer that `complaint` objects to is proof.

    A pass needs at least one answer that `considered` takes, and a run without gaps.
    """

    expected: ClassVar[str]

    def considered(self, exchange: Exchange) -> bool:
        """Whether the promise is about this complete answer."""
        return True

    @abstractmethod
    def complaint(self, exchange: Exchange) -> str | None:
        """What is wrong with a considered answer; None where it is as promised."""

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail on the first witnesses; pass only where something was seen and nothing is missing."""
        return judge_witnesses(evidence, self.expected, self.considered, self.complaint)


def judge_witnesses(
    evidence: Evidence, expected: str, considered: Callable[[Exchange], bool], complain: Complain, *, least: int = 1
) -> Finding:
    """Fail on `least` complete answers that `complain` objects to; fewer are a suspicion, and a gap forbids a pass."""
    complete = (e for e in evidence.exchanges(stream=EVERYTHING) if e.response is not None and e.failure is None)
    seen = [exchange for exchange in complete if considered(exchange)]
    witnesses = [(exchange, words) for exchange in seen if (words := complain(exchange))]
    if witnesses:
        first, words = witnesses[0]
        text = f"{words}, in the answer to {first.request.method} {first.request.url}"
        text = f"{text} ({len(witnesses)} of {len(seen)} answers)"
        numbers = tuple(exchange.n for exchange, _ in witnesses[:MOST_SHOWN])
        if len(witnesses) < least:
            return undecided(Reason.SUSPECTED, expected, text, exchanges=numbers, n=len(seen))
        return failed(expected, text, exchanges=numbers, n=len(seen))
    if not seen:
        return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "no answer to look at was recorded")
    if evidence.gaps():
        return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "a part of the run was not recorded", n=len(seen))
    return passed(expected, f"nothing of the kind in {len(seen)} answers", n=len(seen))


def refuse_gaps(evidence: Evidence) -> None:
    """What the engine does before judges that do not judge gaps: for the other cases of a check with a passive one.

    Raises:
        Undecided: where there is a gap, with its reason.
    """
    for gap in evidence.gaps():
        code = GAP_CODES.get(gap.reason, Reason.EVIDENCE_INCOMPLETE)
        raise Undecided(code, f"evidence is missing: {gap.reason}{f' ({gap.detail})' if gap.detail else ''}")


def addresses(base_url: str, operations: Iterable[Operation]) -> dict[str, Json]:
    """What a passive case keeps of the operations that it looks at, for `answers_of`."""
    kept: dict[str, Json] = {op.id: {"method": op.method, "path": op.path} for op in operations}
    return {"base_url": base_url, "operations": kept, "suite": "api"}


def answers_of(params: dict[str, Json]) -> Callable[[Exchange], bool]:
    """Whether an exchange is a declared operation's own: its method, its path, at the public address of the target.

    What was asked of a service at its direct address, of another path under the operation's name, or of a session
    operation is not.
    """
    base = re.escape(str(params["base_url"]).rstrip("/"))
    own: dict[str, tuple[str, re.Pattern[str]]] = {}
    for name, kept in params["operations"].items():
        path = "[^/?#]+".join(re.escape(part) for part in re.split(r"\{[^{}]*\}", kept["path"]))
        own[name] = (kept["method"], re.compile(f"{base}{path}(?:[?#].*)?", re.DOTALL))

    def answers(exchange: Exchange) -> bool:
        method, url = own.get(exchange.operation or "", (None, None))
        return url is not None and exchange.request.method == method and bool(url.fullmatch(exchange.request.url))

    return answers


def whole_body(exchange: Exchange) -> bytes:
    """The body of an answer where all of it was kept; empty otherwise."""
    body = exchange.response.body if exchange.response is not None else None
    return body.content() if body is not None and body.complete else b""
