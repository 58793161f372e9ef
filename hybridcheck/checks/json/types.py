"""Do types matter the same on both sides, and also late in a list."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from hybridcheck.cases import Case, Dimension, Json, Reason, Severity, Unmet
from hybridcheck.checks.availability import is_silent, look_afterwards, was_there
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.operations import ask_for, operation_in, operations, params_of
from hybridcheck.checks.repeats import UNHEARD, describe
from hybridcheck.checks.vector_places import Named, summing
from hybridcheck.checks.vectors import REFUSALS, RIGHT, DocumentVectorCheck, Reading, State, number_at, shown
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.profile.operations import Operation
from hybridcheck.profile.probe_parts import Probe
from hybridcheck.target import Ask, ReadTarget
from hybridcheck.tokens.document import Number, Raw, Token, write
from hybridcheck.verdict import Finding, failed, passed, undecided

LATE = (["1.5", "1", "1", "1", "1", "1"], ["1", "1", "1", "1", "1", "1.5"], ["1.0", "1.0", "1.0", "1.0", "1.0", "null"])
"""A just-in-time bridge takes the type of a list from its first five items; the control has its float before them."""

KINDS = ("5", "5.5", '"5"', "true", "null", "[]", "{}", "")
"""One value of each JSON type, and none at all."""


class LateElementType(DocumentVectorCheck):
    """A list may change its type late: the sixth number counts as the first does.

    Sends lists to the aggregate whose sixth item is the first float, or null, after five of one type; the control is a
    list that begins with its float. A 5xx, a refusal, or a sum without the fraction, twice of two, is a fail. null may
    be refused or left out.
    """

    id = "json.late-element-type"
    severity = Severity.HIGH
    remedy = "Convert a list by all of its items: declare the element type at the bridge instead of sampling it."
    refs = ("github.com/exaloop/codon jit sample_size", "CWE-843")
    needs = "probes: {aggregate: {operation: ID, in: $.values, out: {sum: $.sum}}}"
    promise = "the type of a late item is seen"

    def probes(self, scene: Scene) -> Named:
        """An aggregate that has a sum."""
        return summing(scene)

    def vectors(self, scene: Scene, probe: Probe) -> Sequence[Json]:
        """Lists of items as text."""
        return [list(items) for items in LATE]

    def values(self, case: Case, vector: Json) -> dict[str, object]:
        """The items as written."""
        return {case.params["probe"]["in"]: [Raw(text) for text in vector]}

    def sent(self, vector: Json) -> str:
        """The list."""
        return f"[{', '.join(vector)}]"

    def must_take(self, case: Case, vector: Json) -> str:
        """Lists of numbers."""
        return "" if "null" in vector else "the same items are taken in another order"

    def may_refuse(self, case: Case, vector: Json) -> bool:
        """A list with null."""
        return "null" in vector

    def compare(self, case: Case, vector: Json, document: Token) -> Reading:
        """The whole sum; a list with null has none that could be wrong."""
        got = number_at(document, case.params["probe"]["out"]["sum"])
        if "null" in vector:
            return RIGHT
        want = sum(map(float, vector))
        if isinstance(got, Number) and got.double() == want:
            return RIGHT
        return Reading(State.WRONG, f"gave the sum {shown(write(got))} instead of {want:g}")


class TypesAgree(ReadCheck):
    """Both runtimes take the same JSON types.

    Puts an integer, a float, text, true, null, a list, an object and nothing into each member of an operation's body,
    and sends them to it and to its twin. Where one side answers and the other refuses, or one breaks with a 5xx, twice
    of two, it is a fail. Neither side is taken for the truth.
    """

    id = "json.types-agree"
    dimension = Dimension.FUNCTIONAL
    severity = Severity.HIGH
    suite = "boundary"
    remedy = "Validate at the edge by one schema for both runtimes, without coercion, before any of them computes."
    refs = ("CWE-843", "CWE-436")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per member of the body of each operation that has a twin."""
        found = False
        readable = {operation.id: operation for _, operation in operations(scene)}
        for operation in readable.values():
            twin = readable.get(operation.twin or "")
            for member in operation.body if twin is not None and isinstance(operation.body, dict) else ():
                found = True
                params = {**params_of(operation, self.suite), "member": member}
                params["twin"] = params_of(twin, self.suite)["operation"] if twin is not None else None
                yield Case(check=self.id, subject=f"{operation.id}: {member}", params=params)
        if not found:
            yield Unmet(subject="twins", needs="operations: [{id: NAME, …, twin: ID_OF_THE_SAME_IN_CPYTHON}]")

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Send the declared body and every kind to both, and once more where they differ."""
        operation, twin = _sides(case)
        for side, name in ((operation, "own"), (twin, "twin")):
            await target.read(f"control.{name}", _with(side, operation, None, ""))
        for index, kind in enumerate(KINDS):
            for round_ in (1, 2):
                answers = []
                for side, name in ((operation, "own"), (twin, "twin")):
                    label, ask = f"{name}.{index}.{round_}", _with(side, operation, case.params["member"], kind)
                    answers.append(await target.read(label, replace(ask, fresh=round_ == 2)))
                    await look_afterwards(target, label, answers[-1], _with(side, operation, None, ""))
                if _apart(*answers) is None:
                    break

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Compare the classes of the answers."""
        operation, twin = _sides(case)
        member = case.params["member"]
        expected = f"{operation.id} and {twin.id} take and refuse the same types of '{member}'"
        everything = tuple(exchange.n for exchange in evidence.exchanges())
        controls = [evidence.exchange("control.own"), evidence.exchange("control.twin")]
        if any(c.status not in side.expect.status for c, side in zip(controls, (operation, twin), strict=True)):
            return undecided(Reason.NO_TEST_DATA, expected, "the declared body is not answered", exchanges=everything)
        if any(exchange.status == 429 for exchange in evidence.exchanges()):
            return undecided(Reason.THROTTLED, expected, "the target throttled the tester (429)")
        odd: Finding | None = None
        for index, kind in enumerate(KINDS):
            own, other = evidence.exchanges(f"own.{index}"), evidence.exchanges(f"twin.{index}")
            numbers = (*(c.n for c in controls), *(e.n for e in (*other, *own)))
            found = [_apart(one, two) for one, two in zip(own, other, strict=False)]
            if not own or len(own) != len(other) or not own[0].label.endswith(".1"):
                odd = undecided(Reason.EVIDENCE_INCOMPLETE, expected, "not all was recorded", exchanges=numbers)
            elif found[-1] is not None and len(found) == 2 and found[0] is not None:
                text = f"{kind or 'no value'} for '{member}': {found[-1]}"
                unclear = any(is_silent(e) or e.status in UNHEARD for e in (*own, *other))
                if unclear or not was_there(evidence, *own, *other):
                    odd = undecided(Reason.SUSPECTED, expected, text, exchanges=numbers)
                else:
                    return failed(expected, text, exchanges=numbers, n=2 * len(KINDS))
            elif any(found):
                odd = undecided(Reason.FLAKY, expected, f"{kind}: {found[0]}, but once only", exchanges=numbers)
        agreed = f"they agree on {len(KINDS)} kinds"
        return odd or passed(expected, agreed, exchanges=everything, n=len(everything))


def _sides(case: Case) -> tuple[Operation, Operation]:
    return operation_in(case.params), Operation.model_validate(case.params["twin"])


def _with(side: Operation, operation: Operation, member: str | None, kind: str) -> Ask:
    """The operation's declared body, sent to that side, with another value for a member, or without it."""
    body = {name: value for name, value in operation.body.items() if name != member}
    if member is not None and kind:
        body[member] = Raw(kind)
    return ask_for(side.model_copy(update={"body": write(body)}))


def _apart(own: Exchange, other: Exchange) -> str | None:
    """How two answers differ in class, or which one broke; None where they agree."""
    classes = [_class(own), _class(other)]
    if classes[0] == classes[1] and classes[0] in {"taken", "refused"}:
        return None
    return f"{describe(own)} from this side, {describe(other)} from its twin"


def _class(exchange: Exchange) -> str:
    status = exchange.status
    if status is not None and 200 <= status < 300:
        return "taken"
    return "refused" if status in REFUSALS else "broken"
