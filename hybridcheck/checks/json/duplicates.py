"""Do both runtimes make the same of an object that has a member twice, or one that nobody knows."""

from collections.abc import Iterator, Sequence
from typing import Any

from hybridcheck.cases import Case, Json, Severity
from hybridcheck.checks.check import Scene
from hybridcheck.checks.operations import ask_for, operations
from hybridcheck.checks.pairs import Disagreement, PairCheck
from hybridcheck.checks.vectors import shown
from hybridcheck.evidence import Exchange
from hybridcheck.profile.operations import Operation
from hybridcheck.target import Ask
from hybridcheck.tokens.comparison import Comparison
from hybridcheck.tokens.document import NotJson, Raw, read, write

UNKNOWN = "hybridcheck_unknown"
CLOSE = "rel:1e-9"
"""How close numbers of two runtimes have to be: which member counts is asked here, not how a sum is rounded."""


class DuplicatesAgree(PairCheck):
    """Both runtimes make the same of a member that is there twice, and of one that nobody knows.

    Sends the declared body of an operation to it and to its twin: with its first member twice, the second time and then
    the first time with another value, and with an unknown member. Where one takes the first and the other the last, or
    one takes what the other refuses, twice of two, it is a fail: what the gateway has checked is not what is computed.
    """

    id = "json.duplicates-agree"
    severity = Severity.MEDIUM
    remedy = "Refuse duplicate and unknown members at the edge, and pass on what was parsed, not what was sent."
    refs = ("RFC 8259 §4", "CWE-436", "CWE-694")
    needs = "operations: [{id: NAME, …, twin: ID_OF_THE_SAME_IN_CPYTHON}]"

    def pairs(self, scene: Scene) -> Iterator[tuple[str, Operation, Operation, dict[str, Json]]]:
        """Every operation with a twin and an object for its body."""
        readable = {operation.id: operation for _, operation in operations(scene)}
        for operation in readable.values():
            twin = readable.get(operation.twin or "")
            if twin is not None and isinstance(operation.body, dict) and operation.body:
                yield operation.id, operation, twin, {}

    def questions(self, case: Case) -> Sequence[Json]:
        """Bodies as text: as declared, with a member twice, with an unknown one."""
        body: dict[str, Json] = case.params["operation"]["body"]
        name, value = next(iter(body.items()))
        rest = "".join(f",{write(key)}:{write(own)}" for key, own in body.items() if key != name)
        key, own, other = write(name), write(value), write(_another(value))
        unknown = write(body)[:-1] + f",{write(UNKNOWN)}:1}}"
        return [write(body), f"{{{key}:{other},{key}:{own}{rest}}}", f"{{{key}:{own},{key}:{other}{rest}}}", unknown]

    def sent(self, question: Json) -> str:
        """The body."""
        return shown(question)

    def ask(self, case: Case, side: str, question: Json) -> Ask:
        """The body as written."""
        operation = Operation.model_validate(case.params["operation" if side == "own" else "twin"])
        return ask_for(operation.model_copy(update={"body": write(Raw(question))}))

    def said(self, case: Case, side: str, exchange: Exchange) -> str:
        """The body."""
        return exchange.response.body.content().decode("utf-8", "replace") if exchange.response else ""

    def apart(self, case: Case, question: Json, own: Exchange, twin: Exchange) -> Disagreement | None:
        """Documents that differ in more than the last digits of numbers."""
        found = super().apart(case, question, own, twin)
        if found is None or own.status != twin.status or own.status is None or not 200 <= own.status < 300:
            return found
        try:
            documents = read(self.said(case, "own", own)), read(self.said(case, "twin", twin))
        except NotJson:
            return found
        where = Comparison.parse(CLOSE).difference(documents[1], documents[0])
        return None if where is None else Disagreement(f"the two answers differ: {shown(where)}")

    def expected(self, case: Case) -> str:
        """The promise."""
        own, twin = case.params["operation"]["id"], case.params["twin"]["id"]
        return f"{own} and {twin} make the same of duplicate and unknown members"


def _another(value: Json) -> Any:
    """Another value of the same type; the same one where the type has no other that is as good."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return f"{value}x"
    return [*value, *value[:1]] if isinstance(value, list) else value
