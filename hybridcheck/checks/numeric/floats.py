"""Do floats keep their digits, their type, and stay numbers."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import ClassVar

from hybridcheck.cases import Case, Json, Severity
from hybridcheck.checks.check import Scene
from hybridcheck.checks.vector_places import Named, OfNumber, declared, roundtrip, summing
from hybridcheck.checks.vectors import RIGHT, DocumentVectorCheck, Reading, State, number_at, shown, wrong
from hybridcheck.diagnosis.numbers import of_float, of_integer
from hybridcheck.diagnosis.signatures import Signature
from hybridcheck.profile.probe_parts import Probe
from hybridcheck.tokens.comparison import Comparison
from hybridcheck.tokens.document import Number, Object, Token, write

DIGITS = (
    *("0.5", "0.1", "99999.95", "1234567.5", "16777217.0", "123456789.123", "1712345678.123"),
    *("0.30000000000000004", "1e-05", "1e16", "1.7976931348623157e308", "5e-324"),
)
"""Each loses something in six digits, in 32 bits, or in a parser that is not correctly rounded; the first does not."""

FORMS = ("0.5", "1.0", "-3.0", "100.0")
HUGE = "1.7976931348623157e308"
NO_NUMBERS = frozenset({"nan", "inf", "infinity", "-nan", "-inf", "-infinity", "+inf", "+infinity"})


class FloatFidelity(OfNumber):
    """Floats come back with all their digits.

    Sends floats of up to 17 digits, timestamps with milliseconds, and both ends of the range through the round trip. A
    value that is another double afterwards (within `contract.floats`), twice of two, is a fail; `1712345678.123` with
    six digits is a timestamp that is 72 minutes off.
    """

    id = "numeric.float-fidelity"
    severity = Severity.CRITICAL
    remedy = (
        "Write floats with the shortest text that reads back as the same double (17 digits at most), never with %g."
    )
    refs: ClassVar[tuple[str, ...]] = ("RFC 8259 §6", "CWE-681", "github.com/exaloop/codon #174")
    needs = "probes: {roundtrip: {operation: ID, in: $.value, out: $.value, types: [float]}}"
    promise = "every float comes back as the same double"

    def probes(self, scene: Scene) -> Named:
        """The round trip of floats."""
        return roundtrip(scene, "float")

    def vectors(self, scene: Scene, probe: Probe) -> Sequence[Json]:
        """Floats as text."""
        return list(DIGITS)

    def compare(self, case: Case, vector: Json, document: Token) -> Reading:
        """The same double, or one within the promised error."""
        got, want = number_at(document, case.params["probe"]["out"]), Number(vector)
        rule = Comparison.parse(case.params["contract"]["floats"])
        if isinstance(got, Number) and rule.difference(want, got) is None:
            return RIGHT
        return wrong(got, vector, self._signatures(want, got) if isinstance(got, Number) else ())

    def _signatures(self, want: Number, got: Number) -> tuple[Signature, ...]:
        whole = want.whole()
        return of_float(want, got) + (of_integer(whole, got) if whole is not None else ())


class TypeStable(FloatFidelity):
    """A float stays a float: 1.0 does not come back as 1.

    Sends whole floats through the round trip. A token without point and exponent, twice of two, is a fail: readers
    that tell integers from floats see the type change with the value.
    """

    id = "numeric.type-stable"
    severity = Severity.MEDIUM
    remedy = "Write floats with a point or an exponent always."
    refs = ("RFC 8259 §6", "github.com/exaloop/codon #134")
    promise = "every float is written as a float"

    def vectors(self, scene: Scene, probe: Probe) -> Sequence[Json]:
        """Whole floats as text."""
        return list(FORMS)

    def compare(self, case: Case, vector: Json, document: Token) -> Reading:
        """A token with a point or an exponent, whatever its value."""
        got = number_at(document, case.params["probe"]["out"])
        if isinstance(got, Number) and not got.integral:
            return RIGHT
        return wrong(got, vector, of_float(Number(vector), got) if isinstance(got, Number) else ())


class NoNonfinite(DocumentVectorCheck):
    """A result that is no finite number is null or refused, never NaN or infinity.

    Lets the aggregate add numbers whose sum no double holds, and the power operation compute one. The tokens NaN,
    Infinity, nan, inf, a number beyond any double, or text that says so, twice of two, are a fail.
    """

    id = "numeric.no-nonfinite"
    severity = Severity.HIGH
    remedy = "Look at each result before it is written: isfinite, else null or 422. NaN and Infinity are no JSON."
    refs = ("RFC 8259 §6", "CWE-1286", "CWE-682")
    needs = "probes: {aggregate: {operation: ID, in: $.values, out: {sum: $.sum}}}"
    promise = "a result beyond any double is null or refused with 4xx"
    refusable = True

    def probes(self, scene: Scene) -> Named:
        """An aggregate that has a sum, and the power operation."""
        return chain(summing(scene), declared("pow", scene.profile.probes.scalar.pow))

    def vectors(self, scene: Scene, probe: Probe) -> Sequence[Json]:
        """Numbers as text: the first pair has a result, the others have none."""
        if probe is scene.profile.probes.aggregate:
            return [["0.5", "0.25"], [HUGE, HUGE], [f"-{HUGE}", f"-{HUGE}"]]
        return [["2.5", "2.0"], ["1e308", "2.0"], ["-1e200", "3.0"]]

    def values(self, case: Case, vector: Json) -> dict[str, object]:
        """The numbers as written."""
        probe, numbers = case.params["probe"], [Number(text) for text in vector]
        if case.params["name"] == "aggregate":
            return {probe["in"]: numbers}
        return {probe["a"]: numbers[0], probe["b"]: numbers[1]}

    def sent(self, vector: Json) -> str:
        """Both numbers."""
        return " and ".join(vector)

    def must_take(self, case: Case, vector: Json) -> str:
        """Where null is promised, nothing is refused."""
        return "contract.nonfinite is null" if case.params["contract"]["nonfinite"] == "null" else ""

    def compare(self, case: Case, vector: Json, document: Token) -> Reading:
        """No value that is infinite or says that it is no number; the control has its result."""
        out = case.params["probe"]["out"]
        got = number_at(document, out["sum"] if isinstance(out, dict) else out)
        if vector == case.params["vectors"][0]:
            want = sum(map(float, vector)) if isinstance(out, dict) else float(vector[0]) ** float(vector[1])
            return RIGHT if isinstance(got, Number) and got.double() == want else wrong(got, str(want))
        found = next(_not_finite(document), None)
        if found is not None:
            return Reading(State.WRONG, f"made a body with {shown(found)}")
        if case.params["contract"]["nonfinite"] == "reject":
            return wrong(got, "a refusal, as contract.nonfinite says")
        return RIGHT if got is None else wrong(got, "null or a refusal")


def _not_finite(token: Token) -> Iterator[str]:
    if isinstance(token, Number) and token.double() in {float("inf"), float("-inf")}:
        yield f"the number {token.text}"
    elif isinstance(token, str) and token.strip().lower() in NO_NUMBERS:
        yield f"the text {write(token)}"
    elif isinstance(token, Object):
        for _, value in token.members:
            yield from _not_finite(value)
    elif isinstance(token, list):
        for value in token:
            yield from _not_finite(value)
