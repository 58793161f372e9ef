"""Are integers whole: at the ends of 32, 53, 63 and 64 bits, on the way through and in sums and powers."""

from collections.abc import Sequence
from decimal import Decimal

from hybridcheck.cases import Case, Json, Severity
from hybridcheck.checks.check import Scene
from hybridcheck.checks.vector_places import Named, OfList, OfNumber, OfTwo, declared, roundtrip, summing
from hybridcheck.checks.vectors import RIGHT, Reading, number_at, wrong
from hybridcheck.diagnosis.numbers import of_integer
from hybridcheck.profile.probe_parts import Probe
from hybridcheck.tokens.document import Number, Token

LIMITS = {"int64": (-(2**63), 2**63 - 1), "js-safe": (-(2**53) + 1, 2**53 - 1)}
"""The integers that a contract promises to take; `arbitrary` has none."""

EDGES = (7, 0, -1, 2**31, 2**53 - 1, 2**53 + 1, 2**63 - 1, -(2**63), 2**63, 2**64 - 1, 2**64, 10**30)
SUMS = ((1, 2), (2**62, 2**62), (2**63 - 1, 1), (-(2**63), -1), (2**63 - 1, 2**63 - 1), (2**53, 1))
POWERS = ((2, 10), (-2, 63), (2, 62), (2, -1), (2, 64), (3, 41), (10, 19))


def promised(case: Case, *values: int) -> str:
    """The declaration by which these integers have to be taken; empty where there is none."""
    kind = case.params["contract"]["integers"]
    low, high = LIMITS.get(kind, (None, None))
    inside = low is None or high is None or all(low <= value <= high for value in values)
    return f"contract.integers is {kind}" if kind is not None and inside else ""


def whole_result(case: Case, want: int, got: Token) -> Reading:
    """Whether a result is that integer; where no integers are promised, whether it is its double, as such written."""
    if isinstance(got, Number):
        promised_any = case.params["contract"]["integers"] is not None
        if got.exact() == Decimal(want) or (not promised_any and got.exact() == _as_double(want)):
            return RIGHT
    return wrong(got, str(want), of_integer(want, got) if isinstance(got, Number) else ())


def _as_double(value: int) -> Decimal | None:
    """The fewest digits that mean the nearest double; None where there is none."""
    try:
        return Decimal(repr(float(value)))
    except OverflowError:
        return None


class Int64Edges(OfNumber):
    """Integers come back whole, also at the ends of 53 and 64 bits, or are refused.

    Sends integers around 2^31, 2^53, 2^63 and 2^64 through the round trip, as text that no encoder has touched. One
    that comes back as another number (wrapped, cut, rounded to a double), as another type, or as a 5xx, twice of two,
    is a fail. A refusal (400, 422) is right unless `contract.integers` promises that number.
    """

    id = "numeric.int64-edges"
    severity = Severity.CRITICAL
    remedy = "Check the range where the number enters, and refuse with 422 what the native type cannot hold."
    refs = ("RFC 8259 §6", "CWE-190", "docs.exaloop.io/codon integers are 64-bit")
    needs = "probes: {roundtrip: {operation: ID, in: $.value, out: $.value, types: [int]}}"
    promise = "every integer comes back as it was sent, or is refused with 4xx"
    refusable = True

    def probes(self, scene: Scene) -> Named:
        """The round trip of integers."""
        return roundtrip(scene, "int")

    def vectors(self, scene: Scene, probe: Probe) -> Sequence[Json]:
        """Integers as text."""
        return [str(value) for value in EDGES]

    def must_take(self, case: Case, vector: Json) -> str:
        """Numbers inside the promised range."""
        return promised(case, int(vector))

    def compare(self, case: Case, vector: Json, document: Token) -> Reading:
        """The exact number."""
        got = number_at(document, case.params["probe"]["out"])
        exact = isinstance(got, Number) and got.exact() == Decimal(vector)
        return RIGHT if exact else wrong(got, vector, of_integer(int(vector), got) if isinstance(got, Number) else ())


class SumOverflow(OfList):
    """Sums of integers are right or refused, also beyond 64 bits.

    Lets the aggregate add integers whose sum lies at and beyond the ends of int64. A sum that is another number, twice
    of two, is a fail: nobody who reads it can tell. A refusal is right where `contract.overflow` does not promise the
    full number.
    """

    id = "numeric.sum-overflow"
    severity = Severity.CRITICAL
    remedy = "Add with an overflow check (or in 128 bits), and answer 422 where the result does not fit."
    refs = ("CWE-190", "docs.exaloop.io/codon integers are 64-bit")
    needs = "probes: {aggregate: {operation: ID, in: $.values, out: {sum: $.sum}}}"
    promise = "every sum of integers is exact, or refused with 4xx"
    refusable = True

    def probes(self, scene: Scene) -> Named:
        """An aggregate that has a sum."""
        return summing(scene)

    def vectors(self, scene: Scene, probe: Probe) -> Sequence[Json]:
        """Lists of integers as text; a sum just above 2^53 only where more than a double is promised."""
        exact = scene.profile.contract.integers in {"int64", "arbitrary"}
        return [[str(value) for value in values] for values in SUMS if exact or values != SUMS[-1]]

    def sent(self, vector: Json) -> str:
        """The sum as a formula."""
        return "the sum of " + " and ".join(vector)

    def must_take(self, case: Case, vector: Json) -> str:
        """Sums that fit, and where the full number is promised all."""
        if case.params["contract"]["overflow"] == "bigint":
            return "contract.overflow is bigint"
        return promised(case, *map(int, vector), sum(map(int, vector)))

    def compare(self, case: Case, vector: Json, document: Token) -> Reading:
        """The exact sum."""
        return whole_result(case, sum(map(int, vector)), number_at(document, case.params["probe"]["out"]["sum"]))


class PowShift(OfTwo):
    """Powers are right or refused, also with a negative exponent and beyond 64 bits.

    Lets the power operation compute 2**-1 (0.5, where a loop over an integer exponent gives 0 or 1), 2**62, (-2)**63,
    2**64, 3**41 and 10**19. A wrong number, twice of two, is a fail.
    """

    id = "numeric.pow-shift"
    severity = Severity.MEDIUM
    remedy = "Multiply with an overflow check, and compute negative exponents in floating point."
    refs = ("CWE-190", "CWE-682")
    needs = "probes: {scalar: {pow: {operation: ID, a: $.a, b: $.b, out: $.result}}}"
    promise = "every power is exact, or refused with 4xx"
    refusable = True

    def probes(self, scene: Scene) -> Named:
        """The power operation."""
        return declared("pow", scene.profile.probes.scalar.pow)

    def vectors(self, scene: Scene, probe: Probe) -> Sequence[Json]:
        """Base and exponent."""
        return [[str(a), str(b)] for a, b in POWERS]

    def sent(self, vector: Json) -> str:
        """The power as a formula."""
        return f"{vector[0]}**{vector[1]}"

    def must_take(self, case: Case, vector: Json) -> str:
        """Only what the contract promises in full."""
        big = case.params["contract"]["overflow"] == "bigint" and int(vector[1]) >= 0
        return "contract.overflow is bigint" if big else ""

    def compare(self, case: Case, vector: Json, document: Token) -> Reading:
        """The exact power; one half as any token that means it."""
        a, b = int(vector[0]), int(vector[1])
        got = number_at(document, case.params["probe"]["out"])
        if b >= 0:
            return whole_result(case, a**b, got)
        return RIGHT if isinstance(got, Number) and got.double() == float(a) ** b else wrong(got, str(float(a) ** b))
