"""Do division, remainder and rounding follow Python's rules where that is declared."""

from collections.abc import Sequence
from fractions import Fraction
from typing import ClassVar

from hybridcheck.cases import Case, Json, Severity
from hybridcheck.checks.check import Scene
from hybridcheck.checks.vector_places import Named, OfTwo, declared, dividing
from hybridcheck.checks.vectors import RIGHT, Reading, number_at, wrong
from hybridcheck.diagnosis.numbers import half_away, of_quotient, of_remainder, of_rounding
from hybridcheck.profile.probe_parts import Probe
from hybridcheck.tokens.document import Number, Token

DIVISIONS = ((7, 3), (-7, 3), (7, -3), (-7, -3), (-1, 86_400), (-9, 3))
FLOATS = (("7.5", "2.0"), ("1.0", "0.1"), ("6.0", "0.1"), ("-1.5", "1.0"), ("1.5", "-1.0"))
ROUNDINGS = (
    *(("1.3", 0), ("0.5", 0), ("2.5", 0), ("-2.5", 0), ("1.5", 0)),
    *(("0.125", 2), ("1.15", 1), ("2.675", 2), ("4.35", 1)),
)


class _Division(OfTwo):
    """The base of floor division and remainder."""

    number: ClassVar[type[int] | type[float]]
    """What the operands are."""

    def probes(self, scene: Scene) -> Named:
        """Both operations."""
        return dividing(scene)

    def sent(self, vector: Json) -> str:
        """Both numbers."""
        return f"{vector[0]} by {vector[1]}"

    def compare(self, case: Case, vector: Json, document: Token) -> Reading:
        """Python's own result."""
        a, b = map(self.number, vector)
        got = number_at(document, case.params["probe"]["out"])
        quotient = case.params["name"] == "floordiv"
        want = a // b if quotient else a % b
        if isinstance(got, Number) and (got.exact() if self.number is int else got.double()) == want:
            return RIGHT
        name = of_quotient if quotient else of_remainder
        return wrong(got, str(want), name(Fraction(a), Fraction(b), got) if isinstance(got, Number) else ())


class DivisionSemantics(_Division):
    """Floor division and remainder of negative numbers are Python's.

    Sends pairs with every combination of signs to the operations that are declared as `//` and `%`. A quotient that
    is rounded towards zero, or a remainder with the sign of the dividend, twice of two, is a fail: buckets, shards and
    days of the week of negative numbers come out one off, or negative.
    """

    id = "numeric.division-semantics"
    severity = Severity.HIGH
    remedy = "Build with -numerics=py, or correct C's result where the signs differ and the remainder is not zero."
    refs = ("CWE-682", "docs.exaloop.io/codon -numerics=c")
    needs = "probes: {scalar: {floordiv: {operation: ID, a: $.a, b: $.b, out: $.result}}}"
    promise = "-7 // 3 is -3 and -7 % 3 is 2, and so for every combination of signs"
    number = int

    def vectors(self, scene: Scene, probe: Probe) -> Sequence[Json]:
        """Dividend and divisor."""
        return [[str(a), str(b)] for a, b in DIVISIONS]


class FloatDivision(_Division):
    """Floor division and remainder of floats are Python's.

    Sends pairs whose quotient rounds up to an integer (1.0 by 0.1, 6.0 by 0.1), and negative ones, to the operations that
    are declared as `//` and `%`. The floor of the rounded quotient (10 instead of 9), or a remainder with the sign of the
    dividend, twice of two, is a fail: what falls into which bucket differs from side to side.
    """

    id = "numeric.float-division"
    severity = Severity.MEDIUM
    remedy = "Take the remainder first (fmod), give it the divisor's sign, and divide what is left, as Python does."
    refs = ("CWE-682", "CWE-1339", "github.com/exaloop/codon #775")
    needs = "probes: {scalar: {floordiv: {operation: ID, a: $.a, b: $.b, out: $.result}}}"
    promise = "1.0 // 0.1 is 9.0 and -1.5 % 1.0 is 0.5"
    number = float

    def vectors(self, scene: Scene, probe: Probe) -> Sequence[Json]:
        """Dividend and divisor."""
        return [list(pair) for pair in FLOATS]


class RoundingRule(OfTwo):
    """Rounding follows the declared rule: half to even, of the exact binary value.

    Sends ties and near-ties (2.5, 0.125, 2.675, which is a little less) to the operation that is declared as `round`.
    Another result than that of the declared mode, twice of two, is a fail: invoices of two services differ by cents.
    """

    id = "numeric.rounding"
    severity = Severity.HIGH
    remedy = "Round the exact value half to even (C: rint, with care for digits), or declare `mode: half_away`."
    refs = ("IEEE 754-2019 §4.3.1", "CWE-1339")
    needs = "probes: {scalar: {round: {operation: ID, a: $.a, b: $.b, out: $.result, mode: half_even}}}"
    promise = "every number is rounded by the declared rule"

    def probes(self, scene: Scene) -> Named:
        """The rounding operation."""
        return declared("round", scene.profile.probes.scalar.round)

    def vectors(self, scene: Scene, probe: Probe) -> Sequence[Json]:
        """Value and digits."""
        return [[value, str(digits)] for value, digits in ROUNDINGS]

    def sent(self, vector: Json) -> str:
        """The rounding as a formula."""
        return f"round({vector[0]}, {vector[1]})"

    def compare(self, case: Case, vector: Json, document: Token) -> Reading:
        """The result of the declared mode."""
        value, digits, got = float(vector[0]), int(vector[1]), number_at(document, case.params["probe"]["out"])
        even = case.params["probe"]["mode"] == "half_even"
        want = round(value, digits) if even else half_away(value, digits)
        if isinstance(got, Number) and got.double() == want:
            return RIGHT
        return wrong(got, str(want), of_rounding(value, digits, got) if even and isinstance(got, Number) else ())
